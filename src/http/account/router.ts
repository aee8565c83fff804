import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import type { HttpDeps } from '../deps.ts';
import { field, parseForms, readForm } from '../forms/body.ts';
import { addChangeRoutes } from './changes.ts';
import { addChildRoutes } from './children.ts';
import { addContactRoutes } from './contacts.ts';
import { addGuardianRoutes } from './guardians.ts';
import { addDataRoutes } from './data.ts';
import { showOverview, type Notice } from './overview.ts';
import { changePassword, showPassword } from './password.ts';
import { showSignIns } from './sign-ins.ts';
import { hideFromSchoolAccounts, requireRecentSignIn, requireSignIn, signedInCallback } from './session.ts';

const sessionForm = z.object({ session: field });
const appForm = z.object({ app: field });

/** The pages of the person's own account. A revocation takes effect at once at every endpoint. */
export function createAccountRouter(deps: HttpDeps): Router {
  const router = new Router({ prefix: '/account' });
  router.get(
    '/',
    requireSignIn(deps, (ctx, signedIn) => showOverview(deps, ctx, signedIn)),
  );
  router.use(['/contacts', '/email', '/language'], hideFromSchoolAccounts(deps));
  router.get('/callback', signedInCallback(deps));
  router.get(
    '/password',
    requireSignIn(deps, (ctx, signedIn) => showPassword(deps, ctx, signedIn)),
  );
  addChangeRoutes(router, deps);
  addContactRoutes(router, deps);
  addChildRoutes(router, deps);
  addGuardianRoutes(router, deps);
  addDataRoutes(router, deps);
  router.get(
    '/sign-ins',
    requireSignIn(deps, (ctx, signedIn) => showSignIns(deps, ctx, signedIn)),
  );
  router.post('/password', parseForms(), (ctx) => changePassword(deps, ctx));
  addRevocationRoutes(router, deps);
  return router;
}

function addRevocationRoutes(router: Router, deps: HttpDeps): void {
  const { access } = deps;
  const forms = parseForms();
  router.post(
    '/sessions/revoke',
    languageLinkToAccount,
    forms,
    requireRecentSignIn(deps, async (ctx, { facts }) => {
      await access.revokeSession(facts.id, readForm(ctx, sessionForm).session, ctx.ip);
      redirectWithNotice(ctx, 'sessionEnded');
    }),
  );
  router.post(
    '/sessions/revoke-others',
    languageLinkToAccount,
    requireRecentSignIn(deps, async (ctx, { facts, sessionHash }) => {
      // Each request gives the session a new id, so it is counted per person.
      deps.rateLimiter.admitPerson('account', { personId: facts.id, sessionHash });
      deps.oidc.setSessionCookie(ctx, await access.revokeOtherSessions(facts.id, sessionHash, ctx.ip));
      redirectWithNotice(ctx, 'othersEnded');
    }),
  );
  router.post(
    '/second-factor-removal/cancel',
    languageLinkToAccount,
    requireSignIn(deps, async (ctx, { facts }) => {
      const isCanceled = await deps.console.secondFactorRemovals.cancel(facts.id, ctx.ip);
      if (isCanceled) redirectWithNotice(ctx, 'removalCanceled');
      else ctx.redirect('/account');
    }),
  );
  router.post(
    '/apps/revoke',
    languageLinkToAccount,
    forms,
    requireRecentSignIn(deps, async (ctx, { facts }) => {
      await access.revokeApp(facts.id, readForm(ctx, appForm).app, ctx.ip);
      redirectWithNotice(ctx, 'appRevoked');
    }),
  );
}

/** These paths accept POST only, so language links of their error pages lead to the account. */
const languageLinkToAccount: Middleware = (ctx, next) => {
  ctx.state['pagePath'] = '/account';
  return next();
};

/** A repeated submission finds nothing to revoke and shows the same notice. */
function redirectWithNotice(ctx: Context, notice: Notice): void {
  ctx.status = 303;
  ctx.redirect(`/account?done=${notice}`);
}
