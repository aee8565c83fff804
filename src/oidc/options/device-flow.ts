import { errors, type Configuration, type KoaContextWithOIDC } from 'oidc-provider';
import { formatUserCode } from '../../domain/user-code.ts';
import { DatabaseUnavailableError } from '../../platform/errors.ts';
import { readUserCode, UserCodeThrottledError } from '../adapter/user-codes.ts';
import type { DevicePages, UserCodeProblem } from '../deps.ts';
import { ROUTES } from '../routes.ts';

type DeviceFlow = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>;

/** Value of `confirm` on the approval page: the code is correct, but another account shall be used. */
export const OTHER_ACCOUNT = 'other_account';

/** Creates the options of the device flow: a television shows a code, and the person types it on a phone (RFC 8628). */
export function createDeviceFlow(pages: DevicePages): DeviceFlow {
  return {
    enabled: true,
    // No vowels, so no code spells a word; no similar characters, so few are mistyped (RFC 8628, section 6.1).
    charset: 'base-20',
    mask: '****-****',
    userCodeInputSource: (ctx, _form, _out, error) => {
      // The code could not be looked up.
      if (error instanceof DatabaseUnavailableError) throw error;
      // Resuming failed: the interaction expired, or another browser started it.
      if (error instanceof errors.SessionNotFound) {
        keepUnsaved(ctx);
        pages.expired(ctx);
        return;
      }
      const isStored = ctx.oidc.session?.exp !== undefined;
      if (error?.name === 'AbortedError') {
        if (!isStored) keepUnsaved(ctx);
        pages.denied(ctx);
        return;
      }
      if (error !== undefined && !isStored) {
        restartDeviceFlow(ctx);
        return;
      }
      pages.code(ctx, xsrfOf(ctx), problemOf(error));
    },
    userCodeConfirmSource: (ctx, _form, client) =>
      pages.confirm(ctx, xsrfOf(ctx), client.clientId, formatUserCode(readUserCode(ctx))),
    successSource: (ctx) => pages.done(ctx, ctx.oidc.client?.clientId ?? ''),
  };
}

/**
 * Restarts the flow after a form without a session: the page was open too long, or the browser stores no cookies. The provider would fail
 * to save a session without an expiry, so nothing is saved. The first page creates a new session.
 */
function restartDeviceFlow(ctx: KoaContextWithOIDC): void {
  keepUnsaved(ctx);
  ctx.status = 303;
  ctx.redirect(ROUTES.codeVerification);
}

/** Discards the changes of the session: the provider added a form secret, and fails to save a session without an expiry. */
function keepUnsaved(ctx: KoaContextWithOIDC): void {
  Reflect.set(ctx.oidc.session ?? {}, 'touched', false);
}

function problemOf(error: Error | undefined): UserCodeProblem | undefined {
  if (error === undefined) return undefined;
  if (error instanceof UserCodeThrottledError) return { kind: 'throttled', until: error.until };
  return { kind: 'wrong' };
}

/** Returns true if the form of the approval page requests another account. Later interactions do not count. */
export function wantsOtherAccount({ oidc }: KoaContextWithOIDC): boolean {
  return oidc.route === 'code_verification' && oidc.body?.['confirm'] === OTHER_ACCOUNT;
}

/** Returns the CSRF secret of the provider's form. It is in the session, so no other site knows it. */
function xsrfOf(ctx: KoaContextWithOIDC): string {
  const secret = ctx.oidc.session?.state?.['secret'];
  return typeof secret === 'string' ? secret : '';
}
