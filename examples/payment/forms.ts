/** The forms that pay bills. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { RouterContext } from '@koa/router';
import { z } from 'zod';
import { isFromOurPage, type AppDeps, type AuthenticatedRequest, type Renewal } from '../shared/request-context.ts';
import { MAX_AUTH_AGE_SECONDS } from './access.ts';
import type { Transaction } from './bills.ts';

const payForm = z.object({ csrf: z.string().max(200) });

/** Returns true if the form contains the secret of the session and no other origin sent it. */
export function isOurForm({ ctx, session }: AuthenticatedRequest, baseUrl: string): boolean {
  const form = payForm.safeParse(ctx.request.body);
  if (!form.success || !isFromOurPage(ctx, baseUrl)) return false;
  const given = Buffer.from(form.data.csrf);
  const known = Buffer.from(session.csrf);
  return given.length === known.length && timingSafeEqual(given, known);
}

/** Requests a recent sign-in, and returns to the page with a request to submit again. */
export function recentSignIn(ctx: RouterContext): Renewal {
  return { maxAge: MAX_AUTH_AGE_SECONDS, returnTo: `${ctx.path}?confirm=1` };
}

export function newTransaction(deps: AppDeps, { ctx, context }: AuthenticatedRequest): Transaction {
  const t = deps.pages.translate(ctx, context);
  return { id: randomBytes(12).toString('base64url'), payer: context.person.name ?? t('payerUnnamed') };
}

/** Shows why nothing was paid. */
export async function refuse(
  deps: AppDeps,
  { ctx, context }: AuthenticatedRequest,
  why: 'mayNotPay' | 'stale',
): Promise<void> {
  const t = deps.pages.translate(ctx, context);
  const actions = [{ label: t('back'), href: ctx.path }];
  await deps.pages.message(ctx, { status: 403, title: t('notPaidTitle'), text: t(why), actions }, context);
}
