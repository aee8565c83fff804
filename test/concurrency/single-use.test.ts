/** Two processes on one PostgreSQL database: single use and shared counters (pitfalls 1 and 10). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import * as client from 'openid-client';
import { z } from 'zod';

import { ADULTS } from '../../demo/city/fixtures.ts';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher.ts';
import { openStore, type Store } from '../../src/store/database/index.ts';
import {
  codeOf,
  requestTokens,
  runAuthorization,
  LOGIN,
  redeem,
  refresh,
  textIn,
  userinfo,
  type AuthorizationResult,
  type Reply,
} from '../helpers/authorization-flow.ts';
import { newProofKey, signProof } from '../helpers/dpop.ts';
import { createHttpBrowser, type HttpBrowser } from '../helpers/http-browser.ts';
import { startLogoutReceiver, type LogoutReceiver } from '../helpers/logout-receiver.ts';
import { mailsTo } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startNodes, type Nodes } from './nodes.ts';

const ROUNDS = 50;
const AT_ONCE = 20;
const OFFLINE = { scope: 'openid profile offline_access', prompt: 'consent' };
const secret = newSecret();

describe('two nodes on one database', () => {
  let nodes: Nodes;
  let mail: MailCatcher;
  let receiver: LogoutReceiver;
  let app: TestParty;
  let phone: TestParty;
  let httpBrowser: HttpBrowser;
  let store: Store;
  before(async () => {
    const databaseUrl = await testDatabaseUrl();
    mail = await startMailCatcher({ smtpPort: 0, webPort: 0 });
    receiver = await startLogoutReceiver(() => nodes.issuer, 'app');
    nodes = await startNodes({
      count: 2,
      databaseUrl,
      smtpUrl: mail.smtpUrl,
      clients: [
        createRegistration('app', secret, {
          scopes: ['openid', 'profile', 'offline_access'],
          backchannel_logout_uri: receiver.url,
        }),
        createRegistration('television', secret, { scopes: ['openid'], device_flow: true }),
        createRegistration('phone', secret, {
          ...{ scopes: ['openid', 'profile', 'offline_access'], token_endpoint_auth_method: 'none' },
          client_secret_sha256: [],
        }),
      ],
      env: { KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES: 'true', KINPASS_LOG_LEVEL: 'info' },
    });
    store = await openStore({ url: databaseUrl });
    app = await createParty(nodes.issuer, { id: 'app', scope: 'openid profile', secret });
    phone = await createParty(nodes.issuer, { id: 'phone', scope: 'openid profile' });
    httpBrowser = createHttpBrowser(nodes.issuer);
    await runAuthorization(app, httpBrowser, { login: LOGIN.T2 });
  });
  after(async () => {
    await nodes.stop();
    await store.close();
    await receiver.close();
    await mail.close();
  });

  const authorize = (party = app): Promise<AuthorizationResult> =>
    runAuthorization(party, httpBrowser, { parameters: OFFLINE });
  const once = (replies: readonly Reply[]): Reply => {
    const [given, ...more] = replies.filter(({ status }) => status === 200);
    assert.ok(given, 'no request succeeded');
    assert.deepEqual(more, []);
    const refused = replies.filter((reply) => reply !== given).map(({ status, body }) => [status, body['error']]);
    assert.deepEqual(refused, Array<unknown>(replies.length - 1).fill([400, 'invalid_grant']));
    return given;
  };
  const isDead = async (given: Reply, party = app): Promise<void> => {
    assert.equal((await userinfo(party, textIn(given, 'access_token'))).status, 401);
    assert.equal((await refresh(party, textIn(given, 'refresh_token'))).body['error'], 'invalid_grant');
  };
  /** Returns the number of requests for a route that each node handled. */
  const answered = (route: string): number[] =>
    nodes.programs.map((program) => program.out().split(`"route":"${route}"`).length - 1);

  it(`one of ${String(AT_ONCE)} parallel redemptions succeeds, the grant is revoked: ${String(ROUNDS)} rounds`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const entered = await authorize();
      const given = once(await Promise.all(Array.from({ length: AT_ONCE }, () => redeem(app, entered))));
      await isDead(given);
    }
    for (const count of answered('/token')) assert.ok(count >= (ROUNDS * AT_ONCE) / 2, 'both nodes took part');
  });

  it('one of several parallel refreshes of a public client succeeds; the grant is revoked', async () => {
    for (let round = 0; round < ROUNDS / 5; round += 1) {
      const token = textIn(await redeem(phone, await authorize(phone)), 'refresh_token');
      const given = once(await Promise.all(Array.from({ length: AT_ONCE }, () => refresh(phone, token))));
      await isDead(given, phone);
    }
  });

  it('a public client’s refresh token used at one node revokes the grant at the other', async () => {
    const first = textIn(await redeem(phone, await authorize(phone)), 'refresh_token');
    const second = await refresh(phone, first);
    assert.equal((await refresh(phone, first)).body['error'], 'invalid_grant');
    await isDead(second, phone);
  });

  it('parallel refreshes of a client that authenticates itself succeed at both nodes', async () => {
    const token = textIn(await redeem(app, await authorize()), 'refresh_token');
    const before = answered('/token');
    const replies = await Promise.all(Array.from({ length: AT_ONCE }, () => refresh(app, token)));
    for (const reply of replies) assert.equal(textIn(reply, 'refresh_token'), token);
    for (const [at, count] of answered('/token').entries())
      assert.ok(count > (before[at] ?? 0), 'both nodes took part');
    assert.equal((await refresh(app, token)).status, 200);
  });

  it('a DPoP proof refreshes one of two tokens at both nodes, and only with the key of the token', async () => {
    const [key, otherKey] = [await newProofKey(), await newProofKey()];
    const prove = (by = key): Promise<string> => signProof(by, { method: 'POST', url: `${nodes.issuer}/token` });
    const start = async (): Promise<string> => {
      const { answer, verifier } = await runAuthorization(phone, httpBrowser, { parameters: OFFLINE });
      const fields = { grant_type: 'authorization_code', code: codeOf(answer), code_verifier: verifier };
      const sent = { ...fields, redirect_uri: phone.redirectUri };
      return textIn(await requestTokens(phone, sent, { dpop: await prove() }), 'refresh_token');
    };
    const refreshAt = async (node: number, token: string, dpop: string): Promise<number> => {
      const response = await fetch(`${nodes.urls[node] ?? ''}/token`, {
        method: 'POST',
        body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token, client_id: 'phone' }),
        headers: { dpop },
      });
      return response.status;
    };
    for (let round = 0; round < ROUNDS / 5; round += 1) {
      const [first, second] = [await start(), await start()];
      const [proof, stolen] = [await prove(), await prove(otherKey)];
      const statuses = await Promise.all([
        ...[refreshAt(0, first, proof), refreshAt(1, second, proof)],
        ...[refreshAt(0, first, stolen), refreshAt(1, second, stolen)],
      ]);
      assert.deepEqual(statuses.slice(2), [400, 400], 'another key');
      assert.deepEqual(statuses.slice(0, 2).sort(), [200, 400]);
      const [refused, node] = statuses[0] === 200 ? [second, 0] : [first, 1];
      assert.equal(await refreshAt(node, refused, await prove()), 200, 'the refused token was not consumed');
    }
  });

  it('fifty guesses at both nodes count together, and five are verified (pitfall 10)', async () => {
    const guesser = createHttpBrowser(nodes.issuer);
    const page = await guesser.open('/account');
    const before = answered('/interaction/:uid/:prompt');
    const guesses = Array.from({ length: 50 }, (_, i) =>
      guesser.submit(page, { login: LOGIN.G2, password: `guess ${String(i)}` }),
    );
    const statuses = (await Promise.all(guesses)).map(({ status }) => status).sort();
    assert.deepEqual(statuses, [...Array<number>(5).fill(422), ...Array<number>(45).fill(429)]);
    const counts = answered('/interaction/:uid/:prompt').map((count, i) => count - (before[i] ?? 0));
    assert.ok(Math.min(...counts) >= 20, counts.join(' and '));
    const right = await guesser.submit(page, { login: LOGIN.G2, password: DEMO_PASSWORD });
    assert.equal(right.status, 429);
  });

  it('device polls at both nodes count together', async () => {
    const television = await createParty(nodes.issuer, { id: 'television', scope: 'openid', secret });
    const { device_code: deviceCode } = await client.initiateDeviceAuthorization(television.config, {
      scope: 'openid',
    });
    const polls = Array.from({ length: 10 }, async (_, at) => {
      const response = await fetch(`${nodes.urls[at % 2] ?? ''}/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
          device_code: deviceCode,
        }),
        headers: { authorization: `Basic ${Buffer.from(`television:${secret}`).toString('base64')}` },
      });
      return z.looseObject({ error: z.string() }).parse(await response.json()).error;
    });
    assert.deepEqual((await Promise.all(polls)).sort(), [
      'authorization_pending',
      ...Array<string>(9).fill('slow_down'),
    ]);
  });

  it('each password notice and each logout token is sent once by either node', async () => {
    const [here, there] = [createHttpBrowser(nodes.issuer), createHttpBrowser(nodes.issuer)];
    let password = DEMO_PASSWORD;
    for (let round = 1; round <= 5; round += 1) {
      await runAuthorization(app, here, { login: LOGIN.T1, password });
      await runAuthorization(app, there, { login: LOGIN.T1, password });
      const next = `four small boats at anchor ${String(round)}`;
      const fields = { current_password: password, new_password: next, confirm_password: next };
      const done = await here.submit(await here.open('/account/password'), fields);
      assert.equal(done.status, 200);
      password = next;
    }
    const tokens = await receiver.take(5);
    assert.equal(new Set(tokens.map(({ sid }) => sid)).size, 5);
    await pollUntil('five mails', () => mailsTo(mail, ADULTS.T1.email, '密碼').length >= 5);
    const jobs = await pollUntil('an empty outbox', async () => {
      const rows = await store.read((tx) => tx.db.select().from(tx.tables.outbox));
      return rows.every(({ doneAt }) => doneAt !== null) ? rows : undefined;
    });
    assert.ok(jobs.length >= 10);
    assert.ok(
      jobs.every(({ attempts }) => attempts === 1),
      'no job was taken twice',
    );
    assert.deepEqual([mailsTo(mail, ADULTS.T1.email, '密碼').length, receiver.received.length], [5, 0]);
  });
});
