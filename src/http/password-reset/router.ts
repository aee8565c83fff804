import Router from '@koa/router';
import type { HttpDeps } from '../deps.ts';
import { parseForms } from '../forms/body.ts';
import { OWN_PLACE, ownPlaceFor, REQUEST_PATH, RESET_PATH } from './place.ts';
import { showRequestPage, submitRequestForm } from './request-form.ts';
import { showResetPage, submitResetForm } from './reset-form.ts';
import { exchangeToken } from './reset-link.ts';

/** The pages of a password reset: request a link, open it, set a new password. interaction/password-reset.ts has those of a sign-in. */
export function createPasswordResetRouter(deps: HttpDeps): Router {
  const router = new Router();
  const forms = parseForms();
  router.get(REQUEST_PATH, (ctx) => showRequestPage(deps, ctx, OWN_PLACE, ''));
  router.post(REQUEST_PATH, forms, (ctx) => submitRequestForm(deps, ctx, OWN_PLACE));
  router.get(RESET_PATH, async (ctx) => {
    const place = ownPlaceFor(deps, ctx.query['app']);
    ctx.state['pagePath'] = place.resetPath;
    await (ctx.query['token'] === undefined ? showResetPage : exchangeToken)(deps, ctx, place);
  });
  router.post(RESET_PATH, forms, async (ctx) => {
    const place = ownPlaceFor(deps, ctx.query['app']);
    ctx.state['pagePath'] = place.resetPath;
    await submitResetForm(deps, ctx, place);
  });
  return router;
}
