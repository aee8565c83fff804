import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import { RECENT_SECOND_FACTOR_SECONDS, RECENT_SIGN_IN_SECONDS } from '../../domain/sessions.ts';
import type { TotpSetup } from '../../services/authentication/second-factor-setup.ts';
import type { HttpDeps } from '../deps.ts';
import { field, parseForms, readForm } from '../forms/body.ts';
import { checkSetup, factorName, factorSetupLocals, ownChange, setupForm } from '../forms/second-factor-form.ts';
import { findMarkedRejection, redirectRejected, REJECTED, type Rejection } from '../forms/rejected-form.ts';
import { redirectWithNotice, takeNotice } from '../pages/page-notice.ts';
import { requireCredentialChange } from './credential-change.ts';
import { hideFromSchoolAccounts, requireSignIn, type SignedInPerson } from './session.ts';

const PAGE = '/account/second-factors';
const SETUP_PAGE = `${PAGE}/totp`;

const NOTICES = ['factorAdded', 'factorRemoved', 'namedFactorRemoved', 'tooManyFactors', 'confirmed'] as const;

const factorForm = z.object({ factor: field });

/** The pages where people manage their own second factors. */
export function createSecondFactorRouter(deps: HttpDeps): Router {
  const { secondFactors } = deps;
  const router = new Router({ prefix: PAGE });
  const forms = parseForms();
  const recently = { page: PAGE, maxAgeSeconds: RECENT_SIGN_IN_SECONDS };
  router.use(hideFromSchoolAccounts(deps));
  router.get(
    '/',
    requireSignIn(deps, (ctx, signedIn) => showFactors(deps, ctx, signedIn)),
  );
  router.get(
    '/totp',
    requireCredentialChange(deps, recently, (ctx, { facts, sessionHash }) => {
      const rejection = findMarkedRejection(deps, ctx, { path: SETUP_PAGE, owner: sessionHash });
      const setup = secondFactors.startTotp(facts.id, rejection?.values?.['setup']);
      return showSetup(deps, ctx, facts.id, setup, rejection);
    }),
  );
  // Longer than for the other forms: the person installs an app in the meantime.
  const setUp = requireCredentialChange(
    deps,
    { page: PAGE, maxAgeSeconds: RECENT_SECOND_FACTOR_SECONDS },
    (ctx, signedIn) => submitSetup(deps, ctx, signedIn),
  );
  router.post(
    '/totp',
    languageLinkToFactors,
    forms,
    requireSignIn(deps, async (ctx, { facts }) => {
      // A repeated form changes nothing, so it needs no second factor.
      const { setup } = readForm(ctx, setupForm);
      if (await secondFactors.isAdded(facts.id, setup)) redirectToFactors(deps, ctx, 'factorAdded');
      else await setUp(ctx, () => Promise.resolve());
    }),
  );
  router.post(
    '/remove',
    languageLinkToFactors,
    forms,
    requireCredentialChange(deps, recently, async (ctx, { facts, sessionHash }) => {
      const change = { ...ownChange(deps, ctx, facts.id), sessionHash, id: readForm(ctx, factorForm).factor };
      const factor = (await secondFactors.list(facts.id)).factors.find(({ id }) => id === change.id);
      // A repeated form finds nothing to remove, so its notice names nothing.
      const isRemoved = await secondFactors.remove(change);
      redirectToFactors(deps, ctx, isRemoved && factor ? 'namedFactorRemoved' : 'factorRemoved', factor?.name);
    }),
  );
  router.post(
    '/recovery-codes',
    languageLinkToFactors,
    forms,
    requireCredentialChange(deps, recently, async (ctx, { facts, sessionHash }) => {
      const codes = await secondFactors.replaceRecoveryCodes({ ...ownChange(deps, ctx, facts.id), sessionHash });
      if (codes === undefined) {
        ctx.status = 303;
        ctx.redirect(PAGE);
      } else deps.pages.show(ctx, 'account/recovery-codes', { action: PAGE, codes });
    }),
  );
  return router;
}

/** These paths accept POST too, so language links lead to the list. */
const languageLinkToFactors: Middleware = (ctx, next) => {
  ctx.state['pagePath'] = PAGE;
  return next();
};

async function showFactors(deps: HttpDeps, ctx: Context, { facts }: SignedInPerson): Promise<void> {
  const { pages, secondFactors } = deps;
  const taken = takeNotice(deps, ctx, NOTICES);
  const { factors, recoveryCodes } = await secondFactors.list(facts.id);
  pages.show(ctx, 'account/second-factors', {
    factors,
    recoveryCodes,
    addUrl: SETUP_PAGE,
    removeAction: `${PAGE}/remove`,
    recoveryCodesAction: `${PAGE}/recovery-codes`,
    notice: taken && pages.t(ctx, `notice.${taken.name}`, taken.values),
  });
}

async function showSetup(
  deps: HttpDeps,
  ctx: Context,
  personId: string,
  setup: TotpSetup,
  { status, alert, errors = {} }: Rejection = { status: 200 },
): Promise<void> {
  const shared = await factorSetupLocals(deps, ctx, personId, setup);
  const locals = { ...shared, action: SETUP_PAGE, cancelUrl: PAGE, alert, errors };
  deps.pages.show(ctx, 'account/second-factor-setup', locals, status);
}

/** Checks the first code or the passkey, then shows the recovery codes, if the person has none. Their form stores the factor. */
async function submitSetup(
  deps: HttpDeps,
  ctx: Context,
  { facts, assurance, sessionHash }: SignedInPerson,
): Promise<void> {
  const sent = readForm(ctx, setupForm);
  const personId = facts.id;
  if (sent.saved !== '') return addFactor(deps, ctx, { ...sent, personId, sessionHash, assurance });
  const checked = await checkSetup(deps, ctx, personId, sent);
  if (checked.kind === 'expired') {
    ctx.status = 303;
    ctx.redirect(SETUP_PAGE);
  } else if (checked.kind === 'wrong') {
    const { problem, totp } = checked;
    const page = { path: SETUP_PAGE, owner: sessionHash };
    redirectRejected(deps, ctx, page, { ...problem, values: { setup: totp.setup } }, REJECTED);
  } else if (checked.recoveryCodes.length === 0) {
    await addFactor(deps, ctx, { ...checked, personId, sessionHash, assurance });
  } else {
    const { recoveryCodes: codes, setup, name } = checked;
    deps.pages.show(ctx, 'account/recovery-codes', { action: SETUP_PAGE, codes, setup, name });
  }
}

interface Addition extends Pick<SignedInPerson, 'assurance' | 'sessionHash'> {
  personId: string;
  setup: string;
  name: string;
}

async function addFactor(deps: HttpDeps, ctx: Context, addition: Addition): Promise<void> {
  const { personId, sessionHash, assurance, setup, name } = addition;
  const { kind } = await deps.secondFactors.add({
    ...ownChange(deps, ctx, personId),
    sessionHash,
    setup,
    name: factorName(deps, ctx, name),
    // A session without a second factor may add the first one only.
    isFirst: assurance.secondFactorAt === undefined,
  });
  if (kind === 'expired') {
    ctx.status = 303;
    ctx.redirect(SETUP_PAGE);
  } else redirectToFactors(deps, ctx, kind === 'too_many' ? 'tooManyFactors' : 'factorAdded');
}

function redirectToFactors(deps: HttpDeps, ctx: Context, name: (typeof NOTICES)[number], factor = ''): void {
  redirectWithNotice(deps, ctx, PAGE, name, { name: factor });
}
