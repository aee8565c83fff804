import { DUTY_MEMBERSHIPS, dutyOf, type GrantedDuty } from '../../domain/access/duties.ts';
import type { Decision, DenialReason } from '../../domain/access/policy.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import { DAY_MS } from '../../domain/duration.ts';
import type { Random } from '../../domain/random.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { listGrantsByBasis } from '../../store/oidc/grants.ts';
import * as people from '../../store/people/people.ts';
import * as schools from '../../store/people/schools.ts';
import type { NamedMembership } from '../../store/people/schools.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailVerifiedAddresses } from '../notifications/verified-addresses.ts';
import { revokeOrMoveGrants, type RevokeDeps } from '../people/affiliation-expiry.ts';
import type { Authorization, StaffActor } from './authorization.ts';
import type { BureauWrite } from './bureau-write.ts';

interface MembershipRequest extends BureauWrite {
  personId: string;
  /** The version of the person that the form was shown for. */
  version: number;
}

export interface NewDuty {
  duty: GrantedDuty;
  /** Undefined for bureau administrators. */
  schoolCode: string | undefined;
  /** `2027-01-31` */
  validFrom: string;
  /** Undefined: open end. */
  validTo: string | undefined;
}

type MembershipResult =
  | { kind: 'done' }
  | { kind: 'denied'; reason: DenialReason }
  /** A change among bureau administrators: a second one has to confirm. */
  | { kind: 'needs_confirmation' }
  /** Staff, or the person, changed the account after the form was shown. Nothing was done. */
  | { kind: 'changed_meanwhile' }
  /** There is no such school, or it is closed. */
  | { kind: 'school_closed' }
  /** The person has the duty already, or the membership has ended. */
  | { kind: 'already_done' };

export interface MembershipPage {
  name: string;
  version: number;
  memberships: readonly (NamedMembership & { isEnded: boolean })[];
}

/** Staff memberships, which the bureau grants and ends. */
export interface ConsoleMemberships {
  /** @returns undefined for a person out of scope */
  load(actor: StaffActor, personId: string): Promise<MembershipPage | undefined>;
  grant(request: MembershipRequest, duty: NewDuty): Promise<MembershipResult>;
  /** Ends a membership at once: the grants that depend on it are revoked, unless another membership gives the same role. */
  end(request: MembershipRequest, membershipId: string): Promise<MembershipResult>;
}

interface Deps extends RevokeDeps {
  store: Store;
  clock: Clock;
  random: Random;
  outbox: Outbox;
  authorization: Authorization;
  issuer: string;
}

interface Change {
  kind: 'changed';
  action: 'membership-granted' | 'membership-ended';
  before: string;
  after: string;
}
type Allowed = Extract<Decision, { allowed: true }>;

export function createConsoleMemberships(deps: Deps): ConsoleMemberships {
  const { store, clock, authorization } = deps;
  return {
    load: (actor, personId) =>
      store.read(async (tx) => {
        const authorized = await authorization.authorize(tx, actor, 'view', personId);
        const person = await people.findPerson(tx, personId);
        if (authorized?.decision.allowed !== true || person === undefined) return undefined;
        const today = localDate(clock.now());
        const memberships = await schools.listMemberships(tx, personId);
        return {
          name: person.name,
          version: person.staffVersion,
          memberships: memberships.map((one) => ({ ...one, isEnded: isEnded(one, today) })),
        };
      }),
    grant: (request, duty) => perform(deps, request, (tx) => grantDuty(deps, tx, request, duty), duty.duty),
    end: (request, membershipId) => perform(deps, request, (tx) => endDuty(deps, tx, request, membershipId), undefined),
  };
}

function isEnded({ validTo }: { validTo: string | undefined }, today: string): boolean {
  return validTo !== undefined && validTo < today;
}

/** Decides, applies the change, notifies the person and records it, in one transaction. */
function perform(
  deps: Deps,
  request: MembershipRequest,
  apply: (tx: Transaction) => Promise<Change | MembershipResult>,
  granted: GrantedDuty | undefined,
): Promise<MembershipResult> {
  const { personId, actorId, version } = request;
  return deps.store.write(async (tx) => {
    await people.lockPerson(tx, personId);
    const actor = await deps.authorization.findActorIn(tx, actorId);
    const authorized = actor && (await deps.authorization.authorize(tx, actor, 'change_membership', personId));
    if (authorized === undefined) return { kind: 'denied', reason: 'not_found' };
    const { decision } = authorized;
    if (!decision.allowed) return { kind: 'denied', reason: decision.reason };
    // A new administrator has power over the others, so a stolen session alone cannot create one.
    if (decision.needsConfirmation || granted === 'bureau_admin') return { kind: 'needs_confirmation' };
    if (!(await people.advanceStaffVersion(tx, personId, version))) return { kind: 'changed_meanwhile' };
    const change = await apply(tx);
    if (change.kind !== 'changed') return change;
    await notifyAndRecord(deps, tx, request, decision, change);
    return { kind: 'done' };
  });
}

async function grantDuty(
  { clock, random }: Deps,
  tx: Transaction,
  { personId }: MembershipRequest,
  { duty, schoolCode, validFrom, validTo }: NewDuty,
): Promise<Change | MembershipResult> {
  if (schoolCode !== undefined && (await schools.findOpenSchoolForShare(tx, schoolCode)) === undefined) {
    return { kind: 'school_closed' };
  }
  const today = localDate(clock.now());
  const existing = await schools.listMemberships(tx, personId);
  const isHeld = existing.some(
    (one) => dutyOf(one) === duty && one.school?.code === schoolCode && !isEnded(one, today),
  );
  if (isHeld) return { kind: 'already_done' };
  const id = random.uuid();
  const isPrimary = !existing.some((one) => !isEnded(one, today));
  await schools.insertMembership(tx, {
    ...DUTY_MEMBERSHIPS[duty],
    ...{ id, personId, schoolCode, isPrimary, validFrom, validTo },
  });
  const after = describe({ duty, schoolCode, validFrom, validTo });
  return { kind: 'changed', action: 'membership-granted', before: '', after };
}

async function endDuty(
  deps: Deps,
  tx: Transaction,
  { personId }: MembershipRequest,
  membershipId: string,
): Promise<Change | MembershipResult> {
  const now = deps.clock.now();
  const membership = (await schools.listMemberships(tx, personId)).find(({ id }) => id === membershipId);
  if (membership === undefined || isEnded(membership, localDate(now))) return { kind: 'already_done' };
  // The last day is included, so a membership that ends now was valid until yesterday.
  const validTo = localDate(now - DAY_MS);
  await schools.endMembership(tx, membershipId, validTo);
  const grants = await listGrantsByBasis(tx, membershipId);
  await revokeOrMoveGrants(tx, deps, personId, new Set(grants.map(({ grantHash }) => grantHash)));
  const shown = { duty: dutyOf(membership), schoolCode: membership.school?.code, validFrom: membership.validFrom };
  return {
    kind: 'changed',
    action: 'membership-ended',
    before: describe({ ...shown, validTo: membership.validTo }),
    after: describe({ ...shown, validTo }),
  };
}

async function notifyAndRecord(
  { outbox, audit, clock, issuer }: Deps,
  tx: Transaction,
  { personId, actorId, reason, address }: MembershipRequest,
  { capacity }: Allowed,
  { action, before, after }: Change,
): Promise<void> {
  await mailVerifiedAddresses(tx, outbox, personId, (name) => ({
    template: 'staff-action',
    locals: { name, action, at: clock.now(), link: `${issuer}/account` },
  }));
  await audit.append(tx, {
    event: 'staff.change_membership',
    outcome: 'ok',
    actorId,
    subjectId: personId,
    address,
    detail: { capacity, school: '', reason, before, after },
  });
}

function describe({
  duty,
  schoolCode,
  validFrom,
  validTo,
}: {
  duty: GrantedDuty;
  schoolCode: string | undefined;
  validFrom: string | undefined;
  validTo: string | undefined;
}): string {
  return [duty, schoolCode ?? 'bureau', `${validFrom ?? ''}..${validTo ?? ''}`].join(' ');
}
