import type Router from '@koa/router';
import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { FAMILY_REQUEST_KINDS } from '../../domain/binding/family-notices.ts';
import { canSeeFamilyRequests, type FamilyRequest } from '../../services/console/family-requests.ts';
import type { HttpDeps } from '../deps.ts';
import { field, parseForms, readForm } from '../forms/body.ts';
import { takeNoticeText } from '../pages/page-notice.ts';
import { SAVED, confirmChange, confirmationFields, type Applied } from './confirmation.ts';
import { pathIdOf } from './path-id.ts';
import { nextRequestsUrl, requestPositionOf } from './request-page.ts';
import { ACTION_MAX_AGE_MS, FORM_MAX_AGE_MS, requireStaff, type SignedInStaff } from './session.ts';

const PATH = '/console/family-requests';

const requestForm = z.object({ at: field }).extend(confirmationFields.shape);

/** The requests of families to the registrar: to end a guardianship, and reports of wrong data. */
export function addFamilyRequestRoutes(router: Router, deps: HttpDeps): void {
  router.get(
    '/family-requests',
    requireStaff(deps, (ctx, staff) => showFamilyRequests(deps, ctx, staff)),
  );
  for (const kind of FAMILY_REQUEST_KINDS) {
    router.get(
      `/family-requests/${kind}/:id`,
      requireStaff(deps, (ctx, staff) => showClosing(deps, ctx, staff, kind), FORM_MAX_AGE_MS),
    );
    router.post(
      `/family-requests/${kind}/:id`,
      parseForms(),
      requireStaff(deps, (ctx, staff) => closeRequest(deps, ctx, staff, kind), ACTION_MAX_AGE_MS),
    );
  }
}

async function showFamilyRequests(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  if (!canSeeFamilyRequests(actor)) throw createError(404, 'this capacity has no requests of families');
  const after = requestPositionOf(ctx);
  const { requests, next } = await deps.console.familyRequests.list(actor, after);
  deps.pages.show(ctx, 'console/family-requests', {
    requests,
    nextUrl: nextRequestsUrl(PATH, next),
    notice: takeNoticeText(deps, ctx, SAVED, 'familyRequests.closed'),
  });
}

async function showClosing(
  deps: HttpDeps,
  ctx: Context,
  staff: SignedInStaff,
  kind: FamilyRequest['kind'],
): Promise<void> {
  const request = await loadRequest(deps, ctx, staff, kind);
  await confirmClosing(deps, ctx, staff.actor.id, request, { at: String(request.at), reason: '', confirmed: false });
}

async function closeRequest(
  deps: HttpDeps,
  ctx: Context,
  staff: SignedInStaff,
  kind: FamilyRequest['kind'],
): Promise<void> {
  const request = await loadRequest(deps, ctx, staff, kind);
  await confirmClosing(deps, ctx, staff.actor.id, request, readForm(ctx, requestForm));
}

async function loadRequest(
  deps: HttpDeps,
  ctx: Context,
  { actor }: SignedInStaff,
  kind: FamilyRequest['kind'],
): Promise<FamilyRequest> {
  const request = await deps.console.familyRequests.find(actor, kind, pathIdOf(ctx));
  if (request === undefined) throw createError(404, 'no such request in the scope of this member of staff');
  return request;
}

async function confirmClosing(
  deps: HttpDeps,
  ctx: Context,
  actorId: string,
  { kind, id, student, guardian, text }: FamilyRequest,
  sent: z.infer<typeof requestForm>,
): Promise<void> {
  const { pages } = deps;
  const apply = async (reason: string): Promise<Applied> => {
    const closing = { actorId, kind, id, at: Number(sent.at), reason, address: ctx.ip };
    const result = await deps.console.familyRequests.close(closing);
    if (result.kind === 'done') return undefined;
    if (result.kind === 'denied') return { status: 403, alert: pages.t(ctx, `console.denied.${result.reason}`) };
    return { status: 409, alert: pages.t(ctx, 'requests.closedMeanwhile') };
  };
  const people = guardian === undefined ? student.name : `${guardian.name} → ${student.name}`;
  await confirmChange(
    deps,
    ctx,
    {
      section: 'person',
      title: pages.t(ctx, `familyRequests.close.${kind}`),
      effects: [people, ...(text === '' ? [] : [text]), pages.t(ctx, `familyRequests.effect.${kind}`)],
      changes: [],
      action: `${PATH}/${kind}/${id}`,
      fields: { at: sent.at },
      cancelUrl: PATH,
    },
    sent,
    { apply, doneUrl: PATH },
  );
}
