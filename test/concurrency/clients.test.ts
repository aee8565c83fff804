/** Relying parties that one node registers, on every other node. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { createHash } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';

import { HOUR_MS } from '../../src/domain/duration.ts';
import { openStore, type Store } from '../../src/store/database/index.ts';
import * as clientStore from '../../src/store/oidc/clients.ts';
import { pollUntil } from '../helpers/poll.ts';
import { createRegistration, newSecret } from '../helpers/relying-party.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';
import { startNodes, type Nodes } from './nodes.ts';

const ID = 'everywhere';
const SECRET = newSecret();

describe('a relying party with two nodes', () => {
  let nodes: Nodes;
  let store: Store;
  before(async () => {
    const databaseUrl = await testDatabaseUrl();
    nodes = await startNodes({ count: 2, databaseUrl });
    store = await openStore({ url: databaseUrl });
  });
  after(async () => {
    await store.close();
    await nodes.stop();
  });

  /** Returns the error of a token request with an invalid code: it names the client only if its authentication fails. */
  const askNode = async (url: string, id = ID, secret = SECRET): Promise<unknown> => {
    const response = await fetch(`${url}/token`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
      },
      body: new URLSearchParams({ grant_type: 'authorization_code', code: 'x', redirect_uri: 'https://x.example/' }),
    });
    const body: unknown = await response.json();
    return typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  };
  const answers = (id?: string, secret?: string): Promise<unknown[]> =>
    Promise.all(nodes.urls.map((url) => askNode(url, id, secret)));
  const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');
  const register = (clientId: string): Promise<boolean> =>
    store.write((tx) =>
      clientStore.insertClientIfAbsent(tx, {
        clientId,
        registration: {
          client_id: clientId,
          client_name: 'Everywhere',
          redirect_uris: ['https://x.example/'],
          scopes: ['openid'],
        },
        secretHash: hashOf(SECRET),
        createdAt: Date.now(),
        updatedAt: Date.now(),
      }),
    );

  it('is known, changed and refused by the next request at each node', async () => {
    assert.deepEqual(await answers(), ['invalid_client', 'invalid_client']);
    await register(ID);
    assert.deepEqual(await answers(), ['invalid_grant', 'invalid_grant']);
    for (let version = 1; version < 40; version += 2) {
      const at = Date.now();
      await store.write((tx) =>
        clientStore.updateClient(tx, { clientId: ID, version }, { disabledAt: at, updatedAt: at }),
      );
      assert.deepEqual(await answers(), ['invalid_client', 'invalid_client']);
      await store.write((tx) =>
        clientStore.updateClient(tx, { clientId: ID, version: version + 1 }, { disabledAt: null, updatedAt: at }),
      );
      assert.deepEqual(await answers(), ['invalid_grant', 'invalid_grant']);
    }
  });

  it('with a rotated secret has both secrets at each node, and the ended one at none', async () => {
    const id = 'rotated';
    await register(id);
    const [valid, invalid] = [
      ['invalid_grant', 'invalid_grant'],
      ['invalid_client', 'invalid_client'],
    ];
    let old = SECRET;
    for (let version = 1; version < 20; version += 2) {
      const fresh = newSecret();
      const at = Date.now();
      assert.deepEqual(await answers(id, old), valid);
      const rotated = { secretHash: hashOf(fresh), previousSecretHash: hashOf(old), previousSecretUntil: at + HOUR_MS };
      await store.write((tx) => clientStore.updateClient(tx, { clientId: id, version }, { ...rotated, updatedAt: at }));
      assert.deepEqual(await Promise.all([answers(id, fresh), answers(id, old)]), [valid, valid]);
      const ended = { previousSecretHash: null, previousSecretUntil: null };
      await store.write((tx) =>
        clientStore.updateClient(tx, { clientId: id, version: version + 1 }, { ...ended, updatedAt: at }),
      );
      assert.deepEqual(await Promise.all([answers(id, old), answers(id, fresh)]), [invalid, valid]);
      old = fresh;
    }
  });

  it('of the clients file are added, changed and removed at both nodes', async () => {
    const file = nodes.home.env['KINPASS_CLIENTS_FILE'] ?? '';
    const [id, changed] = ['of-file', newSecret()];
    const write = (...secrets: string[]): void => {
      const clients = secrets.map((secret) => createRegistration(id, secret, { scopes: ['openid'] }));
      // A replaced file is never half written.
      writeFileSync(`${file}.new`, JSON.stringify({ clients }));
      renameSync(`${file}.new`, file);
    };
    const reach = (secret: string, error: string): Promise<true> =>
      pollUntil(`${error} at both nodes`, async () => (await answers(id, secret)).every((answer) => answer === error));
    write(SECRET);
    await reach(SECRET, 'invalid_grant');
    write(changed);
    await reach(changed, 'invalid_grant');
    assert.deepEqual(await answers(id, SECRET), ['invalid_client', 'invalid_client']);
    write();
    await reach(changed, 'invalid_client');
  });
});
