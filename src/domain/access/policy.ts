import { HOUR_MS } from '../duration.ts';
import { rankOf, type Capacity, type HeldCapacity } from './capacities.ts';

/** The capacities that may do each action; the table of docs/access-policy.md. An action that is missing here does not compile. */
const GRANTS = {
  view: ['homeroom_teacher', 'registrar', 'it_desk', 'bureau_admin'],
  send_reset_link: ['homeroom_teacher', 'registrar', 'it_desk', 'bureau_admin'],
  issue_one_time_code: ['it_desk', 'bureau_admin'],
  restore_first_password: ['it_desk', 'bureau_admin'],
  unlock: ['it_desk', 'bureau_admin'],
  disable: ['it_desk', 'bureau_admin'],
  enable: ['it_desk', 'bureau_admin'],
  revoke_sessions: ['it_desk', 'bureau_admin'],
  remove_second_factor: ['it_desk', 'bureau_admin'],
  change_contact: ['it_desk', 'bureau_admin'],
  confirm_contact_change: ['registrar', 'bureau_admin'],
  reveal_national_id: ['registrar', 'bureau_admin'],
  correct_identity: ['registrar', 'bureau_admin'],
  merge: ['registrar', 'bureau_admin'],
  merge_with_two_ids: ['registrar', 'bureau_admin'],
  confirm_identity_change: ['registrar', 'bureau_admin'],
  change_guardianship: ['registrar', 'bureau_admin'],
  review_application: ['homeroom_teacher', 'registrar', 'bureau_admin'],
  decide_subject_request: ['registrar', 'bureau_admin'],
  change_membership: ['bureau_admin'],
  grant_administrator: ['bureau_admin'],
  confirm_staff_change: ['it_desk', 'bureau_admin'],
  confirm_administrator_change: ['bureau_admin'],
} as const satisfies Record<string, readonly Capacity[]>;

/** The actions of staff on a person in the console, and of imports and commands on their behalf. */
export type StaffAction = keyof typeof GRANTS;
export const STAFF_ACTIONS = Object.keys(GRANTS).filter((key): key is StaffAction => key in GRANTS);

/** Actions that change nothing, so that staff can refer the caller to the colleague who may help. */
const READ_ACTIONS: readonly StaffAction[] = ['view'];

/**
 * Actions after which the actor, or an accomplice, can sign in as the person. A capacity holds rights that a higher one lacks, so the rank
 * alone does not prevent that staff gain them by this detour.
 */
const CREDENTIAL_ACTIONS: readonly StaffAction[] = [
  'issue_one_time_code',
  'restore_first_password',
  'change_contact',
  'correct_identity',
];
const MERGE_ACTIONS: readonly StaffAction[] = ['merge', 'merge_with_two_ids'];
/** Two people for everyone: one stolen session creates no administrator, and makes no two people one. */
const TWO_PERSON_ACTIONS: readonly StaffAction[] = ['grant_administrator', 'merge_with_two_ids'];
/** A closed school takes no new memberships, not even from the operator. */
const GRANTING_ACTIONS: readonly StaffAction[] = ['change_membership', 'grant_administrator'];

/** A person with capacities, or the operator of the server at the command line. */
export type PolicyActor = { kind: 'operator' } | { kind: 'person'; id: string; capacities: readonly HeldCapacity[] };

/** The facts about a person that decide who may act on them. */
export interface PolicyTarget {
  id: string;
  /** The highest capacity anywhere in the city, also one that begins later. */
  capacity: Capacity | undefined;
  /** Has a staff membership of any role that has not ended, or is a homeroom teacher. */
  isStaff: boolean;
  /** Has a guardianship that has not ended. */
  isGuardian: boolean;
  /** Schools of current memberships. */
  staffSchools: readonly string[];
  /** Schools of current enrollments: the person's own, and those of their children or of the child of the school account. */
  pupilSchools: readonly string[];
  /** Ids of the classes of those enrollments. */
  classIds: readonly string[];
}

/** The bureau's settings that the policy depends on. */
export interface PolicySettings {
  /** The IT desk may go back to the first-password rule. */
  isFirstPasswordRestorable: boolean;
  /** A change of a guardian's email or mobile number takes two people. */
  isGuardianContactConfirmed: boolean;
}

/** `interest`: the actor filed the application or benefits from it. */
export type DenialReason = 'not_found' | 'self' | 'rank' | 'capacity' | 'setting' | 'school_closed' | 'interest';

export type Decision =
  | {
      allowed: true;
      /** The capacity that allows it; recorded in the audit log. */
      capacity: Capacity | 'operator';
      /** The code of the school of this capacity; empty for the bureau and the operator. */
      school: string;
      /** A colleague has to confirm before it takes effect. */
      needsConfirmation: boolean;
      /** The action takes effect this long after, in ms. */
      delayMs: number;
    }
  | { allowed: false; reason: DenialReason };

/** The delay before the second factor of a staff member is removed, so that the person can object (docs/access-policy.md). */
const STAFF_FACTOR_REMOVAL_DELAY_MS = 24 * HOUR_MS;

/**
 * Decides whether an actor may do an action to a person. A person out of scope is `not_found`, as if the id did not exist.
 *
 * @param target undefined if there is no such person
 * @param grantedAt the school of a new membership
 */
export function decide(
  actor: PolicyActor,
  action: StaffAction,
  target: PolicyTarget | undefined,
  settings: PolicySettings,
  grantedAt?: { isClosed: boolean },
): Decision {
  if (target === undefined) return deny('not_found');
  const isAtClosed = GRANTING_ACTIONS.includes(action) && grantedAt?.isClosed === true;
  if (actor.kind === 'operator') return isAtClosed ? deny('school_closed') : allow({ capacity: 'operator' });
  const inScope = actor.capacities.filter((held) => isInScope(held, target));
  if (actor.id === target.id) return decideOnSelf(action, inScope);
  if (inScope.length === 0) return deny('not_found');
  const granted = inScope.filter(({ capacity }) => isGranted(capacity, action, target));
  if (granted.length === 0) return deny('capacity');
  const [usable] = highestFirst(granted.filter((held) => READ_ACTIONS.includes(action) || !isAtClosedSchool(held)));
  if (usable === undefined || isAtClosed) return deny('school_closed');
  return decideByCapacity(usable, action, target, settings);
}

function decideByCapacity(
  held: HeldCapacity,
  action: StaffAction,
  target: PolicyTarget,
  settings: PolicySettings,
): Decision {
  const { capacity } = held;
  if (!READ_ACTIONS.includes(action) && !outranks(capacity, target)) return deny('rank');
  if (action === 'restore_first_password' && !settings.isFirstPasswordRestorable) return deny('setting');
  const delayMs = action === 'remove_second_factor' && target.isStaff ? STAFF_FACTOR_REMOVAL_DELAY_MS : 0;
  return allow(held, needsConfirmation(capacity, action, target, settings), delayMs);
}

/**
 * Decides whether an actor may review an application for a student. Staff do not review an application that they filed or benefit from.
 *
 * @param beneficiaryIds the applicants who have an account, and the guardians of the student in any state
 */
export function decideOnApplication(
  actor: PolicyActor,
  student: PolicyTarget | undefined,
  settings: PolicySettings,
  beneficiaryIds: readonly string[],
): Decision {
  const decision = decide(actor, 'review_application', student, settings);
  const hasInterest = actor.kind === 'person' && beneficiaryIds.includes(actor.id);
  return decision.allowed && hasInterest ? deny('interest') : decision;
}

/** Staff see themselves, but use the account page for changes. */
function decideOnSelf(action: StaffAction, inScope: readonly HeldCapacity[]): Decision {
  const [held] = highestFirst(inScope);
  return READ_ACTIONS.includes(action) && held !== undefined ? allow(held) : deny('self');
}

/** The staff of a closed school see its people, and the bureau acts on them. */
function isAtClosedSchool(held: HeldCapacity): boolean {
  return held.capacity !== 'bureau_admin' && held.isSchoolClosed === true;
}

/** Bureau administrators may act on each other, with a confirmation. */
function outranks(capacity: Capacity, target: PolicyTarget): boolean {
  const isPeerAdministrator = capacity === 'bureau_admin' && target.capacity === 'bureau_admin';
  return isPeerAdministrator || rankOf(capacity) > rankOf(target.capacity);
}

/** Returns true if the actor administers the whole city: schools, relying parties, settings, keys. */
export function administersCity(actor: PolicyActor): boolean {
  return actor.kind === 'operator' || actor.capacities.some(({ capacity }) => capacity === 'bureau_admin');
}

/** Returns the capacity by which an actor changes the settings of a school, such as its contacts: the bureau, or its registrar. */
export function schoolSettingCapacity(
  { capacities }: { capacities: readonly HeldCapacity[] },
  schoolCode: string,
): Capacity | undefined {
  const held = highestFirst(capacities).find(
    (one) =>
      one.capacity === 'bureau_admin' ||
      (one.capacity === 'registrar' && one.schoolCode === schoolCode && !isAtClosedSchool(one)),
  );
  return held?.capacity;
}

/** Returns true if the actor may change the settings of some school. */
export function changesSchoolSettings({ capacities }: { capacities: readonly HeldCapacity[] }): boolean {
  return capacities.some(({ capacity }) => capacity === 'bureau_admin' || capacity === 'registrar');
}

function isInScope(held: HeldCapacity, target: PolicyTarget): boolean {
  switch (held.capacity) {
    case 'bureau_admin':
      return true;
    case 'it_desk':
      return target.staffSchools.includes(held.schoolCode) || target.pupilSchools.includes(held.schoolCode);
    case 'registrar':
      return target.pupilSchools.includes(held.schoolCode);
    case 'homeroom_teacher':
      return target.classIds.includes(held.classId);
  }
}

function isGranted(capacity: Capacity, action: StaffAction, target: PolicyTarget): boolean {
  const capacities: readonly Capacity[] = GRANTS[action];
  if (!capacities.includes(capacity)) return false;
  if (action === 'remove_second_factor') return !(capacity === 'it_desk' && target.isStaff);
  // A merge moves memberships, which the bureau grants.
  return !(MERGE_ACTIONS.includes(action) && capacity === 'registrar' && target.isStaff);
}

/** Two people: for a credential of staff with a capacity, for a guardian's contact, and among bureau administrators. */
function needsConfirmation(
  capacity: Capacity,
  action: StaffAction,
  target: PolicyTarget,
  settings: PolicySettings,
): boolean {
  if (READ_ACTIONS.includes(action) || action.startsWith('confirm_')) return false;
  if (TWO_PERSON_ACTIONS.includes(action)) return true;
  if (capacity === 'bureau_admin') return target.capacity === 'bureau_admin';
  if (target.capacity !== undefined && CREDENTIAL_ACTIONS.includes(action)) return true;
  return action === 'change_contact' && target.isGuardian && settings.isGuardianContactConfirmed;
}

/** Returns the action that the confirming colleague must be allowed to do. */
export function confirmationOf(action: StaffAction, target: PolicyTarget): StaffAction {
  if (target.capacity === 'bureau_admin' || action === 'grant_administrator') return 'confirm_administrator_change';
  // Only registrar and bureau see national IDs.
  if (action === 'correct_identity' || MERGE_ACTIONS.includes(action)) return 'confirm_identity_change';
  return target.capacity === undefined ? 'confirm_contact_change' : 'confirm_staff_change';
}

function highestFirst(capacities: readonly HeldCapacity[]): HeldCapacity[] {
  return capacities.toSorted((a, b) => rankOf(b.capacity) - rankOf(a.capacity));
}

function allow(held: HeldCapacity | { capacity: 'operator' }, isTwoPerson = false, delayMs = 0): Decision {
  const school = 'schoolCode' in held ? held.schoolCode : '';
  return { allowed: true, capacity: held.capacity, school, needsConfirmation: isTwoPerson, delayMs };
}

function deny(reason: DenialReason): Decision {
  return { allowed: false, reason };
}
