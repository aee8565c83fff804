import { administersCity, type DenialReason, type Decision } from '../../domain/access/policy.ts';
import { registrarSchoolCodesOf } from '../../domain/access/capacities.ts';
import {
  deadlineStateOf,
  SUBJECT_REQUEST_PERIOD_MS,
  type DeadlineState,
  type ErasureObstacle,
  type SubjectRequestAnswer,
} from '../../domain/binding/subject-requests.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { RequestPosition } from '../../store/console/request-search.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { listGrantsByPerson } from '../../store/oidc/grants.ts';
import { destroyInteractionsOf } from '../../store/oidc/record-revocation.ts';
import { deleteConsentsOf, updateSharing } from '../../store/personal-data/erasure.ts';
import * as store from '../../store/personal-data/requests.ts';
import { findPerson, listNames } from '../../store/people/people.ts';
import type { Revocation } from '../access/revocation.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import type { Erasure } from '../personal-data/erasure.ts';
import { mailAboutRequest, type RequestMailResult } from '../personal-data/request-mail.ts';
import { openRequestPayload, sealRequestReason } from '../personal-data/request-payload.ts';
import { lockPeople } from '../people/locks.ts';
import type { Authorization, StaffActor } from './authorization.ts';

const REQUESTS_PER_PAGE = 25;

/** A request as its list shows it. */
export type SubjectRequestLine = Pick<
  store.SubjectRequestRow,
  'id' | 'kind' | 'state' | 'createdAt' | 'dueAt' | 'extendedAt' | 'decidedAt'
> & {
  /** `name` is empty after a deletion. */
  person: { id: string; name: string };
  deadline: DeadlineState;
  decidedBy: string | undefined;
};

export interface SubjectRequestPage extends SubjectRequestLine {
  what: string;
  why: string;
  reason: string;
  /** The answers that are possible now. */
  answers: readonly SubjectRequestAnswer[];
  obstacle: ErasureObstacle | undefined;
}

interface AnswerSubjectRequest {
  actorId: string;
  requestId: string;
  answer: SubjectRequestAnswer;
  reason: string;
  /** The end of the period that the form was shown for. */
  dueAt: number;
  address: string;
}

export type SubjectAnswerResult =
  | { kind: 'done'; state: RequestMailResult }
  | { kind: 'denied'; reason: DenialReason }
  /** A colleague or the person was faster. Nothing was done. */
  | { kind: 'closed' }
  | { kind: 'obstacle'; obstacle: ErasureObstacle };

/** The requests of people about their data, for the registrar of their school and for the bureau. */
export interface ConsoleSubjectRequests {
  list(
    actor: StaffActor,
    options: { isOpen: boolean; after: RequestPosition | undefined },
  ): Promise<{ requests: readonly SubjectRequestLine[]; next: RequestPosition | undefined }>;
  /** @returns undefined for a request out of scope, as for an unknown id */
  load(actor: StaffActor, requestId: string): Promise<SubjectRequestPage | undefined>;
  /** Answers a request once, with its effect in the same transaction. */
  answer(request: AnswerSubjectRequest): Promise<SubjectAnswerResult>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
  audit: Audit;
  outbox: Outbox;
  authorization: Authorization;
  erasure: Erasure;
  revocation: Pick<Revocation, 'revokeGrants'>;
  issuer: string;
}

/** Returns true if a member of staff decides requests of people. */
export function canSeeSubjectRequests(actor: StaffActor): boolean {
  return administersCity(actor) || registrarSchoolCodesOf(actor.capacities).length > 0;
}

export function createConsoleSubjectRequests(deps: Deps): ConsoleSubjectRequests {
  const { store: database } = deps;
  return {
    list: (actor, { isOpen, after }) =>
      database.read(async (tx) => {
        const schoolCodes = administersCity(actor) ? undefined : registrarSchoolCodesOf(actor.capacities);
        const search = { schoolCodes, isOpen, after, limit: REQUESTS_PER_PAGE + 1 };
        const rows = canSeeSubjectRequests(actor) ? await store.listSubjectRequests(tx, search) : [];
        const page = rows.slice(0, REQUESTS_PER_PAGE);
        const visible = await filterVisible(tx, deps, actor, page);
        const last = rows.length > REQUESTS_PER_PAGE ? page.at(-1) : undefined;
        return { requests: await toLines(tx, deps, visible), next: last && { at: last.dueAt, id: last.id } };
      }),
    load: (actor, requestId) => database.read((tx) => loadPage(tx, deps, actor, requestId)),
    answer: (request) => database.write((tx) => answerIn(tx, deps, request)),
  };
}

/** Staff see the requests that they may decide, and the records of deletions that they made or that are of their school. */
async function filterVisible(
  tx: Transaction,
  { authorization }: Deps,
  actor: StaffActor,
  rows: readonly store.SubjectRequestRow[],
): Promise<store.SubjectRequestRow[]> {
  const ids = [...new Set(rows.map(({ personId }) => personId))];
  const allowed = await authorization.filterAllowed(tx, actor, 'decide_subject_request', ids);
  const names = await listNames(tx, ids);
  const isOfActor = ({ schoolCode, decidedBy }: store.SubjectRequestRow): boolean =>
    administersCity(actor) ||
    decidedBy === actor.id ||
    (schoolCode !== null && registrarSchoolCodesOf(actor.capacities).includes(schoolCode));
  return rows.filter((row) => (names.has(row.personId) ? allowed.has(row.personId) : isOfActor(row)));
}

async function toLines(
  tx: Transaction,
  { clock }: Deps,
  rows: readonly store.SubjectRequestRow[],
): Promise<SubjectRequestLine[]> {
  const names = await listNames(
    tx,
    rows.flatMap(({ personId, decidedBy }) => [personId, ...(decidedBy === null ? [] : [decidedBy])]),
  );
  return rows.map(({ id, kind, state, createdAt, dueAt, extendedAt, decidedAt, personId, decidedBy }) => ({
    ...{ id, kind, state, createdAt, dueAt, extendedAt, decidedAt },
    person: { id: personId, name: names.get(personId) ?? '' },
    deadline: deadlineStateOf(dueAt, clock.now()),
    decidedBy: decidedBy === null ? undefined : names.get(decidedBy),
  }));
}

async function loadPage(
  tx: Transaction,
  deps: Deps,
  actor: StaffActor,
  requestId: string,
): Promise<SubjectRequestPage | undefined> {
  const row = canSeeSubjectRequests(actor) ? await store.findSubjectRequest(tx, requestId) : undefined;
  const visible = row === undefined ? [] : await filterVisible(tx, deps, actor, [row]);
  const [line] = await toLines(tx, deps, visible);
  if (row === undefined || line === undefined) return undefined;
  const isOpen = row.state === 'open';
  const isDeletion = isOpen && row.kind === 'deletion';
  const obstacle = isDeletion ? await findObstacle(tx, deps, actor, row) : undefined;
  const answers: SubjectRequestAnswer[] = isOpen
    ? [
        ...(obstacle === undefined ? (['approve'] as const) : []),
        'decline',
        ...(row.extendedAt === null ? (['extend'] as const) : []),
      ]
    : [];
  return { ...line, ...openRequestPayload(deps.secrets, row), answers, obstacle };
}

/** A deletion revokes the guardianships of the person, so the policy is asked about each of their pupils (docs/access-policy.md). */
async function findObstacle(
  tx: Transaction,
  { erasure, authorization }: Deps,
  actor: StaffActor,
  { personId }: store.SubjectRequestRow,
): Promise<ErasureObstacle | undefined> {
  const pupils = await erasure.listPupils(tx, personId);
  const allowed = await authorization.filterAllowed(tx, actor, 'change_guardianship', pupils);
  if (pupils.some((id) => !allowed.has(id))) return 'other_schools';
  return erasure.findObstacle(tx, personId);
}

const STATES = { approve: 'approved', decline: 'declined' } as const;

async function answerIn(tx: Transaction, deps: Deps, given: AnswerSubjectRequest): Promise<SubjectAnswerResult> {
  const row = await store.findSubjectRequest(tx, given.requestId);
  if (row === undefined) return { kind: 'denied', reason: 'not_found' };
  const isErasure = row.kind === 'deletion' && given.answer === 'approve';
  await lockPeople(tx, isErasure ? await deps.erasure.listConcerned(tx, row.personId) : [row.personId]);
  const allowed = await authorize(tx, deps, given.actorId, row);
  if ('kind' in allowed) return allowed;
  const obstacle = isErasure ? await findObstacle(tx, deps, allowed.actor, row) : undefined;
  if (obstacle !== undefined) return { kind: 'obstacle', obstacle };
  const change = changeOf(deps, row, given);
  if (change === undefined) return { kind: 'closed' };
  if (!(await store.updateOpenRequest(tx, { id: row.id, dueAt: given.dueAt }, change))) return { kind: 'closed' };
  return finish(tx, deps, given, { row: { ...row, dueAt: change.dueAt ?? row.dueAt }, ...allowed });
}

async function authorize(
  tx: Transaction,
  { authorization }: Deps,
  actorId: string,
  { personId }: store.SubjectRequestRow,
): Promise<Pick<Answered, 'actor' | 'decision'> | Extract<SubjectAnswerResult, { kind: 'denied' }>> {
  const actor = await authorization.findActorIn(tx, actorId);
  const asked = actor && (await authorization.authorize(tx, actor, 'decide_subject_request', personId));
  if (actor === undefined || asked === undefined) return { kind: 'denied', reason: 'not_found' };
  const { decision } = asked;
  return decision.allowed ? { actor, decision } : { kind: 'denied', reason: decision.reason };
}

/** Returns the change of the row; undefined for a second extension. */
function changeOf(
  { clock, secrets }: Deps,
  { id, dueAt, extendedAt }: store.SubjectRequestRow,
  { answer, reason, actorId }: AnswerSubjectRequest,
): store.RequestChange | undefined {
  const reasonSealed = sealRequestReason(secrets, id, reason);
  const now = clock.now();
  if (answer !== 'extend') return { reasonSealed, decidedBy: actorId, state: STATES[answer], decidedAt: now };
  return extendedAt === null
    ? { reasonSealed, dueAt: dueAt + SUBJECT_REQUEST_PERIOD_MS, extendedAt: now, remindedAt: null }
    : undefined;
}

interface Answered {
  row: store.SubjectRequestRow;
  actor: StaffActor;
  decision: Extract<Decision, { allowed: true }>;
}

/** Makes the effect, mails the person and records the answer. */
async function finish(
  tx: Transaction,
  deps: Deps,
  { answer, reason, address }: AnswerSubjectRequest,
  { row, actor, decision: { capacity, school } }: Answered,
): Promise<SubjectAnswerResult> {
  const state = answer === 'extend' ? 'extended' : STATES[answer];
  const { id, personId, kind } = row;
  // Before a deletion, which removes the address.
  const events = answer === 'approve' && kind === 'stop_processing' ? await stopSharing(tx, deps, row, actor) : [];
  const keptMails = await mailAboutRequest(tx, deps, row, { result: state, reason });
  if (answer === 'approve' && kind === 'deletion') {
    events.push(...(await deps.erasure.erase(tx, personId, { actorId: actor.id, keptMails })));
  }
  const detail = { request: id, kind, capacity, school, reason, before: 'open', after: state };
  const about = { actorId: actor.id, subjectId: personId, address };
  await deps.audit.append(tx, { event: `subject_request.${state}`, outcome: 'ok', ...about, detail });
  for (const event of events) {
    await deps.audit.append(tx, { ...event, address, detail: { capacity, school, request: id, ...event.detail } });
  }
  return { kind: 'done', state };
}

/** Revokes what relying parties hold about a person. New sign-ins share nothing until the person resumes. */
async function stopSharing(
  tx: Transaction,
  { clock, revocation }: Deps,
  { personId }: store.SubjectRequestRow,
  { id: actorId }: StaffActor,
): Promise<AuditEvent[]> {
  if (((await findPerson(tx, personId))?.sharingStoppedAt ?? null) !== null) return [];
  await updateSharing(tx, personId, clock.now(), clock.now());
  await destroyInteractionsOf(tx, personId);
  await revocation.revokeGrants(tx, await listGrantsByPerson(tx, personId));
  await deleteConsentsOf(tx, personId);
  return [{ event: 'personal_data.sharing_stopped', outcome: 'ok', actorId, subjectId: personId }];
}
