/** Public clients that send an empty secret in the `Authorization` header. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import * as client from 'openid-client';
import { z } from 'zod';

import { LOGIN, refresh, signInWithNewBrowser } from '../helpers/authorization-flow.ts';
import { createParty, createRegistration, newSecret } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
const PUBLIC = { token_endpoint_auth_method: 'none', client_secret_sha256: [], scopes: ['openid', 'offline_access'] };
let service: TestService;

before(async () => {
  service = await startService({
    clients: [
      createRegistration('agent', secret, { ...PUBLIC, device_flow: true }),
      createRegistration('spa', secret, PUBLIC),
      createRegistration('server', secret, { scopes: ['openid'] }),
    ],
  });
});
after(() => service.stop());

const basic = (credentials: string): string => `Basic ${Buffer.from(credentials).toString('base64')}`;

const failure = z.object({ error: z.string() });

async function post(
  path: string,
  fields: Record<string, string>,
  authorization: string,
): Promise<{ status: number; error: string; challenge: string | null }> {
  const response = await fetch(service.issuer + path, {
    ...{ method: 'POST', body: new URLSearchParams(fields) },
    headers: { authorization },
  });
  const { error } = failure.parse(await response.json());
  return { status: response.status, error, challenge: response.headers.get('www-authenticate') };
}

describe('a public client with an empty secret in the header (RFC 6749, section 2.3.1)', () => {
  it('gets, refreshes and revokes tokens, pushes requests and starts the device flow', async () => {
    const agent = await createParty(service.issuer, {
      ...{ id: 'agent', scope: 'openid offline_access' },
      auth: (_server, _client, _body, headers) => {
        headers.set('authorization', basic('agent:'));
      },
    });
    const pushed = await client.buildAuthorizationUrlWithPAR(agent.config, {
      ...{ scope: 'openid', redirect_uri: agent.redirectUri, response_type: 'code' },
      ...{ code_challenge: 'c'.repeat(43), code_challenge_method: 'S256' },
    });
    assert.equal(pushed.searchParams.get('client_id'), 'agent');
    assert.match(pushed.searchParams.get('request_uri') ?? '', /^urn:/);
    assert.ok((await client.initiateDeviceAuthorization(agent.config, { scope: 'openid' })).user_code);
    const { tokens } = await signInWithNewBrowser(agent, { login: LOGIN.T2, parameters: { prompt: 'consent' } });
    const next = await client.refreshTokenGrant(agent.config, tokens.refresh_token ?? '');
    await client.tokenRevocation(agent.config, next.refresh_token ?? '');
    assert.equal((await refresh(agent, next.refresh_token)).body['error'], 'invalid_grant');
  });

  it('may repeat its client_id in the body, and no other', async () => {
    const fields = { grant_type: 'refresh_token', refresh_token: 'unknown' };
    for (const [more, error] of [
      [{}, 'invalid_grant'],
      [{ client_id: 'agent' }, 'invalid_grant'],
      [{ client_id: 'spa' }, 'invalid_request'],
      [{ client_secret: secret }, 'invalid_client'],
    ] as const) {
      const reply = await post('/token/', { ...fields, ...more }, basic('agent:'));
      assert.equal(reply.error, error, JSON.stringify(more));
    }
  });

  it('is rejected with a secret, and a client with a secret without one', async () => {
    const fields = { grant_type: 'refresh_token', refresh_token: 'unknown' };
    for (const credentials of ['agent:secret', 'server:', 'unknown:', ':', 'agent', '%zz:']) {
      for (const path of ['/device/auth', '/request', '/token', '/token/introspection', '/token/revocation']) {
        const reply = await post(path, fields, basic(credentials));
        assert.deepEqual([reply.status, reply.error], [401, 'invalid_client'], `${path} ${credentials}`);
        assert.match(reply.challenge ?? '', /^Basic /);
      }
    }
    const introspection = await post('/token/introspection', { token: 'unknown' }, basic('agent:'));
    assert.equal(introspection.status, 401);
  });
});
