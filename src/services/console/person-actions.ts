import { PERSON_ACTIONS, type PersonActionName } from '../../domain/access/person-actions.ts';
import type { Decision, DenialReason } from '../../domain/access/policy.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { Audit } from '../audit/audit.ts';
import type { PasswordVerifier } from '../authentication/password-verification.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailVerifiedAddresses } from '../notifications/verified-addresses.ts';
import type { Authorization, StaffActor } from './authorization.ts';
import type { ApplyEffect, ImpossibleReason } from './person-effects.ts';

/** Longest free text of a reason, in characters. */
export const MAX_REASON_LENGTH = 500;

export interface PersonActionRequest {
  actorId: string;
  personId: string;
  action: PersonActionName;
  reason: string;
  /** The version of the person that the form was shown for. */
  version: number;
  address: string;
}

export type PersonActionResult =
  | { kind: 'done'; oneTimeCode?: { code: string; expiresAt: number } }
  | { kind: 'denied'; reason: DenialReason }
  /** A bureau administrator acts on another one: a second one has to confirm. */
  | { kind: 'needs_confirmation' }
  /** Staff, or the person, changed the account after the form was shown. Nothing was done. */
  | { kind: 'changed_meanwhile' }
  | { kind: 'impossible'; why: ImpossibleReason };

export interface PersonActions {
  /** Does one action to one account: decision, effect, notice and audit entry in one transaction. */
  perform(request: PersonActionRequest): Promise<PersonActionResult>;
}

interface Deps {
  store: Store;
  clock: Clock;
  audit: Audit;
  outbox: Outbox;
  authorization: Authorization;
  passwordVerifier: Pick<PasswordVerifier, 'resetFailures'>;
  effects: Readonly<Record<PersonActionName, ApplyEffect>>;
  issuer: string;
}

export function createPersonActions(deps: Deps): PersonActions {
  const { store, authorization } = deps;
  return {
    perform: (request) =>
      store.write(async (tx) => {
        // Two members of staff who act at once wait for each other here.
        await people.lockPerson(tx, request.personId);
        const actor = await authorization.findActorIn(tx, request.actorId);
        const authorized =
          actor && (await authorization.authorize(tx, actor, PERSON_ACTIONS[request.action], request.personId));
        if (actor === undefined || authorized === undefined) return { kind: 'denied', reason: 'not_found' };
        const { decision } = authorized;
        if (!decision.allowed) return { kind: 'denied', reason: decision.reason };
        if (decision.needsConfirmation) return { kind: 'needs_confirmation' };
        if (!(await people.advanceStaffVersion(tx, request.personId, request.version)))
          return { kind: 'changed_meanwhile' };
        return applyAction(deps, tx, actor, request, decision);
      }),
  };
}

async function applyAction(
  deps: Deps,
  tx: Transaction,
  actor: StaffActor,
  { personId, action, reason, address }: PersonActionRequest,
  { capacity }: Extract<Decision, { allowed: true }>,
): Promise<PersonActionResult> {
  const effect = await deps.effects[action](tx, personId);
  if (effect.kind === 'impossible') return effect;
  // A reset link is a mail itself.
  if (action !== 'reset-link') await notifyPerson(deps, tx, personId, action);
  if (effect.clearsFailures) await deps.passwordVerifier.resetFailures(tx, personId);
  const { before, after, oneTimeCode } = effect;
  await deps.audit.append(tx, {
    event: `staff.${PERSON_ACTIONS[action]}`,
    outcome: 'ok',
    actorId: actor.id,
    subjectId: personId,
    address,
    detail: { capacity, school: schoolOf(actor, capacity), reason, before, after },
  });
  return oneTimeCode === undefined ? { kind: 'done' } : { kind: 'done', oneTimeCode };
}

/** Returns the school of the capacity that allowed an action; empty for the bureau. */
function schoolOf({ capacities }: StaffActor, capacity: string): string {
  const held = capacities.find((one) => one.capacity === capacity);
  return held !== undefined && 'schoolCode' in held ? held.schoolCode : '';
}

function notifyPerson(
  { outbox, clock, issuer }: Deps,
  tx: Transaction,
  personId: string,
  action: PersonActionName,
): Promise<void> {
  return mailVerifiedAddresses(tx, outbox, personId, (name) => ({
    template: 'staff-action',
    locals: { name, action, at: clock.now(), link: `${issuer}/account` },
  }));
}
