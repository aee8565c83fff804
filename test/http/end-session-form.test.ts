/** Forms of the sign-out page: their redirect expires and is validated again, the sign-out works as long as the session. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { errorOf, LOGIN, runAuthorization, signInWithNewBrowser } from '../helpers/authorization-flow.ts';
import { freezeTime, MINUTE, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, formOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { startService, type TestService, type TestServiceOptions } from '../helpers/service.ts';

const secret = newSecret();
const BYE = 'https://app.example/bye?from=kinpass';
const RETURNED = `${BYE}&state=a+b`;
const SIGNED_OUT = /您已登出/;
const ASKED = /要登出嗎？/;

const register = (id: string, addresses: string[], more: object = {}): object =>
  createRegistration(id, secret, { scopes: ['openid', 'profile'], post_logout_redirect_uris: addresses, ...more });
const confirmation = `/session/end?${new URLSearchParams({
  client_id: 'app',
  post_logout_redirect_uri: BYE,
  state: 'a b',
}).toString()}`;
/** Returns the address of a confirmation page in the language links. */
const linkOf = (page: Answer): string =>
  `/session/end?${new URLSearchParams({ request: formOf(page.body).hidden['request'] ?? '' }).toString()}`;

const isAlive = async (party: TestParty, httpBrowser: HttpBrowser): Promise<boolean> =>
  errorOf((await runAuthorization(party, httpBrowser, { parameters: { prompt: 'none' } })).answer) === undefined;
const assertSignedOut = (answer: Answer, what: string): void => {
  assert.deepEqual([answer.status, answer.leavesTo], [200, undefined], what);
  assert.match(textOf(answer.body), SIGNED_OUT, what);
};

eachService(
  'the form of a sign-out page',
  () => ({ clients: [register('app', [BYE])] }),
  (running) => {
    let time: FrozenTime;
    let app: TestParty;
    before(async () => {
      app = await createParty(running().issuer, { id: 'app', scope: 'openid profile', secret });
      time = freezeTime();
    });
    after(() => {
      time.release();
    });

    it('redirects for 30 minutes, then signs out without the redirect', async () => {
      for (const [minutes, target] of [
        [29, RETURNED],
        [30, undefined],
      ] as const) {
        const { httpBrowser } = await signInWithNewBrowser(app, { login: LOGIN.T2 });
        const page = await httpBrowser.open(confirmation);
        time.advance(minutes * MINUTE);
        const signedOut = await createHttpBrowser(running().issuer).open(linkOf(page));
        assert.equal(signedOut.leavesTo?.href, target, 'without a session');
        const done = await httpBrowser.submit(page, {});
        assert.equal(done.leavesTo?.href, target);
        if (target === undefined) assertSignedOut(done, 'expired');
        assert.equal(await isAlive(app, httpBrowser), false);
      }
    });

    it('keeps the time of the first page when it is shown again', async () => {
      const { httpBrowser } = await signInWithNewBrowser(app, { login: LOGIN.T2 });
      const page = await httpBrowser.open(confirmation);
      time.advance(20 * MINUTE);
      const again = await httpBrowser.open(linkOf(page));
      assert.match(textOf(again.body), ASKED);
      time.advance(10 * MINUTE);
      assertSignedOut(await createHttpBrowser(running().issuer).open(linkOf(again)), 'without a session');
      const asked = await httpBrowser.open(linkOf(again));
      assert.match(textOf(asked.body), ASKED);
      assertSignedOut(await httpBrowser.submit(asked, {}), 'the last page');
      assert.equal(await isAlive(app, httpBrowser), false);
    });
  },
);

describe('the cookie with the notified apps', () => {
  it('expires at the server after a minute', async () => {
    const service = await startService({
      clients: [register('app', [BYE], { backchannel_logout_uri: 'http://127.0.0.1:9/' })],
    });
    const time = freezeTime();
    try {
      const app = await createParty(service.issuer, { id: 'app', scope: 'openid profile', secret });
      const { httpBrowser } = await signInWithNewBrowser(app, { login: LOGIN.T2 });
      const done = await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
      const cookies = await httpBrowser.jar.getCookies(service.issuer);
      const cookie = cookies.find(({ key }) => key === 'kinpass_logout_notices')?.cookieString() ?? '';
      const replay = async (): Promise<string> => {
        const headers = { cookie, accept: 'text/html', 'accept-language': 'zh-TW' };
        return textOf(await (await fetch(done.url, { headers })).text());
      };
      time.advance(MINUTE - 1);
      assert.match(await replay(), /測試 app/);
      time.advance(1);
      const expired = await replay();
      assert.match(expired, SIGNED_OUT);
      assert.doesNotMatch(expired, /測試 app/);
    } finally {
      time.release();
      await service.stop();
    }
  });
});

describe('the form of a sign-out page after a change of the clients file', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-forms-'));
  const env = { KINPASS_MASTER_KEY_FILE: join(folder, 'key'), KINPASS_DATABASE_FILE: join(folder, 'kinpass.sqlite') };
  const kept = createCapturedLog('info');
  let service: TestService;
  const start = async (options: Partial<TestServiceOptions> & { clients: object[] }): Promise<void> => {
    service = await startService({ env, log: kept.log, ...options });
  };
  before(() => {
    writeFileSync(env.KINPASS_MASTER_KEY_FILE, randomBytes(32).toString('base64'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('signs out without a redirect to a removed client or address', async () => {
    const other = register('other', ['https://other.example/bye']);
    await start({ clients: [register('app', [BYE]), other] });
    try {
      const port = Number(new URL(service.issuer).port);
      const party = await createParty(service.issuer, { id: 'other', scope: 'openid profile', secret });
      for (const clients of [[other], [register('app', ['https://app.example/other']), other]]) {
        const { httpBrowser } = await signInWithNewBrowser(party, { login: LOGIN.T2 });
        const page = await httpBrowser.open(confirmation);
        assert.equal((await createHttpBrowser(service.issuer).open(linkOf(page))).leavesTo?.href, RETURNED);
        await service.stop();
        await start({ clients, port, city: false });
        const lines = kept.text().length;
        assertSignedOut(await createHttpBrowser(service.issuer).open(linkOf(page)), 'without a session');
        assertSignedOut(await httpBrowser.submit(page, {}), 'with a session');
        assert.equal(await isAlive(party, httpBrowser), false);
        const log = kept.text().slice(lines);
        assert.match(
          log,
          /"clientId":"app","error":"invalid_request","error_description":"post_logout_redirect_uri is no longer registered"/,
        );
        await service.stop();
        await start({ clients: [register('app', [BYE]), other], port, city: false });
      }
    } finally {
      await service.stop();
    }
  });
});
