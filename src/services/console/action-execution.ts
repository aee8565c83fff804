import { guardianshipActionOf, STAFF_CHANGES, type StaffChangeName } from '../../domain/access/person-actions.ts';
import type { Decision, StaffAction } from '../../domain/access/policy.ts';
import type { Clock } from '../../domain/clock.ts';
import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
import type { Transaction } from '../../store/database/index.ts';
import { findGuardianship } from '../../store/people/guardianships.ts';
import * as people from '../../store/people/people.ts';
import { findLatestMerge } from '../../store/console/person-merges.ts';
import { findOpenSchoolForShare } from '../../store/people/schools.ts';
import type { Audit } from '../audit/audit.ts';
import { clearFailures } from '../authentication/failure-reset.ts';
import type { PasswordVerifier } from '../authentication/password-verification.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailVerifiedAddresses } from '../notifications/verified-addresses.ts';
import type { Authorization, StaffActor } from './authorization.ts';
import { parseDuty } from './duty-effects.ts';
import { parseMergeInput } from './merge-effect.ts';
import type { DoneEffect, PersonEffect } from './person-effect.ts';
import type { PersonActionResult } from './person-actions.ts';

/** An action that the policy allows. */
export interface AllowedAction {
  actor: StaffActor;
  decision: Extract<Decision, { allowed: true }>;
  personId: string;
  action: StaffChangeName;
  input: string;
  reason: string;
  /** The version of the person in this transaction. */
  version: number;
  address: string;
  /** The request that the actor confirms, and the reason of the confirmation. */
  confirmed?: { requestedBy: string; requestId: string; reason: string };
}

/** Does an allowed action in the transaction that decided about it. */
export type ExecuteAction = (tx: Transaction, action: AllowedAction) => Promise<PersonActionResult>;

interface Deps {
  clock: Clock;
  audit: Audit;
  outbox: Outbox;
  passwordVerifier: Pick<PasswordVerifier, 'resetFailures'>;
  effects: Readonly<Record<StaffChangeName, PersonEffect>>;
  issuer: string;
}

export function createExecuteAction(deps: Deps): ExecuteAction {
  return async (tx, allowed) => {
    const { actor, decision, personId, action, input, reason, version, address } = allowed;
    const context = { actorId: actor.id, input, delayMs: decision.delayMs, reason };
    const effect = await deps.effects[action].apply(tx, personId, context);
    if (effect.kind === 'impossible') return effect;
    await people.advanceStaffVersion(tx, personId, version);
    // A reset link is a mail itself.
    if (action !== 'reset-link') await notifyPerson(deps, tx, personId, effect.notice ?? action, effect);
    if (effect.clearsFailures) await clearFailures(tx, deps, personId);
    const detail = { capacity: decision.capacity, school: effect.school ?? decision.school, reason };
    const { before, after, oneTimeCode, revealed } = effect;
    const { confirmed } = allowed;
    const confirmation = confirmed && {
      requested_by: confirmed.requestedBy,
      request: confirmed.requestId,
      confirmation_reason: confirmed.reason,
    };
    await deps.audit.append(tx, {
      event: `staff.${action === 'undo-merge' ? 'undo_merge' : STAFF_CHANGES[action]}`,
      outcome: 'ok',
      actorId: actor.id,
      subjectId: personId,
      address,
      detail: { ...detail, before, after, ...confirmation },
    });
    for (const event of effect.events ?? []) {
      await deps.audit.append(tx, { ...event, address, detail: { ...detail, ...event.detail } });
    }
    return {
      kind: 'done',
      ...(oneTimeCode === undefined ? {} : { oneTimeCode }),
      ...(revealed === undefined ? {} : { revealed }),
    };
  };
}

async function notifyPerson(
  { outbox, clock, issuer }: Deps,
  tx: Transaction,
  personId: string,
  action: string,
  { formerAddresses = [] }: DoneEffect,
): Promise<void> {
  const write = (name: string) => ({
    template: 'staff-action' as const,
    locals: { name, action, at: clock.now(), link: `${issuer}/account` },
  });
  await mailVerifiedAddresses(tx, outbox, personId, write);
  const person = await people.findPerson(tx, personId);
  for (const to of formerAddresses) {
    const lang = person?.locale ?? DEFAULT_LANGUAGE;
    await outbox.enqueue(tx, { kind: 'mail', to, lang, ...write(person?.name ?? '') });
  }
}

/** Lists the people whom an action concerns, the target first: the pupil of a guardianship, the account that a merge ends. */
export async function listConcerned(
  tx: Transaction,
  { personId, action, input }: { personId: string; action: StaffChangeName; input: string },
): Promise<string[]> {
  if (action === 'merge') return [personId, parseMergeInput(input).otherId];
  if (action === 'undo-merge') return [personId, (await findLatestMerge(tx, personId))?.otherId ?? personId];
  if (guardianshipActionOf(action) === undefined) return [personId];
  return [personId, (await findGuardianship(tx, input))?.studentId ?? ''];
}

/**
 * Returns the people whom the policy decides about. The account that a merge ended has no school, so the decision about the kept account
 * counts for both.
 */
export function judgedPeople(action: StaffChangeName, concerned: readonly string[]): readonly string[] {
  return action === 'undo-merge' ? concerned.slice(0, 1) : concerned;
}

/** Returns the action that the policy decides about, which can depend on the input. Call it after `lockPeople`. */
export async function policyActionOf(
  tx: Transaction,
  { action, input }: { action: StaffChangeName; input: string },
  ids: readonly string[],
): Promise<StaffAction> {
  if (action === 'grant-duty' && parseDuty(input).duty === 'bureau_admin') return 'grant_administrator';
  if (action === 'undo-merge') {
    const [keptId = ''] = ids;
    return (await findLatestMerge(tx, keptId))?.hadTwoIds === true ? 'merge_with_two_ids' : 'merge';
  }
  if (action !== 'merge') return STAFF_CHANGES[action];
  for (const id of ids) if (((await people.findPerson(tx, id))?.nationalIdLookup ?? null) === null) return 'merge';
  return 'merge_with_two_ids';
}

/** Asks the policy about every person whom an action concerns. @returns the strictest decision; undefined if one of them does not exist */
export async function decideOnAll(
  tx: Transaction,
  authorization: Authorization,
  actor: StaffActor,
  change: { action: StaffChangeName; input: string },
  ids: readonly string[],
): Promise<Decision | undefined> {
  const asked = await policyActionOf(tx, change, ids);
  const grantedAt = await findGrantingSchool(tx, change);
  let strictest: Decision | undefined;
  for (const id of judgedPeople(change.action, ids)) {
    const decision = (await authorization.authorize(tx, actor, asked, id, grantedAt))?.decision;
    if (decision?.allowed !== true) return decision;
    strictest = strictest?.allowed === true ? combine(strictest, decision) : decision;
  }
  return strictest;
}

/** Finds the school of a new duty, and locks it against closing until the transaction ends. */
async function findGrantingSchool(
  tx: Transaction,
  { action, input }: { action: StaffChangeName; input: string },
): Promise<{ isClosed: boolean } | undefined> {
  const schoolCode = action === 'grant-duty' ? parseDuty(input).schoolCode : undefined;
  if (schoolCode === undefined) return undefined;
  return { isClosed: (await findOpenSchoolForShare(tx, schoolCode)) === undefined };
}

function combine(
  first: Extract<Decision, { allowed: true }>,
  second: Extract<Decision, { allowed: true }>,
): Extract<Decision, { allowed: true }> {
  return {
    ...first,
    needsConfirmation: first.needsConfirmation || second.needsConfirmation,
    delayMs: Math.max(first.delayMs, second.delayMs),
  };
}
