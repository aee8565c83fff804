import createError from 'http-errors';
import type { Context } from 'koa';
import { hashId } from '../../platform/crypto/secrets.ts';
import { HashQueueFullError } from '../../platform/errors.ts';
import type { PasswordResetRefusal, PasswordResetResult } from '../../services/authentication/password-reset.ts';
import { deviceOf } from '../account/device-name.ts';
import { findSignedIn, otherSignInUrl } from '../account/session.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { rememberDevice } from '../forms/known-device-cookie.ts';
import {
  answerAcceptable,
  busyProblem,
  formErrors,
  passwordForm,
  passwordFormLocals,
  policyErrors,
  redirectableRejection,
  shownProblem,
  throttledText,
  type FormProblem,
} from '../forms/password-form.ts';
import { findMarkedRejection, redirectRejected, REJECTED, type FormPage } from '../forms/rejected-form.ts';
import { waitForConcurrentSubmit } from '../interaction/concurrent-submit.ts';
import {
  loginResult,
  redirectTo,
  submitResult,
  submitSignIn,
  type InteractionState,
} from '../interaction/interaction.ts';
import { onlyPerson } from '../interaction/login.ts';
import { destinationIn, type ResetPlace } from './place.ts';
import { findLink, forgetToken, tokenOf, type Link } from './reset-link.ts';
import { findResetRequest, forgetResetRequest } from './reset-request.ts';

/** `link` is the hash of the token, so the page of an older link cannot set a password with a newer link. */
const form = passwordForm.extend({ link: field });

/** Shows the form of the link that this browser opened. */
export async function showResetPage(deps: HttpDeps, ctx: Context, place: ResetPlace): Promise<void> {
  const link = await findLink(deps, ctx);
  if (link === undefined) return expireLink(deps, ctx, place);
  const problem = findMarkedRejection(deps, ctx, formPageOf(place, link)) ?? { status: 200 };
  await showResetForm(deps, ctx, place, link, problem);
}

function formPageOf({ resetPath }: ResetPlace, { token }: Link): FormPage {
  const [path = ''] = resetPath.split('?');
  return { path, owner: hashId(token) };
}

/** Redirects to the form, which shows why it was rejected, or shows that at once if the page is the response to the form. */
async function rejectForm(
  deps: HttpDeps,
  ctx: Context,
  place: ResetPlace,
  link: Link,
  problem: FormProblem,
): Promise<void> {
  const rejection = redirectableRejection(problem);
  if (rejection === undefined) return showResetForm(deps, ctx, place, link, problem);
  const [, query] = place.resetPath.split('?');
  const search = query === undefined ? REJECTED : `?${query}&rejected`;
  redirectRejected(deps, ctx, formPageOf(place, link), rejection, search);
}

/**
 * Returns true if the reset can complete the sign-in of the interaction: this browser began it, requested the link there, and the link is of
 * the account that was typed. A re-authentication cannot be completed: the reset ends the session that it belongs to.
 */
export async function canContinue(deps: HttpDeps, ctx: Context, { interaction }: ResetPlace): Promise<boolean> {
  const link = await findLink(deps, ctx);
  if (interaction === undefined || link?.requestedLogin === undefined) return false;
  const { uid, prompt, isAnswered, personId } = interaction;
  return (
    prompt === 'login' &&
    !isAnswered &&
    findResetRequest(deps, ctx)?.interaction === uid &&
    onlyPerson(interaction) === undefined &&
    personId !== link.personId
  );
}

async function showResetForm(
  deps: HttpDeps,
  ctx: Context,
  place: ResetPlace,
  link: Link,
  problem: FormProblem,
): Promise<void> {
  const locals = {
    action: place.resetPath,
    app: destinationIn(deps, ctx, place),
    link: hashId(link.token),
    account: link.account,
    // Password managers store the new password under this login.
    login: link.requestedLogin,
    purpose: link.purpose,
    ...(await passwordFormLocals(deps, ctx, problem)),
  };
  deps.pages.show(ctx, 'password-reset/new-password', locals, problem.status);
}

async function expireLink(deps: HttpDeps, ctx: Context, place: ResetPlace): Promise<void> {
  const token = tokenOf(ctx);
  const isReplaced = token !== undefined && (await deps.passwordReset.isReplaced(hashId(token)));
  forgetToken(ctx);
  showExpired(deps, ctx, place, isReplaced);
}

function showExpired({ pages }: HttpDeps, ctx: Context, place: ResetPlace, isReplaced: boolean): void {
  const { requestPath: requestUrl, signInUrl } = place;
  pages.show(ctx, 'password-reset/expired', { requestUrl, signInUrl, isReplaced }, 410);
}

/** @param waiting the interaction of the form. Another submission of the form may have completed it */
export async function submitResetForm(
  deps: HttpDeps,
  ctx: Context,
  place: ResetPlace,
  waiting = place.interaction,
): Promise<void> {
  const open = await findLink(deps, ctx);
  if (open === undefined) return endUsedLink(deps, ctx, place, waiting);
  const { link, ...typed } = readForm(ctx, form);
  if (link !== hashId(open.token)) {
    showExpired(deps, ctx, place, await deps.passwordReset.isReplaced(link));
    return;
  }
  const errors = formErrors(deps, ctx, typed, false);
  const reject = (problem: FormProblem): Promise<void> =>
    rejectForm(deps, ctx, place, open, shownProblem(ctx, typed, problem));
  if (Object.keys(errors).length > 0) return reject({ status: 422, errors });
  const { check, ...values } = typed;
  const next = values.new_password;
  const { passwordReset } = deps;
  try {
    const origin = { deviceName: deviceOf(ctx), lang: deps.pages.langOf(ctx) };
    const result = await (check
      ? passwordReset.check(open.token, next)
      : passwordReset.complete(open.token, next, ctx.ip, origin));
    if (result.kind === 'acceptable') answerAcceptable(ctx);
    else if (result.kind === 'changed') await finishReset(deps, ctx, place, open, result);
    else if (result.kind === 'expired') await endUsedLink(deps, ctx, place, place.interaction);
    else await reject(await problemOf(deps, ctx, result, next));
  } catch (error) {
    if (!(error instanceof HashQueueFullError)) throw error;
    await reject(busyProblem(deps, ctx, values));
  }
}

/** Redirects to where the submission that used the link continues. Without one the link has expired. */
async function endUsedLink(
  deps: HttpDeps,
  ctx: Context,
  place: ResetPlace,
  interaction: InteractionState | undefined,
): Promise<void> {
  const returnTo = interaction && (await waitForConcurrentSubmit(deps, ctx, interaction.uid));
  if (returnTo === undefined) return expireLink(deps, ctx, place);
  forgetToken(ctx);
  redirectTo(ctx, returnTo);
}

async function problemOf(
  deps: HttpDeps,
  ctx: Context,
  result: Exclude<PasswordResetRefusal, { kind: 'expired' }>,
  next: string,
): Promise<FormProblem> {
  if (result.kind === 'throttled') return { status: 429, alert: throttledText(deps, ctx, result.until) };
  const { personId, problems } = result;
  return { status: 422, errors: await policyErrors(deps, ctx, problems, { personId, next }) };
}

type Changed = Extract<PasswordResetResult, { kind: 'changed' }>;

async function finishReset(
  deps: HttpDeps,
  ctx: Context,
  place: ResetPlace,
  link: Link,
  changed: Changed,
): Promise<void> {
  forgetToken(ctx);
  forgetResetRequest(ctx);
  rememberDevice(deps, ctx, changed.personId);
  if (place.interaction === undefined || !(await continueSignIn(deps, ctx, changed))) {
    await showDone(deps, ctx, place, link);
  }
}

/** Completes the sign-in of the interaction. A second factor is still asked for. @returns false if the interaction has ended meanwhile */
async function continueSignIn(
  deps: HttpDeps,
  ctx: Context,
  { personId, credentialVersion, hasSecondFactor }: Changed,
): Promise<boolean> {
  const verified = { personId, credentialVersion };
  try {
    if (hasSecondFactor) {
      await submitResult(ctx, deps.oidc, { verified_password: { ...verified, remember: false } });
    } else {
      await submitSignIn(deps, ctx, { login: loginResult(verified, false, deps.clock.now()) });
    }
    return true;
  } catch (error) {
    if (createError.isHttpError(error) && error.status === 410) return false;
    throw error;
  }
}

async function showDone(deps: HttpDeps, ctx: Context, { interaction }: ResetPlace, { purpose }: Link): Promise<void> {
  const clientId = interaction?.clientId ?? ctx.query['app'];
  const launchUrl = typeof clientId === 'string' ? deps.clients.launchUrl(clientId) : undefined;
  // Another person may be signed in, for example with the school account of the family. The app would open for that person.
  const isFree = (await findSignedIn(deps, ctx)) === undefined;
  const appUrl = isFree && purpose !== 'setup' ? launchUrl : undefined;
  deps.pages.show(ctx, 'password-reset/done', {
    signInUrl: purpose === 'setup' ? '/console' : (appUrl ?? otherSignInUrl(deps)),
    app: appUrl !== undefined && typeof clientId === 'string' ? { name: deps.pages.appName(ctx, clientId) } : undefined,
    purpose,
  });
}
