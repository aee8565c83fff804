import { z } from 'zod';
import { wholeSchoolCodesOf } from '../../domain/access/capacities.ts';
import { STAFF_CHANGES, type ImpossibleReason, type StaffChangeName } from '../../domain/access/person-actions.ts';
import { administersCity, confirmationOf, type Decision, type DenialReason } from '../../domain/access/policy.ts';
import type { Clock } from '../../domain/clock.ts';
import { DAY_MS } from '../../domain/duration.ts';
import type { Random } from '../../domain/random.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as requests from '../../store/console/staff-requests.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { Audit } from '../audit/audit.ts';
import { lockPeople } from '../people/locks.ts';
import {
  decideOnAll,
  judgedPeople,
  listConcerned,
  policyActionOf,
  type AllowedAction,
  type ExecuteAction,
} from './action-execution.ts';
import type { Authorization, StaffActor } from './authorization.ts';
import type { PersonEffect } from './person-effect.ts';
import { withoutConflicts, type DoneAction, type PersonActionResult } from './person-actions.ts';

/** How long a request waits for a colleague. */
const REQUEST_MS = 14 * DAY_MS;

/** Stores a request for an allowed action, in the transaction that decided about it. */
export type CreateRequest = (tx: Transaction, action: AllowedAction) => Promise<PersonActionResult>;

export const REQUEST_ANSWERS = ['confirm', 'decline', 'withdraw'] as const;
export type RequestAnswer = (typeof REQUEST_ANSWERS)[number];

interface AnswerRequest {
  actorId: string;
  requestId: string;
  answer: RequestAnswer;
  reason: string;
  /** The version of the person that the form was shown for. */
  version: number;
  address: string;
}

export type AnswerResult =
  | (DoneAction & { personId: string; action: StaffChangeName })
  | { kind: 'declined' }
  | { kind: 'withdrawn' }
  | { kind: 'denied'; reason: DenialReason | 'own_request' }
  | { kind: 'changed_meanwhile' }
  /** A colleague was faster, or the request has expired. Nothing was done. */
  | { kind: 'closed' }
  /** The request can no longer be done, and was closed. */
  | { kind: 'void'; why: ImpossibleReason | undefined };

export interface StaffRequestAnswers {
  /** Answers a request once. Confirming decides again about the requester, the confirming colleague and the target. */
  answer(request: AnswerRequest): Promise<AnswerResult>;
  /** Closes up to `limit` expired requests. @returns their number */
  expire(limit: number): Promise<number>;
}

interface Deps {
  store: Store;
  clock: Clock;
  random: Random;
  secrets: Secrets;
  audit: Audit;
  authorization: Authorization;
  effects: Readonly<Record<StaffChangeName, PersonEffect>>;
  execute: ExecuteAction;
}

const payloadSchema = z.object({ input: z.string(), before: z.string(), after: z.string(), reason: z.string() });
type RequestPayload = z.infer<typeof payloadSchema>;

export function openRequest(secrets: Pick<Secrets, 'open'>, row: requests.StaffRequestRow): RequestPayload {
  return payloadSchema.parse(JSON.parse(secrets.open('staff-request', row.id, row.payloadSealed)));
}

/** Returns true if a member of staff can make or confirm requests. */
export function canSeeRequests(actor: StaffActor): boolean {
  return administersCity(actor) || wholeSchoolCodesOf(actor.capacities).length > 0;
}

/** Returns the schools whose requests a member of staff sees; undefined for the whole city. */
export function requestSchools(actor: StaffActor): string[] | undefined {
  return administersCity(actor) ? undefined : wholeSchoolCodesOf(actor.capacities);
}

export function createCreateRequest(deps: Omit<Deps, 'store' | 'authorization' | 'execute'>): CreateRequest {
  return async (tx, { actor, decision, personId, action, input, reason, version, address }) => {
    const now = deps.clock.now();
    if (await requests.hasOpenRequest(tx, personId, action, now))
      return { kind: 'impossible', why: 'already_requested' };
    const change = await deps.effects[action].describe(tx, personId, input);
    if (change.kind === 'impossible') return change;
    const id = deps.random.uuid();
    const { school } = decision;
    const payload: RequestPayload = { input, before: change.before, after: change.after, reason };
    await people.advanceStaffVersion(tx, personId, version);
    await requests.insertStaffRequest(tx, {
      id,
      action,
      personId,
      schoolCode: school === '' ? null : school,
      payloadSealed: deps.secrets.seal('staff-request', id, JSON.stringify(payload)),
      staffVersion: version + 1,
      requestedBy: actor.id,
      requestedAt: now,
      expiresAt: now + REQUEST_MS,
    });
    await deps.audit.append(tx, {
      event: 'staff_request.created',
      outcome: 'ok',
      actorId: actor.id,
      subjectId: personId,
      address,
      detail: { request: id, action: STAFF_CHANGES[action], capacity: decision.capacity, school, reason },
    });
    return { kind: 'requested', requestId: id };
  };
}

export function createStaffRequestAnswers(deps: Deps): StaffRequestAnswers {
  const { store, clock } = deps;
  return {
    expire: (limit) => store.write((tx) => requests.expireStaffRequests(tx, clock.now(), limit)),
    answer: async (given) => {
      const result = await withoutConflicts(() => store.write((tx) => answerIn(tx, deps, given)));
      return result.kind === 'impossible' ? { kind: 'void', why: result.why } : result;
    },
  };
}

async function answerIn(tx: Transaction, deps: Deps, given: AnswerRequest): Promise<AnswerResult> {
  const { authorization, clock, secrets } = deps;
  const found = await requests.findStaffRequest(tx, given.requestId);
  if (found === undefined) return { kind: 'denied', reason: 'not_found' };
  const payload = openRequest(secrets, found);
  const concerned = await listConcerned(tx, { ...found, input: payload.input });
  await lockPeople(tx, concerned);
  // A concurrent answer, or the expiry job, may have closed the request before the lock.
  const row = (await requests.lockStaffRequest(tx, given.requestId)) ?? found;
  const actor = await authorization.findActorIn(tx, given.actorId);
  if (actor === undefined || !(await canSee(tx, authorization, actor, row)))
    return { kind: 'denied', reason: 'not_found' };
  if (!row.isOpen || row.expiresAt <= clock.now()) return { kind: 'closed' };
  if (given.answer === 'withdraw') return withdraw(tx, deps, given, { row, actor });
  const confirming = await mayConfirm(tx, authorization, actor, { ...row, input: payload.input }, concerned);
  if (!confirming.allowed) return { kind: 'denied', reason: confirming.reason };
  const { capacity } = confirming;
  if (given.answer === 'decline') return close(tx, deps, given, { row, actor, capacity }, 'declined');
  return confirm(tx, deps, given, { row, payload, concerned, actor, capacity });
}

async function canSee(
  tx: Transaction,
  authorization: Authorization,
  actor: StaffActor,
  { personId, requestedBy }: requests.StaffRequestRow,
): Promise<boolean> {
  if (!canSeeRequests(actor)) return false;
  if (requestedBy === actor.id) return true;
  return (await authorization.authorize(tx, actor, 'view', personId))?.decision.allowed === true;
}

type Confirming =
  { allowed: true; capacity: AllowedDecision['capacity'] } | { allowed: false; reason: DenialReason | 'own_request' };

/** Decides if a colleague may answer a request: the one who asked never does. */
export async function mayConfirm(
  tx: Transaction,
  authorization: Authorization,
  actor: StaffActor,
  request: Pick<requests.StaffRequestRow, 'requestedBy' | 'action'> & { input: string },
  concerned: readonly string[],
): Promise<Confirming> {
  if (request.requestedBy === actor.id) return { allowed: false, reason: 'own_request' };
  const requested = await policyActionOf(tx, request, concerned);
  let capacity: AllowedDecision['capacity'] | undefined;
  for (const id of judgedPeople(request.action, concerned)) {
    const asked = await authorization.authorize(tx, actor, 'view', id);
    if (asked === undefined) return { allowed: false, reason: 'not_found' };
    const action = confirmationOf(requested, asked.target);
    const decision = (await authorization.authorize(tx, actor, action, id))?.decision;
    if (decision?.allowed !== true) return { allowed: false, reason: decision?.reason ?? 'not_found' };
    capacity ??= decision.capacity;
  }
  return capacity === undefined ? { allowed: false, reason: 'not_found' } : { allowed: true, capacity };
}

type AllowedDecision = Extract<Decision, { allowed: true }>;

/** An open request that this transaction has locked, and the member of staff who answers it. */
interface Answered {
  row: requests.StaffRequestRow;
  actor: StaffActor;
  capacity: AllowedDecision['capacity'];
}

function withdraw(
  tx: Transaction,
  deps: Deps,
  given: AnswerRequest,
  { row, actor }: Omit<Answered, 'capacity'>,
): Promise<AnswerResult> {
  const { capacities } = actor;
  const held =
    capacities.find((one) => ('schoolCode' in one ? one.schoolCode : null) === row.schoolCode) ?? capacities[0];
  if (row.requestedBy !== actor.id || held === undefined)
    return Promise.resolve({ kind: 'denied', reason: 'capacity' });
  return close(tx, deps, given, { row, actor, capacity: held.capacity }, 'withdrawn');
}

async function close<Closing extends 'declined' | 'withdrawn' | 'void'>(
  tx: Transaction,
  { clock, audit }: Deps,
  { actorId, address, reason }: AnswerRequest,
  { row: { id, personId, schoolCode }, capacity }: Answered,
  decision: Closing,
): Promise<{ kind: Closing; why: undefined }> {
  await requests.closeStaffRequest(tx, id, decision, actorId, clock.now());
  await audit.append(tx, {
    event: `staff_request.${decision}`,
    outcome: decision === 'void' ? 'refused' : 'ok',
    actorId,
    subjectId: personId,
    address,
    detail: { request: id, capacity, school: schoolCode ?? '', reason },
  });
  return { kind: decision, why: undefined };
}

interface Confirmation extends Answered {
  payload: RequestPayload;
  concerned: readonly string[];
}

/** Does the action if the requester may still ask for it, and the account still has the value that it replaces. */
async function confirm(
  tx: Transaction,
  deps: Deps,
  given: AnswerRequest,
  confirmation: Confirmation,
): Promise<AnswerResult> {
  const { authorization, effects, clock } = deps;
  const { row, payload, concerned, actor, capacity } = confirmation;
  const { action, personId, requestedBy } = row;
  const requester = await authorization.findActorIn(tx, requestedBy);
  const decision =
    requester && (await decideOnAll(tx, authorization, requester, { action, input: payload.input }, concerned));
  if (decision?.allowed !== true) return close(tx, deps, given, confirmation, 'void');
  const person = await people.findPerson(tx, personId);
  if (person?.staffVersion !== given.version) return { kind: 'changed_meanwhile' };
  const change = await effects[action].describe(tx, personId, payload.input);
  if (change.kind === 'impossible' || change.before !== payload.before) {
    return {
      ...(await close(tx, deps, given, confirmation, 'void')),
      why: change.kind === 'impossible' ? change.why : 'outdated',
    };
  }
  const result = await deps.execute(tx, {
    ...{ actor, personId, action, address: given.address, version: given.version },
    confirmed: { requestedBy, requestId: row.id, reason: given.reason },
    decision: { ...decision, capacity },
    input: payload.input,
    reason: payload.reason,
  });
  if (result.kind !== 'done') {
    const voided = await close(tx, deps, given, confirmation, 'void');
    return { ...voided, why: result.kind === 'impossible' ? result.why : undefined };
  }
  await requests.closeStaffRequest(tx, row.id, 'confirmed', actor.id, clock.now());
  return { ...result, personId, action };
}
