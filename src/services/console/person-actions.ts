import type { ImpossibleReason, StaffChangeName } from '../../domain/access/person-actions.ts';
import type { DenialReason } from '../../domain/access/policy.ts';
import { ConflictError, StoreError, type Store, type Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import { lockPeople } from '../people/locks.ts';
import { decideOnAll, listConcerned, type ExecuteAction } from './action-execution.ts';
import type { Authorization } from './authorization.ts';
import type { CreateRequest } from './staff-requests.ts';

/** Longest free text of a reason, in characters. */
export const MAX_REASON_LENGTH = 500;

interface PersonActionRequest {
  actorId: string;
  personId: string;
  action: StaffChangeName;
  /** The value that staff entered, or the id of a guardianship; empty for actions without one. */
  input?: string;
  reason: string;
  /** The version of the person that the form was shown for. */
  version: number;
  address: string;
}

export interface DoneAction {
  kind: 'done';
  oneTimeCode?: { code: string; expiresAt: number };
  /** A national ID that is shown in this response only. */
  revealed?: string;
}

export type PersonActionResult =
  | DoneAction
  | { kind: 'denied'; reason: DenialReason }
  /** Nothing has changed yet: a colleague has to confirm the request. */
  | { kind: 'requested'; requestId: string }
  /** Staff, or the person, changed the account after the form was shown. Nothing was done. */
  | { kind: 'changed_meanwhile' }
  | { kind: 'impossible'; why: ImpossibleReason };

export interface PersonActions {
  /** Does one action to one account: decision, effect, notice and audit entry in one transaction. */
  perform(request: PersonActionRequest): Promise<PersonActionResult>;
  /** As `perform`, in a transaction. @throws {ConflictError} if a concurrent transaction stored the same login */
  performIn(tx: Transaction, request: PersonActionRequest): Promise<PersonActionResult>;
  /** Returns true if a colleague would have to confirm the action. */
  needsConfirmation(
    request: Pick<PersonActionRequest, 'actorId' | 'personId' | 'action'> & { input: string },
  ): Promise<boolean>;
}

interface Deps {
  store: Store;
  authorization: Authorization;
  execute: ExecuteAction;
  createRequest: CreateRequest;
}

export function createPersonActions({ store, authorization, execute, createRequest }: Deps): PersonActions {
  const performIn: PersonActions['performIn'] = async (tx, { input = '', ...request }) => {
    const concerned = await listConcerned(tx, { ...request, input });
    // Two members of staff who act at once wait for each other here.
    await lockPeople(tx, concerned);
    const actor = await authorization.findActorIn(tx, request.actorId);
    const decision = actor && (await decideOnAll(tx, authorization, actor, { ...request, input }, concerned));
    if (actor === undefined || decision === undefined) return { kind: 'denied', reason: 'not_found' };
    if (!decision.allowed) return { kind: 'denied', reason: decision.reason };
    const person = await people.findPerson(tx, request.personId);
    if (person?.staffVersion !== request.version) return { kind: 'changed_meanwhile' };
    const perform = decision.needsConfirmation ? createRequest : execute;
    return perform(tx, { ...request, input, actor, decision });
  };
  return {
    performIn,
    needsConfirmation: ({ actorId, ...change }) =>
      store.read(async (tx) => {
        const actor = await authorization.findActorIn(tx, actorId);
        const concerned = await listConcerned(tx, change);
        const decision = actor && (await decideOnAll(tx, authorization, actor, change, concerned));
        return decision?.allowed === true && decision.needsConfirmation;
      }),
    perform: (request) => withoutConflicts(() => store.write((tx) => performIn(tx, request))),
  };
}

/** A concurrent transaction stored the same login or national ID first. */
export async function withoutConflicts<T>(work: () => Promise<T>): Promise<T | { kind: 'impossible'; why: 'taken' }> {
  try {
    return await work();
  } catch (error) {
    const isConflict = error instanceof ConflictError || (error instanceof StoreError && error.code === '23505');
    if (!isConflict) throw error;
    return { kind: 'impossible', why: 'taken' };
  }
}
