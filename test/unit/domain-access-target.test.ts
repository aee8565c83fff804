import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { heldCapacities } from '../../src/domain/access/capacities.ts';
import { policyTargetOf, type PolicyFacts } from '../../src/domain/access/target.ts';
import { currentTerm } from '../../src/domain/term.ts';

const HIGH = '993301';
const OTHER = '993302';

describe('capacities', () => {
  const always = { validFrom: undefined, validTo: undefined };

  it('come from current memberships and from homeroom classes of the current term', () => {
    const memberships = [
      { role: 'teacher', duty: undefined, schoolCode: HIGH, ...always },
      { role: 'staff', duty: 'registrar', schoolCode: HIGH, ...always },
      { role: 'staff', duty: undefined, schoolCode: HIGH, ...always },
      { role: 'school_admin', duty: 'it_desk', schoolCode: OTHER, ...always },
      { role: 'school_admin', duty: undefined, schoolCode: HIGH, ...always },
      { role: 'bureau_admin', duty: undefined, schoolCode: undefined, ...always, validTo: '2026-11-22' },
    ];
    const classes = [
      { id: 'now', schoolCode: HIGH, year: 115, semester: 1 },
      { id: 'last', schoolCode: HIGH, year: 114, semester: 2 },
    ];
    assert.deepEqual(heldCapacities(memberships, classes, '2026-11-23'), [
      { capacity: 'it_desk', schoolCode: OTHER },
      { capacity: 'registrar', schoolCode: HIGH },
      { capacity: 'homeroom_teacher', classId: 'now', schoolCode: HIGH },
    ]);
    assert.deepEqual(heldCapacities(memberships, [], '2026-11-22')[0], { capacity: 'bureau_admin' });
  });

  it('change with the term on 1 August and on 1 February', () => {
    const days = ['2026-07-31', '2026-08-01', '2026-12-31', '2027-01-31', '2027-02-01', '2027-07-31', '2027-08-01'];
    assert.deepEqual(
      days.map((day) => Object.values(currentTerm(day)).join('-')),
      ['114-2', '115-1', '115-1', '115-1', '115-2', '115-2', '116-1'],
    );
  });
});

describe('policy target', () => {
  const enrollment = (studentId: string, code: string, more: { semester?: number; validTo?: string } = {}) => ({
    id: `${studentId}-${code}-${String(more.semester ?? 1)}`,
    studentId,
    classId: `${code}-${String(more.semester ?? 1)}`,
    school: { code },
    year: 115,
    semester: more.semester ?? 1,
    validFrom: undefined,
    validTo: more.validTo,
  });
  const facts = (more: Partial<PolicyFacts>): PolicyFacts => ({
    id: 'target',
    memberships: [],
    homeroomClasses: [],
    guardianships: [],
    schoolAccountOf: undefined,
    enrollments: [],
    ...more,
  });
  const guardianship = (
    studentId: string,
    state: 'active' | 'suspended' | 'revoked' | 'expired',
    validTo?: string,
  ) => ({
    studentId,
    state,
    validFrom: undefined,
    validTo,
  });

  it('is in scope through children with active and suspended guardianships only', () => {
    const target = policyTargetOf(
      facts({
        guardianships: [
          guardianship('a', 'active'),
          guardianship('b', 'suspended'),
          guardianship('c', 'revoked'),
          guardianship('d', 'active', '2026-11-22'),
        ],
        enrollments: ['a', 'b', 'c', 'd'].map((id, at) => enrollment(id, `99330${String(at)}`)),
      }),
      '2026-11-23',
    );
    assert.deepEqual(target.pupilSchools, ['993300', '993301']);
    assert.equal(target.isGuardian, true);
  });

  it('is in scope through the newest current enrollment of each school', () => {
    const target = policyTargetOf(
      facts({
        enrollments: [
          enrollment('target', HIGH),
          enrollment('target', HIGH, { semester: 2 }),
          enrollment('target', OTHER, { validTo: '2026-11-22' }),
        ],
      }),
      '2026-11-23',
    );
    assert.deepEqual([target.pupilSchools, target.classIds, target.isGuardian], [[HIGH], [`${HIGH}-2`], false]);
  });

  it('of a school account is in scope through its pupil', () => {
    const target = policyTargetOf(facts({ schoolAccountOf: 'a', enrollments: [enrollment('a', HIGH)] }), '2026-11-23');
    assert.deepEqual(target.pupilSchools, [HIGH]);
  });

  it('counts a duty that begins later', () => {
    const membership = {
      role: 'staff',
      duty: 'registrar',
      schoolCode: HIGH,
      validFrom: '2026-11-24',
      validTo: undefined,
    };
    const target = policyTargetOf(facts({ memberships: [membership] }), '2026-11-23');
    assert.deepEqual([target.capacity, target.isStaff, target.staffSchools], ['registrar', true, []]);
    const classes = [{ id: 'next', schoolCode: HIGH, year: 115, semester: 2 }];
    assert.equal(policyTargetOf(facts({ homeroomClasses: classes }), '2026-11-23').capacity, 'homeroom_teacher');
    const past = [{ ...membership, validFrom: undefined, validTo: '2026-11-22' }];
    assert.equal(policyTargetOf(facts({ memberships: past }), '2026-11-23').isStaff, false);
  });

  it('of staff has the highest capacity and the schools of current memberships', () => {
    const target = policyTargetOf(
      facts({
        memberships: [
          { role: 'teacher', duty: undefined, schoolCode: OTHER, validFrom: undefined, validTo: undefined },
          { role: 'staff', duty: 'registrar', schoolCode: HIGH, validFrom: undefined, validTo: undefined },
          { role: 'teacher', duty: undefined, schoolCode: '993401', validFrom: undefined, validTo: '2026-11-22' },
        ],
      }),
      '2026-11-23',
    );
    assert.deepEqual([target.capacity, target.isStaff, target.staffSchools], ['registrar', true, [OTHER, HIGH]]);
    assert.deepEqual(target.pupilSchools, []);
  });
});
