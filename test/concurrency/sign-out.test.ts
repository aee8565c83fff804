/** Two processes on one PostgreSQL database: concurrent sign-outs at both nodes, and the page after it at the other node. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { openStore, type Store } from '../../src/store/database/index.ts';
import { runAuthorization, LOGIN } from '../helpers/authorization-flow.ts';
import { createHttpBrowser, formOf, textOf } from '../helpers/http-browser.ts';
import { startLogoutReceiver, type LogoutReceiver } from '../helpers/logout-receiver.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';
import { formHeaders, send } from '../helpers/raw-http.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startNodes, type Nodes } from './nodes.ts';

const ROUNDS = 10;
const secret = newSecret();

describe('a sign-out at two nodes', () => {
  let nodes: Nodes;
  let receiver: LogoutReceiver;
  let app: TestParty;
  let store: Store;
  before(async () => {
    const databaseUrl = await testDatabaseUrl();
    receiver = await startLogoutReceiver(() => nodes.issuer, 'app');
    nodes = await startNodes({
      count: 2,
      databaseUrl,
      clients: [
        createRegistration('app', secret, { scopes: ['openid', 'profile'], backchannel_logout_uri: receiver.url }),
      ],
      env: { KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES: 'true' },
    });
    store = await openStore({ url: databaseUrl });
    app = await createParty(nodes.issuer, { id: 'app', scope: 'openid profile', secret });
  });
  after(async () => {
    await nodes.stop();
    await store.close();
    await receiver.close();
  });

  it(`ends the session once, and the other node names the notified app: ${String(ROUNDS)} rounds`, async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const httpBrowser = createHttpBrowser(nodes.issuer);
      await runAuthorization(app, httpBrowser, { login: LOGIN.T2 });
      const { action, hidden } = formOf((await httpBrowser.open('/session/end')).body);
      const cookie = await httpBrowser.jar.getCookieString(nodes.issuer);
      const request = { method: 'POST', headers: formHeaders(nodes.issuer, cookie) };
      const body = new URLSearchParams(hidden).toString();
      const answers = await Promise.all(nodes.urls.map((url) => send(url, action, { ...request, body })));
      assert.deepEqual(
        answers.map(({ status, headers }) => [status, headers.location]),
        nodes.urls.map(() => [303, '/session/end/success']),
      );
      const ended = answers.findIndex(({ headers }) => notices(headers['set-cookie']) !== undefined);
      const other = nodes.urls[1 - ended];
      assert.ok(other !== undefined, 'one node ended the session');
      const headers = { cookie: notices(answers[ended]?.headers['set-cookie']) ?? '', 'accept-language': 'zh-TW' };
      const page = await send(other, '/session/end/success', { headers });
      assert.match(textOf(page.body), /您已登出，並已通知：測試 app。/);
      assert.equal((await receiver.take(1)).length, 1);
    }
    const rows = await store.read((tx) => tx.db.select().from(tx.tables.audit));
    assert.equal(rows.filter(({ event }) => event === 'session.logged_out').length, ROUNDS);
    const jobs = await store.read((tx) => tx.db.select().from(tx.tables.outbox));
    assert.equal(jobs.length, ROUNDS);
  });
});

/** Returns the cookie that names the notified apps. */
function notices(cookies: readonly string[] = []): string | undefined {
  return cookies.find((cookie) => cookie.startsWith('kinpass_logout_notices=v1.'))?.split(';')[0];
}
