/** Random filters of the directory, and a simple evaluator to compare with. */
import fc from 'fast-check';

import { SCHOOL_TYPES, type ClientEntitlements } from '../../src/domain/model.ts';
import type { Filter } from '../../src/ldap/protocol.ts';

/** The entitlements of a client that sees every attribute of every person. */
export const ALL_ENTITLEMENTS: ClientEntitlements = {
  scopes: ['openid', 'profile', 'email', 'phone', 'roles', 'children'],
  schoolTypes: SCHOOL_TYPES,
  permissions: [],
};

/** The values of a person by attribute in lower case. */
export type Values = ReadonlyMap<string, readonly string[]>;

/** The scope of each attribute that conditions use. Without it the condition is Undefined. */
const SCOPE_OF: Readonly<Partial<Record<string, string>>> = {
  ...{
    uid: 'openid',
    uniqueidentifier: 'openid',
    entryuuid: 'openid',
    kinpasssubject: 'openid',
    objectclass: 'openid',
  },
  ...{ uidnumber: 'openid', gidnumber: 'openid', homedirectory: 'openid' },
  ...{ createtimestamp: 'openid', modifytimestamp: 'openid', cn: 'profile', displayname: 'profile', sn: 'profile' },
  ...{ mail: 'email', mobile: 'phone', memberof: 'roles', kinpassrole: 'roles', kinpassclass: 'roles', o: 'roles' },
  ...{ kinpassschoolcode: 'roles', edupersonaffiliation: 'roles', kinpasschild: 'children' },
};
const TIMES = ['createtimestamp', 'modifytimestamp'];
const INTEGERS = ['uidnumber', 'gidnumber'];
const WITHOUT_SUBSTRINGS = ['memberof', 'entryuuid', 'objectclass', 'homedirectory', ...TIMES, ...INTEGERS];

/** Lower case without regard to the letters around it. */
function fold(text: string): string {
  return foldPart(text).trim();
}

/** A space at an end of a part is a space inside the value (RFC 4518, section 2.6.1): `wang *` does not match `wangda`. */
function foldPart(text: string): string {
  const letters = Array.from(text.normalize('NFKC'), (letter) => letter.toLowerCase()).join('');
  return letters.replaceAll('ς', 'σ').split(/\s+/).join(' ');
}

/** Evaluates a filter on the values of one person, by the text of RFC 4511, section 4.5.1.7. `undefined` is Undefined. */
export function evaluate(filter: Filter, values: Values, scopes: readonly string[]): boolean | undefined {
  if (filter.kind === 'unknown') return undefined;
  if ('attribute' in filter) {
    const isReadable = scopes.includes(SCOPE_OF[filter.attribute] ?? '');
    return isReadable ? evaluateCondition(filter, values.get(filter.attribute) ?? []) : undefined;
  }
  const parts = filter.kind === 'not' ? [filter.filter] : filter.filters;
  const results = parts.map((one) => evaluate(one, values, scopes));
  const decisive = filter.kind === 'or';
  if (filter.kind !== 'not' && results.includes(decisive)) return decisive;
  if (results.includes(undefined)) return undefined;
  return filter.kind === 'not' ? results[0] === false : !decisive;
}

function evaluateCondition(
  filter: Extract<Filter, { attribute: string }>,
  own: readonly string[],
): boolean | undefined {
  const isTime = TIMES.includes(filter.attribute);
  if (filter.kind === 'present') return own.length > 0;
  if (filter.kind === 'substrings') {
    if (WITHOUT_SUBSTRINGS.includes(filter.attribute)) return undefined;
    const [initial, final] = [foldPart(filter.initial ?? '').trimStart(), foldPart(filter.final ?? '').trimEnd()];
    const parts = [initial, ...filter.any.map(foldPart), final].map(escapeRegExp);
    return own.some((one) => new RegExp(`^${parts.join('.*')}$`, 'su').test(fold(one)));
  }
  const { kind, value } = filter;
  if (isTime && !/^\d{14}Z$/.test(value)) return undefined;
  if (INTEGERS.includes(filter.attribute) && !/^[0-9]+$/.test(value)) return undefined;
  if (kind === 'equality') return own.some((one) => fold(one) === fold(value));
  return isTime ? own.some((one) => (kind === 'lessOrEqual' ? one <= value : one >= value)) : undefined;
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}/]/g, (one) => `\\${one}`);
}

const fullWidth = (text: string): string =>
  text.replaceAll(/[!-~]/g, (one) => String.fromCodePoint((one.codePointAt(0) ?? 0) + 0xfee0));
const SPELLINGS = [(text: string) => text, fold, fullWidth, (text: string) => text.toUpperCase()] as const;

/** Builds a filter from the values of people; the numbers choose among them. */
export type Build = (people: readonly Values[]) => Filter;

type LeafKind = 'equality' | 'initial' | 'final' | 'any' | 'present' | 'greaterOrEqual' | 'lessOrEqual';

const leaf = fc
  .record({
    attribute: fc.constantFrom(...Object.keys(SCOPE_OF), 'nosuchattribute'),
    kind: fc.constantFrom<LeafKind>(
      'equality',
      'equality',
      'initial',
      'initial',
      'final',
      'present',
      'greaterOrEqual',
      'lessOrEqual',
      'any',
    ),
    pick: fc.nat(10_000),
    cut: fc.integer({ min: 1, max: 5 }),
    spelling: fc.constantFrom(...SPELLINGS),
  })
  .map(({ attribute, kind, pick, cut, spelling }): Build => {
    return (people) => {
      const known = people.flatMap((one) => one.get(attribute) ?? []);
      // The `=` and `,` of a name of an entry have no other form (RFC 4514, section 2).
      const isFixed = TIMES.includes(attribute) || (attribute === 'memberof' && spelling === fullWidth);
      const spell = isFixed ? SPELLINGS[0] : spelling;
      const value = known.length === 0 ? 'x' : (known[pick % known.length] ?? '');
      const letters = Array.from(value);
      const [none, begin, end] = [undefined, letters.slice(0, cut).join(''), letters.slice(-cut).join('')];
      const middle = letters.slice(1, 1 + cut).join('');
      const substrings = { kind: 'substrings', attribute, any: [], initial: none, final: none } as const;
      if (kind === 'present') return { kind, attribute };
      if (kind === 'initial') return { ...substrings, initial: spell(begin) };
      if (kind === 'final') return { ...substrings, final: spell(end) };
      if (kind === 'any') return { ...substrings, initial: spell(letters[0] ?? ''), any: [spell(middle)] };
      return { kind, attribute, value: spell(value) };
    };
  });
export const { filter: anyFilter } = fc.letrec<{ filter: Build }>((tie) => {
  const several = fc.array(tie('filter'), { maxLength: 3 });
  const all = (kind: 'and' | 'or') =>
    several.map((list): Build => (people) => ({ kind, filters: list.map((build) => build(people)) }));
  const not = tie('filter').map((build): Build => (people) => ({ kind: 'not', filter: build(people) }));
  return { filter: fc.oneof({ depthSize: 'small', withCrossShrink: true }, leaf, all('and'), all('or'), not) };
});
