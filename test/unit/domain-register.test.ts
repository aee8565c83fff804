/** The rules of the register of families. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import { APPLICANT_KINDS, parseRelation } from '../../src/domain/binding/applicants.ts';
import { BINDING_CONFLICTS } from '../../src/domain/binding/conflicts.ts';
import { isApprovedByRegister, type RegisterFacts, type RegisterMatch } from '../../src/domain/binding/register.ts';
import { schoolSettingCapacity } from '../../src/domain/access/policy.ts';

const EXACT: RegisterMatch = { kind: 'found', isNameEqual: true, isRelationEqual: true };
const CLEAR: RegisterFacts = {
  ...{ kind: 'two', matches: [EXACT, EXACT], conflicts: [], isMinor: true },
  ...{ hasFormerGuardian: false, hasReport: false },
};

describe('the relation of a register', () => {
  it('is read in the usual words, and refused in any other', () => {
    const words = [
      'father',
      '父',
      '父親',
      ' 母親 ',
      '養母',
      '祖父',
      '外祖父',
      '外祖母',
      '叔父',
      '姊姊',
      '寄養父母',
      '其他',
    ];
    assert.deepEqual(words.map(parseRelation), [
      ...(['father', 'father', 'father', 'mother', 'mother', 'grandfather', 'grandfather'] as const),
      ...(['grandmother', 'uncle_or_aunt', 'sibling', 'foster_parent', 'other'] as const),
    ]);
    for (const word of ['', '父母', '繼父', '繼母', '友人', 'Father', '父，母'])
      assert.equal(parseRelation(word), undefined, word);
  });
});

describe('an approval by the register', () => {
  it('needs an exact match of each applicant and nothing that a person has to judge', () => {
    for (const kind of APPLICANT_KINDS) {
      assert.equal(isApprovedByRegister({ ...CLEAR, kind, matches: [EXACT] }), kind === 'one' || kind === 'two');
    }
    const differences: Partial<RegisterFacts>[] = [
      { kind: null },
      { matches: [] },
      { matches: [EXACT, { kind: 'no_student' }] },
      { matches: [{ kind: 'no_guardian' }, EXACT] },
      { matches: [EXACT, { ...EXACT, isNameEqual: false }] },
      { matches: [EXACT, { ...EXACT, isRelationEqual: false }] },
      { isMinor: false },
      { hasFormerGuardian: true },
      { hasReport: true },
      ...BINDING_CONFLICTS.map((conflict) => ({ conflicts: [conflict] })),
    ];
    for (const one of differences) assert.equal(isApprovedByRegister({ ...CLEAR, ...one }), false, JSON.stringify(one));
  });

  it('is the same whatever the order of the applicants', () => {
    const match = fc.oneof(
      fc.constantFrom<RegisterMatch>({ kind: 'no_student' }, { kind: 'no_guardian' }),
      fc.record({ kind: fc.constant('found' as const), isNameEqual: fc.boolean(), isRelationEqual: fc.boolean() }),
    );
    fc.assert(
      fc.property(match, match, (one, other) => {
        const [a, b] = [
          [one, other],
          [other, one],
        ].map((matches) => isApprovedByRegister({ ...CLEAR, matches }));
        assert.equal(a, b);
      }),
    );
  });

  it('is switched by the bureau, and by the registrar of an open school only', () => {
    const registrar = { capacity: 'registrar', schoolCode: '993301' } as const;
    const bureau = { capacity: 'bureau_admin' } as const;
    const of = (...capacities: Parameters<typeof schoolSettingCapacity>[0]['capacities']) =>
      schoolSettingCapacity({ capacities }, '993301');
    assert.equal(of(registrar), 'registrar');
    assert.equal(of(registrar, bureau), 'bureau_admin');
    assert.equal(of({ ...registrar, isSchoolClosed: true }), undefined);
    assert.equal(of({ ...registrar, schoolCode: '993302' }), undefined);
    assert.equal(of({ capacity: 'it_desk', schoolCode: '993301' }), undefined);
    assert.equal(of({ capacity: 'homeroom_teacher', schoolCode: '993301', classId: 'c' }), undefined);
  });
});
