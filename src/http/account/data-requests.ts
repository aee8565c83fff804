import type Router from '@koa/router';
import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { MAX_REQUEST_TEXT_LENGTH, SUBJECT_REQUEST_KINDS } from '../../domain/binding/subject-requests.ts';
import { normalizeText } from '../../domain/credentials/identifiers.ts';
import type { OwnRequest } from '../../services/personal-data/requests.ts';
import type { HttpDeps } from '../deps.ts';
import { checkbox, field, parseForms, readForm } from '../forms/body.ts';
import { findMarkedRejection, redirectRejected, type FormPage } from '../forms/rejected-form.ts';
import { redirectWithNotice, takeNotice, takeNoticeText } from '../pages/page-notice.ts';
import { ownerOf, requireRecentSignIn, requireSignIn, type SignedInPerson } from './session.ts';

const PATH = '/account/data/requests';
const kind = z.enum(SUBJECT_REQUEST_KINDS);
const requestForm = z.object({ kind, what: field, why: field, confirmed: checkbox, edit: checkbox });
type Sent = z.infer<typeof requestForm>;
type Typed = Pick<Sent, 'kind' | 'what' | 'why'>;

/** Adds the requests for correction, stop of processing and deletion: form, confirmation, receipt, withdrawal. */
export function addDataRequestRoutes(router: Router, deps: HttpDeps): void {
  const forms = parseForms();
  router.get(
    '/data/requests/new',
    requireRecentSignIn(deps, (ctx, signedIn) => showForm(deps, ctx, signedIn), {
      returnPath: (ctx) => `${PATH}/new?${new URLSearchParams(ctx.querystring).toString()}`,
    }),
  );
  router.post(
    '/data/requests',
    forms,
    requireRecentSignIn(deps, (ctx, signedIn) => submitRequest(deps, ctx, signedIn), {
      returnPath: (ctx) => formPathOf(readForm(ctx, requestForm).kind),
      typedForm: (ctx) => {
        const { kind: asked, what, why } = readForm(ctx, requestForm);
        return { path: formPathOf(asked), fields: { what, why } };
      },
    }),
  );
  router.get(
    '/data/requests/:id',
    requireSignIn(deps, (ctx, { facts }) => showReceipt(deps, ctx, facts.id)),
  );
  router.post(
    '/data/requests/:id/withdraw',
    forms,
    requireRecentSignIn(
      deps,
      async (ctx, { facts }) => {
        const { id } = await find(deps, ctx, facts.id);
        await deps.subjectRequests.withdraw(facts.id, id, ctx.ip);
        redirectWithNotice(deps, ctx, `${PATH}/${id}`, 'withdrawn');
      },
      { returnPath: () => '/account/data' },
    ),
  );
}

const formPathOf = (asked: Sent['kind']): string => `${PATH}/new?kind=${asked}`;

function formPageOf({ sessionHash }: SignedInPerson, asked: Sent['kind']): FormPage {
  return { path: `${PATH}/new`, owner: `${sessionHash} ${asked}` };
}

async function showForm(deps: HttpDeps, ctx: Context, signedIn: SignedInPerson): Promise<void> {
  const asked = kind.safeParse(ctx.query['kind']);
  if (!asked.success) throw createError(404, 'no such kind of request');
  const { what, why = '' } = await deps.unsentForms.find(ownerOf(signedIn), formPathOf(asked.data));
  const kept = { kind: asked.data, what: what ?? '', why };
  const isSubmitted = what !== undefined && ctx.query['step'] === 'check';
  const errors = isSubmitted ? problemsOf(deps, ctx, kept) : {};
  const isRejected = Object.keys(errors).length > 0;
  const rejection = findMarkedRejection(deps, ctx, formPageOf(signedIn, asked.data));
  const notice = takeNoticeText(deps, ctx, 'confirmed', 'data.notice.confirmed');
  render(deps, ctx, kept, {
    ...{ errors, notice, isConfirmation: isSubmitted && !isRejected },
    ...{ alert: rejection?.alert, status: isRejected ? 422 : (rejection?.status ?? 200) },
  });
}

/**
 * The first submission leads to a page that shows what will happen or what is wrong, the second sends the request. The page is answered to
 * a GET, so that a reload and the history of the browser send nothing again.
 */
async function submitRequest(deps: HttpDeps, ctx: Context, signedIn: SignedInPerson): Promise<void> {
  const sent = readForm(ctx, requestForm);
  deps.rateLimiter.admitPerson('account', ownerOf(signedIn));
  const isRejected = Object.keys(problemsOf(deps, ctx, sent)).length > 0;
  if (sent.edit || isRejected || !sent.confirmed) {
    const path = formPathOf(sent.kind);
    await deps.unsentForms.keep(ownerOf(signedIn), path, { what: sent.what, why: sent.why });
    redirect(ctx, sent.edit ? path : `${path}&step=check`);
    return;
  }
  const request = {
    personId: signedIn.facts.id,
    kind: sent.kind,
    what: sent.what.trim(),
    why: sent.why.trim(),
    address: ctx.ip,
    lang: deps.pages.langOf(ctx),
  };
  const result = await deps.subjectRequests.create(request);
  if (result.kind === 'too_many') {
    await deps.unsentForms.keep(ownerOf(signedIn), formPathOf(sent.kind), { what: sent.what, why: sent.why });
    const rejection = { status: 429, alert: deps.pages.t(ctx, 'dataRequest.tooMany') };
    redirectRejected(deps, ctx, formPageOf(signedIn, sent.kind), rejection, `?kind=${sent.kind}&rejected`);
    return;
  }
  await deps.unsentForms.delete(ownerOf(signedIn));
  // A repeated submission leads to the request that is open.
  redirectWithNotice(deps, ctx, `${PATH}/${result.id}`, result.kind);
}

/** A correction needs to say what is wrong. */
function problemsOf({ pages }: HttpDeps, ctx: Context, sent: Typed): Record<string, string> {
  const tooLong = pages.t(ctx, 'dataRequest.tooLong', { max: MAX_REQUEST_TEXT_LENGTH });
  return {
    ...(normalizeText(sent.what) === '' ? { what: pages.t(ctx, 'dataRequest.missing') } : {}),
    ...(sent.what.length > MAX_REQUEST_TEXT_LENGTH ? { what: tooLong } : {}),
    ...(sent.why.length > MAX_REQUEST_TEXT_LENGTH ? { why: tooLong } : {}),
  };
}

interface FormState {
  isConfirmation?: boolean;
  errors?: Record<string, string>;
  alert?: string | undefined;
  notice?: string | undefined;
  status?: number;
}

function render({ pages }: HttpDeps, ctx: Context, sent: Typed, state: FormState): void {
  ctx.state['pagePath'] = formPathOf(sent.kind);
  const { kind: asked, what, why } = sent;
  const { isConfirmation = false, errors = {}, alert, notice, status = 200 } = state;
  pages.show(
    ctx,
    'account/data-request',
    { kind: asked, isConfirmation, values: { what, why }, errors, alert, notice },
    status,
  );
}

const RECEIPT_NOTICES = ['created', 'open', 'withdrawn'] as const;

async function showReceipt(deps: HttpDeps, ctx: Context, personId: string): Promise<void> {
  const {
    id,
    kind: asked,
    state,
    what,
    why,
    reason,
    createdAt,
    dueAt,
    extendedAt,
    decidedAt,
  } = await find(deps, ctx, personId);
  const taken = takeNotice(deps, ctx, RECEIPT_NOTICES);
  deps.pages.show(ctx, 'account/data-receipt', {
    ...{ id, kind: asked, state, what, why, reason, createdAt, dueAt, extendedAt, decidedAt },
    notice: taken && deps.pages.t(ctx, `dataRequest.notice.${taken.name}`),
  });
}

const pathParams = z.object({ id: z.string().max(100) });

/** @throws {HttpError} 404 for requests of other people, as for unknown ones */
async function find(deps: HttpDeps, ctx: Context, personId: string): Promise<OwnRequest> {
  const { id } = pathParams.parse(ctx['params']);
  const request = id.includes('\0') ? undefined : await deps.subjectRequests.find(personId, id);
  if (request === undefined) throw createError(404, 'the person has no such request');
  return request;
}

function redirect(ctx: Context, url: string): void {
  ctx.status = 303;
  ctx.redirect(url);
}
