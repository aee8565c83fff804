import { encode, integer, octets, TAG, type Node } from '../../src/ldap/codec/ber.ts';
import { decodeMessage, openEnvelope, type LimitedMessage } from '../../src/ldap/codec/requests.ts';
import type { BindRequest, Control, Filter, Message, Request } from '../../src/ldap/protocol.ts';

/** Encodes a request as a client does. */
export function encodeRequest({ id, request, controls }: Message): Buffer {
  const content: Node[] = [integer(id), requestNode(request)];
  if (controls.length > 0) content.push({ tag: 0xa0, content: controls.map(controlNode) });
  return encode({ tag: TAG.sequence, content });
}

const boolean = (value: boolean): Node => ({ tag: TAG.boolean, content: Buffer.from([value ? 0xff : 0]) });
const sequence = (...content: Node[]): Node => ({ tag: TAG.sequence, content });

function controlNode({ oid, isCritical, value }: Control): Node {
  const criticality = isCritical ? [boolean(true)] : [];
  return sequence(octets(oid), ...criticality, ...(value === undefined ? [] : [octets(value)]));
}

const SCOPES = ['base', 'one', 'sub'] as const;
const WRITE_TAGS = { modify: 0x66, add: 0x68, delete: 0x4a, modify_dn: 0x6c } as const;

function requestNode(request: Request): Node {
  switch (request.kind) {
    case 'bind':
      return bindNode(request);
    case 'search':
      return {
        tag: 0x63,
        content: [
          octets(request.base),
          integer(SCOPES.indexOf(request.scope), TAG.enumerated),
          integer(0, TAG.enumerated),
          integer(request.sizeLimit),
          integer(request.timeLimitSeconds),
          boolean(request.typesOnly),
          encodeFilter(request.filter),
          sequence(...request.attributes.map((one) => octets(one))),
        ],
      };
    case 'compare':
      return {
        tag: 0x6e,
        content: [octets(request.name), sequence(octets(request.attribute), octets(request.value))],
      };
    case 'extended': {
      const { oid, value } = request;
      return { tag: 0x77, content: [octets(oid, 0x80), ...(value === undefined ? [] : [octets(value, 0x81)])] };
    }
    case 'unbind':
      return { tag: 0x42, content: Buffer.alloc(0) };
    case 'abandon':
      return integer(request.target, 0x50);
    case 'modify':
    case 'add':
    case 'delete':
    case 'modify_dn':
      return octets('cn=x', WRITE_TAGS[request.kind]);
  }
}

function bindNode({ version, name, password }: BindRequest): Node {
  const sasl: Node = { tag: 0xa3, content: [octets('PLAIN')] };
  const authentication = password === undefined ? sasl : octets(password, 0x80);
  return { tag: 0x60, content: [integer(version), octets(name), authentication] };
}

export function encodeFilter(filter: Filter): Node {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return { tag: filter.kind === 'and' ? 0xa0 : 0xa1, content: filter.filters.map(encodeFilter) };
    case 'not':
      return { tag: 0xa2, content: [encodeFilter(filter.filter)] };
    case 'equality':
    case 'greaterOrEqual':
    case 'lessOrEqual': {
      const tag = { equality: 0xa3, greaterOrEqual: 0xa5, lessOrEqual: 0xa6 }[filter.kind];
      return { tag, content: [octets(filter.attribute), octets(filter.value)] };
    }
    case 'present':
      return octets(filter.attribute, 0x87);
    case 'substrings':
      return substringsNode(filter);
    case 'unknown':
      return { tag: 0xa9, content: [octets('caseExactMatch', 0x81), octets('x', 0x83)] };
  }
}

function substringsNode({ attribute, initial, any, final }: Extract<Filter, { kind: 'substrings' }>): Node {
  const parts = [
    ...(initial === undefined ? [] : [octets(initial, 0x80)]),
    ...any.map((one) => octets(one, 0x81)),
    ...(final === undefined ? [] : [octets(final, 0x82)]),
  ];
  return { tag: 0xa4, content: [octets(attribute), sequence(...parts)] };
}

/** Decodes a whole message. @throws {DecodeError} */
export function decodeBytes(bytes: Buffer): Message | LimitedMessage {
  return decodeMessage(openEnvelope(bytes));
}
