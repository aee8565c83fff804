import { send, type RawResponse } from './raw-http.ts';
import { newSecret, createRegistration } from './relying-party.ts';
import type { TestService } from './service.ts';

export const secret = newSecret();
export const API = 'https://api.example/';
export const options = {
  clients: [
    createRegistration('app', secret, {
      scopes: ['openid', 'profile', 'roles', 'children'],
      resources: [API],
      device_flow: true,
    }),
    createRegistration('public', secret, {
      scopes: ['openid', 'profile'],
      client_secret_sha256: [],
      token_endpoint_auth_method: 'none',
      device_flow: true,
    }),
  ],
  resourceServers: [{ identifier: API, scopes: { read: { 'zh-TW': '讀取', en: 'Read' } } }],
  env: { KINPASS_TRUSTED_PROXIES: 'loopback' },
};

export const rowsOf = ({ container }: TestService): Promise<{ model: string; payload: string }[]> =>
  container.store.read((tx) => tx.db.select().from(tx.tables.oidcRecords));

/** Posts a form without browser headers. The public client needs no secret. */
export const post = (
  service: TestService,
  path: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<RawResponse> =>
  send(service.issuer, path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json', ...headers },
    body,
  });

export const authorization = (more: Record<string, string> = {}, client = 'public'): URLSearchParams =>
  new URLSearchParams({
    client_id: client,
    response_type: 'code',
    redirect_uri: `https://${client}.example/callback`,
    scope: 'openid',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
    ...more,
  });
