import { administersCity, decideOnApplication, type Decision, type DenialReason } from '../../domain/access/policy.ts';
import { nextApplicationState, type ApplicationState, type ReviewDecision } from '../../domain/binding/application.ts';
import type { Clock } from '../../domain/clock.ts';
import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { findApplication, updateApplication } from '../../store/binding/applications.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';
import type { Authorization, StaffActor } from '../console/authorization.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { sealText } from './applicant-data.ts';
import { lockAndCheck, retryOnConflict } from './application-lock.ts';
import type { CheckedApplication } from './application-check.ts';
import type { Approve, ApprovedApplicant } from './approval.ts';

interface ReviewRequest {
  actorId: string;
  applicationId: string;
  decision: ReviewDecision;
  /** Required to return or reject; the family reads it. */
  reason: string;
  /** The version of the application that the form was shown for. */
  version: number;
  address: string;
}

export type ReviewResult =
  | { kind: 'done'; state: ApplicationState; applicants: readonly ApprovedApplicant[] }
  | { kind: 'denied'; reason: DenialReason }
  /** The family or a colleague changed the application after the form was shown. Nothing was done. */
  | { kind: 'changed_meanwhile' }
  /** A conflict forbids the approval. Nothing was done. */
  | { kind: 'blocked' };

/** Decides about applications of families. */
export interface Review {
  /** Decides once. An approval makes the guardianships in the same transaction. */
  decide(request: ReviewRequest): Promise<ReviewResult>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
  audit: Audit;
  outbox: Outbox;
  authorization: Authorization;
  approve: Approve;
  issuer: string;
}

/** Returns true if a member of staff reviews applications. */
export function canReview(actor: StaffActor): boolean {
  return administersCity(actor) || actor.capacities.some(({ capacity }) => capacity !== 'it_desk');
}

export function createReview(deps: Deps): Review {
  return {
    decide: (request) => retryOnConflict(() => deps.store.write((tx) => decideIn(deps, tx, request))),
  };
}

async function decideIn(deps: Deps, tx: Transaction, request: ReviewRequest): Promise<ReviewResult> {
  const { authorization } = deps;
  const checked = await findSubmitted(deps, tx, request.applicationId);
  const actor = await authorization.findActorIn(tx, request.actorId);
  if (actor === undefined || checked === undefined) return { kind: 'denied', reason: 'not_found' };
  const decision = await authorizeReview(tx, authorization, actor, checked);
  if (!decision.allowed) return { kind: 'denied', reason: decision.reason };
  const { version, state: before } = checked.application;
  const state = nextApplicationState(before, request.decision);
  if (version !== request.version || state === undefined) return { kind: 'changed_meanwhile' };
  if (request.decision === 'approve' && checked.isBlocked) return { kind: 'blocked' };
  if (!(await storeDecision(deps, tx, checked, request, state))) return { kind: 'changed_meanwhile' };
  const isApproved = state === 'approved';
  const approval = isApproved ? await deps.approve(tx, checked, actor.id) : { applicants: [], events: [] };
  if (!isApproved) await notifyApplicants(deps, tx, checked, { state, reason: request.reason });
  await recordReview(deps, tx, {
    ...request,
    actor,
    allowed: decision,
    state,
    checked,
    events: approval.events,
  });
  return { kind: 'done', state, applicants: approval.applicants };
}

/** Returns an application that was submitted, with the people whom it concerns locked. */
async function findSubmitted(deps: Deps, tx: Transaction, id: string): Promise<CheckedApplication | undefined> {
  const application = await findApplication(tx, id);
  const isSubmitted = application !== undefined && application.submittedAt !== null;
  return isSubmitted ? lockAndCheck(tx, deps, application) : undefined;
}

interface ReviewRecord extends ReviewRequest {
  actor: StaffActor;
  allowed: Extract<Decision, { allowed: true }>;
  state: ApplicationState;
  checked: CheckedApplication;
  events: readonly AuditEvent[];
}

async function recordReview({ audit }: Deps, tx: Transaction, record: ReviewRecord): Promise<void> {
  const { actor, address, allowed, reason, state: after } = record;
  const { application, student } = record.checked;
  const { capacity } = allowed;
  const school = allowed.school === '' ? application.schoolCode : allowed.school;
  await audit.append(tx, {
    event: 'staff.review_application',
    outcome: 'ok',
    actorId: actor.id,
    subjectId: student.id,
    address,
    detail: { application: application.id, capacity, school, reason, before: application.state, after },
  });
  for (const event of record.events) await audit.append(tx, { ...event, address });
}

/** Asks the policy about the student, the applicants and the guardians. */
export async function authorizeReview(
  tx: Transaction,
  authorization: Authorization,
  actor: StaffActor,
  { student, beneficiaryIds }: CheckedApplication,
): Promise<Decision> {
  const authorized = await authorization.authorize(tx, actor, 'review_application', student.id);
  if (authorized === undefined) return { allowed: false, reason: 'not_found' };
  return decideOnApplication(actor, authorized.target, authorized.policy, beneficiaryIds);
}

function storeDecision(
  { clock, secrets }: Deps,
  tx: Transaction,
  { application }: CheckedApplication,
  { actorId, reason }: ReviewRequest,
  state: ApplicationState,
): Promise<boolean> {
  const now = clock.now();
  const reasonSealed = reason === '' ? null : sealText(secrets, 'reason', application, reason);
  return updateApplication(tx, application, { state, reasonSealed, decidedAt: now, decidedBy: actorId }, now);
}

/** Mails the applicants that the application was returned or rejected, and why. Each address gets one mail. */
async function notifyApplicants(
  { outbox, issuer }: Deps,
  tx: Transaction,
  { application, student, applicants }: CheckedApplication,
  { state, reason }: { state: ApplicationState; reason: string },
): Promise<void> {
  const account = await people.findPerson(tx, application.accountId);
  const lang = account?.locale ?? DEFAULT_LANGUAGE;
  for (const { row, data } of applicants) {
    if (row.emailVerifiedAt === null) continue;
    const result = state === 'returned' ? 'returned' : 'rejected';
    const locals = { name: data.name, student: student.name, result, reason, link: `${issuer}/binding` };
    await outbox.enqueue(tx, { kind: 'mail', to: data.email, lang, template: 'application-decided', locals });
  }
}
