import type Router from '@koa/router';
import createError from 'http-errors';
import type { Context } from 'koa';
import type { HttpDeps } from '../deps.ts';
import { parseForms } from '../forms/body.ts';
import { OWN_PLACE, ownPlaceFor, placeIn, REQUEST_PATH, RESET_PATH, type ResetPlace } from '../password-reset/place.ts';
import { showRequestPage, submitRequestForm } from '../password-reset/request-form.ts';
import { canContinue, showResetPage, submitResetForm } from '../password-reset/reset-form.ts';
import { findTypedLogin } from '../password-reset/reset-request.ts';
import { redirectTo, type InteractionState } from './interaction.ts';

/** Adds the pages of a password reset within a sign-in. Afterwards the person is signed in and back in the app. */
export function addPasswordReset(
  router: Router,
  deps: HttpDeps,
  load: (ctx: Context) => Promise<{ interaction: InteractionState }>,
): void {
  /** @returns undefined if the interaction has expired, so the pages without an interaction take over */
  const findPlace = async (ctx: Context): Promise<ResetPlace | undefined> => {
    try {
      return placeIn((await load(ctx)).interaction);
    } catch (error) {
      if (createError.isHttpError(error) && error.status === 410) return undefined;
      throw error;
    }
  };
  const forms = parseForms();
  router.get(REQUEST_PATH, async (ctx) => {
    const place = await findPlace(ctx);
    if (place?.interaction === undefined) {
      redirectTo(ctx, REQUEST_PATH);
      return;
    }
    await showRequestPage(deps, ctx, place, findTypedLogin(deps, ctx, place.interaction.uid));
  });
  router.post(REQUEST_PATH, forms, async (ctx) => {
    await submitRequestForm(deps, ctx, (await findPlace(ctx)) ?? OWN_PLACE);
  });
  router.get(RESET_PATH, async (ctx) => {
    const place = await findPlace(ctx);
    if (place === undefined || !(await canContinue(deps, ctx, place))) {
      redirectTo(ctx, ownPlaceFor(deps, place?.interaction?.clientId).resetPath);
      return;
    }
    ctx.state['pagePath'] = ctx.path;
    await showResetPage(deps, ctx, place);
  });
  router.post(RESET_PATH, forms, async (ctx) => {
    const place = await findPlace(ctx);
    const own = ownPlaceFor(deps, place?.interaction?.clientId);
    const current = place !== undefined && (await canContinue(deps, ctx, place)) ? place : own;
    ctx.state['pagePath'] = current.resetPath;
    await submitResetForm(deps, ctx, current, place?.interaction);
  });
}
