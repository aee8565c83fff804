/** Requests that the service refuses, one for each kind, with the log line that each gets. */
import { newSecret } from './relying-party.ts';

export const SECRET = newSecret();
export const WRONG_SECRET = newSecret();
export const HEXADECIMAL_SECRET = Buffer.from(WRONG_SECRET).toString('hex').slice(0, 48);
export const PERSON = 'someone@parents.example';
const REDIRECT_URI = 'https://app.example/callback';

type Headers = Record<string, string>;
const basic = (id: string, password: string): Headers => ({
  authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`,
});
const AS_APP = basic('app', SECRET);
const WITH_WRONG_SECRET = basic('app', WRONG_SECRET);

export function sendGet(url: string, headers: Headers = {}): Promise<Response> {
  return fetch(url, { headers: { accept: 'text/html', ...headers }, redirect: 'manual' });
}

const CODE = { grant_type: 'authorization_code', code: 'invented', redirect_uri: REDIRECT_URI };
const DEVICE_CODE = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: 'invented' };
const CROSS_SITE = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
const invalidRequest = (error_description: string): Record<string, string> => ({
  error: 'invalid_request',
  error_description,
});
const failedAuthentication = (error_detail: string): Record<string, string> => ({
  error: 'invalid_client',
  error_description: 'client authentication failed',
  error_detail,
});
const WRONG = failedAuthentication('invalid secret provided');
const UNKNOWN = failedAuthentication('client not found');
const UNKNOWN_CLIENT = {
  error: 'invalid_client',
  error_description: 'client is invalid',
  error_detail: 'client not found',
};
const invalidGrant = (error_detail: string): Record<string, string> => ({
  error: 'invalid_grant',
  error_description: 'grant request is invalid',
  error_detail,
});

/** A kind of refusal: its request, the status of the response, and the log line. */
type Refused = [kind: string, send: () => Promise<Response>, status: number, line: Record<string, string>];

/** Lists a request for each kind of refusal. The client `app` has no device flow, and `television` has it; both have `SECRET`. */
export function createRefusals(issuer: () => string): Refused[] {
  const post = (path: string, fields: Record<string, string>, headers: Headers = {}): Promise<Response> =>
    fetch(issuer() + path, { method: 'POST', body: new URLSearchParams(fields), headers, redirect: 'manual' });
  const get = (path: string, headers: Headers = {}): Promise<Response> => sendGet(issuer() + path, headers);
  const authorize = (fields: Record<string, string>): Promise<Response> => {
    const valid = { client_id: 'app', response_type: 'code', scope: 'openid', redirect_uri: REDIRECT_URI, nonce: 'n' };
    return get(`/auth?${new URLSearchParams({ ...valid, ...fields }).toString()}`);
  };
  return [
    [
      'an unknown client at /auth',
      () => authorize({ client_id: 'nobody' }),
      400,
      { event: 'authorization.error', clientId: 'nobody', ...UNKNOWN_CLIENT },
    ],
    [
      'a secret as client_id at /auth',
      () => authorize({ client_id: WRONG_SECRET }),
      400,
      { event: 'authorization.error', ...UNKNOWN_CLIENT },
    ],
    [
      'a hexadecimal secret as client_id at /auth',
      () => authorize({ client_id: HEXADECIMAL_SECRET }),
      400,
      { event: 'authorization.error', ...UNKNOWN_CLIENT },
    ],
    [
      'an unregistered redirect_uri',
      () => authorize({ redirect_uri: `https://evil.example/?login=${PERSON}` }),
      400,
      {
        event: 'authorization.error',
        clientId: 'app',
        error: 'invalid_redirect_uri',
        error_description: "redirect_uri did not match any of the client's registered redirect_uris",
      },
    ],
    [
      'prompt=none without a session',
      () => authorize({ prompt: 'none' }),
      303,
      {
        event: 'authorization.error',
        clientId: 'app',
        error: 'login_required',
        error_description: 'End-User authentication is required',
      },
    ],
    [
      'a long login_hint',
      () => authorize({ login_hint: PERSON.repeat(20) }),
      303,
      { event: 'authorization.error', clientId: 'app', ...invalidRequest('login_hint must be at most 320 characters') },
    ],
    [
      'a used pushed request',
      () => authorize({ request_uri: 'urn:ietf:params:oauth:request_uri:x' }),
      303,
      {
        event: 'authorization.error',
        clientId: 'app',
        error: 'invalid_request_uri',
        error_description: 'request_uri is invalid, expired, or was already used',
      },
    ],
    [
      'an expired interaction',
      () => get('/interaction/unknown'),
      410,
      { event: 'request', error: 'GoneError', error_description: 'this interaction has expired' },
    ],
    [
      'the end of an expired interaction',
      () => get('/auth/unknown'),
      410,
      { event: 'authorization.error', ...invalidRequest('authorization request has expired') },
    ],
    [
      'an unknown code',
      () => post('/token', CODE, AS_APP),
      400,
      { event: 'grant.error', clientId: 'app', ...invalidGrant('authorization code not found') },
    ],
    [
      'a wrong secret at /token',
      () => post('/token', CODE, WITH_WRONG_SECRET),
      401,
      { event: 'grant.error', clientId: 'app', ...WRONG },
    ],
    [
      'an unknown client at /token',
      () => post('/token', CODE, basic('nobody', WRONG_SECRET)),
      401,
      { event: 'grant.error', clientId: 'nobody', ...UNKNOWN },
    ],
    [
      'client_id and secret in each other’s field',
      () => post('/token', CODE, basic(WRONG_SECRET, 'app')),
      401,
      { event: 'grant.error', ...UNKNOWN },
    ],
    [
      'no client authentication',
      () => post('/token', CODE),
      401,
      { event: 'grant.error', ...invalidRequest('no client authentication mechanism provided') },
    ],
    [
      'a confidential client without its secret',
      () => post('/token', { ...CODE, client_id: 'app' }),
      401,
      {
        event: 'grant.error',
        clientId: 'app',
        ...failedAuthentication(
          'the provided authentication mechanism does not match the registered client authentication method',
        ),
      },
    ],
    [
      'GET /token',
      () => get('/token'),
      405,
      { event: 'request', ...invalidRequest('method not allowed at this endpoint; use POST') },
    ],
    [
      'a wrong secret at /request',
      () => post('/request', { response_type: 'code' }, WITH_WRONG_SECRET),
      401,
      { event: 'pushed_authorization_request.error', clientId: 'app', ...WRONG },
    ],
    [
      'a large body at /request',
      () => post('/request', { nonce: 'n'.repeat(20_000) }, AS_APP),
      413,
      { event: 'request', ...invalidRequest('the body must be at most 16384 bytes') },
    ],
    [
      'a client without the device flow',
      () => post('/device/auth', { client_id: 'app' }, AS_APP),
      400,
      {
        event: 'device_authorization.error',
        clientId: 'app',
        ...invalidRequest('urn:ietf:params:oauth:grant-type:device_code is not allowed for this client'),
      },
    ],
    [
      'an unknown device code',
      () => post('/token', DEVICE_CODE, basic('television', SECRET)),
      400,
      { event: 'grant.error', clientId: 'television', ...invalidGrant('device code not found') },
    ],
    [
      'a device form without its secret',
      () => post('/device', { user_code: 'BCDF' }, { origin: issuer() }),
      303,
      { event: 'code_verification.error', ...invalidRequest('could not find device form details') },
    ],
    [
      'an expired device interaction',
      () => get('/device/unknown'),
      410,
      { event: 'device_resume.error', ...invalidRequest('authorization request has expired') },
    ],
    [
      'a revocation without a token',
      () => post('/token/revocation', {}, AS_APP),
      400,
      { event: 'revocation.error', clientId: 'app', ...invalidRequest("missing required parameter 'token'") },
    ],
    [
      'a wrong secret at revocation',
      () => post('/token/revocation', { token: 't' }, WITH_WRONG_SECRET),
      401,
      { event: 'revocation.error', clientId: 'app', ...WRONG },
    ],
    [
      'a wrong secret at introspection',
      () => post('/token/introspection', { token: 't' }, WITH_WRONG_SECRET),
      401,
      { event: 'introspection.error', clientId: 'app', ...WRONG },
    ],
    [
      'an unknown access token',
      () => get('/me', { authorization: 'Bearer invented' }),
      401,
      {
        event: 'userinfo.error',
        error: 'invalid_token',
        error_description: 'invalid token provided',
        error_detail: 'access token not found',
      },
    ],
    [
      'an unregistered post_logout_redirect_uri',
      () => get('/session/end?post_logout_redirect_uri=https://evil.example/&client_id=app'),
      303,
      {
        event: 'end_session.redirect_refused',
        clientId: 'app',
        ...invalidRequest('post_logout_redirect_uri is not registered'),
      },
    ],
    [
      'an invalid id_token_hint',
      () => get(`/session/end?id_token_hint=x.y.z&post_logout_redirect_uri=https://app.example/`),
      303,
      { event: 'end_session.redirect_refused', ...invalidRequest('id_token_hint cannot be decoded') },
    ],
    [
      'a form of another site',
      () => post('/forgot-password', { login: PERSON }, CROSS_SITE),
      403,
      { event: 'request', error: 'forbidden', error_description: 'the form comes from another origin than the issuer' },
    ],
    [
      'a sign-in as an image',
      () => get('/auth', { 'sec-fetch-dest': 'image' }),
      403,
      { event: 'request', error: 'forbidden', error_description: 'the request is no navigation but loads: image' },
    ],
  ];
}
