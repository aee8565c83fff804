import type { Configuration } from 'openid-client';
import { startSignIn, type Pending } from './sign-in.ts';

/** Another child of the same parent, without a page and without a password. `child` is a `sub` out of `children`. */
export function switchToChild(
  config: Configuration,
  redirectUri: string,
  child: string,
): Promise<{ url: URL; pending: Pending }> {
  const acting = { value: { role: 'parent', child } };
  return startSignIn(config, redirectUri, { prompt: 'none', claims: JSON.stringify({ id_token: { acting } }) });
}

/** Lets the person choose again among all roles and children. */
export function chooseAgain(config: Configuration, redirectUri: string): Promise<{ url: URL; pending: Pending }> {
  return startSignIn(config, redirectUri, { prompt: 'select_account' });
}
