import type { Context } from 'koa';
import { z } from 'zod';
import { BusyError } from '../../platform/errors.ts';
import type { SignInResult } from '../../services/authentication/sign-in.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm, tick } from '../forms/body.ts';
import { deviceToken, rememberDevice } from '../forms/known-device-cookie.ts';
import { busyProblem, type Problem } from '../forms/password-change.ts';
import { throttledText } from '../forms/throttled-text.ts';
import { finish, loginResult, type Screen, type Step } from './interaction.ts';

const form = z.object({ login: field, password: field, remember: tick });
type Typed = z.infer<typeof form>;

/** Sign-in by e-mail, mobile number or custom account name; and the same page again where an app wants a fresh sign-in. */
export function createLoginScreen(deps: HttpDeps): Screen {
  return {
    show: async (ctx, step) => {
      const login = (await knownLogin(deps, step)) ?? step.loginHint ?? '';
      draw(deps, ctx, step, { login, password: '', remember: false });
    },
    submit: async (ctx, step) => {
      const known = await knownLogin(deps, step);
      const sent = readForm(ctx, form);
      const typed = { ...sent, login: known ?? sent.login };
      const errors = emptyFields(deps, ctx, typed);
      if (Object.keys(errors).length > 0) {
        draw(deps, ctx, step, { ...typed, password: '' }, { status: 422, errors });
        return;
      }
      try {
        await enter(deps, ctx, step, typed);
      } catch (error) {
        if (!(error instanceof BusyError)) throw error;
        draw(deps, ctx, step, typed, busyProblem(deps, ctx, {}));
      }
    },
  };
}

/**
 * The app wants to know that the same person is still there. `prompt=login` may be for somebody else, and where the person was
 * disabled meanwhile, only somebody else can go on.
 */
function isReauthentication({ personId, reasons }: Step): boolean {
  const forAnybody = ['login_prompt', 'person_unavailable', 'other_account'].some((one) => reasons.includes(one));
  return personId !== undefined && reasons.includes('max_age') && !forAnybody;
}

async function knownLogin({ people }: HttpDeps, step: Step): Promise<string | undefined> {
  return isReauthentication(step) && step.personId !== undefined ? people.loginOf(step.personId) : undefined;
}

/** Confirming the password keeps what was chosen for the session. */
async function remembers({ access }: HttpDeps, step: Step, typed: Typed): Promise<boolean> {
  if (!isReauthentication(step) || step.sessionHash === undefined) return typed.remember;
  return (await access.session(step.sessionHash))?.remember === true;
}

async function enter(deps: HttpDeps, ctx: Context, step: Step, typed: Typed): Promise<void> {
  const result = await deps.signIn.attempt({
    login: typed.login,
    password: typed.password,
    address: ctx.ip,
    clientId: step.clientId,
    device: deviceToken(ctx),
    ...(isReauthentication(step) ? { expectedPersonId: step.personId } : {}),
  });
  const remember = await remembers(deps, step, typed);
  switch (result.kind) {
    case 'signed_in':
      rememberDevice(deps, ctx, result.personId);
      return finish(ctx, deps.oidc, { login: loginResult(result, remember, deps.clock.now()) });
    case 'first_password': {
      const { personId, credentialVersion } = result;
      return finish(ctx, deps.oidc, { first_password: { personId, remember, credentialVersion } });
    }
    case 'throttled':
    case 'refused':
      draw(deps, ctx, step, { ...typed, password: '' }, refusal(deps, ctx, result));
  }
}

function refusal(
  deps: HttpDeps,
  ctx: Context,
  result: Extract<SignInResult, { kind: 'throttled' | 'refused' }>,
): Problem {
  if (result.kind === 'refused') return { status: 422, alert: deps.pages.t(ctx, 'alert.failed') };
  return { status: 429, alert: throttledText(deps, ctx, result.until) };
}

function draw(deps: HttpDeps, ctx: Context, step: Step, values: Typed, problem: Problem = { status: 200 }): void {
  deps.pages.show(
    ctx,
    'interaction/sign-in',
    {
      action: `/interaction/${step.uid}/login`,
      app: { name: deps.pages.appName(ctx, step.clientId) },
      values,
      alert: problem.alert,
      errors: problem.errors ?? {},
      reauth: isReauthentication(step),
      forgotUrl: '/forgot',
      cancelAction: `/interaction/${step.uid}/cancel`,
      elsewhere: step.elsewhere,
    },
    problem.status,
  );
}

function emptyFields({ pages }: HttpDeps, ctx: Context, typed: Typed): Record<string, string> {
  return {
    ...(typed.login.trim() === '' ? { login: pages.t(ctx, 'required.login') } : {}),
    ...(typed.password === '' ? { password: pages.t(ctx, 'required.password') } : {}),
  };
}
