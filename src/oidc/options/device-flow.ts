import { errors, type Configuration, type KoaContextWithOIDC } from 'oidc-provider';
import { DatabaseUnavailableError } from '../../platform/errors.ts';
import { UserCodeThrottledError } from '../adapter/user-codes.ts';
import type { DevicePages, UserCodeProblem } from '../deps.ts';
import { ROUTES } from '../routes.ts';

type DeviceFlow = NonNullable<NonNullable<Configuration['features']>['deviceFlow']>;

/** `confirm` of the form on the approval page: the code is right, and somebody else signs in. */
export const OTHER_ACCOUNT = 'other_account';

/** Signing in on a television by a code that is typed on a phone (RFC 8628). */
export function createDeviceFlow(pages: DevicePages): DeviceFlow {
  return {
    enabled: true,
    // Without vowels no code spells a word, and without look-alikes none is mistyped (RFC 8628, section 6.1).
    charset: 'base-20',
    mask: '****-****',
    userCodeInputSource: (ctx, _form, _out, error) => {
      // Nobody could look whether the code was right.
      if (error instanceof DatabaseUnavailableError) throw error;
      // Resuming failed: the interaction expired, or another browser began it.
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
    userCodeConfirmSource: (ctx, _form, client, _deviceInfo, userCode) =>
      pages.confirm(ctx, xsrfOf(ctx), client.clientId, userCode),
    successSource: (ctx) => pages.done(ctx, ctx.oidc.client?.clientId ?? ''),
  };
}

/**
 * A form whose session is gone: the page was open for too long, or the browser keeps no cookies. The provider would now write
 * down a session that it never began, and fail; so nothing is written, and the first page makes a new one.
 */
function restartDeviceFlow(ctx: KoaContextWithOIDC): void {
  keepUnsaved(ctx);
  ctx.status = 303;
  ctx.redirect(ROUTES.codeVerification);
}

/** The provider has put the secret of a form into the session. Without this it would save a session that has no end yet, and fail. */
function keepUnsaved(ctx: KoaContextWithOIDC): void {
  Reflect.set(ctx.oidc.session ?? {}, 'touched', false);
}

function problemOf(error: Error | undefined): UserCodeProblem | undefined {
  if (error === undefined) return undefined;
  if (error instanceof UserCodeThrottledError) return { kind: 'throttled', until: error.until };
  return { kind: 'wrong' };
}

/** Returns true if the form of the approval page, and not a later step, asks for another account. */
export function wantsOtherAccount({ oidc }: KoaContextWithOIDC): boolean {
  return oidc.route === 'code_verification' && oidc.body?.['confirm'] === OTHER_ACCOUNT;
}

/** The secret of the provider's form; kept in the session, so no other site knows it. */
function xsrfOf(ctx: KoaContextWithOIDC): string {
  const secret = ctx.oidc.session?.state?.['secret'];
  return typeof secret === 'string' ? secret : '';
}
