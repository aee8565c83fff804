/** An interaction belongs to the browser that started it, even if another host of the same site sets cookies. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import * as client from 'openid-client';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { choiceOf, runAuthorization, errorOf, LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { createHttpBrowser, formOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { send } from '../helpers/raw-http.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
const SCOPE = 'openid profile roles children';
const BROWSER = 'kinpass_browser';
const MONTH_SECONDS = 30 * 24 * 3600;

eachService(
  'an interaction',
  () => ({
    clients: [
      createRegistration('app', secret, { scopes: SCOPE.split(' '), permissions: ['fees:read'] }),
      createRegistration('club', secret, { scopes: ['openid', 'profile'], first_party: false }),
      createRegistration('television', secret, { scopes: ['openid'], device_flow: true }),
    ],
  }),
  (running) => {
    let issuer = '';
    let app: TestParty;
    let club: TestParty;
    let television: TestParty;
    before(async () => {
      ({ issuer } = running());
      app = await createParty(issuer, { id: 'app', scope: SCOPE, secret });
      club = await createParty(issuer, { id: 'club', scope: 'openid profile', secret });
      television = await createParty(issuer, { id: 'television', scope: 'openid', secret });
    });

    const isExpired = (answer: Answer): void => {
      assert.equal(answer.status, 410, `${answer.url}: ${textOf(answer.body)}`);
      assert.match(textOf(answer.body), /這個步驟已過期/);
      assert.equal(answer.leavesTo, undefined);
    };
    /** Copies every cookie without a `__Host-` prefix, as a neighboring host can set it for the domain. */
    const copyCookies = async (from: HttpBrowser, to: HttpBrowser, ...urls: string[]): Promise<void> => {
      for (const url of urls) {
        const cookies = (await from.jar.getCookies(url)).filter(({ path }) => path !== '/');
        assert.ok(cookies.length > 0, url);
        for (const { key, value, path } of cookies) await to.jar.setCookie(`${key}=${value}; Path=${path ?? ''}`, url);
      }
    };
    /** Submits the password and does not follow the redirect. @returns the target of the redirect */
    const signInAndWait = async (httpBrowser: HttpBrowser, page: Answer, login: string): Promise<string> => {
      const action = new URL(formOf(page.body).action, issuer).href;
      const { status, headers } = await send(issuer, new URL(action).pathname, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          cookie: await httpBrowser.jar.getCookieString(action),
          origin: issuer,
        },
        body: new URLSearchParams({ login, password: DEMO_PASSWORD }).toString(),
      });
      assert.equal(status, 303);
      return headers.location ?? '';
    };
    /** Returns a browser that has only the planted cookies. */
    const newBrowser = async (httpBrowser: HttpBrowser): Promise<HttpBrowser> => {
      await httpBrowser.jar.removeAllCookies();
      return httpBrowser;
    };
    const isSignedOut = async (httpBrowser: HttpBrowser): Promise<void> => {
      assert.equal(interactionOf(await httpBrowser.open('/account')), 'login');
    };
    const browserCookie = async (httpBrowser: HttpBrowser): Promise<string | undefined> =>
      (await httpBrowser.jar.getCookies(issuer)).find(({ key }) => key === BROWSER)?.value;

    it('of another browser shows no password form and accepts no password', async () => {
      const [attacker, victim] = [createHttpBrowser(issuer), createHttpBrowser(issuer)];
      const page = await attacker.open((await app.begin()).url);
      await victim.open((await app.begin()).url);
      await copyCookies(attacker, victim, page.url);
      isExpired(await victim.open(page.url));
      isExpired(await victim.submit(page, { login: LOGIN.S1, password: DEMO_PASSWORD }));
      for (const end of ['/cancel', '/other-account']) isExpired(await victim.post(page.url + end, ''));
      await isSignedOut(attacker);
      await isSignedOut(victim);
    });

    it('that another browser tried to use continues in its own browser', async () => {
      const [attacker, victim] = [createHttpBrowser(issuer), createHttpBrowser(issuer)];
      const page = await victim.open((await app.begin()).url);
      await copyCookies(victim, attacker, page.url);
      isExpired(await attacker.open(page.url));
      const answer = await victim.submit(page, { login: LOGIN.S1, password: DEMO_PASSWORD });
      assert.ok(answer.leavesTo?.searchParams.has('code'), textOf(answer.body));
    });

    it('waiting to be resumed signs in no other browser (login CSRF)', async () => {
      const [attacker, victim] = [createHttpBrowser(issuer), createHttpBrowser(issuer)];
      const page = await attacker.open((await app.begin()).url);
      const resume = await signInAndWait(attacker, page, LOGIN.S1);
      for (const httpBrowser of [victim, await newBrowser(victim)]) {
        await copyCookies(attacker, httpBrowser, resume);
        isExpired(await httpBrowser.open(resume));
        await isSignedOut(httpBrowser);
      }
      const own = await attacker.open(resume);
      assert.ok(own.leavesTo?.searchParams.has('code'), 'the refused attempt has not ended the interaction');
    });

    it('in which a victim signed in is not resumed by the browser of an attacker', async () => {
      const [attacker, victim] = [createHttpBrowser(issuer), createHttpBrowser(issuer)];
      const page = await victim.open((await app.begin()).url);
      const resume = await signInAndWait(victim, page, LOGIN.S1);
      await attacker.open((await app.begin()).url);
      await copyCookies(victim, attacker, resume);
      isExpired(await attacker.open(resume));
      await isSignedOut(attacker);
    });

    it('of another browser is refused at context selection and at consent', async () => {
      const [attacker, victim] = [createHttpBrowser(issuer), createHttpBrowser(issuer)];
      const { answer: chooser } = await runAuthorization(app, attacker, { login: LOGIN.G2 });
      assert.equal(interactionOf(chooser), 'select_account');
      const consent = await attacker.open((await club.begin()).url);
      assert.equal(interactionOf(consent), 'consent');
      await victim.open((await app.begin()).url);
      await copyCookies(attacker, victim, chooser.url, consent.url);
      isExpired(await victim.open(chooser.url));
      isExpired(await victim.submit(chooser, { choice: choiceOf(chooser, ['王小樂']) }));
      isExpired(await victim.open(consent.url));
      isExpired(await victim.submit(consent, { consent: 'accept' }));
      const chosen = await attacker.submit(chooser, { choice: choiceOf(chooser, ['王小樂']) });
      assert.ok(chosen.leavesTo?.searchParams.has('code'));
      const agreed = await attacker.submit(consent, { consent: 'accept' });
      assert.ok(agreed.leavesTo?.searchParams.has('code'));
    });

    it('of a device connects it only to a person who signs in with the browser that typed the code', async () => {
      const shown = await client.initiateDeviceAuthorization(television.config, { scope: 'openid' });
      const [attacker, victim] = [createHttpBrowser(issuer), createHttpBrowser(issuer)];
      const confirm = await attacker.submit(await attacker.open('/device'), { user_code: shown.user_code });
      const page = await attacker.submit(confirm, { confirm: 'yes' });
      assert.equal(interactionOf(page), 'login');
      await victim.open((await app.begin()).url);
      await copyCookies(attacker, victim, page.url);
      isExpired(await victim.open(page.url));
      isExpired(await victim.submit(page, { login: LOGIN.S1, password: DEMO_PASSWORD }));
      const resume = await signInAndWait(attacker, page, LOGIN.S1);
      for (const httpBrowser of [victim, await newBrowser(victim)]) {
        await copyCookies(attacker, httpBrowser, resume);
        const answer = await httpBrowser.open(resume);
        isExpired(answer);
        assert.match(answer.body, /<a class="button" href="\/device">/);
      }
      const poll = (): Promise<client.TokenEndpointResponse> =>
        client.genericGrantRequest(television.config, 'urn:ietf:params:oauth:grant-type:device_code', {
          device_code: shown.device_code,
        });
      await assert.rejects(poll(), { error: 'authorization_pending' });
      assert.match(textOf((await attacker.open(resume)).body), /裝置已連結/);
      assert.ok((await poll()).access_token);
    });

    it('in each of two tabs of one browser completes', async () => {
      const httpBrowser = createHttpBrowser(issuer);
      const [first, second] = [await app.begin(), await club.begin()];
      const one = await httpBrowser.open(first.url);
      const cookie = await browserCookie(httpBrowser);
      const two = await httpBrowser.open(second.url);
      assert.match(cookie ?? '', /^[\w-]{43}$/, '256 bits');
      assert.equal(await browserCookie(httpBrowser), cookie);
      const consent = await httpBrowser.submit(two, { login: LOGIN.S1, password: DEMO_PASSWORD });
      assert.ok((await httpBrowser.submit(consent, { consent: 'accept' })).leavesTo?.searchParams.has('code'));
      assert.equal(await browserCookie(httpBrowser), cookie);
      const answer = await httpBrowser.submit(one, { login: LOGIN.S1, password: DEMO_PASSWORD });
      assert.ok(answer.leavesTo?.searchParams.has('code'), textOf(answer.body));
    });

    it('expires with the cookie of its browser, and the page leads back to the app', async () => {
      const httpBrowser = createHttpBrowser(issuer);
      const page = await httpBrowser.open((await app.begin()).url);
      for (const value of [undefined, 'A'.repeat(43), '', '"']) {
        await httpBrowser.jar.setCookie(
          `${BROWSER}=${value ?? ''}; Max-Age=${value === undefined ? '0' : '60'}`,
          issuer,
        );
        const answer = await httpBrowser.open(page.url);
        isExpired(answer);
        assert.match(answer.body, /href="https:\/\/app\.example\/"/);
      }
      const answer = await runAuthorization(app, httpBrowser, { login: LOGIN.S1 });
      assert.ok(answer.answer.leavesTo?.searchParams.has('code'));
    });

    it('sets the cookie for thirty days, refreshes it, and replaces a malformed one', async () => {
      const { pathname, search } = new URL((await app.begin()).url);
      const setBy = async (sent: string): Promise<{ value: string; attributes: string }> => {
        const { headers } = await send(issuer, pathname + search, { headers: { cookie: `${BROWSER}=${sent}` } });
        const cookies = (headers['set-cookie'] ?? []).filter((cookie) => cookie.startsWith(`${BROWSER}=`));
        assert.equal(cookies.length, 1);
        const [, value = '', attributes = ''] = /=([^;]*); (.*)/.exec(cookies[0] ?? '') ?? [];
        const [, until = ''] = /expires=([^;]*)/.exec(attributes) ?? [];
        assert.ok(Math.abs(Date.parse(until) - Date.now() - MONTH_SECONDS * 1000) < 60_000, until);
        return { value, attributes: attributes.replace(/expires=[^;]*; /, '') };
      };
      const known = 'b'.repeat(43);
      assert.deepEqual(await setBy(known), { value: known, attributes: 'path=/; samesite=lax; httponly' });
      for (const other of ['', 'short', 'x'.repeat(44), `${'y'.repeat(42)}~`]) {
        const { value } = await setBy(other);
        assert.match(value, /^[\w-]{43}$/);
        assert.notEqual(value, other);
      }
    });

    it('is not created, and sets no cookie, for prompt=none, invalid requests and pages', async () => {
      const httpBrowser = createHttpBrowser(issuer);
      const asked = await httpBrowser.open((await app.begin({ prompt: 'none' })).url);
      assert.equal(errorOf(asked), 'login_required');
      for (const path of ['/auth?client_id=unknown', '/forgot-password', '/device', '/account/callback']) {
        const { headers } = await send(issuer, path);
        assert.ok(!String(headers['set-cookie']).includes(BROWSER), path);
      }
      assert.equal(await browserCookie(httpBrowser), undefined);
    });

    it('is stored with the hash of the cookie, not with the cookie', async () => {
      const httpBrowser = createHttpBrowser(issuer);
      await httpBrowser.open((await app.begin()).url);
      const cookie = (await browserCookie(httpBrowser)) ?? assert.fail('no cookie');
      const rows = await running().container.store.read((tx) => tx.db.select().from(tx.tables.oidcRecords));
      assert.ok(rows.every((row) => row.model !== 'Interaction' || row.browserHash?.length === 43));
      assert.ok(!JSON.stringify(rows).includes(cookie));
    });
  },
);
