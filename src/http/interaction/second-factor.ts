import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { isRecoveryCode, normalizeRecoveryCode } from '../../domain/credentials/recovery-codes.ts';
import { INTERACTION_MAX_AGE_MS } from '../../oidc/options/ttl.ts';
import { runBestEffort } from '../../platform/best-effort.ts';
import type { CodeMethod } from '../../services/authentication/second-factor-verification.ts';
import type { TotpSetup } from '../../services/authentication/second-factor-setup.ts';
import type { SecondFactor } from '../../services/authentication/second-factors.ts';
import { findSignedIn } from '../account/session.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { rememberDevice } from '../forms/known-device-cookie.ts';
import { findRejection, redirectRejected, type Rejection } from '../forms/rejected-form.ts';
import { checkSetup, factorName, factorSetupLocals, ownChange, setupFields } from '../forms/second-factor-form.ts';
import { findNamedAccount } from '../named-account.ts';
import { loadContacts } from '../school-contacts/describe.ts';
import { waitForConcurrentSubmit } from './concurrent-submit.ts';
import { destinationOf } from './destination.ts';
import {
  formPageOf,
  loginResult,
  redirectTo,
  submitResult,
  submitSignIn,
  type InteractionPage,
  type InteractionState,
} from './interaction.ts';
import { problemOf } from './second-factor-problem.ts';

const form = z.object({ method: field, ...setupFields });
type Sent = z.infer<typeof form>;

/** A sign-in must be this recent to enroll, in ms: the page was opened after a recent sign-in and lives as long as its interaction. */
const MAX_ENROLLMENT_AGE_MS = INTERACTION_MAX_AGE_MS;

/** The person who proves or enrolls a second factor. */
interface Subject {
  personId: string;
  /** The version that the password of this request was verified against; undefined in a session. */
  credentialVersion: number | undefined;
  factors: readonly SecondFactor[];
}

/** Asks for the second factor, or enrolls the first one if the request requires one. */
export function createSecondFactorPage(deps: HttpDeps): InteractionPage {
  return {
    passkeyOptions: async (ctx, interaction) => {
      const { personId } = await findSubject(deps, ctx, interaction);
      return deps.secondFactors.passkeys.request(interaction.uid, personId);
    },
    show: async (ctx, interaction) => {
      const subject = await findSubject(deps, ctx, interaction);
      const problem = findRejection(deps, ctx, formPageOf(interaction));
      if (subject.factors.length === 0) {
        const setup = deps.secondFactors.startTotp(subject.personId, problem?.values?.['setup']);
        await showSetup(deps, ctx, interaction, subject, setup, problem);
      } else {
        const method = ctx.query['method'] === 'recovery_code' ? 'recovery_code' : 'totp';
        await showVerification(deps, ctx, interaction, subject, method, problem);
      }
    },
    submit: async (ctx, interaction) => {
      if (interaction.isAnswered) {
        redirectTo(ctx, interaction.returnTo);
        return;
      }
      const sent = readForm(ctx, form);
      const subject = await findSubject(deps, ctx, interaction);
      if (sent.setup !== '' || sent.passkey_setup !== '') await enroll(deps, ctx, interaction, subject, sent);
      else if (sent.passkey === '') await verify(deps, ctx, interaction, subject, sent);
      else await verifyPasskey(deps, ctx, interaction, subject, sent);
    },
  };
}

/** @throws {HttpError} 410 if no person is left who may use the page */
async function findSubject(deps: HttpDeps, ctx: Context, interaction: InteractionState): Promise<Subject> {
  const { verifiedPassword, login } = interaction;
  const personId = verifiedPassword?.personId ?? interaction.personId;
  // A password may be of another person than the session until its sign-in is complete.
  const isMixed = login !== undefined && [personId, interaction.personId].some((id) => id !== login.accountId);
  if (personId === undefined || isMixed) throw createError(410, 'this interaction has expired');
  const { factors } = await deps.secondFactors.list(personId);
  if (factors.length === 0 && !(await canEnroll(deps, ctx, interaction))) {
    throw createError(410, 'this interaction has expired');
  }
  return { personId, credentialVersion: verifiedPassword?.credentialVersion ?? login?.credentialVersion, factors };
}

/** Returns true for a person with a recent session: a sign-in that waits for a second factor cannot enroll one. */
async function canEnroll(deps: HttpDeps, ctx: Context, interaction: InteractionState): Promise<boolean> {
  const { verifiedPassword, login, personId } = interaction;
  if (verifiedPassword !== undefined && login === undefined) return false;
  const signedIn = await findSignedIn(deps, ctx);
  if (signedIn === undefined || signedIn.facts.id !== personId) return false;
  return deps.clock.now() - signedIn.authenticatedAt <= MAX_ENROLLMENT_AGE_MS;
}

async function verify(
  deps: HttpDeps,
  ctx: Context,
  interaction: InteractionState,
  subject: Subject,
  { code, method: shown }: Sent,
): Promise<void> {
  const isRecovery = shown === 'recovery_code' || isRecoveryCode(normalizeRecoveryCode(code));
  const method: CodeMethod = isRecovery ? 'recovery_code' : 'totp';
  if (code.trim() === '') {
    const errors = { code: deps.pages.t(ctx, 'secondFactor.required') };
    reject(deps, ctx, interaction, method, { status: 422, errors });
    return;
  }
  const { personId, credentialVersion } = subject;
  const lang = deps.pages.langOf(ctx);
  const attempt = { personId, credentialVersion, method, code, address: ctx.ip, clientId: interaction.clientId, lang };
  const result = await deps.secondFactors.verifyCode(attempt);
  if (result.kind === 'expired') throw createError(410, 'this interaction has expired');
  if (result.kind === 'verified') {
    await finish(deps, ctx, interaction, { personId, ...result });
    return;
  }
  const mayBeRepeated = result.kind === 'used' || (result.kind === 'wrong' && isRecovery);
  const returnTo = mayBeRepeated ? await waitForConcurrentSubmit(deps, ctx, interaction.uid) : undefined;
  if (returnTo !== undefined) redirectTo(ctx, returnTo);
  else reject(deps, ctx, interaction, method, problemOf(deps, ctx, method, result));
}

/** Verifies a passkey as the second factor. */
async function verifyPasskey(
  deps: HttpDeps,
  ctx: Context,
  interaction: InteractionState,
  subject: Subject,
  sent: Sent,
): Promise<void> {
  const { personId, credentialVersion } = subject;
  const result = await deps.secondFactors.passkeys.verify({
    ...{ interaction: interaction.uid, response: sent.passkey },
    ...{ personId, credentialVersion, isSignIn: interaction.verifiedPassword !== undefined },
    ...{ address: ctx.ip, clientId: interaction.clientId },
  });
  // A new first password has ended the session and the sign-ins in progress.
  if (result.kind === 'expired' || result.kind === 'first_password') {
    throw createError(410, 'this interaction has expired');
  }
  if (result.kind === 'verified') {
    await finish(deps, ctx, interaction, { ...result, amr: ['pwd', ...result.amr] });
    return;
  }
  const returnTo = await waitForConcurrentSubmit(deps, ctx, interaction.uid);
  if (returnTo !== undefined) redirectTo(ctx, returnTo);
  else {
    const problem = { status: 422, alert: deps.pages.t(ctx, 'secondFactor.passkeyFailed') };
    reject(deps, ctx, interaction, 'totp', problem);
  }
}

/** Redirects to the page, which shows the problem. */
function reject(
  deps: HttpDeps,
  ctx: Context,
  interaction: InteractionState,
  method: CodeMethod,
  problem: Rejection,
): void {
  const search = method === 'recovery_code' ? '?method=recovery_code' : '';
  redirectRejected(deps, ctx, formPageOf(interaction), problem, search);
}

interface Verified {
  personId: string;
  credentialVersion: number;
  amr: readonly string[];
}

/** Stores the result. After a password it contains the sign-in too. */
async function finish(
  deps: HttpDeps,
  ctx: Context,
  { verifiedPassword, login }: InteractionState,
  { personId, credentialVersion, amr }: Verified,
): Promise<void> {
  const now = deps.clock.now();
  const secondFactor = { personId, credentialVersion, verifiedAt: now, amr: [...amr] };
  if (verifiedPassword === undefined || login !== undefined) {
    await submitResult(ctx, deps.oidc, { second_factor: secondFactor });
    return;
  }
  rememberDevice(deps, ctx, personId);
  runBestEffort(deps, 'metrics', () => {
    deps.metrics.signIns.inc({ outcome: 'succeeded' });
  });
  const signedIn = loginResult({ personId, credentialVersion }, verifiedPassword.remember, now);
  await submitSignIn(deps, ctx, { login: signedIn, second_factor: secondFactor });
}

async function enroll(
  deps: HttpDeps,
  ctx: Context,
  interaction: InteractionState,
  subject: Subject,
  sent: Sent,
): Promise<void> {
  const { pages, secondFactors } = deps;
  const { personId, credentialVersion } = subject;
  if (sent.saved === '') {
    const checked = await checkSetup(deps, ctx, personId, sent);
    if (checked.kind === 'expired') throw createError(410, 'this interaction has expired');
    if (checked.kind === 'wrong') {
      const { problem, totp } = checked;
      redirectRejected(deps, ctx, formPageOf(interaction), { ...problem, values: { setup: totp.setup } });
      return;
    }
    const { setup, recoveryCodes: codes, name } = checked;
    const locals = { action: actionOf(interaction), app: destinationOf(deps, ctx, interaction), name, setup, codes };
    pages.show(ctx, 'interaction/recovery-codes', locals);
    return;
  }
  const name = factorName(deps, ctx, sent.name);
  const proof = credentialVersion === undefined ? { sessionHash: interaction.sessionHash } : { credentialVersion };
  const own = ownChange(deps, ctx, personId);
  const added = await secondFactors.add({ ...own, ...proof, setup: sent.setup, name, isFirst: true });
  if (added.kind === 'added') {
    await finish(deps, ctx, interaction, { ...added, personId });
    return;
  }
  const returnTo = await waitForConcurrentSubmit(deps, ctx, interaction.uid);
  if (returnTo === undefined) throw createError(410, 'this interaction has expired');
  redirectTo(ctx, returnTo);
}

function actionOf({ uid }: InteractionState): string {
  return `/interaction/${uid}/second_factor`;
}

async function showSetup(
  deps: HttpDeps,
  ctx: Context,
  interaction: InteractionState,
  { personId }: Subject,
  setup: TotpSetup,
  { status, alert, errors = {} }: Rejection = { status: 200 },
): Promise<void> {
  const locals = {
    ...(await factorSetupLocals(deps, ctx, personId, setup)),
    action: actionOf(interaction),
    app: destinationOf(deps, ctx, interaction),
    cancelAction: `/interaction/${interaction.uid}/cancel`,
    alert,
    errors,
  };
  deps.pages.show(ctx, 'interaction/second-factor-setup', locals, status);
}

async function showVerification(
  deps: HttpDeps,
  ctx: Context,
  interaction: InteractionState,
  { personId, factors }: Subject,
  wanted: CodeMethod,
  { status, alert, errors = {} }: Rejection = { status: 200 },
): Promise<void> {
  const page = `/interaction/${interaction.uid}`;
  const hasTotp = factors.some(({ kind }) => kind === 'totp');
  const hasPasskey = factors.some(({ kind }) => kind === 'passkey');
  const method = hasTotp ? wanted : 'recovery_code';
  const contactRequest = { personId, clientId: interaction.clientId, problem: 'sign_in' as const };
  const locals = {
    action: actionOf(interaction),
    app: destinationOf(deps, ctx, interaction),
    account: await findNamedAccount(deps, personId),
    method,
    otherMethodUrl: hasTotp ? (method === 'totp' ? `${page}?method=recovery_code` : page) : undefined,
    passkeyUrl: hasPasskey ? `${page}/passkey` : undefined,
    otherAccountAction: `${page}/other-account`,
    cancelAction: `${page}/cancel`,
    isOnOtherDevice: interaction.isOnOtherDevice,
    alert,
    errors,
    schoolContacts: alert === undefined ? undefined : await loadContacts(deps, ctx, contactRequest),
  };
  deps.pages.show(ctx, 'interaction/second-factor', locals, status);
}
