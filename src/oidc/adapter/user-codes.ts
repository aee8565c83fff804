import Provider, { errors, type AdapterPayload } from 'oidc-provider';
import { lookUpUserCode, type TypedUserCode } from '../../services/authentication/device-codes.ts';

/** Too many wrong user codes: this one was not looked up. The page says when to try again. */
export class UserCodeThrottledError extends errors.OIDCProviderError {
  override readonly name = 'UserCodeThrottledError';
  /** In ms. */
  readonly until: number;
  constructor(until: number) {
    super(429, 'too_many_user_codes');
    this.until = until;
  }
}

/**
 * Finds the device code of a user code. The provider asks at `POST /device` only, after it has checked the secret of the form.
 *
 * @throws {UserCodeThrottledError}
 */
export async function findByUserCode(
  deps: Parameters<typeof lookUpUserCode>[0],
  code: string,
  open: TypedUserCode<AdapterPayload>['open'],
): Promise<AdapterPayload | undefined> {
  const ctx = Provider.ctx;
  if (ctx === undefined) throw new Error('a user code can only be looked up within a request');
  const { session } = ctx.oidc;
  const typed = { code, address: ctx.ip, personId: session?.accountId, sessionUid: session?.uid, open };
  const result = await lookUpUserCode(deps, typed);
  if ('until' in result) throw new UserCodeThrottledError(result.until);
  return result.payload;
}
