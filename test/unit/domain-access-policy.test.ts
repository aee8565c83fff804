import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  CAPACITIES,
  heldCapacities,
  rankOf,
  type Capacity,
  type HeldCapacity,
} from '../../src/domain/access/capacities.ts';
import {
  administersCity,
  decide,
  STAFF_ACTIONS,
  type Decision,
  type PolicyActor,
  type PolicySettings,
  type PolicyTarget,
  type StaffAction,
} from '../../src/domain/access/policy.ts';
import { policyTargetOf, type PolicyFacts } from '../../src/domain/access/target.ts';
import { currentTerm } from '../../src/domain/term.ts';

const HIGH = '993301';
const OTHER = '993302';
const CLASS = 'class-203';
const SETTINGS: PolicySettings = { isFirstPasswordRestorable: true, isGuardianContactConfirmed: true };

const HELD: Record<Capacity, HeldCapacity> = {
  homeroom_teacher: { capacity: 'homeroom_teacher', classId: CLASS, schoolCode: HIGH },
  registrar: { capacity: 'registrar', schoolCode: HIGH },
  it_desk: { capacity: 'it_desk', schoolCode: HIGH },
  bureau_admin: { capacity: 'bureau_admin' },
};
const actor = (...capacities: HeldCapacity[]): PolicyActor => ({ kind: 'person', id: 'actor', capacities });
const person = (more: Partial<PolicyTarget> = {}): PolicyTarget => ({
  id: 'target',
  capacity: undefined,
  isStaff: false,
  isGuardian: false,
  staffSchools: [],
  pupilSchools: [],
  classIds: [],
  ...more,
});
const TARGETS = {
  ownClass: person({ pupilSchools: [HIGH], classIds: [CLASS] }),
  ownSchool: person({ pupilSchools: [HIGH], classIds: ['class-101'] }),
  teacherOfSchool: person({ staffSchools: [HIGH], isStaff: true }),
  otherSchool: person({ pupilSchools: [OTHER], classIds: ['class-999'] }),
} as const;

const label = (decision: Decision): string => (decision.allowed ? 'yes' : decision.reason);
const ask = (held: HeldCapacity, action: StaffAction, target: PolicyTarget | undefined): string =>
  label(decide(actor(held), action, target, SETTINGS));

/** Who may do what to a pupil of the own class: homeroom teacher, registrar, IT desk, bureau. */
const TABLE: Record<StaffAction, string> = {
  view: 'yes yes yes yes',
  send_reset_link: 'yes yes yes yes',
  issue_one_time_code: 'capacity capacity yes yes',
  restore_first_password: 'capacity capacity yes yes',
  unlock: 'capacity capacity yes yes',
  disable: 'capacity capacity yes yes',
  enable: 'capacity capacity yes yes',
  revoke_sessions: 'capacity capacity yes yes',
  remove_second_factor: 'capacity capacity yes yes',
  change_contact: 'capacity capacity yes yes',
  confirm_contact_change: 'capacity yes capacity yes',
  reveal_national_id: 'capacity yes capacity yes',
  correct_identity: 'capacity yes capacity yes',
  merge: 'capacity yes capacity yes',
  change_guardianship: 'capacity yes capacity yes',
  change_membership: 'capacity capacity capacity yes',
  confirm_administrator_change: 'capacity capacity capacity yes',
};

describe('access policy', () => {
  it('lists every action in the table of this test', () => {
    assert.deepEqual([...STAFF_ACTIONS].sort(), Object.keys(TABLE).sort());
  });

  for (const action of STAFF_ACTIONS) {
    it(`grants ${action} by capacity`, () => {
      const answers = CAPACITIES.map((capacity) => ask(HELD[capacity], action, TARGETS.ownClass));
      assert.equal(answers.join(' '), TABLE[action]);
    });
  }

  it('finds only people in the scope of the capacity', () => {
    const scopes = Object.entries(TARGETS).map(([name, target]) => [
      name,
      ...CAPACITIES.map((capacity) => ask(HELD[capacity], 'view', target)),
    ]);
    assert.deepEqual(scopes, [
      ['ownClass', 'yes', 'yes', 'yes', 'yes'],
      ['ownSchool', 'not_found', 'yes', 'yes', 'yes'],
      ['teacherOfSchool', 'not_found', 'not_found', 'yes', 'yes'],
      ['otherSchool', 'not_found', 'not_found', 'not_found', 'yes'],
    ]);
  });

  it('answers for a person out of scope as for an id that does not exist', () => {
    for (const action of STAFF_ACTIONS) {
      for (const capacity of ['homeroom_teacher', 'registrar', 'it_desk'] as const) {
        const outside = decide(actor(HELD[capacity]), action, person({ pupilSchools: [OTHER] }), SETTINGS);
        assert.deepEqual(outside, decide(actor(HELD[capacity]), action, undefined, SETTINGS));
      }
    }
  });

  it('denies every action of a person without a capacity', () => {
    for (const action of STAFF_ACTIONS) {
      assert.equal(label(decide(actor(), action, TARGETS.ownClass, SETTINGS)), 'not_found', action);
    }
  });

  it('denies actions on oneself and allows the view', () => {
    const self = person({ id: 'actor', staffSchools: [HIGH], isStaff: true, capacity: 'it_desk' });
    for (const action of STAFF_ACTIONS) {
      assert.equal(ask(HELD.it_desk, action, self), action === 'view' ? 'yes' : 'self', action);
    }
  });

  it('denies actions on an equal or higher capacity and allows the view', () => {
    for (const capacity of ['registrar', 'it_desk'] as const) {
      for (const other of CAPACITIES.filter((one) => rankOf(one) >= rankOf(capacity))) {
        const target = person({ capacity: other, isStaff: true, pupilSchools: [HIGH] });
        assert.equal(ask(HELD[capacity], 'send_reset_link', target), 'rank', `${capacity} on ${other}`);
        assert.equal(ask(HELD[capacity], 'view', target), 'yes', `${capacity} on ${other}`);
      }
    }
  });

  it('counts the highest capacity of the target anywhere in the city', () => {
    const deskOfOtherSchool = person({
      capacity: 'it_desk',
      isStaff: true,
      staffSchools: [OTHER],
      pupilSchools: [HIGH],
    });
    assert.equal(ask(HELD.it_desk, 'issue_one_time_code', deskOfOtherSchool), 'rank');
    assert.equal(ask(HELD.bureau_admin, 'issue_one_time_code', deskOfOtherSchool), 'yes');
  });

  it('uses the capacity whose scope holds the target', () => {
    const deskElsewhere = actor({ capacity: 'it_desk', schoolCode: OTHER }, HELD.homeroom_teacher);
    assert.deepEqual(decide(deskElsewhere, 'view', TARGETS.ownClass, SETTINGS), {
      allowed: true,
      capacity: 'homeroom_teacher',
      needsConfirmation: false,
      delayMs: 0,
    });
    assert.equal(label(decide(deskElsewhere, 'disable', TARGETS.ownClass, SETTINGS)), 'capacity');
  });

  it('requires a confirmation for actions between bureau administrators', () => {
    const administrator = person({ capacity: 'bureau_admin', isStaff: true });
    for (const action of STAFF_ACTIONS.filter((one) => one !== 'view' && !one.startsWith('confirm_'))) {
      const decision = decide(actor(HELD.bureau_admin), action, administrator, SETTINGS);
      assert.equal(decision.allowed && decision.needsConfirmation, true, action);
    }
  });

  it('requires a confirmation of contact changes by the IT desk while the setting is on', () => {
    const guardian = person({ isGuardian: true, pupilSchools: [HIGH] });
    const asks = (held: HeldCapacity, target: PolicyTarget, settings: PolicySettings): boolean => {
      const decision = decide(actor(held), 'change_contact', target, settings);
      return decision.allowed && decision.needsConfirmation;
    };
    assert.equal(asks(HELD.it_desk, guardian, SETTINGS), true);
    assert.equal(asks(HELD.it_desk, guardian, { ...SETTINGS, isGuardianContactConfirmed: false }), false);
    assert.equal(asks(HELD.it_desk, TARGETS.ownClass, SETTINGS), false);
    assert.equal(asks(HELD.bureau_admin, guardian, SETTINGS), false);
  });

  it('restores the first-password rule only while the setting allows it', () => {
    const decision = decide(actor(HELD.it_desk), 'restore_first_password', TARGETS.ownClass, {
      ...SETTINGS,
      isFirstPasswordRestorable: false,
    });
    assert.deepEqual(decision, { allowed: false, reason: 'setting' });
  });

  it('removes second factors of staff only by the bureau and after 24 hours', () => {
    assert.equal(ask(HELD.it_desk, 'remove_second_factor', TARGETS.teacherOfSchool), 'capacity');
    const delayOf = (target: PolicyTarget): number => {
      const decision = decide(actor(HELD.bureau_admin), 'remove_second_factor', target, SETTINGS);
      return decision.allowed ? decision.delayMs : -1;
    };
    assert.equal(delayOf(TARGETS.teacherOfSchool), 24 * 60 * 60 * 1000);
    assert.equal(delayOf(TARGETS.ownClass), 0);
  });

  it('allows everything to the operator of the server', () => {
    for (const action of STAFF_ACTIONS) {
      const decision = decide({ kind: 'operator' }, action, person({ capacity: 'bureau_admin' }), SETTINGS);
      assert.deepEqual(decision, { allowed: true, capacity: 'operator', needsConfirmation: false, delayMs: 0 });
    }
    assert.equal(label(decide({ kind: 'operator' }, 'view', undefined, SETTINGS)), 'not_found');
  });

  it('lets only the bureau and the operator administer the city', () => {
    assert.deepEqual(
      CAPACITIES.map((capacity) => administersCity(actor(HELD[capacity]))),
      [false, false, false, true],
    );
    assert.equal(administersCity(actor()), false);
    assert.equal(administersCity({ kind: 'operator' }), true);
  });
});

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
