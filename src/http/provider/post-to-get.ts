import Router from '@koa/router';
import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { ROUTES } from '../../oidc/routes.ts';
import { parseForms } from '../forms/body.ts';

/** In characters. A longer URL may exceed limits of browsers, of proxies and our own header limit of 16 KiB. */
const MAX_BODY_LENGTH = 8_000;

/** Absent if the body is not a form. */
const formBody = z.string().catch('');

/**
 * Redirects an authorization request in a form to the same request in a URL. The OP must accept both (OpenID Connect Core 1.0, section
 * 3.1.2.1; RP-Initiated Logout 1.0, section 2). A cross-site form carries no `Lax` cookies; the redirected request does.
 */
export function createPostToGetRouter(): Router {
  const router = new Router();
  router.post(ROUTES.authorization, parseForms(), (ctx) => {
    ctx.status = 303;
    ctx.redirect(`${ctx.path}?${formAsQuery(ctx)}`);
  });
  return router;
}

/** @throws {HttpError} 413 if the form is too long for a URL */
export function formAsQuery(ctx: Context): string {
  const body = formBody.parse(ctx.request.rawBody);
  if (body.length > MAX_BODY_LENGTH) throw createError(413, 'the request is too long for a redirect');
  return new URLSearchParams(body).toString();
}
