import { setTimeout as delay } from 'node:timers/promises';
import Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { cookieNames, UNSIGNED_COOKIE } from '../../oidc/options/cookies.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import { HashQueueFullError } from '../../platform/errors.ts';
import { LINK_MINUTES, type OpenLink } from '../../services/authentication/password-reset.ts';
import type { CheckedAttempt } from '../../services/authentication/human-check-demand.ts';
import { deviceOf } from '../account/device-name.ts';
import { otherSignInUrl } from '../account/session.ts';
import type { HttpDeps } from '../deps.ts';
import { field, parseForms, readForm } from '../forms/body.ts';
import { humanCheckField, humanCheckFor, rejectUnchecked } from '../forms/human-check.ts';
import { readDeviceToken, rememberDevice } from '../forms/known-device-cookie.ts';
import {
  busyProblem,
  formErrors,
  newPasswordFields,
  passwordFormLocals,
  policyErrors,
  throttledText,
  type FormProblem,
} from '../forms/password-form.ts';

const requestForm = z.object({ login: field, ...humanCheckField });
/** `link` is the hash of the token, so the page of an older link cannot set a password with a newer link. */
const resetForm = newPasswordFields.extend({ link: field });
const tokenShape = z.string().regex(/^[A-Za-z0-9_-]{43}$/);
const RESET_PATH = '/reset-password';

/** Longer than creating a link takes, so the response time does not show whether an account exists. */
const MIN_RESPONSE_MS = 300;

/** The pages of a password reset: request a link, open it, set a new password. */
export function createPasswordResetRouter(deps: HttpDeps): Router {
  const router = new Router();
  const forms = parseForms();
  router.get('/forgot-password', (ctx) => showRequestForm(deps, ctx, '', { status: 200 }));
  router.post('/forgot-password', forms, (ctx) => submitRequestForm(deps, ctx));
  router.get(RESET_PATH, async (ctx) => {
    ctx.state['pagePath'] = RESET_PATH;
    if (ctx.query['token'] !== undefined) {
      await exchangeToken(deps, ctx);
      return;
    }
    const link = await findLink(deps, tokenOf(ctx));
    if (link === undefined) expireLink(deps, ctx);
    else await showResetForm(deps, ctx, link);
  });
  router.post(RESET_PATH, forms, (ctx) => submitResetForm(deps, ctx));
  return router;
}

async function showRequestForm(
  deps: HttpDeps,
  ctx: Context,
  login: string,
  problem: FormProblem & { humanCheck?: string },
): Promise<void> {
  const { status, errors = {}, alert, humanCheck = await humanCheckFor(deps, attemptOf(ctx, login)) } = problem;
  const locals = { action: '/forgot-password', values: { login }, errors, alert, humanCheck, signInUrl: '/account' };
  deps.pages.show(ctx, 'password-reset/request', locals, status);
}

function attemptOf(ctx: Context, login: string): CheckedAttempt {
  return { form: 'forgot-password', login, address: ctx.ip, device: readDeviceToken(ctx) };
}

/** Every request counts for the human check: the page must not show which ones sent a mail. */
async function submitRequestForm(deps: HttpDeps, ctx: Context): Promise<void> {
  const { pages, passwordReset, humanCheckDemand } = deps;
  ctx.state['pagePath'] = '/forgot-password';
  const { login, human_check: value } = readForm(ctx, requestForm);
  if (login.trim() === '') {
    return showRequestForm(deps, ctx, login, { status: 422, errors: { login: pages.t(ctx, 'required.login') } });
  }
  const attempt = attemptOf(ctx, login);
  const isRequired = await humanCheckDemand.isRequired(attempt);
  const unchecked = isRequired ? await rejectUnchecked(deps, ctx, 'forgot-password', value) : undefined;
  if (unchecked !== undefined) return showRequestForm(deps, ctx, login, { status: 422, ...unchecked });
  humanCheckDemand.count(attempt);
  await Promise.all([passwordReset.request(login, ctx.ip, deviceOf(ctx)), delay(MIN_RESPONSE_MS)]);
  pages.show(ctx, 'password-reset/sent', { minutes: LINK_MINUTES });
}

interface Link extends OpenLink {
  token: string;
}

async function findLink({ passwordReset }: HttpDeps, token: string | undefined): Promise<Link | undefined> {
  const open = token === undefined ? undefined : await passwordReset.find(token);
  return open && token !== undefined ? { ...open, token } : undefined;
}

/**
 * Moves the token of a reset link from the URL into a cookie. A URL gets into the history, the `Referer` header and the logs of
 * proxies. The link itself stays unused. Any page can send the browser here, so an invalid link does not replace a valid one.
 */
async function exchangeToken(deps: HttpDeps, ctx: Context): Promise<void> {
  const link = await findLink(deps, tokenShape.safeParse(ctx.query['token']).data);
  if (link !== undefined) keepToken(ctx, link);
  ctx.set('cache-control', 'no-store');
  ctx.status = 303;
  ctx.redirect(RESET_PATH);
}

/** Stores the token until the link expires. */
function keepToken(ctx: Context, { token, expiresAt }: Link): void {
  ctx.cookies.set(cookieNames(ctx.secure).reset, token, { ...UNSIGNED_COOKIE, expires: new Date(expiresAt) });
}

function forgetToken(ctx: Context): void {
  ctx.cookies.set(cookieNames(ctx.secure).reset, null, UNSIGNED_COOKIE);
}

function tokenOf(ctx: Context): string | undefined {
  return tokenShape.safeParse(ctx.cookies.get(cookieNames(ctx.secure).reset)).data;
}

async function showResetForm(
  deps: HttpDeps,
  ctx: Context,
  link: Link,
  problem: FormProblem = { status: 200 },
): Promise<void> {
  const locals = {
    action: RESET_PATH,
    link: hashId(link.token),
    account: link.account,
    purpose: link.purpose,
    ...(await passwordFormLocals(deps, problem)),
  };
  deps.pages.show(ctx, 'password-reset/new-password', locals, problem.status);
}

function expireLink({ pages }: HttpDeps, ctx: Context): void {
  forgetToken(ctx);
  showExpired(pages, ctx);
}

function showExpired(pages: HttpDeps['pages'], ctx: Context): void {
  pages.show(ctx, 'password-reset/expired', { requestUrl: '/forgot-password' }, 410);
}

async function submitResetForm(deps: HttpDeps, ctx: Context): Promise<void> {
  ctx.state['pagePath'] = RESET_PATH;
  const open = await findLink(deps, tokenOf(ctx));
  if (open === undefined) {
    expireLink(deps, ctx);
    return;
  }
  const { link, ...typed } = readForm(ctx, resetForm);
  if (link !== hashId(open.token)) {
    showExpired(deps.pages, ctx);
    return;
  }
  const errors = formErrors(deps, ctx, typed, false);
  if (Object.keys(errors).length > 0) {
    await showResetForm(deps, ctx, open, { status: 422, errors });
    return;
  }
  try {
    await useLink(deps, ctx, open, typed.new_password);
  } catch (error) {
    if (!(error instanceof HashQueueFullError)) throw error;
    await showResetForm(deps, ctx, open, busyProblem(deps, ctx, typed));
  }
}

async function useLink(deps: HttpDeps, ctx: Context, link: Link, next: string): Promise<void> {
  const result = await deps.passwordReset.complete(link.token, next, ctx.ip, deviceOf(ctx));
  switch (result.kind) {
    case 'changed':
      forgetToken(ctx);
      rememberDevice(deps, ctx, result.personId);
      deps.pages.show(ctx, 'password-reset/done', {
        // The browser may be signed in as another person, for example with the school account of the family.
        signInUrl: link.purpose === 'setup' ? '/console' : otherSignInUrl(deps),
        purpose: link.purpose,
      });
      return;
    case 'expired':
      expireLink(deps, ctx);
      return;
    case 'throttled':
      await showResetForm(deps, ctx, link, { status: 429, alert: throttledText(deps, ctx, result.until) });
      return;
    case 'invalid':
      await showResetForm(deps, ctx, link, {
        status: 422,
        errors: await policyErrors(deps, ctx, result.problems),
      });
  }
}
