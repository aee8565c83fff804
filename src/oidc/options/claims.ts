import type { Configuration } from 'oidc-provider';
import { SCOPE_CLAIMS } from '../../domain/claims/scopes.ts';

/**
 * Which claims the provider lets through for a scope. The claims listed under `openid` may stand in the ID token; whether they
 * do is decided where claims are made, by the scopes of the grant (docs/claims.md, rule 3: roles and acting in both places).
 */
export const claims: Configuration['claims'] = {
  ...SCOPE_CLAIMS,
  openid: [...SCOPE_CLAIMS.openid, 'acr', 'amr', 'auth_time', 'roles', 'acting'],
};

/** One factor so far: a password. Named after the assurance level of NIST SP 800-63B-4. */
export const ACR_PASSWORD = 'urn:kinpass:aal1';
/** RFC 8176 */
export const AMR_PASSWORD = ['pwd'];
