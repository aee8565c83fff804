/** Rotates the signing keys of two nodes under load; no request fails (pitfall 8). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { createLocalJWKSet, createRemoteJWKSet, decodeProtectedHeader, jwtVerify, type JSONWebKeySet } from 'jose';
import { z } from 'zod';

import { systemClock } from '../../src/domain/clock.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { createAppend } from '../../src/services/audit/audit.ts';
import { createKeyRing, MIN_PUBLICATION_MS, type KeyRing } from '../../src/services/keys/key-ring.ts';
import { openStore, type Store } from '../../src/store/database/index.ts';
import { runAuthorization, LOGIN, redeem, interactionOf, textIn } from '../helpers/authorization-flow.ts';
import { DAY } from '../helpers/frozen-time.ts';
import { createHttpBrowser, type HttpBrowser } from '../helpers/http-browser.ts';
import { pollUntil } from '../helpers/poll.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startNodes, type Nodes } from './nodes.ts';

const secret = newSecret();
const ALGORITHMS = ['ES256', 'RS256'] as const;
const keySet = z.object({ keys: z.array(z.looseObject({ kid: z.string(), alg: z.string() })) });

describe('two nodes that rotate their keys under load', () => {
  let nodes: Nodes;
  let store: Store;
  let parties: TestParty[];
  /** Milliseconds that the clock of the rotations is ahead, so that no test waits ten minutes for a publication. */
  let ahead = 0;
  let ring: KeyRing;
  before(async () => {
    const databaseUrl = await testDatabaseUrl();
    nodes = await startNodes({
      count: 2,
      databaseUrl,
      file: join(import.meta.dirname, 'eager-node.ts'),
      clients: ALGORITHMS.map((alg) =>
        createRegistration(alg.toLowerCase(), secret, { scopes: ['openid'], id_token_signed_response_alg: alg }),
      ),
      env: { KINPASS_KEY_ROTATION_DAYS: '0' },
    });
    store = await openStore({ url: databaseUrl });
    const master = Buffer.from(readFileSync(nodes.home.keyFile, 'utf8'), 'base64');
    const clock = { now: () => systemClock.now() + ahead };
    const secrets = createSecrets(master, systemRandom);
    const audit = { append: createAppend({ clock, secrets }) };
    ring = createKeyRing({ store, secrets, random: systemRandom, clock, audit });
    parties = await Promise.all(
      ALGORITHMS.map((alg) => createParty(nodes.issuer, { id: alg.toLowerCase(), scope: 'openid', secret })),
    );
  });
  after(async () => {
    await nodes.stop();
    await store.close();
  });

  const publishedAt = async (url: string | undefined): Promise<JSONWebKeySet> =>
    keySet.parse(await (await fetch(`${String(url)}/jwks`)).json());
  const kids = (set: JSONWebKeySet): string[] => set.keys.map(({ kid = '' }) => kid).sort();
  const signedInAs = async (login: string): Promise<HttpBrowser> => {
    const httpBrowser = createHttpBrowser(nodes.issuer);
    assert.equal((await httpBrowser.open('/account')).status, 200);
    const [party] = parties;
    assert.ok(party);
    await runAuthorization(party, httpBrowser, { login });
    return httpBrowser;
  };
  /** Rotates like `kinpass keys rotate` after ten minutes, and waits until both nodes publish the same new key set. */
  const rotate = async (): Promise<JSONWebKeySet> => {
    const old = kids(await publishedAt(nodes.urls[0]));
    ahead += MIN_PUBLICATION_MS + 1;
    assert.equal(await ring.rotate('operator'), true);
    return pollUntil('both nodes have the new keys', async () => {
      const [one, other] = await Promise.all(nodes.urls.map(publishedAt));
      assert.ok(one && other);
      const agreed = kids(one).join() === kids(other).join() && kids(one).join() !== old.join();
      return agreed ? one : undefined;
    });
  };

  it('publish keys for every ID token, with no verification failure', async () => {
    const first = await publishedAt(nodes.urls[0]);
    // Reloads the key set for an unknown key, like client libraries. Their cooldown of 30 seconds is shorter than the publication
    // time of ten minutes, which does not pass in this test, so there is no cooldown.
    const remote = createRemoteJWKSet(new URL(`${nodes.issuer}/jwks`), {
      cooldownDuration: 0,
      timeoutDuration: 30_000,
    });
    // Never reloads: a key set that was loaded before a rotation must be valid until the next one.
    let cached = createLocalJWKSet(first);
    let stop = false;
    const signedBy = new Set<string>();
    const work = async (party: TestParty, login: string): Promise<void> => {
      const httpBrowser = await signedInAs(login);
      while (!stop) {
        const set = cached;
        const idToken = textIn(await redeem(party, await runAuthorization(party, httpBrowser)), 'id_token');
        await jwtVerify(idToken, remote, { issuer: nodes.issuer, audience: party.id });
        // The cached set may be newer than this token by one rotation, but never older.
        await jwtVerify(idToken, set, { issuer: nodes.issuer });
        signedBy.add(decodeProtectedHeader(idToken).kid ?? '');
      }
    };
    /** Waits for the total number of signing keys, because a token of a new key may exist before the wait starts. */
    const keysSeen = async (wanted: number): Promise<void> => {
      await pollUntil('tokens by the new keys', () => signedBy.size >= wanted);
    };
    const workers = [LOGIN.T2, LOGIN.B1].flatMap((login) => parties.map((party) => work(party, login)));
    const load = Promise.all(workers).catch((error: unknown) => {
      stop = true;
      throw error;
    });
    const script = async (): Promise<JSONWebKeySet> => {
      await keysSeen(2);
      cached = createLocalJWKSet(await rotate());
      await keysSeen(4);
      const last = await rotate();
      await keysSeen(6);
      stop = true;
      return last;
    };
    const [last] = await Promise.all([script(), load]);
    assert.equal(signedBy.size, 6, 'three keys of two algorithms have signed');
    assert.equal(
      kids(first).filter((kid) => kids(last).includes(kid)).length,
      2,
      'the first next keys are now the previous keys',
    );
    assert.deepEqual(nodes.loadBalancer.failures, []);
  });

  it('keep a session over three rotations', async () => {
    const httpBrowser = await signedInAs(LOGIN.A1);
    await rotate();
    await rotate();
    assert.equal(interactionOf(await httpBrowser.open('/account')), undefined);
  });

  it('keep a cookie key as long as a session can last, and no longer', async () => {
    const cookieKeys = async (): Promise<number> => (await ring.load()).cookieKeys.length;
    assert.ok((await cookieKeys()) > 3);
    for (let rotation = 0; rotation < 3; rotation += 1) {
      ahead += 31 * DAY;
      assert.equal(await ring.rotate('operator'), true);
    }
    assert.equal(await cookieKeys(), 3);
  });

  it('rotate once when both get the command at the same time', async () => {
    const stored = async (): Promise<string[]> => (await ring.load()).jwks.keys.map(({ kid }) => kid);
    const before = await stored();
    ahead += MIN_PUBLICATION_MS + 1;
    await Promise.all(Array.from({ length: 3 }, () => ring.rotate('operator')));
    const after = await stored();
    assert.equal(after.length, 6);
    assert.equal(after.filter((kid) => before.includes(kid)).length, 4, 'one rotation, not three');
    assert.equal(await ring.rotate('operator'), false, 'the next key is not published long enough');
  });
});
