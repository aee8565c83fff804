import { interactionPolicy } from 'oidc-provider';
import { wantsOtherAccount } from '../../options/device-flow.ts';

/** Requires a sign-in if the person chose "use another account". */
export function switchAccount(): interactionPolicy.Check {
  return new interactionPolicy.Check(
    'switch_account',
    'the person wants to sign in with a different account',
    'login_required',
    (ctx) =>
      wantsOtherAccount(ctx) ||
      (ctx.oidc.result?.['switch_account'] !== undefined && ctx.oidc.result.login === undefined),
  );
}
