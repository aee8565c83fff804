import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import type { HttpDeps } from '../deps.ts';
import { field, parseForms, readForm } from '../forms/body.ts';
import { redirectToAccount } from './account-notice.ts';
import { addChangeRoutes } from './changes.ts';
import { addChildRoutes } from './children.ts';
import { addContactRoutes } from './contacts.ts';
import { addGuardianRoutes } from './guardians.ts';
import { addDataRoutes } from './data.ts';
import { showOverview } from './overview.ts';
import { changePassword, showPassword } from './password.ts';
import { showSignIns } from './sign-ins.ts';
import { describeUserAgent } from './device-name.ts';
import {
  continueSession,
  hideFromSchoolAccounts,
  requireRecentSignIn,
  requireSignIn,
  signedInCallback,
  type SignedInPerson,
} from './session.ts';

const sessionForm = z.object({ session: field });
const appForm = z.object({ app: field });

/** More would make the notice longer than the page needs. */
const MAX_NAMED_DEVICES = 5;

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
      const { session } = readForm(ctx, sessionForm);
      const device = await findDevice(deps, ctx, facts.id, session);
      const isEnded = await access.revokeSession(facts.id, session, ctx.ip);
      // A repeated submission finds nothing to revoke, so its notice names nothing.
      if (isEnded && device !== undefined) redirectToAccount(deps, ctx, 'deviceEnded', { device });
      else redirectToAccount(deps, ctx, 'sessionEnded');
    }),
  );
  router.post(
    '/sessions/revoke-others',
    languageLinkToAccount,
    requireRecentSignIn(deps, async (ctx, { facts, sessionHash }) => {
      // Each request gives the session a new id, so it is counted per person.
      deps.rateLimiter.admitPerson('account', { personId: facts.id, sessionHash });
      const devices = await listOtherDevices(deps, ctx, { facts, sessionHash });
      continueSession(deps, ctx, await access.revokeOtherSessions(facts.id, sessionHash, ctx.ip));
      if (devices === '') redirectToAccount(deps, ctx, 'othersEnded');
      else redirectToAccount(deps, ctx, 'devicesEnded', { devices });
    }),
  );
  router.post(
    '/second-factor-removal/cancel',
    languageLinkToAccount,
    requireSignIn(deps, async (ctx, { facts }) => {
      const isCanceled = await deps.console.secondFactorRemovals.cancel(facts.id, ctx.ip);
      if (isCanceled) redirectToAccount(deps, ctx, 'removalCanceled');
      else ctx.redirect('/account');
    }),
  );
  router.post(
    '/apps/revoke',
    languageLinkToAccount,
    forms,
    requireRecentSignIn(deps, async (ctx, { facts }) => {
      const { app } = readForm(ctx, appForm);
      const isRevoked = await access.revokeApp(facts.id, app, ctx.ip);
      redirectToAccount(deps, ctx, isRevoked ? 'namedAppRevoked' : 'appRevoked', { app });
    }),
  );
}

/** These paths accept POST only, so language links of their error pages lead to the account. */
const languageLinkToAccount: Middleware = (ctx, next) => {
  ctx.state['pagePath'] = '/account';
  return next();
};

async function findDevice(
  deps: HttpDeps,
  ctx: Context,
  personId: string,
  sessionHash: string,
): Promise<string | undefined> {
  const session = (await deps.access.listSessions(personId)).find((one) => one.sessionHash === sessionHash);
  return session && describeUserAgent(deps, ctx, session.userAgent);
}

/** Names the devices of the other sessions, each once. */
async function listOtherDevices(
  deps: HttpDeps,
  ctx: Context,
  { facts, sessionHash }: Pick<SignedInPerson, 'facts' | 'sessionHash'>,
): Promise<string> {
  const sessions = await deps.access.listSessions(facts.id);
  const others = sessions.filter((session) => session.sessionHash !== sessionHash);
  const devices = new Set(others.map(({ userAgent }) => describeUserAgent(deps, ctx, userAgent)));
  return [...devices].slice(0, MAX_NAMED_DEVICES).join(deps.pages.t(ctx, 'list.separator'));
}
