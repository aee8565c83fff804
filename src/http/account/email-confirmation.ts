import type Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { MINUTE_MS } from '../../domain/duration.ts';
import { cookieNames, UNSIGNED_COOKIE } from '../../oidc/options/cookies.ts';
import { CONFIRMATION_MINUTES } from '../../services/people/contacts.ts';
import type { HttpDeps } from '../deps.ts';
import { CONTACTS_PATH, redirectToContacts } from './contact-notice.ts';
import { deviceOf } from './device-name.ts';
import { requireRecentSignIn, type requireSignIn, type SignedInPerson } from './session.ts';

const CONFIRM_PATH = '/account/email/confirm';
const tokenShape = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** Adds the page of the link that confirms a new email address. */
export function addEmailConfirmationRoutes(router: Router, deps: HttpDeps): void {
  router.get('/email/confirm', (ctx, next) => exchangeToken(ctx, next), showConfirmation(deps));
  router.post(
    '/email/confirm',
    requireRecentSignIn(deps, (ctx, signedIn) => confirmEmail(deps, ctx, signedIn), AFTER_CONFIRMATION),
  );
}

/**
 * Moves the token of the link from the URL into a cookie, because a URL gets into the history, and a sign-in may come first. Programs that
 * check links open them, so the link itself changes nothing: the page has a button.
 */
async function exchangeToken(ctx: Context, next: () => Promise<unknown>): Promise<void> {
  if (ctx.query['token'] === undefined) {
    await next();
    return;
  }
  const token = tokenShape.safeParse(ctx.query['token']).data;
  if (token !== undefined) {
    const maxAge = CONFIRMATION_MINUTES * MINUTE_MS;
    ctx.cookies.set(cookieNames(ctx.secure).emailConfirmation, token, { ...UNSIGNED_COOKIE, maxAge });
  }
  ctx.set('cache-control', 'no-store');
  ctx.status = 303;
  ctx.redirect(CONFIRM_PATH);
}

function tokenOf(ctx: Context): string {
  return tokenShape.safeParse(ctx.cookies.get(cookieNames(ctx.secure).emailConfirmation)).data ?? '';
}

const AFTER_CONFIRMATION = { returnPath: () => CONFIRM_PATH };

/**
 * Only the person who asked for the link can use it. A forwarded link confirms no address for another account. The sign-in must be recent
 * again, because the new address can reset the password: a copied session cookie soon becomes too old.
 */
function showConfirmation(deps: HttpDeps): ReturnType<typeof requireSignIn> {
  return requireRecentSignIn(
    deps,
    async (ctx, { facts }) => {
      const email = await deps.contacts.findEmail(facts.id, tokenOf(ctx));
      if (email === undefined) showExpired(deps, ctx, 'expired');
      else deps.pages.show(ctx, 'account/contacts-confirm', { email });
    },
    AFTER_CONFIRMATION,
  );
}

async function confirmEmail(deps: HttpDeps, ctx: Context, { facts, sessionHash }: SignedInPerson): Promise<void> {
  ctx.state['pagePath'] = CONFIRM_PATH;
  const result = await deps.contacts.confirmEmail({
    personId: facts.id,
    sessionHash,
    token: tokenOf(ctx),
    address: ctx.ip,
    deviceName: deviceOf(ctx),
    lang: deps.pages.langOf(ctx),
  });
  ctx.cookies.set(cookieNames(ctx.secure).emailConfirmation, null, UNSIGNED_COOKIE);
  if (result === 'changed') redirectToContacts(deps, ctx, 'emailChanged', {});
  else showExpired(deps, ctx, result);
}

function showExpired({ pages }: HttpDeps, ctx: Context, why: 'expired' | 'taken'): void {
  const actions = [{ label: pages.t(ctx, 'contacts.back'), href: CONTACTS_PATH, primary: true }];
  const status = why === 'expired' ? 410 : 409;
  const title = pages.t(ctx, `contacts.linkTitle.${why}`);
  pages.show(ctx, 'message', { title, text: pages.t(ctx, `contacts.linkText.${why}`), actions, status }, status);
}
