/** An interaction belongs to the browser that began it, whatever cookies a host of the same registrable domain sets. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import * as client from 'openid-client';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { choiceOf, enter, errorOf, LOGIN, stepOf } from '../helpers/authorization-flow.ts';
import { createVisitor, formOf, textOf, type Answer, type Visitor } from '../helpers/http-browser.ts';
import { send } from '../helpers/raw-http.ts';
import { createParty, newSecret, registered, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
const SCOPE = 'openid profile roles children';
const BROWSER = 'kinpass_browser';
const MONTH_SECONDS = 30 * 24 * 3600;

eachService(
  'an interaction',
  () => ({
    clients: [
      registered('app', secret, { scopes: SCOPE.split(' '), permissions: ['fees:read'] }),
      registered('club', secret, { scopes: ['openid', 'profile'], first_party: false }),
      registered('television', secret, { scopes: ['openid'], device_flow: true }),
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
    /** What a neighboring host can do: set every cookie that has no `__Host-` prefix with https, for the address that it belongs to. */
    const plant = async (from: Visitor, to: Visitor, ...urls: string[]): Promise<void> => {
      for (const url of urls) {
        const cookies = (await from.jar.getCookies(url)).filter(({ path }) => path !== '/');
        assert.ok(cookies.length > 0, url);
        for (const { key, value, path } of cookies) await to.jar.setCookie(`${key}=${value}; Path=${path ?? ''}`, url);
      }
    };
    /** Gives the password and does not follow the redirect. @returns where the browser would continue */
    const signInAndWait = async (visitor: Visitor, page: Answer, login: string): Promise<string> => {
      const action = new URL(formOf(page.body).action, issuer).href;
      const { status, headers } = await send(issuer, new URL(action).pathname, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          cookie: await visitor.jar.getCookieString(action),
          origin: issuer,
        },
        body: new URLSearchParams({ login, password: DEMO_PASSWORD }).toString(),
      });
      assert.equal(status, 303);
      return headers.location ?? '';
    };
    /** The same browser, before it has any cookie but those that are planted. */
    const newcomer = async (visitor: Visitor): Promise<Visitor> => {
      await visitor.jar.removeAllCookies();
      return visitor;
    };
    const isSignedOut = async (visitor: Visitor): Promise<void> => {
      assert.equal(stepOf(await visitor.open('/account')), 'login');
    };
    const browserCookie = async (visitor: Visitor): Promise<string | undefined> =>
      (await visitor.jar.getCookies(issuer)).find(({ key }) => key === BROWSER)?.value;

    it('of another browser shows no password form and takes no password', async () => {
      const [attacker, victim] = [createVisitor(issuer), createVisitor(issuer)];
      const page = await attacker.open((await app.begin()).url);
      await victim.open((await app.begin()).url);
      await plant(attacker, victim, page.url);
      isExpired(await victim.open(page.url));
      isExpired(await victim.submit(page, { login: LOGIN.S1, password: DEMO_PASSWORD }));
      for (const end of ['/cancel', '/other-account']) isExpired(await victim.post(page.url + end, ''));
      await isSignedOut(attacker);
      await isSignedOut(victim);
    });

    it('that another browser tried to use continues in its own browser', async () => {
      const [attacker, victim] = [createVisitor(issuer), createVisitor(issuer)];
      const page = await victim.open((await app.begin()).url);
      await plant(victim, attacker, page.url);
      isExpired(await attacker.open(page.url));
      const answer = await victim.submit(page, { login: LOGIN.S1, password: DEMO_PASSWORD });
      assert.ok(answer.leavesTo?.searchParams.has('code'), textOf(answer.body));
    });

    it('that waits to be resumed signs no one else in (login CSRF)', async () => {
      const [attacker, victim] = [createVisitor(issuer), createVisitor(issuer)];
      const page = await attacker.open((await app.begin()).url);
      const resume = await signInAndWait(attacker, page, LOGIN.S1);
      for (const visitor of [victim, await newcomer(victim)]) {
        await plant(attacker, visitor, resume);
        isExpired(await visitor.open(resume));
        await isSignedOut(visitor);
      }
      const own = await attacker.open(resume);
      assert.ok(own.leavesTo?.searchParams.has('code'), 'the refused attempt has not ended the interaction');
    });

    it('in which a victim signed in is not resumed by the browser of an attacker', async () => {
      const [attacker, victim] = [createVisitor(issuer), createVisitor(issuer)];
      const page = await victim.open((await app.begin()).url);
      const resume = await signInAndWait(victim, page, LOGIN.S1);
      await attacker.open((await app.begin()).url);
      await plant(victim, attacker, resume);
      isExpired(await attacker.open(resume));
      await isSignedOut(attacker);
    });

    it('of another browser stays closed at the choice of an identity and at consent', async () => {
      const [attacker, victim] = [createVisitor(issuer), createVisitor(issuer)];
      const { answer: chooser } = await enter(app, attacker, { login: LOGIN.G2 });
      assert.equal(stepOf(chooser), 'select_account');
      const consent = await attacker.open((await club.begin()).url);
      assert.equal(stepOf(consent), 'consent');
      await victim.open((await app.begin()).url);
      await plant(attacker, victim, chooser.url, consent.url);
      isExpired(await victim.open(chooser.url));
      isExpired(await victim.submit(chooser, { choice: choiceOf(chooser, ['王小樂']) }));
      isExpired(await victim.open(consent.url));
      isExpired(await victim.submit(consent, { consent: 'accept' }));
      const chosen = await attacker.submit(chooser, { choice: choiceOf(chooser, ['王小樂']) });
      assert.ok(chosen.leavesTo?.searchParams.has('code'));
      const agreed = await attacker.submit(consent, { consent: 'accept' });
      assert.ok(agreed.leavesTo?.searchParams.has('code'));
    });

    it('of a device connects the device only to a person who signs in with the browser that typed the code', async () => {
      const shown = await client.initiateDeviceAuthorization(television.config, { scope: 'openid' });
      const [attacker, victim] = [createVisitor(issuer), createVisitor(issuer)];
      const confirm = await attacker.submit(await attacker.open('/device'), { user_code: shown.user_code });
      const page = await attacker.submit(confirm, { confirm: 'yes' });
      assert.equal(stepOf(page), 'login');
      await victim.open((await app.begin()).url);
      await plant(attacker, victim, page.url);
      isExpired(await victim.open(page.url));
      isExpired(await victim.submit(page, { login: LOGIN.S1, password: DEMO_PASSWORD }));
      const resume = await signInAndWait(attacker, page, LOGIN.S1);
      for (const visitor of [victim, await newcomer(victim)]) {
        await plant(attacker, visitor, resume);
        const answer = await visitor.open(resume);
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
      const visitor = createVisitor(issuer);
      const [first, second] = [await app.begin(), await club.begin()];
      const one = await visitor.open(first.url);
      const cookie = await browserCookie(visitor);
      const two = await visitor.open(second.url);
      assert.match(cookie ?? '', /^[\w-]{43}$/, '256 bits');
      assert.equal(await browserCookie(visitor), cookie);
      const consent = await visitor.submit(two, { login: LOGIN.S1, password: DEMO_PASSWORD });
      assert.ok((await visitor.submit(consent, { consent: 'accept' })).leavesTo?.searchParams.has('code'));
      assert.equal(await browserCookie(visitor), cookie);
      const answer = await visitor.submit(one, { login: LOGIN.S1, password: DEMO_PASSWORD });
      assert.ok(answer.leavesTo?.searchParams.has('code'), textOf(answer.body));
    });

    it('expires with the cookie of its browser, and the page leads back to the app', async () => {
      const visitor = createVisitor(issuer);
      const page = await visitor.open((await app.begin()).url);
      for (const value of [undefined, 'A'.repeat(43), '', '"']) {
        await visitor.jar.setCookie(`${BROWSER}=${value ?? ''}; Max-Age=${value === undefined ? '0' : '60'}`, issuer);
        const answer = await visitor.open(page.url);
        isExpired(answer);
        assert.match(answer.body, /href="https:\/\/app\.example\/"/);
      }
      const answer = await enter(app, visitor, { login: LOGIN.S1 });
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

    it('that does not begin sets no cookie: prompt=none, a wrong request, a page', async () => {
      const visitor = createVisitor(issuer);
      const asked = await visitor.open((await app.begin({ prompt: 'none' })).url);
      assert.equal(errorOf(asked), 'login_required');
      for (const path of ['/auth?client_id=nobody', '/forgot', '/device', '/account/signed-in']) {
        const { headers } = await send(issuer, path);
        assert.ok(!String(headers['set-cookie']).includes(BROWSER), path);
      }
      assert.equal(await browserCookie(visitor), undefined);
    });

    it('is stored with the hash of the cookie, not with the cookie', async () => {
      const visitor = createVisitor(issuer);
      await visitor.open((await app.begin()).url);
      const cookie = (await browserCookie(visitor)) ?? assert.fail('no cookie');
      const rows = await running().container.store.read((u) => u.db.select().from(u.t.oidcRecords));
      assert.ok(rows.every((row) => row.model !== 'Interaction' || row.browserHash?.length === 43));
      assert.ok(!JSON.stringify(rows).includes(cookie));
    });
  },
);
