import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { resourceServerSchema } from '../../src/config/resource-servers.ts';
import { ROLES } from '../../src/domain/model.ts';
import { createI18n } from '../../src/presentation/i18n.ts';
import type { Transaction } from '../../src/store/database/index.ts';
import { ACCOUNT_CLIENT_ID, createClientRegistry } from '../../src/services/access/client-registry.ts';
import { NO_STORED_CLIENTS, testClient, TEST_ISSUER } from '../helpers/services.ts';

describe('registered clients', () => {
  const i18n = createI18n(new URL('../../config/locales', import.meta.url).pathname);
  const api = 'https://api.example/grades';
  const resourceServer = resourceServerSchema.parse({ identifier: api, scopes: { read: 'Read' } });
  const clients = createClientRegistry(
    {
      clients: [
        testClient('app', { client_uri: 'https://app.example/', resources: [api] }),
        testClient('starts', {
          client_uri: 'https://starts.example/',
          initiate_login_uri: 'https://starts.example/login?from=kinpass',
        }),
        testClient('bare', { school_types: ['elementary'], permissions: ['fees:read'] }),
      ],
      resourceServers: [resourceServer],
    },
    TEST_ISSUER,
    i18n,
    NO_STORED_CLIENTS,
  );

  it('are listed with the client of the account pages', () => {
    assert.deepEqual(
      clients.list().map(({ client_id }) => client_id),
      ['app', 'starts', 'bare', ACCOUNT_CLIENT_ID],
    );
    assert.equal(clients.find('app')?.client_id, 'app');
    assert.equal(clients.find('unknown'), undefined);
  });

  it('are read from the file without a query, and from the database otherwise', async () => {
    const asked: string[] = [];
    const row = testClient('stored', {});
    const registry = createClientRegistry(
      { clients: [testClient('app', {})], resourceServers: [] },
      TEST_ISSUER,
      i18n,
      {
        ...NO_STORED_CLIENTS,
        find: (clientId) => (clientId === 'stored' ? row : undefined),
        refresh: (clientId) => {
          asked.push(`refresh ${clientId}`);
          return Promise.resolve(clientId === 'stored' ? row : undefined);
        },
        lockEnabled: (_, clientId) => {
          asked.push(`lock ${clientId}`);
          return Promise.resolve(clientId === 'stored');
        },
      },
    );
    const ids = ['app', ACCOUNT_CLIENT_ID, 'stored', 'unknown'];
    const tx = {} as Transaction;
    assert.deepEqual(
      ids.map((id) => registry.find(id)?.client_id),
      ['app', ACCOUNT_CLIENT_ID, 'stored', undefined],
    );
    assert.deepEqual(
      (await Promise.all(ids.map((id) => registry.refresh(id)))).map((client) => client?.client_id),
      ['app', ACCOUNT_CLIENT_ID, 'stored', undefined],
    );
    assert.deepEqual(await Promise.all(ids.map((id) => registry.lockEnabled(tx, id))), [true, true, true, false]);
    assert.deepEqual(asked, ['refresh stored', 'refresh unknown', 'lock stored', 'lock unknown']);
  });

  it('launch at their login URI with the issuer, otherwise at their client URI', () => {
    assert.equal(clients.launchUrl('app'), 'https://app.example/');
    assert.equal(
      clients.launchUrl('starts'),
      `https://starts.example/login?from=kinpass&iss=${encodeURIComponent(TEST_ISSUER)}`,
    );
    for (const id of ['bare', 'unknown', ACCOUNT_CLIENT_ID]) assert.equal(clients.launchUrl(id), undefined, id);
  });

  it('get tokens only for their registered APIs', () => {
    assert.deepEqual(clients.findResource('app', api), resourceServer);
    assert.equal(clients.findResource('app', 'https://other.example'), undefined);
    assert.equal(clients.findResource('bare', api), undefined);
    assert.equal(clients.findResource('unknown', api), undefined);
  });

  it('have their registered entitlements; unknown clients have none', () => {
    assert.deepEqual(clients.entitlementsOf('bare'), {
      scopes: ['openid', 'roles', 'children'],
      schoolTypes: ['elementary'],
      permissions: ['fees:read'],
      roles: ROLES,
    });
    assert.deepEqual(clients.entitlementsOf('unknown'), { scopes: [], schoolTypes: [], permissions: [], roles: [] });
  });

  it('know the origins of browser apps, also of one that another node has registered', async () => {
    const browserApp = (id: string): ReturnType<typeof testClient> =>
      testClient(id, { token_endpoint_auth_method: 'none', client_secret_sha256: [] });
    const stored = testClient('stored', {
      token_endpoint_auth_method: 'none',
      client_secret_sha256: [],
      redirect_uris: ['https://stored.example/callback'],
    });
    let read: (typeof stored)[] = [];
    let reads = 0;
    const refreshAll = (): Promise<void> => {
      reads += 1;
      read = [stored];
      return Promise.resolve();
    };
    const registry = createClientRegistry({ clients: [browserApp('app')], resourceServers: [] }, TEST_ISSUER, i18n, {
      ...NO_STORED_CLIENTS,
      list: () => read,
      refreshAll,
    });
    assert.deepEqual([await registry.hasBrowserOrigin('https://app.example'), reads], [true, 0]);
    assert.deepEqual([await registry.hasBrowserOrigin('https://stored.example'), reads], [true, 1]);
    assert.deepEqual([await registry.hasBrowserOrigin('https://other.example'), reads], [false, 2]);
  });

  it('give the client of the account pages minimal entitlements', () => {
    assert.deepEqual(clients.find(ACCOUNT_CLIENT_ID), {
      client_id: 'kinpass-account',
      client_name: Object.fromEntries(i18n.languages.map((lang) => [lang, i18n.t(lang, 'common.account')])),
      client_uri: `${TEST_ISSUER}/account`,
      application_type: 'web',
      token_endpoint_auth_method: 'none',
      client_secret_sha256: [],
      redirect_uris: [`${TEST_ISSUER}/account/callback`],
      post_logout_redirect_uris: [],
      allowed_origins: [],
      id_token_signed_response_alg: 'ES256',
      device_flow: false,
      require_pkce: true,
      require_pushed_authorization_requests: false,
      dpop_bound_access_tokens: false,
      resources: [],
      scopes: ['openid'],
      school_types: [],
      permissions: [],
      acting_roles: [],
      first_party: true,
      school_accounts: true,
    });
  });
});
