import type { Configuration } from 'oidc-provider';
import { SCOPE_CLAIMS } from '../../domain/claims/scopes.ts';

/**
 * Claims by scope. The claims of `openid` may be in the ID token. `buildClaims` decides it by the scopes of the grant (docs/claims.md, rule 3:
 * `roles` and `acting` are in the ID token and in UserInfo).
 */
export const claims: Configuration['claims'] = {
  ...SCOPE_CLAIMS,
  openid: [...SCOPE_CLAIMS.openid, 'acr', 'amr', 'auth_time', 'roles', 'acting'],
};

/** One factor: a password. Named after assurance level 1 of NIST SP 800-63B-4. */
export const ACR_PASSWORD = 'urn:kinpass:aal1';
/** Two factors: a password and a second factor, or a passkey with user verification. Named after assurance level 2. */
export const ACR_TWO_FACTORS = 'urn:kinpass:aal2';
/** The account of a family inside one school, which many people may know. */
export const ACR_SCHOOL_ACCOUNT = 'urn:kinpass:school-account';
/** RFC 8176, section 2. */
export const AMR_PASSWORD = ['pwd'];
