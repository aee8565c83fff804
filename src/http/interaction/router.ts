import Router from '@koa/router';
import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { admitInteraction } from '../../oidc/request-limits.ts';
import type { HttpDeps } from '../deps.ts';
import { parseForms } from '../forms/body.ts';
import { setLocale } from '../middleware/locale.ts';
import { setReturnLink } from '../provider/return-link.ts';
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
import { createSelectAccountPage } from './select-account.ts';

/** The pages between an app and its person, one screen for each prompt of `oidc/prompts`. */
export function createInteractionRouter(deps: HttpDeps): Router {
  const { oidc } = deps;
  const screens = new Map<string, InteractionPage>([
    ['new_password', createNewPasswordPage(deps)],
    ['login', createLoginPage(deps)],
    ['select_account', createSelectAccountPage(deps)],
    ['consent', createConsentPage(deps)],
  ]);
  const at = async (ctx: Context): Promise<{ step: InteractionState; screen: InteractionPage }> => {
    const { uid } = routeParams.parse(ctx['params']);
    ctx.state['pagePath'] = `/interaction/${uid}`;
    const interaction = await loadInteraction(ctx, oidc, uid);
    await assertCurrentPrompt(deps, interaction);
    setLocale(ctx, deps.i18n, interaction.params['ui_locales']);
    const screen = screens.get(interaction.prompt);
    if (screen === undefined) throw createError(404);
    return { step: interaction, screen };
  };
  const router = new Router({ prefix: '/interaction/:uid' });
  const forms = parseForms();
  router.get('/', async (ctx) => {
    const { step: interaction, screen } = await at(ctx);
    if (!interaction.isOnOtherDevice) setReturnLink(ctx, interaction.clientId, ctx.path);
    await screen.show(ctx, interaction);
  });
  router.post('/cancel', forms, async (ctx) => {
    await at(ctx);
    await submitResult(ctx, oidc, { error: 'access_denied', error_description: 'the person went back' });
  });
  router.post('/other-account', forms, async (ctx) => {
    await at(ctx);
    // It ends this interaction and begins another one, again and again.
    admitInteraction(deps, ctx);
    await switchAccount(ctx, oidc);
  });
  router.post('/:prompt', forms, async (ctx) => {
    const { step: interaction, screen } = await at(ctx);
    // A form of another step: an old tab, or the back button. Nothing happens, and the page leads on.
    if (ctx.params['prompt'] !== interaction.prompt) throw createError(409, 'another step is open');
    await screen.submit(ctx, interaction);
  });
  return router;
}

/** @throws {HttpError} 410 when the password was changed, or the account disabled, after the sign-in of this request */
async function assertCurrentPrompt({ people }: HttpDeps, { login }: InteractionState): Promise<void> {
  if (login === undefined || (await people.isCredentialCurrent(login.accountId, login.credentialVersion))) return;
  throw createError(410, 'this step has expired');
}

const routeParams = z.object({ uid: z.string() });
