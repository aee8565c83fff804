import Router from '@koa/router';
import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { admitInteraction } from '../../oidc/request-limits.ts';
import type { HttpDeps } from '../deps.ts';
import { parseForms } from '../forms/body.ts';
import { preferLanguages } from '../middleware/locale.ts';
import { setReturnLink } from '../provider/return-link.ts';
import { createAdulthoodPage } from './adulthood.ts';
import { createBindingRequiredPage } from './binding-required.ts';
import { createConsentPage } from './consent.ts';
import {
  switchAccount,
  loadInteraction,
  submitResult,
  type InteractionPage,
  type InteractionState,
} from './interaction.ts';
import { createLoginPage } from './login.ts';
import { createNewPasswordPage } from './new-password.ts';
import { addPasswordReset } from './password-reset.ts';
import { createSecondFactorPage } from './second-factor.ts';
import { createSchoolLoginPage } from './school-login.ts';
import { createSharingStoppedPage } from './sharing-stopped.ts';
import { createSelectAccountPage } from './select-account.ts';

interface LoadedPage {
  interaction: InteractionState;
  page: InteractionPage;
}

/** The interaction pages, one for each prompt of `oidc/prompts`. */
export function createInteractionRouter(deps: HttpDeps): Router {
  const { oidc } = deps;
  const interactionPages = new Map<string, InteractionPage>([
    ['new_password', createNewPasswordPage(deps)],
    ['login', createLoginPage(deps)],
    ['second_factor', createSecondFactorPage(deps)],
    ['binding', createBindingRequiredPage(deps)],
    ['sharing', createSharingStoppedPage(deps)],
    ['adulthood', createAdulthoodPage(deps)],
    ['select_account', createSelectAccountPage(deps)],
    ['consent', createConsentPage(deps)],
  ]);
  const load = async (ctx: Context): Promise<LoadedPage> => {
    const { uid } = routeParams.parse(ctx['params']);
    ctx.state['pagePath'] = `/interaction/${uid}`;
    const interaction = await loadInteraction(ctx, oidc, uid);
    await assertCurrentLogin(deps, interaction);
    await setInteractionLanguage(deps, ctx, interaction);
    const page = interactionPages.get(interaction.prompt);
    if (page === undefined) throw createError(404);
    return { interaction, page };
  };
  const router = new Router({ prefix: '/interaction/:uid' });
  const forms = parseForms();
  router.get('/', async (ctx) => {
    const { interaction, page } = await load(ctx);
    if (!interaction.isOnOtherDevice) setReturnLink(ctx, interaction.clientId, ctx.path);
    await page.show(ctx, interaction);
  });
  // Not in the page itself, so that the pages of different accounts stay equal.
  router.get('/passkey', async (ctx) => {
    const { interaction, page } = await load(ctx);
    const options = await page.passkeyOptions?.(ctx, interaction);
    if (options === undefined) throw createError(404);
    ctx.set('cache-control', 'no-store');
    ctx.type = 'json';
    ctx.body = options;
  });
  addSchoolSignIn(router, deps, load);
  addPasswordReset(router, deps, load);
  // An address that a form was sent to: reopened by the browser, or reloaded by a phone.
  router.get('/:form', async (ctx) => {
    const { interaction } = await load(ctx);
    ctx.status = 303;
    ctx.redirect(`/interaction/${interaction.uid}`);
  });
  router.post('/cancel', forms, async (ctx) => {
    const { interaction } = await load(ctx);
    await submitResult(ctx, oidc, { error: 'access_denied', error_description: cancelReason(interaction.prompt) });
  });
  router.post('/other-account', forms, async (ctx) => {
    await load(ctx);
    // Each submission creates another interaction, so it is rate limited.
    admitInteraction(deps, ctx);
    await switchAccount(ctx, oidc);
  });
  router.post('/:prompt', forms, async (ctx) => {
    const { interaction, page } = await load(ctx);
    // The form belongs to another prompt: an old tab, or the back button.
    if (ctx.params['prompt'] !== interaction.prompt) throw createError(409, 'the form belongs to another prompt');
    await page.submit(ctx, interaction);
  });
  return router;
}

/** Returns the reason for the app: the person leaves a page that refuses the account, or changed their mind (docs/errors.md). */
function cancelReason(prompt: string): string {
  if (prompt === 'binding') return 'the client accepts no school accounts';
  if (prompt === 'sharing') return 'the person had the sharing of data with relying parties stopped';
  return 'the person canceled the sign-in';
}

/** The second way in: a school, and the account of the family inside it. It belongs to the login prompt. */
function addSchoolSignIn(router: Router, deps: HttpDeps, load: (ctx: Context) => Promise<LoadedPage>): void {
  const { show, submit } = createSchoolLoginPage(deps);
  const loadSchoolPage = async (ctx: Context): Promise<LoadedPage> => {
    const loaded = await load(ctx);
    ctx.state['pagePath'] = `/interaction/${loaded.interaction.uid}/school`;
    return loaded;
  };
  router.get('/school', async (ctx) => {
    const { interaction } = await loadSchoolPage(ctx);
    if (interaction.prompt !== 'login') {
      ctx.redirect(`/interaction/${interaction.uid}`);
      return;
    }
    await show(ctx, interaction);
  });
  router.post('/school', parseForms(), async (ctx) => {
    const { interaction } = await loadSchoolPage(ctx);
    if (interaction.prompt !== 'login') throw createError(409, 'the form belongs to another prompt');
    await submit(ctx, interaction);
  });
}

/** Selects the language that the app asks for, then that of the person who signs in. */
async function setInteractionLanguage(deps: HttpDeps, ctx: Context, interaction: InteractionState): Promise<void> {
  const { login, verifiedPassword, first, personId, params } = interaction;
  const known = login?.accountId ?? verifiedPassword?.personId ?? first?.personId ?? personId;
  const uiLocales = params['ui_locales'];
  preferLanguages(ctx, deps.i18n, {
    uiLocales: typeof uiLocales === 'string' ? uiLocales : undefined,
    personLocale: known === undefined ? undefined : await deps.people.findChosenLocale(known),
  });
}

/** @throws {HttpError} 410 if the password was changed or the account disabled after the password of this request was verified */
async function assertCurrentLogin({ people }: HttpDeps, interaction: InteractionState): Promise<void> {
  const { login, verifiedPassword } = interaction;
  const [personId, version] =
    login === undefined
      ? [verifiedPassword?.personId, verifiedPassword?.credentialVersion]
      : [login.accountId, login.credentialVersion];
  if (personId === undefined || version === undefined || (await people.isCredentialCurrent(personId, version))) return;
  throw createError(410, 'this interaction has expired');
}

const routeParams = z.object({ uid: z.string() });
