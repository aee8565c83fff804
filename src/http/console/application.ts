import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { currentEnrollments } from '../../domain/acting/contexts.ts';
import { nextApplicationState, REVIEW_DECISIONS } from '../../domain/binding/application.ts';
import { isBlocking } from '../../domain/binding/conflicts.ts';
import { localDate } from '../../domain/clock.ts';
import { formatLocalMobile } from '../../domain/credentials/identifiers.ts';
import type { ComparedLine } from '../../presentation/page-locals/review.ts';
import type { ApplicantView, ApplicationPage, ApplicationView } from '../../services/binding/application-pages.ts';
import type { ReviewResult } from '../../services/binding/review.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm, rowVersion } from '../forms/body.ts';
import { pathIdOf } from './path-id.ts';
import { reasonProblem } from './reason.ts';
import type { SignedInStaff } from './session.ts';

/** The values and messages of the page after a form. */
interface ReviewState {
  status?: number;
  reason?: string;
  error?: string | undefined;
  alert?: string;
  notice?: string;
  results?: readonly { personId: string; name: string; notes: readonly string[] }[];
}

/** `GET /console/applications/:id`: the application next to the data of the roster. */
export async function showApplication(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const view = await deps.console.applicationPages.view(actor, pathIdOf(ctx), ctx.ip);
  renderView(deps, ctx, view, {});
}

const reviewForm = z.object({ decision: z.enum(REVIEW_DECISIONS), version: rowVersion, reason: field });

/** `POST /console/applications/:id`: approves, returns or rejects the application once. */
export async function reviewApplication(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const applicationId = pathIdOf(ctx);
  const view = await deps.console.applicationPages.load(actor, applicationId);
  if (view.kind === 'denied') {
    renderView(deps, ctx, view, {});
    return;
  }
  const { decision, version, reason } = readForm(ctx, reviewForm);
  // An approval needs no reason.
  const problem = decision === 'approve' && reason === '' ? undefined : reasonProblem(deps, ctx, reason);
  if (problem !== undefined) {
    renderView(deps, ctx, view, { status: 422, reason, error: problem });
    return;
  }
  const address = { actorId: actor.id, address: ctx.ip };
  const result = await deps.console.review.decide({
    ...{ ...address, applicationId, decision, version, reason: reason.trim() },
  });
  const current = await deps.console.applicationPages.load(actor, applicationId);
  renderView(deps, ctx, afterReview(current, view, result), outcomeOf(deps, ctx, result, reason));
}

/** A new guardian may be the reviewer's own relative now, so the page of the decision is the one from before. */
function afterReview(current: ApplicationView, before: ApplicationView, result: ReviewResult): ApplicationView {
  return result.kind === 'done' && current.kind === 'denied' ? before : current;
}

function outcomeOf({ pages }: HttpDeps, ctx: Context, result: ReviewResult, reason: string): ReviewState {
  switch (result.kind) {
    case 'done': {
      const results = result.applicants.map(({ guardianId: personId, ...one }) => ({ ...one, personId }));
      return { notice: pages.t(ctx, `review.done.${result.state}`), results };
    }
    case 'denied':
      return { status: 403, reason, alert: pages.t(ctx, `console.denied.${result.reason}`) };
    case 'changed_meanwhile':
      return { status: 409, reason, alert: pages.t(ctx, 'review.changedMeanwhile') };
    case 'blocked':
      return { status: 422, reason, alert: pages.t(ctx, 'review.blocked') };
  }
}

/** `GET /console/applications/:id/evidence/:file`: downloads a file. The browser neither shows nor runs it. */
export async function downloadEvidence(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const params: unknown = ctx['params'];
  const { file: id } = z.object({ file: z.string() }).parse(params);
  const file = { applicationId: pathIdOf(ctx), id, address: ctx.ip };
  const opened = await deps.console.applicationPages.openFile(actor, file);
  if (opened === undefined) throw createError(404, 'no such file in the scope of this member of staff');
  ctx.attachment(opened.name);
  ctx.type = opened.contentType;
  ctx.set('x-content-type-options', 'nosniff');
  ctx.set('content-security-policy', "default-src 'none'; sandbox");
  ctx.set('cache-control', 'no-store');
  ctx.body = opened.content;
}

/** @throws {HttpError} 404 for an application out of scope */
function renderView(deps: HttpDeps, ctx: Context, view: ApplicationView, state: ReviewState): void {
  const { pages } = deps;
  ctx.state['pagePath'] = `/console/applications/${pathIdOf(ctx)}`;
  if (view.kind === 'page') {
    renderApplication(deps, ctx, view.page, state);
    return;
  }
  if (view.reason === 'not_found') throw createError(404, 'no such application in the scope of this member of staff');
  const actions = [{ label: pages.t(ctx, 'review.back'), href: '/console/applications', primary: true }];
  const [title, text] = [pages.t(ctx, 'review.deniedTitle'), pages.t(ctx, `console.denied.${view.reason}`)];
  pages.show(ctx, 'message', { title, text, actions, status: 403 }, 403);
}

function renderApplication(deps: HttpDeps, ctx: Context, page: ApplicationPage, state: ReviewState): void {
  const { application, student, decidedBy, report, reason, conflicts, isBlocked } = page;
  const possible = REVIEW_DECISIONS.filter((decision) => nextApplicationState(application.state, decision));
  const all = [...conflicts, ...page.applicants.flatMap((one) => one.conflicts)];
  deps.pages.show(
    ctx,
    'console/application',
    {
      ...{
        id: application.id,
        version: application.version,
        state: application.state,
        kind: application.applicantKind,
      },
      ...{ validTo: application.validTo, submittedAt: application.submittedAt },
      decidedAt: application.state === 'withdrawn' ? undefined : application.decidedAt,
      ...{ decidedBy, report, reason, earlierDecisions: page.earlierDecisions },
      ...{ conflicts, blocking: all.filter(isBlocking) },
      student: { id: student.id, name: student.name, lines: studentLines(deps, ctx, page) },
      guardians: page.guardians.map(({ guardianId, name, relationLabel, state: guardianState }) => ({
        ...{ id: guardianId, name, relation: deps.pages.relationName(ctx, relationLabel), state: guardianState },
      })),
      applicants: page.applicants.map((one) => ({
        ...{ position: one.position, name: one.data.name, conflicts: one.conflicts },
        lines: applicantLines(deps, ctx, one),
      })),
      files: page.files.map(({ id, name, contentType, size }) => ({
        ...{
          id,
          name,
          type: contentType.replace(/^.*\//, '').toUpperCase(),
          bytes: size,
        },
      })),
      decisions: possible.filter((decision) => decision !== 'approve' || !isBlocked),
      results: state.results ?? [],
      values: { reason: state.reason ?? '' },
      errors: state.error === undefined ? {} : { reason: state.error },
      alert: state.alert,
      notice: state.notice,
    },
    state.status ?? 200,
  );
}

/** The family confirms the data of the roster as a whole, or reports what is wrong. */
function studentLines({ pages, clock }: HttpDeps, ctx: Context, page: ApplicationPage): ComparedLine[] {
  const { student, application, report } = page;
  const isConfirmed = application.studentConfirmedAt !== null && report === undefined;
  const check = pages.t(ctx, isConfirmed ? 'review.confirmed' : 'review.notConfirmed');
  const line = (key: 'name' | 'school' | 'class' | 'seat' | 'number', value: string): ComparedLine => ({
    ...{ label: pages.t(ctx, `review.item.${key}`), value, check, isDifferent: !isConfirmed },
  });
  const places = currentEnrollments(student.enrollments, localDate(clock.now()));
  return [
    line('name', student.name),
    ...places.flatMap((place) => [
      line('school', pages.schoolName(ctx, place.school) ?? place.school.code),
      line('class', pages.className(ctx, place)),
      line('seat', String(place.seat)),
      line('number', place.studentNumber),
    ]),
  ];
}

function applicantLines({ pages }: HttpDeps, ctx: Context, applicant: ApplicantView): ComparedLine[] {
  const { data, conflicts, hasAccount, isEmailVerified, nationalId } = applicant;
  const t = (key: string): string => pages.t(ctx, `review.check.${key}`);
  const has = (...names: string[]): boolean => conflicts.some((one) => names.includes(one));
  const line = (key: string, value: string, check: string, isDifferent: boolean): ComparedLine => ({
    ...{ label: pages.t(ctx, `review.item.${key}`), value, check, isDifferent },
  });
  const nameCheck = has('name_differs') ? 'nameDiffers' : 'nameEqual';
  const accountCheck = (existing: string): string =>
    hasAccount === undefined ? '' : t(hasAccount ? existing : 'noAccount');
  const emailCheck = isEmailVerified ? 'emailConfirmed' : 'emailNotConfirmed';
  return [
    line('name', data.name, accountCheck(nameCheck), has('name_differs')),
    line('relation', pages.t(ctx, `binding.relation.${data.relation}`), '', false),
    line(
      'nationalId',
      nationalId ?? t('idHidden'),
      accountCheck('accountExists'),
      has('same_person', 'student_applies', 'disabled'),
    ),
    line('mobile', formatLocalMobile(data.mobile), has('mobile_taken') ? t('taken') : '', has('mobile_taken')),
    line(
      'email',
      data.email,
      has('email_taken') ? t('taken') : t(emailCheck),
      !isEmailVerified || has('email_taken', 'same_email'),
    ),
    ...registerLines(pages, ctx, applicant),
  ];
}

/** One line for each item that the register knows. It shows nothing that the register holds. */
function registerLines(pages: HttpDeps['pages'], ctx: Context, { register }: ApplicantView): ComparedLine[] {
  if (register === undefined) return [];
  const label = pages.t(ctx, 'review.item.register');
  if (register.kind !== 'found') {
    const value = pages.t(ctx, `review.registerItem.nationalId`);
    return [{ label, value, check: pages.t(ctx, `review.registerCheck.${register.kind}`), isDifferent: true }];
  }
  const line = (key: 'nationalId' | 'name' | 'relation', isEqual: boolean): ComparedLine => ({
    ...{ label, value: pages.t(ctx, `review.registerItem.${key}`), isDifferent: !isEqual },
    check: pages.t(ctx, `review.registerCheck.${isEqual ? 'equal' : 'different'}`),
  });
  const { isNameEqual, isRelationEqual } = register;
  return [line('nationalId', true), line('name', isNameEqual), line('relation', isRelationEqual)];
}
