import Router from '@koa/router';
import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import { RECENT_SIGN_IN_SECONDS } from '../../domain/sessions.ts';
import type { HttpDeps } from '../deps.ts';
import { field, parseForms, readForm } from '../forms/body.ts';
import { ownChange, shortName } from '../forms/second-factor-form.ts';
import { redirectWithNotice, takeNotice } from '../pages/page-notice.ts';
import { requireCredentialChange } from './credential-change.ts';
import { hideFromSchoolAccounts, ownerOf, requireSignIn, type SignedInPerson, type TypedForm } from './session.ts';

const PAGE = '/account/application-passwords';

const NOTICES = [
  ...(['applicationPasswordRevoked', 'namedApplicationPasswordRevoked', 'tooManyApplicationPasswords'] as const),
  ...(['applicationPasswordRefused', 'confirmed'] as const),
];

const creationForm = z.object({ form: z.uuid(), service: field, name: field });
const revocationForm = z.object({ password: field });

const typedForm: TypedForm = (ctx) => {
  const { service, name } = readForm(ctx, creationForm);
  return { path: PAGE, fields: { service, name } };
};

/** The pages where people create and revoke passwords for one service account of the directory each. */
export function createApplicationPasswordRouter(deps: HttpDeps): Router {
  const router = new Router({ prefix: PAGE });
  const forms = parseForms();
  const recently = { page: PAGE, maxAgeSeconds: RECENT_SIGN_IN_SECONDS };
  router.use(hideFromSchoolAccounts(deps));
  router.get(
    '/',
    requireSignIn(deps, (ctx, signedIn) => showList(deps, ctx, signedIn)),
  );
  router.post(
    '/',
    forms,
    requireCredentialChange(deps, { ...recently, typedForm }, (ctx, signedIn) => create(deps, ctx, signedIn)),
  );
  router.post(
    '/revoke',
    languageLinkToList,
    forms,
    requireCredentialChange(deps, recently, async (ctx, { facts }) => {
      const { password: id } = readForm(ctx, revocationForm);
      const revoked = await deps.applicationPasswords.revoke({ ...ownChange(deps, ctx, facts.id), id });
      // A repeated form finds nothing to revoke, so its notice names nothing.
      if (revoked === undefined) redirectWithNotice(deps, ctx, PAGE, 'applicationPasswordRevoked');
      else redirectWithNotice(deps, ctx, PAGE, 'namedApplicationPasswordRevoked', { name: revoked.name });
    }),
  );
  return router;
}

/** This path accepts POST only, so language links lead to the list. */
const languageLinkToList: Middleware = (ctx, next) => {
  ctx.state['pagePath'] = PAGE;
  return next();
};

async function showList(deps: HttpDeps, ctx: Context, signedIn: SignedInPerson): Promise<void> {
  const { applicationPasswords, pages, random, unsentForms } = deps;
  const { facts } = signedIn;
  const taken = takeNotice(deps, ctx, NOTICES);
  const [passwords, services, { service = '', name = '' }] = await Promise.all([
    applicationPasswords.list(facts.id),
    applicationPasswords.listServiceAccounts(facts.id),
    unsentForms.find(ownerOf(signedIn), PAGE),
  ]);
  pages.show(ctx, 'account/application-passwords', {
    passwords: passwords.map(({ clientId, ...password }) => ({ ...password, service: pages.appName(ctx, clientId) })),
    services: services.map((id) => ({ id, name: pages.appName(ctx, id) })),
    form: random.uuid(),
    values: { service, name },
    action: PAGE,
    revokeAction: `${PAGE}/revoke`,
    notice: taken && pages.t(ctx, `notice.${taken.name}`, taken.values),
  });
}

async function create(deps: HttpDeps, ctx: Context, signedIn: SignedInPerson): Promise<void> {
  const { facts, sessionHash } = signedIn;
  const { applicationPasswords, pages } = deps;
  const { form: id, service: clientId, name } = readForm(ctx, creationForm);
  const service = pages.appName(ctx, clientId);
  const named = shortName(name) || shortName(service);
  const created = await applicationPasswords.create({
    ...ownChange(deps, ctx, facts.id),
    ...{ id, clientId, sessionHash, name: named },
  });
  if (created.kind === 'created') {
    await deps.unsentForms.delete(ownerOf(signedIn));
    const login = await deps.people.getPrimaryLogin(facts.id);
    pages.show(ctx, 'account/application-password', {
      ...{ password: created.password, name: named, service, login, listUrl: PAGE },
    });
  } else if (created.kind === 'too_many') redirectWithNotice(deps, ctx, PAGE, 'tooManyApplicationPasswords');
  else redirectWithNotice(deps, ctx, PAGE, 'applicationPasswordRefused');
}
