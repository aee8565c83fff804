import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CAPACITIES, rankOf, type Capacity, type HeldCapacity } from '../../src/domain/access/capacities.ts';
import {
  administersCity,
  confirmationOf,
  decide,
  STAFF_ACTIONS,
  type Decision,
  type PolicyActor,
  type PolicySettings,
  type PolicyTarget,
  type StaffAction,
} from '../../src/domain/access/policy.ts';

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
const atClosedSchool = (held: HeldCapacity): HeldCapacity =>
  held.capacity === 'bureau_admin' ? held : { ...held, isSchoolClosed: true };
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
  merge_with_two_ids: 'capacity yes capacity yes',
  confirm_identity_change: 'capacity yes capacity yes',
  change_guardianship: 'capacity yes capacity yes',
  review_application: 'yes yes capacity yes',
  decide_subject_request: 'capacity yes capacity yes',
  change_membership: 'capacity capacity capacity yes',
  grant_administrator: 'capacity capacity capacity yes',
  confirm_staff_change: 'capacity capacity yes yes',
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

  it('names the school of the capacity that allows an action, also for staff of several schools', () => {
    const desks = actor({ capacity: 'it_desk', schoolCode: OTHER }, { capacity: 'it_desk', schoolCode: HIGH });
    const decision = decide(desks, 'issue_one_time_code', TARGETS.ownClass, SETTINGS);
    assert.equal(decision.allowed && decision.school, HIGH);
    const bureau = decide(actor(HELD.bureau_admin), 'view', TARGETS.ownClass, SETTINGS);
    assert.equal(bureau.allowed && bureau.school, '');
  });

  it('uses the capacity whose scope holds the target', () => {
    const deskElsewhere = actor({ capacity: 'it_desk', schoolCode: OTHER }, HELD.homeroom_teacher);
    assert.deepEqual(decide(deskElsewhere, 'view', TARGETS.ownClass, SETTINGS), {
      allowed: true,
      capacity: 'homeroom_teacher',
      school: HIGH,
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

  it('requires a confirmation for a new credential of anyone with a capacity', () => {
    const asks = (held: HeldCapacity, action: StaffAction, target: PolicyTarget): string => {
      const decision = decide(actor(held), action, target, SETTINGS);
      return decision.allowed ? (decision.needsConfirmation ? 'two people' : 'yes') : decision.reason;
    };
    const registrar = person({ capacity: 'registrar', isStaff: true, staffSchools: [HIGH] });
    for (const action of ['issue_one_time_code', 'restore_first_password', 'change_contact'] as const) {
      assert.equal(asks(HELD.it_desk, action, registrar), 'two people', action);
      assert.equal(asks(HELD.bureau_admin, action, registrar), 'yes', action);
      assert.equal(asks(HELD.it_desk, action, TARGETS.teacherOfSchool), 'yes', action);
    }
    const homeroom = person({ capacity: 'homeroom_teacher', isStaff: true, pupilSchools: [HIGH] });
    assert.equal(asks(HELD.registrar, 'correct_identity', homeroom), 'two people');
    assert.equal(asks(HELD.it_desk, 'send_reset_link', registrar), 'yes');
    assert.equal(asks(HELD.it_desk, 'unlock', registrar), 'yes');
    assert.equal(confirmationOf('issue_one_time_code', registrar), 'confirm_staff_change');
    assert.equal(confirmationOf('correct_identity', homeroom), 'confirm_identity_change');
    assert.equal(confirmationOf('change_contact', TARGETS.ownClass), 'confirm_contact_change');
    assert.equal(confirmationOf('grant_administrator', TARGETS.ownClass), 'confirm_administrator_change');
  });

  it('merges accounts of staff by the bureau only, and two national IDs by two people', () => {
    const teacher = person({ isStaff: true, pupilSchools: [HIGH] });
    assert.equal(ask(HELD.registrar, 'merge', teacher), 'capacity');
    assert.equal(ask(HELD.bureau_admin, 'merge', teacher), 'yes');
    for (const held of [HELD.registrar, HELD.bureau_admin]) {
      const decision = decide(actor(held), 'merge_with_two_ids', TARGETS.ownSchool, SETTINGS);
      assert.equal(decision.allowed && decision.needsConfirmation, true, held.capacity);
    }
  });

  it('lets the staff of a closed school see people and change nothing', () => {
    for (const capacity of ['homeroom_teacher', 'registrar', 'it_desk'] as const) {
      const closed = atClosedSchool(HELD[capacity]);
      assert.equal(ask(closed, 'view', TARGETS.ownClass), 'yes');
      for (const action of STAFF_ACTIONS.filter((one) => one !== 'view')) {
        const open = ask(HELD[capacity], action, TARGETS.ownClass);
        assert.equal(ask(closed, action, TARGETS.ownClass), open === 'yes' ? 'school_closed' : open, action);
      }
    }
    const both = actor(atClosedSchool(HELD.it_desk), { capacity: 'it_desk', schoolCode: OTHER });
    const elsewhere = person({ pupilSchools: [HIGH, OTHER] });
    assert.equal(label(decide(both, 'disable', elsewhere, SETTINGS)), 'yes');
  });

  it('grants no membership at a closed school', () => {
    const closed = { isClosed: true };
    const grant = (who: PolicyActor): string =>
      label(decide(who, 'change_membership', TARGETS.teacherOfSchool, SETTINGS, closed));
    assert.equal(grant(actor(HELD.bureau_admin)), 'school_closed');
    assert.equal(grant({ kind: 'operator' }), 'school_closed');
    assert.equal(grant(actor(HELD.it_desk)), 'capacity');
    assert.equal(grant(actor({ capacity: 'it_desk', schoolCode: OTHER })), 'not_found');
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
      assert.deepEqual(decision, {
        ...{ allowed: true, capacity: 'operator', school: '' },
        ...{ needsConfirmation: false, delayMs: 0 },
      });
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
