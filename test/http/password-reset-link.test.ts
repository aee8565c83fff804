/** The token of a reset link. The service moves it from the URL into a cookie before it shows a page. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { before, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { hashId } from '../../src/platform/crypto/secrets.ts';
import { upsertResetLink } from '../../src/store/auth/credentials.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { setPassword, personId, signInToAccount } from '../helpers/city.ts';
import { MINUTE } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf, type HttpBrowser } from '../helpers/http-browser.ts';
import { formHeaders, send, type RawResponse } from '../helpers/raw-http.ts';
import { eachService } from '../helpers/service-matrix.ts';

const NEXT = 'four small boats at anchor';
const COOKIE = 'kinpass_reset';
const HALF_HOUR = 30 * MINUTE;
const fields = { new_password: NEXT, confirm_password: NEXT };

eachService(
  'a reset link',
  () => ({ clients: [] }),
  (running) => {
    let issuer = '';
    before(() => {
      ({ issuer } = running());
    });

    const newToken = async (who: 'G2' | 'T2' = 'G2', life = HALF_HOUR): Promise<string> => {
      const token = randomBytes(32).toString('base64url');
      const now = Date.now();
      await running().container.store.write((tx) =>
        upsertResetLink(tx, {
          personId: personId(who),
          tokenHash: hashId(token),
          expiresAt: now + life,
          createdAt: now,
        }),
      );
      return token;
    };
    const addressOf = (token: string): string => `/reset-password?token=${token}`;
    const open = (token: string, headers: Record<string, string> = {}): Promise<RawResponse> =>
      send(issuer, addressOf(token), { headers: { accept: 'text/html', ...headers } });
    const cookieOf = ({ headers }: RawResponse): string => (headers['set-cookie'] ?? []).join('\n');
    const kept = async (httpBrowser: HttpBrowser): Promise<string | undefined> =>
      (await httpBrowser.jar.getCookies(issuer)).find(({ key }) => key === COOKIE)?.value;

    it('is exchanged for a 30-minute cookie and a redirect to a URL without the token', async () => {
      const token = await newToken();
      const answer = await open(token);
      assert.equal(answer.status, 303);
      assert.equal(answer.headers.location, '/reset-password');
      assert.equal(answer.headers['cache-control'], 'no-store');
      assert.equal(answer.headers['referrer-policy'], 'same-origin');
      const [, until = ''] = /expires=([^;]*)/.exec(cookieOf(answer)) ?? [];
      assert.ok(Math.abs(Date.parse(until) - Date.now() - HALF_HOUR) < 60_000, until);
      assert.equal(
        cookieOf(answer).replace(/expires=[^;]*; /, ''),
        `${COOKIE}=${token}; path=/; samesite=lax; httponly`,
      );
      assert.ok(!answer.body.includes(token));
    });

    it('has a cookie that expires with the link', async () => {
      const token = await newToken('G2', 5 * MINUTE);
      const [, until = ''] = /expires=([^;]*)/.exec(cookieOf(await open(token))) ?? [];
      const left = Date.parse(until) - Date.now();
      assert.ok(left <= 5 * MINUTE && left > 4 * MINUTE, until);
    });

    it('expires at its own time, even if the browser keeps the cookie', async () => {
      const expired = await newToken('G2', -1);
      const headers = { accept: 'text/html', cookie: `${COOKIE}=${expired}` };
      const answer = await send(issuer, '/reset-password', { headers });
      assert.equal(answer.status, 410);
      assert.match(cookieOf(answer), new RegExp(`^${COOKIE}=; path=/; expires=Thu, 01 Jan 1970`));
      const body = new URLSearchParams({ ...fields, link: hashId(expired) }).toString();
      const posted = await send(issuer, '/reset-password', {
        method: 'POST',
        headers: { ...formHeaders(issuer), cookie: `${COOKIE}=${expired}` },
        body,
      });
      assert.equal(posted.status, 410);
    });

    it('shows the masked account on its page and never the whole login', async () => {
      const masked = `${LOGIN.G2.slice(0, 1)}•••${LOGIN.G2.slice(LOGIN.G2.indexOf('@'))}`;
      for (const [language, expected] of [
        ['zh-TW', `帳號：${masked}。如果這不是您的帳號，請不要設定密碼。`],
        ['en', `Account: ${masked}. If this is not your account, do not set a password.`],
      ] as const) {
        const httpBrowser = createHttpBrowser(issuer, language);
        const page = await httpBrowser.open(addressOf(await newToken()));
        const refused = await httpBrowser.submit(page, { new_password: 'short', confirm_password: 'short' });
        for (const { body } of [page, refused]) {
          assert.ok(textOf(body).includes(expected), textOf(body));
          assert.ok(!body.includes(LOGIN.G2) && !body.includes('autocomplete="username"'));
        }
      }
    });

    it('appears in no page, form, header or language link', async () => {
      const token = await newToken();
      const httpBrowser = createHttpBrowser(issuer);
      const page = await httpBrowser.open(addressOf(token));
      const refused = await httpBrowser.submit(page, { new_password: 'short', confirm_password: 'short' });
      assert.deepEqual([page.status, refused.status], [200, 422]);
      assert.deepEqual([page.url, refused.url], [`${issuer}/reset-password`, `${issuer}/reset-password?rejected`]);
      for (const { body, headers } of [page, refused]) {
        assert.ok(!body.includes(token) && !JSON.stringify([...headers]).includes(token));
        assert.match(body, /"\/language\?to=en&(?:amp|#38);back=%2Freset-password"/);
      }
      const english = await httpBrowser.open('/language?to=en&back=%2Freset-password');
      assert.equal(english.status, 200);
      assert.match(textOf(english.body), /new password/i);
      const done = await httpBrowser.submit(english, fields);
      assert.match(textOf(done.body), /password/i);
      assert.equal(done.status, 200);
      await setPassword(running(), 'G2', DEMO_PASSWORD);
    });

    it('stays unused until a password is set, and its cookie is cleared then', async () => {
      const token = await newToken();
      for (let i = 0; i < 3; i += 1) await open(token);
      const httpBrowser = createHttpBrowser(issuer);
      const page = await httpBrowser.open(addressOf(token));
      assert.equal((await httpBrowser.open('/reset-password')).status, 200, 'a reload shows the form again');
      assert.equal(await kept(httpBrowser), token);
      assert.equal((await httpBrowser.submit(page, fields)).status, 200);
      assert.equal(await kept(httpBrowser), undefined);
      assert.equal((await httpBrowser.open('/reset-password')).status, 410);
      assert.equal((await httpBrowser.open(addressOf(token))).status, 410);
      assert.equal(await kept(httpBrowser), undefined);
      await setPassword(running(), 'G2', DEMO_PASSWORD);
    });

    it('that is expired, malformed or repeated redirects and keeps the cookie of an open reset', async () => {
      const dead = randomBytes(32).toString('base64url');
      const visiting = createHttpBrowser(issuer);
      const opened = await visiting.open(addressOf(await newToken()));
      for (const token of [dead, '', 'x', `${dead}A`, `${dead}&token=${dead}`, '%00']) {
        const answer = await open(token);
        assert.equal(answer.status, 303, token);
        assert.equal(answer.headers.location, '/reset-password', token);
        assert.equal(cookieOf(answer), '', token);
        assert.equal((await visiting.open(addressOf(token))).status, 200, token);
      }
      assert.equal((await visiting.submit(opened, fields)).status, 200, 'the open reset can be completed');
      await setPassword(running(), 'G2', DEMO_PASSWORD);
      const httpBrowser = createHttpBrowser(issuer);
      const page = await httpBrowser.open(addressOf(dead));
      assert.equal(page.status, 410);
      assert.ok(!page.body.includes(dead));
    });

    it('works with its cookie only: the form ignores a token in the URL', async () => {
      const token = await newToken();
      const body = new URLSearchParams({ ...fields, link: hashId(token) }).toString();
      const answer = await send(issuer, addressOf(token), { method: 'POST', headers: formHeaders(issuer), body });
      assert.equal(answer.status, 410);
      assert.ok(!answer.body.includes(token));
      assert.equal((await createHttpBrowser(issuer).open(addressOf(token))).status, 200, 'the link is unused');
    });

    it('replaces the link that was opened before, whose page changes nothing', async () => {
      const httpBrowser = createHttpBrowser(issuer);
      const older = await httpBrowser.open(addressOf(await newToken('T2')));
      const refused = await httpBrowser.submit(older, { new_password: 'short', confirm_password: 'short' });
      assert.equal(refused.status, 422);
      const newer = await httpBrowser.open(addressOf(await newToken('G2')));
      assert.equal((await httpBrowser.open(refused.url)).status, 200, 'without the reason of the older form');
      const answer = await httpBrowser.submit(older, fields);
      assert.equal(answer.status, 410);
      const signIn = async (login: string, password: string): Promise<number> =>
        (await signInToAccount({ issuer }, login, password)).answer.status;
      for (const login of [LOGIN.T2, LOGIN.G2]) assert.equal(await signIn(login, DEMO_PASSWORD), 200, login);
      assert.equal((await httpBrowser.submit(newer, fields)).status, 200);
      assert.equal(await signIn(LOGIN.G2, NEXT), 200);
      assert.equal(await signIn(LOGIN.T2, DEMO_PASSWORD), 200);
      await setPassword(running(), 'G2', DEMO_PASSWORD);
    });
  },
);
