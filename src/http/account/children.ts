import type Router from '@koa/router';
import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { codePoints } from '../../domain/text.ts';
import type { HttpDeps } from '../deps.ts';
import { field, parseForms, readForm } from '../forms/body.ts';
import { findMarkedRejection, redirectRejected, REJECTED, type FormPage } from '../forms/rejected-form.ts';
import { redirectWithNotice, takeNotice } from '../pages/page-notice.ts';
import { guardianshipIdOf } from './guardianship-id.ts';
import { ownerOf, requireRecentSignIn, type SignedInPerson } from './session.ts';

const MAX_REASON_LENGTH = 500;
const DECISIONS = ['request', 'withdraw'] as const;
const NOTICES = [...DECISIONS, 'confirmed'] as const;
const endForm = z.object({ decision: z.enum(DECISIONS), reason: field });

/** The page on which a guardian asks the school to end the guardianship of a child. */
export function addChildRoutes(router: Router, deps: HttpDeps): void {
  router.get(
    '/children/:id',
    requireRecentSignIn(deps, (ctx, signedIn) => showChild(deps, ctx, signedIn), { returnPath: (ctx) => ctx.path }),
  );
  router.post(
    '/children/:id',
    parseForms(),
    requireRecentSignIn(deps, (ctx, signedIn) => submitEnd(deps, ctx, signedIn), {
      returnPath: (ctx) => ctx.path,
      typedForm: (ctx) => ({ path: ctx.path, fields: { reason: readForm(ctx, endForm).reason } }),
    }),
  );
}

function childPage(ctx: Context, { sessionHash }: SignedInPerson): FormPage {
  return { path: ctx.path, owner: sessionHash };
}

async function showChild(deps: HttpDeps, ctx: Context, signedIn: SignedInPerson): Promise<void> {
  const guardianshipId = guardianshipIdOf(ctx);
  const child = await deps.guardianshipEnds.find({ guardianId: signedIn.facts.id, guardianshipId });
  if (child === undefined) throw createError(404, 'no such child');
  const { reason = '' } = await deps.unsentForms.find(ownerOf(signedIn), ctx.path);
  const { status, errors = {} } = findMarkedRejection(deps, ctx, childPage(ctx, signedIn)) ?? { status: 200 };
  const taken = takeNotice(deps, ctx, NOTICES);
  deps.pages.show(
    ctx,
    'account/child',
    {
      id: guardianshipId,
      name: child.studentName,
      requestedAt: child.requestedAt,
      values: { reason },
      errors,
      notice: taken && noticeText(deps, ctx, taken.name, child.studentName),
    },
    status,
  );
}

function noticeText({ pages }: HttpDeps, ctx: Context, name: (typeof NOTICES)[number], child: string): string {
  return name === 'confirmed'
    ? pages.t(ctx, 'notice.confirmed')
    : pages.t(ctx, `guardianshipEnd.done.${name}`, { child });
}

async function submitEnd(deps: HttpDeps, ctx: Context, signedIn: SignedInPerson): Promise<void> {
  const guardianshipId = guardianshipIdOf(ctx);
  const { decision, reason } = readForm(ctx, endForm);
  if (codePoints(reason).length > MAX_REASON_LENGTH) {
    const error = deps.pages.t(ctx, 'console.reason.tooLong', { max: MAX_REASON_LENGTH });
    deps.rateLimiter.admitPerson('account', ownerOf(signedIn));
    await deps.unsentForms.keep(ownerOf(signedIn), ctx.path, { reason });
    redirectRejected(deps, ctx, childPage(ctx, signedIn), { status: 422, errors: { reason: error } }, REJECTED);
    return;
  }
  const own = { guardianId: signedIn.facts.id, guardianshipId, address: ctx.ip };
  const ends = deps.guardianshipEnds;
  const isKnown =
    decision === 'request' ? await ends.request({ ...own, reason: reason.trim() }) : await ends.withdraw(own);
  if (!isKnown) throw createError(404, 'no such child');
  await deps.unsentForms.delete(ownerOf(signedIn));
  redirectWithNotice(deps, ctx, `/account/children/${guardianshipId}`, decision);
}
