import type { Configuration } from 'openid-client';
import { startSignIn, type Pending } from './sign-in.ts';

/** Switches to another child of the same parent, without a page or a password. `child` is a `sub` from `children`. */
export function switchToChild(
  config: Configuration,
  redirectUri: string,
  child: string,
): Promise<{ url: URL; pending: Pending }> {
  const acting = { value: { role: 'parent', child } };
  return startSignIn(config, redirectUri, { prompt: 'none', claims: JSON.stringify({ id_token: { acting } }) });
}

/** Asks the person to choose again among all roles and children. */
export function chooseAgain(config: Configuration, redirectUri: string): Promise<{ url: URL; pending: Pending }> {
  return startSignIn(config, redirectUri, { prompt: 'select_account' });
}
