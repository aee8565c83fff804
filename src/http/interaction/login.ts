import type { Context } from 'koa';
import { z } from 'zod';
import { ACR_SCHOOL_ACCOUNT } from '../../oidc/options/claims.ts';
import { HashQueueFullError } from '../../platform/errors.ts';
import type { CheckedAttempt } from '../../services/authentication/human-check-demand.ts';
import type { SignInResult } from '../../services/authentication/sign-in.ts';
import { deviceOf } from '../account/device-name.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm, checkbox } from '../forms/body.ts';
import { humanCheckField, humanCheckFor, rejectUnchecked } from '../forms/human-check.ts';
import { readDeviceToken, rememberDevice } from '../forms/known-device-cookie.ts';
import { busyProblem, throttledText, wrongPasswordText, type FormProblem } from '../forms/password-form.ts';
import { findRejection, redirectRejected, type Rejection } from '../forms/rejected-form.ts';
import { loadAnnouncement } from '../pages/announcement.ts';
import { keepTypedLogin } from '../password-reset/reset-request.ts';
import { destinationOf, purposeOf } from './destination.ts';
import {
  formPageOf,
  submitResult,
  submitSignIn,
  loginResult,
  type InteractionPage,
  type InteractionState,
} from './interaction.ts';

/** The query parameter of the link from the school sign-in to this page. */
export const OTHER_ACCOUNT = 'other';

const form = z.object({ login: field, password: field, remember: checkbox, passkey: field, ...humanCheckField });
type Typed = Pick<z.infer<typeof form>, 'login' | 'password' | 'remember'>;

/** Sign-in by e-mail, mobile number or custom account name, and reauthentication for apps that send `max_age`. */
export function createLoginPage(deps: HttpDeps): InteractionPage {
  return {
    passkeyOptions: (_ctx, interaction) =>
      deps.secondFactors.passkeys.request(interaction.uid, onlyPerson(interaction)),
    show: async (ctx, interaction) => {
      if (await isSchoolSignIn(deps, ctx, interaction)) {
        ctx.status = 303;
        ctx.redirect(`/interaction/${interaction.uid}/school`);
        return;
      }
      const { values, ...problem } = findRejection(deps, ctx, formPageOf(interaction)) ?? { status: 200 };
      const login = (await findKnownLogin(deps, interaction)) ?? values?.['login'] ?? interaction.loginHint ?? '';
      const remember = values?.['remember'] !== undefined;
      await render(deps, ctx, interaction, { login, password: '', remember }, problem);
    },
    submit: async (ctx, interaction) => {
      const known = await findKnownLogin(deps, interaction);
      const sent = readForm(ctx, form);
      if (sent.passkey !== '') {
        await signInWithPasskey(deps, ctx, interaction, sent);
        return;
      }
      const typed = { login: known ?? sent.login, password: sent.password, remember: sent.remember };
      const errors = emptyFields(deps, ctx, typed);
      if (Object.keys(errors).length > 0) {
        reject(deps, ctx, interaction, typed, { status: 422, errors });
        return;
      }
      const unchecked = await findUnchecked(deps, ctx, typed.login, sent.human_check);
      if (unchecked !== undefined) {
        await render(deps, ctx, interaction, typed, { status: 422, ...unchecked });
        return;
      }
      try {
        await signIn(deps, ctx, interaction, typed);
      } catch (error) {
        if (!(error instanceof HashQueueFullError)) throw error;
        await render(deps, ctx, interaction, typed, busyProblem(deps, ctx, {}));
      }
    },
  };
}

/** Returns true if the request asks for a school account, or a school account has to enter its password again. */
async function isSchoolSignIn(
  { schoolDirectory }: HttpDeps,
  ctx: Context,
  interaction: InteractionState,
): Promise<boolean> {
  const only = onlyPerson(interaction);
  if (only !== undefined) return (await schoolDirectory.findLogin(only)) !== undefined;
  const isOther = ctx.query[OTHER_ACCOUNT] !== undefined;
  return !isOther && interaction.params['acr_values'] === ACR_SCHOOL_ACCOUNT;
}

/**
 * Returns true if only the signed-in person may continue. `prompt=login` allows another person, and so does a session whose person was
 * disabled in the meantime.
 */
export function isReauthentication({ personId, reasons }: InteractionState): boolean {
  const canChangePerson = ['login_prompt', 'person_unavailable', 'switch_account'].some((reason) =>
    reasons.includes(reason),
  );
  const isAskedAgain = reasons.includes('max_age') || reasons.includes('enrollment_not_recent');
  return personId !== undefined && isAskedAgain && !canChangePerson;
}

/** The only accepted person; undefined if any person may sign in. */
export function onlyPerson(interaction: InteractionState): string | undefined {
  return isReauthentication(interaction) ? interaction.personId : undefined;
}

async function findKnownLogin({ people }: HttpDeps, interaction: InteractionState): Promise<string | undefined> {
  return isReauthentication(interaction) && interaction.personId !== undefined
    ? people.getPrimaryLogin(interaction.personId)
    : undefined;
}

/** Returns what the person selected; a reauthentication keeps the selection of the session. */
export async function shouldRemember(
  { access }: HttpDeps,
  interaction: InteractionState,
  typed: Pick<Typed, 'remember'>,
): Promise<boolean> {
  if (!isReauthentication(interaction) || interaction.sessionHash === undefined) return typed.remember;
  return (await access.findSession(interaction.sessionHash))?.remember === true;
}

/** Signs in with a passkey alone. User verification makes it two factors. */
async function signInWithPasskey(
  deps: HttpDeps,
  ctx: Context,
  interaction: InteractionState,
  sent: z.infer<typeof form>,
): Promise<void> {
  const typed = { login: sent.login, password: '', remember: sent.remember };
  const result = await deps.secondFactors.passkeys.verify({
    ...{ interaction: interaction.uid, response: sent.passkey, personId: onlyPerson(interaction) },
    ...{ credentialVersion: undefined, isSignIn: true, address: ctx.ip, clientId: interaction.clientId },
  });
  if (result.kind !== 'verified') {
    const { pages } = deps;
    const isPending = result.kind === 'first_password';
    const alert = isPending ? pages.t(ctx, 'secondFactor.passkeyPaused') : pages.t(ctx, 'secondFactor.passkeyFailed');
    reject(deps, ctx, interaction, typed, { status: 422, alert });
    return;
  }
  const { personId, credentialVersion, amr } = result;
  const now = deps.clock.now();
  rememberDevice(deps, ctx, personId);
  await submitSignIn(deps, ctx, {
    login: loginResult(result, await shouldRemember(deps, interaction, typed), now),
    second_factor: { personId, credentialVersion, verifiedAt: now, amr: [...amr] },
  });
}

async function signIn(deps: HttpDeps, ctx: Context, interaction: InteractionState, typed: Typed): Promise<void> {
  const result = await deps.signIn.attempt({
    login: typed.login,
    password: typed.password,
    address: ctx.ip,
    clientId: interaction.clientId,
    device: readDeviceToken(ctx),
    deviceName: deviceOf(ctx),
    ...(isReauthentication(interaction) ? { expectedPersonId: interaction.personId } : {}),
  });
  countResult(deps, attemptOf(ctx, typed.login), result);
  const remember = await shouldRemember(deps, interaction, typed);
  switch (result.kind) {
    case 'succeeded':
      rememberDevice(deps, ctx, result.personId);
      return submitSignIn(deps, ctx, { login: loginResult(result, remember, deps.clock.now()) });
    case 'second_factor_required': {
      const { personId, credentialVersion } = result;
      return submitResult(ctx, deps.oidc, { verified_password: { personId, remember, credentialVersion } });
    }
    case 'password_change_required': {
      const { personId, credentialVersion } = result;
      const verifiedAt = deps.clock.now();
      return submitResult(ctx, deps.oidc, { first_password: { personId, remember, credentialVersion, verifiedAt } });
    }
    case 'throttled':
    case 'failed':
      reject(deps, ctx, interaction, typed, problemOf(deps, ctx, result, failedKeyOf(interaction)));
  }
}

/** Redirects to the page, which shows the problem and what was typed, without the password. */
function reject(
  deps: HttpDeps,
  ctx: Context,
  interaction: InteractionState,
  { login, remember }: Pick<Typed, 'login' | 'remember'>,
  problem: Rejection,
): void {
  const values = { login, ...(remember ? { remember: 'yes' } : {}) };
  redirectRejected(deps, ctx, formPageOf(interaction), { ...problem, values });
}

function attemptOf(ctx: Context, login: string): CheckedAttempt {
  return { form: 'sign-in', login, address: ctx.ip, device: readDeviceToken(ctx) };
}

/** Counts failures for the human check. A throttled attempt was not compared. */
function countResult({ humanCheckDemand }: HttpDeps, attempt: CheckedAttempt, { kind }: SignInResult): void {
  if (kind === 'failed') humanCheckDemand.count(attempt);
  else if (kind !== 'throttled') humanCheckDemand.clear(attempt);
}

/** @returns the problem of an attempt that needs the human check and has not passed it. A delayed login gets the page that says until when. */
async function findUnchecked(
  deps: HttpDeps,
  ctx: Context,
  login: string,
  value: string,
): ReturnType<typeof rejectUnchecked> {
  const { humanCheckDemand } = deps;
  if (!(await humanCheckDemand.isRequired(attemptOf(ctx, login)))) return undefined;
  if (await humanCheckDemand.isDelayed(login)) return undefined;
  return rejectUnchecked(deps, ctx, 'sign-in', value);
}

export function problemOf(
  deps: HttpDeps,
  ctx: Context,
  result: Extract<SignInResult, { kind: 'throttled' | 'failed' }>,
  failedKey: 'alert.failed' | 'alert.wrongPassword' | 'schoolSignIn.failed',
): Rejection {
  if (result.kind === 'throttled') return { status: 429, alert: throttledText(deps, ctx, result.until) };
  const { pages } = deps;
  const { warning } = result;
  const canReset = failedKey !== 'schoolSignIn.failed' && warning !== undefined;
  const last = canReset ? [pages.t(ctx, 'alert.forgot')] : [];
  return { status: 422, alert: wrongPasswordText(deps, ctx, { error: pages.t(ctx, failedKey), warning, last }) };
}

/** The first password never signs in again, so a reauthentication does not speak of it. */
const failedKeyOf = (interaction: InteractionState): 'alert.failed' | 'alert.wrongPassword' =>
  isReauthentication(interaction) ? 'alert.wrongPassword' : 'alert.failed';

async function render(
  deps: HttpDeps,
  ctx: Context,
  interaction: InteractionState,
  values: Typed,
  problem: FormProblem & { humanCheck?: string } = { status: 200 },
): Promise<void> {
  await loadAnnouncement(deps, ctx);
  keepTypedLogin(deps, ctx, interaction.uid, values.login);
  deps.pages.show(
    ctx,
    'interaction/sign-in',
    {
      action: `/interaction/${interaction.uid}/login`,
      app: destinationOf(deps, ctx, interaction),
      values,
      alert: problem.alert,
      humanCheck: problem.humanCheck ?? (await humanCheckFor(deps, attemptOf(ctx, values.login))),
      errors: problem.errors ?? {},
      isReauthentication: isReauthentication(interaction),
      purpose: isReauthentication(interaction) ? purposeOf(deps, ctx, interaction) : undefined,
      passkeyUrl: `/interaction/${interaction.uid}/passkey`,
      forgotPasswordUrl: `/interaction/${interaction.uid}/forgot-password`,
      schoolSignInUrl: `/interaction/${interaction.uid}/school`,
      cancelAction: `/interaction/${interaction.uid}/cancel`,
      isOnOtherDevice: interaction.isOnOtherDevice,
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
