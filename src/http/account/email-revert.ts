import type Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import { cookieNames, UNSIGNED_COOKIE } from '../../oidc/options/cookies.ts';
import type { HttpDeps } from '../deps.ts';

const REVERT_PATH = '/account/email/revert';
const tokenShape = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** Adds the page of the link that takes back a change of the email address. It needs no sign-in: a thief may know the password. */
export function addEmailRevertRoutes(router: Router, deps: HttpDeps): void {
  router.get('/email/revert', async (ctx) => {
    ctx.state['pagePath'] = REVERT_PATH;
    if (ctx.query['token'] !== undefined) {
      await exchangeToken(deps, ctx);
      return;
    }
    const found = await deps.emailReverts.find(tokenOf(ctx));
    if (found === undefined) showExpired(deps, ctx);
    else deps.pages.show(ctx, 'account/email-revert', { action: REVERT_PATH, email: found.email });
  });
  router.post('/email/revert', async (ctx) => {
    ctx.state['pagePath'] = REVERT_PATH;
    const link = await deps.emailReverts.revert(tokenOf(ctx), ctx.ip);
    ctx.cookies.set(cookieNames(ctx.secure).emailRevert, null, UNSIGNED_COOKIE);
    if (link === undefined) {
      showExpired(deps, ctx);
      return;
    }
    ctx.set('cache-control', 'no-store');
    ctx.status = 303;
    ctx.redirect(link);
  });
}

/** Moves the token from the URL into a cookie. An invalid link does not replace a valid one. */
async function exchangeToken({ emailReverts }: HttpDeps, ctx: Context): Promise<void> {
  const token = tokenShape.safeParse(ctx.query['token']).data;
  const found = token === undefined ? undefined : await emailReverts.find(token);
  if (token !== undefined && found !== undefined) {
    const options = { ...UNSIGNED_COOKIE, expires: new Date(found.expiresAt) };
    ctx.cookies.set(cookieNames(ctx.secure).emailRevert, token, options);
  }
  ctx.set('cache-control', 'no-store');
  ctx.status = 303;
  ctx.redirect(REVERT_PATH);
}

function tokenOf(ctx: Context): string {
  return tokenShape.safeParse(ctx.cookies.get(cookieNames(ctx.secure).emailRevert)).data ?? '';
}

function showExpired({ pages }: HttpDeps, ctx: Context): void {
  const title = pages.t(ctx, 'contacts.linkTitle.expired');
  const actions = [{ label: pages.t(ctx, 'contacts.back'), href: '/account/contacts', primary: true }];
  pages.show(ctx, 'message', { title, text: pages.t(ctx, 'contacts.revert.expired'), actions, status: 410 }, 410);
}
