import type { Context } from 'koa';
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { errorReference } from '../../domain/error-reference.ts';
import { DatabaseUnavailableError, RateLimitedError } from '../../platform/errors.ts';
import { isApiPath } from '../paths.ts';
import { findReturnLink } from '../provider/return-link.ts';
import type { MessageKind, Pages } from './pages.ts';

interface Failure {
  status: number;
  requestId: string;
  error?: unknown;
}

/** Shows the page for an unknown path or for an error that no handler caught. */
export function showErrorPage(pages: Pages, ctx: Context, { status, requestId, error }: Failure): void {
  if (error instanceof RateLimitedError) ctx.set('retry-after', String(error.retryAfterSeconds));
  if (isApiPath(ctx.path)) {
    ctx.status = status;
    ctx.body = {
      error: codeOfStatus(status),
      error_description: `the request failed; reference ${errorReference(requestId)}`,
    };
    return;
  }
  const kind = kindOfError(error) ?? kindOfStatus(status);
  const clientId = kind === 'expired' ? findReturnLink(ctx) : undefined;
  pages.message(ctx, kind, { status, clientId });
}

function kindOfError(error: unknown): MessageKind | undefined {
  if (error instanceof DatabaseUnavailableError) return 'unavailable';
  return error instanceof RateLimitedError && error.isOfPerson ? 'tooManyOfPerson' : undefined;
}

/** Returns the error code of RFC 6749, section 5.2 and section 4.1.2.1. */
function codeOfStatus(status: number): string {
  if (status < 500) return 'invalid_request';
  return status === 503 ? 'temporarily_unavailable' : 'server_error';
}

function kindOfStatus(status: number): MessageKind {
  switch (status) {
    case 403:
      return 'forbidden';
    case 404:
      return 'notFound';
    case 405:
      return 'methodNotAllowed';
    case 409:
    case 410:
      return 'expired';
    case 429:
      return 'tooManyRequests';
    case 503:
      return 'busy';
    default:
      return status < 500 ? 'badRequest' : 'failed';
  }
}

/** Shows an error of the provider that cannot be sent to the app, such as an invalid redirect URI or an expired interaction. */
export function showProviderError(pages: Pages, ctx: KoaContextWithOIDC, error: Error): void {
  const status = error instanceof errors.OIDCProviderError ? error.statusCode : 500;
  const requestId = ctx.response.get('x-request-id');
  if (error instanceof DatabaseUnavailableError || error instanceof RateLimitedError) {
    showErrorPage(pages, ctx, { status: error.statusCode, requestId, error });
    return;
  }
  const clientId = ctx.oidc.client?.clientId;
  // Our own pages respond in the same way to an expired interaction.
  if (error instanceof errors.SessionNotFound)
    pages.message(ctx, 'expired', { clientId: clientId ?? findReturnLink(ctx), status: 410 });
  else pages.message(ctx, status >= 500 ? 'failed' : 'oauth', { clientId, status });
}
