import Provider, { errors, type AdapterPayload, type KoaContextWithOIDC } from 'oidc-provider';
import { normalizeUserCode } from '../../domain/user-code.ts';
import { lookUpUserCode, type TypedUserCode } from '../../services/authentication/device-codes.ts';

/** There were too many wrong user codes, so this one was not looked up. The page says when to try again. */
export class UserCodeThrottledError extends errors.OIDCProviderError {
  override readonly name = 'UserCodeThrottledError';
  /** Milliseconds since the epoch. */
  readonly until: number;
  constructor(until: number) {
    super(429, 'too_many_user_codes');
    this.until = until;
  }
}

/** Returns the typed user code. The provider removes full-width letters from it. */
export function readUserCode({ oidc }: KoaContextWithOIDC): string {
  const typed = oidc.params?.['user_code'];
  return normalizeUserCode(typeof typed === 'string' ? typed : '');
}

/**
 * Finds the device code of a user code. The provider calls this only at `POST /device`, after it has checked the form secret.
 *
 * @throws {UserCodeThrottledError}
 */
export async function findByUserCode(
  deps: Parameters<typeof lookUpUserCode>[0],
  code: string,
  open: TypedUserCode<AdapterPayload>['open'],
): Promise<AdapterPayload | undefined> {
  const ctx = Provider.ctx;
  if (ctx === undefined) throw new Error('user codes can be looked up only in a request of the provider');
  const { session } = ctx.oidc;
  const typed = { code, address: ctx.ip, personId: session?.accountId, sessionUid: session?.uid, open };
  const result = await lookUpUserCode(deps, typed);
  if ('until' in result) throw new UserCodeThrottledError(result.until);
  return result.payload;
}
