import type { ClientMetadata } from 'oidc-provider';
import { clientName, type ClientRegistration } from '../../config/clients.ts';
import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
import { isFapi } from './fapi.ts';

/** RFC 8628, section 3.4. */
export const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code';

/** Converts a registration to client metadata (OpenID Connect Dynamic Client Registration 1.0, section 2). */
export function toMetadata(client: ClientRegistration): ClientMetadata {
  const grantTypes = [
    'authorization_code',
    ...(client.scopes.includes('offline_access') ? ['refresh_token'] : []),
    ...(client.device_flow ? [DEVICE_CODE] : []),
  ];
  return {
    client_id: client.client_id,
    client_name: clientName(client, DEFAULT_LANGUAGE),
    application_type: client.application_type,
    token_endpoint_auth_method: client.token_endpoint_auth_method,
    // The provider requires a secret. It gets only hashes; provider-internals.ts compares them.
    ...(client.client_secret_sha256.length > 0 ? { client_secret: client.client_secret_sha256.join(' ') } : {}),
    redirect_uris: client.redirect_uris,
    post_logout_redirect_uris: client.post_logout_redirect_uris,
    response_types: ['code'],
    grant_types: grantTypes,
    scope: client.scopes.join(' '),
    // The provider accepts pairwise device clients only with a `jwks_uri`; provider-internals.ts makes every client pairwise.
    subject_type: client.device_flow ? 'public' : 'pairwise',
    // FAPI 2.0 Security Profile, section 5.4.1, rule 2: no RS256.
    id_token_signed_response_alg: isFapi(client) ? 'ES256' : client.id_token_signed_response_alg,
    require_pushed_authorization_requests: client.require_pushed_authorization_requests,
    dpop_bound_access_tokens: client.dpop_bound_access_tokens,
    ...(client.jwks === undefined ? {} : { jwks: client.jwks }),
    ...(client.jwks_uri === undefined ? {} : { jwks_uri: client.jwks_uri }),
    ...(client.initiate_login_uri === undefined ? {} : { initiate_login_uri: client.initiate_login_uri }),
    ...(client.client_uri === undefined ? {} : { client_uri: client.client_uri }),
    ...(client.sector_identifier_uri === undefined ? {} : { sector_identifier_uri: client.sector_identifier_uri }),
    ...(client.backchannel_logout_uri === undefined
      ? {}
      : { backchannel_logout_uri: client.backchannel_logout_uri, backchannel_logout_session_required: true }),
  };
}
