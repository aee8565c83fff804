import Router from '@koa/router';
import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { admitInteraction } from '../../oidc/request-limits.ts';
import type { HttpDeps } from '../deps.ts';
import { parseForms } from '../forms/body.ts';
import { speak } from '../middleware/locale.ts';
import { rememberApp } from '../provider/return-link.ts';
import { createConsentScreen } from './consent.ts';
import { anotherAccount, currentStep, finish, type Screen, type Step } from './interaction.ts';
import { createLoginScreen } from './login.ts';
import { createNewPasswordScreen } from './new-password.ts';
import { createSelectAccountScreen } from './select-account.ts';

/** The pages between an app and its person, one screen for each prompt of `oidc/prompts`. */
export function createInteractionRouter(deps: HttpDeps): Router {
  const { oidc } = deps;
  const screens = new Map<string, Screen>([
    ['new_password', createNewPasswordScreen(deps)],
    ['login', createLoginScreen(deps)],
    ['select_account', createSelectAccountScreen(deps)],
    ['consent', createConsentScreen(deps)],
  ]);
  const at = async (ctx: Context): Promise<{ step: Step; screen: Screen }> => {
    const { uid } = routeParams.parse(ctx['params']);
    ctx.state['pagePath'] = `/interaction/${uid}`;
    const step = await currentStep(ctx, oidc, uid);
    await refuseOutdated(deps, step);
    speak(ctx, deps.i18n, step.params['ui_locales']);
    const screen = screens.get(step.prompt);
    if (screen === undefined) throw createError(404);
    return { step, screen };
  };
  const router = new Router({ prefix: '/interaction/:uid' });
  const forms = parseForms();
  router.get('/', async (ctx) => {
    const { step, screen } = await at(ctx);
    if (!step.elsewhere) rememberApp(ctx, step.clientId, ctx.path);
    await screen.show(ctx, step);
  });
  router.post('/cancel', forms, async (ctx) => {
    await at(ctx);
    await finish(ctx, oidc, { error: 'access_denied', error_description: 'the person went back' });
  });
  router.post('/other-account', forms, async (ctx) => {
    await at(ctx);
    // It ends this interaction and begins another one, again and again.
    admitInteraction(deps, ctx);
    await anotherAccount(ctx, oidc);
  });
  router.post('/:prompt', forms, async (ctx) => {
    const { step, screen } = await at(ctx);
    // A form of another step: an old tab, or the back button. Nothing happens, and the page leads on.
    if (ctx.params['prompt'] !== step.prompt) throw createError(409, 'another step is open');
    await screen.submit(ctx, step);
  });
  return router;
}

/** @throws {HttpError} 410 when the password was changed, or the account disabled, after the sign-in of this request */
async function refuseOutdated({ people }: HttpDeps, { login }: Step): Promise<void> {
  if (login === undefined || (await people.isCurrent(login.accountId, login.credentialVersion))) return;
  throw createError(410, 'this step has expired');
}

const routeParams = z.object({ uid: z.string() });
