import fc from 'fast-check';

import type { Filter, Message, Request } from '../../src/ldap/protocol.ts';
import { encodeRequest } from './ldap-encoding.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
const attribute = fc.constantFrom('uid', 'cn', 'mail', 'memberof', 'objectclass', 'entryuuid', 'modifytimestamp', 'x');
const number = fc.oneof(fc.nat(300), fc.nat(2 ** 31 - 1));
const bytes = fc.uint8Array({ maxLength: 40 }).map((one) => Buffer.from(one));
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

/** Records with the prototype of an object literal, so that they are deeply equal to decoded ones. */
function record<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>(model, { noNullPrototype: true });
}

const { filter } = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    record({ kind: fc.constant('present'), attribute }),
    record({ kind: fc.constantFrom('equality', 'greaterOrEqual', 'lessOrEqual'), attribute, value: text }),
    record({
      kind: fc.constant('substrings'),
      attribute,
      initial: optional(text),
      any: fc.array(text, { maxLength: 3 }),
      final: optional(text),
    }).filter(({ initial, any, final }) => initial !== undefined || any.length > 0 || final !== undefined),
    record({ kind: fc.constant('unknown') }),
    record({ kind: fc.constantFrom('and', 'or'), filters: fc.array(tie('filter'), { maxLength: 4 }) }),
    record({ kind: fc.constant('not'), filter: tie('filter') }),
  ),
}));
export const arbitraryFilter = filter;

const request: fc.Arbitrary<Request> = fc.oneof(
  record({ kind: fc.constant('bind'), version: number, name: text, password: optional(text) }),
  record({
    kind: fc.constant('search'),
    base: text,
    scope: fc.constantFrom('base', 'one', 'sub'),
    sizeLimit: number,
    timeLimitSeconds: number,
    typesOnly: fc.boolean(),
    filter,
    attributes: fc.array(text, { maxLength: 5 }),
  }),
  record({ kind: fc.constant('compare'), name: text, attribute, value: text }),
  record({ kind: fc.constant('extended'), oid: text, value: optional(bytes) }),
  record({ kind: fc.constant('unbind') }),
  record({ kind: fc.constant('abandon'), target: number }),
  record({ kind: fc.constantFrom('modify', 'add', 'delete', 'modify_dn') }),
);

/** Any message that a client can send. */
export const arbitraryMessage: fc.Arbitrary<Message> = record({
  id: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  request,
  controls: fc.array(record({ oid: text, isCritical: fc.boolean(), value: optional(bytes) }), { maxLength: 3 }),
});

/** Bytes: random ones, and messages with changed, missing or repeated bytes. */
export const arbitraryBytes: fc.Arbitrary<Buffer> = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((one) => Buffer.from(one)),
  fc
    .tuple(arbitraryMessage, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 }), fc.nat())
    .map(([message, changes, end]) => {
      const encoded = encodeRequest(message);
      for (const [at, value] of changes) encoded[at % encoded.length] = value;
      return end % 3 === 0 ? encoded.subarray(0, end % encoded.length) : encoded;
    }),
);
