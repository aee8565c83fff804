import Router from '@koa/router';
import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { ROUTES } from '../../oidc/routes.ts';
import { parseForms } from '../forms/body.ts';

/** In characters. As an address it has to pass through browsers, proxies and our own limit for headers of 16 KiB. */
const MAX_BODY_LENGTH = 8_000;

/** There is none when something else than a form was sent. */
const formBody = z.string().catch('');

/**
 * Requests that a relying party sends through the browser by a form instead of an address: both must be taken (OpenID Connect Core
 * 1.0, section 3.1.2.1; RP-Initiated Logout 1.0, section 2). The provider would need cookies with `SameSite=None` for it; sent on as
 * an address, the request comes with the `Lax` ones.
 */
export function createPostToGetRouter(): Router {
  const router = new Router();
  router.post(ROUTES.authorization, parseForms(), (ctx) => {
    ctx.status = 303;
    ctx.redirect(`${ctx.path}?${formAsQuery(ctx)}`);
  });
  return router;
}

/** @throws {HttpError} 413 when the form is too long for an address */
export function formAsQuery(ctx: Context): string {
  const body = formBody.parse(ctx.request.rawBody);
  if (body.length > MAX_BODY_LENGTH) throw createError(413, 'the request is too long');
  return new URLSearchParams(body).toString();
}
