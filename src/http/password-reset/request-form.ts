import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from 'koa';
import { z } from 'zod';
import type { CheckedAttempt } from '../../services/authentication/human-check-demand.ts';
import { LINK_MINUTES } from '../../services/authentication/password-reset.ts';
import { deviceOf } from '../account/device-name.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { humanCheckField, humanCheckFor, rejectUnchecked } from '../forms/human-check.ts';
import { readDeviceToken } from '../forms/known-device-cookie.ts';
import {
  findMarkedRejection,
  redirectRejected,
  REJECTED,
  type FormPage,
  type Rejection,
} from '../forms/rejected-form.ts';
import { appOf, destinationIn, type ResetPlace } from './place.ts';
import { findResetRequest, keepResetRequest } from './reset-request.ts';

const form = z.object({ login: field, ...humanCheckField });

/** Longer than creating a link takes, so the response time does not show whether an account exists. */
const MIN_RESPONSE_MS = 300;

/** The query of the page after a request. Reloading that page opens it again and sends no mail. */
const SENT = 'sent';

/** Shows the form; after a request from this browser, its result. @param login typed before */
export async function showRequestPage(deps: HttpDeps, ctx: Context, place: ResetPlace, login: string): Promise<void> {
  const request = ctx.query[SENT] === undefined ? undefined : findResetRequest(deps, ctx);
  if (request !== undefined && request.interaction === place.interaction?.uid) {
    await showSent(deps, ctx, place, request.login);
    return;
  }
  ctx.state['pagePath'] = place.requestPath;
  await showRequestForm(deps, ctx, place, login);
}

/** @param known typed before */
async function showRequestForm(deps: HttpDeps, ctx: Context, place: ResetPlace, known: string): Promise<void> {
  const { status, errors = {}, alert, values } = findMarkedRejection(deps, ctx, pageOf(place)) ?? { status: 200 };
  const login = values?.['login'] ?? known;
  const humanCheck = values?.['human_check'] ?? (await humanCheckFor(deps, attemptOf(ctx, login)));
  const { requestPath: action, signInUrl } = place;
  const locals = {
    action,
    app: destinationIn(deps, ctx, place),
    values: { login },
    errors,
    alert,
    humanCheck,
    signInUrl,
  };
  deps.pages.show(ctx, 'password-reset/request', locals, status);
}

function pageOf({ requestPath: path, interaction }: ResetPlace): FormPage {
  return { path, owner: interaction?.uid ?? 'forgot-password' };
}

function attemptOf(ctx: Context, login: string): CheckedAttempt {
  return { form: 'forgot-password', login, address: ctx.ip, device: readDeviceToken(ctx) };
}

/** Every request counts for the human check: the page must not show which ones sent a mail. */
export async function submitRequestForm(deps: HttpDeps, ctx: Context, place: ResetPlace): Promise<void> {
  const { pages, passwordReset, humanCheckDemand } = deps;
  ctx.state['pagePath'] = place.requestPath;
  const { login, human_check: value } = readForm(ctx, form);
  const reject = (rejection: Omit<Rejection, 'status'>): void => {
    redirectRejected(deps, ctx, pageOf(place), { status: 422, ...rejection }, REJECTED);
  };
  if (login.trim() === '') {
    reject({ errors: { login: pages.t(ctx, 'required.login') }, values: { login } });
    return;
  }
  const attempt = attemptOf(ctx, login);
  const isRequired = await humanCheckDemand.isRequired(attempt);
  const unchecked = isRequired ? await rejectUnchecked(deps, ctx, 'forgot-password', value) : undefined;
  if (unchecked !== undefined) {
    reject({ alert: unchecked.alert, values: { login, human_check: unchecked.humanCheck } });
    return;
  }
  humanCheckDemand.count(attempt);
  const mail = { lang: pages.langOf(ctx), clientId: appOf(place) };
  await Promise.all([passwordReset.request(login, ctx.ip, deviceOf(ctx), mail), delay(MIN_RESPONSE_MS)]);
  keepResetRequest(deps, ctx, { login, interaction: place.interaction?.uid });
  await showSent(deps, ctx, place, login);
}

async function showSent(deps: HttpDeps, ctx: Context, place: ResetPlace, login: string): Promise<void> {
  const formPage = `${place.requestPath}?${SENT}`;
  ctx.state['pagePath'] = formPage;
  deps.pages.show(ctx, 'password-reset/sent', {
    minutes: LINK_MINUTES,
    login,
    errors: {},
    action: place.requestPath,
    formPage,
    app: destinationIn(deps, ctx, place),
    signInUrl: place.signInUrl,
    // The page repeats the request; after many of them its form asks for the check.
    humanCheck: await humanCheckFor(deps, attemptOf(ctx, login)),
  });
}
