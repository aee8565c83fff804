/** Brute force of user codes (RFC 8628, section 5.1). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';

import { decodeJwt } from 'jose';
import * as client from 'openid-client';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { runAuthorization, LOGIN } from '../helpers/authorization-flow.ts';
import { freezeTime, MINUTE, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { alertOf, createHttpBrowser, formOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
/** USER_CODE_POLICY and USER_CODE_NETWORK_POLICY of domain/user-codes.ts. */
const FREE = 5;
const FIRST_DELAY = 30 * SECOND;
const NETWORK = 60;
const CHARSET = 'BCDFGHJKLMNPQRSTVWXZ';
/** Returns a wrong code, a different one for each number. */
const wrongCode = (at: number): string =>
  Array.from({ length: 8 }, (_, place) => CHARSET[Math.floor(at / 20 ** place) % 20]).join('');

eachService(
  'wrong user codes',
  () => ({
    env: { KINPASS_TRUSTED_PROXIES: 'loopback' },
    clients: [createRegistration('television', secret, { scopes: ['openid'], device_flow: true })],
  }),
  (running) => {
    let time: FrozenTime;
    let television: TestParty;
    let address = '';
    let networks = 0;
    before(async () => {
      time = freezeTime();
      television = await createParty(running().issuer, { id: 'television', secret, scope: 'openid' });
    });
    beforeEach(() => {
      networks += 1;
      address = `203.0.113.${String(networks)}`;
    });
    after(() => {
      time.release();
    });

    const from = (): Record<string, string> => ({ 'x-forwarded-for': address });
    const show = (): Promise<client.DeviceAuthorizationResponse> =>
      client.initiateDeviceAuthorization(television.config, { scope: 'openid' });
    const newPhone = async (): Promise<{ phone: HttpBrowser; page: Answer }> => {
      const phone = createHttpBrowser(running().issuer, 'en');
      return { phone, page: await phone.open('/device', from()) };
    };
    const type = async (phone: HttpBrowser, code: string): Promise<Answer> =>
      phone.submit(await phone.open('/device', from()), { user_code: code }, from());
    const statuses = async (phone: HttpBrowser, codes: readonly string[]): Promise<number[]> => {
      const seen: number[] = [];
      for (const code of codes) seen.push((await type(phone, code)).status);
      return seen;
    };
    const wrong = (count: number): string[] => Array.from({ length: count }, (_, at) => wrongCode(at));
    const asksToConfirm = (answer: Answer): boolean => answer.body.includes('name="confirm"');

    it('are throttled after five per session, and correct codes are then not looked up', async () => {
      const { phone } = await newPhone();
      const { user_code: right } = await show();
      assert.deepEqual(await statuses(phone, wrong(FREE)), Array<number>(FREE).fill(422));
      const refused = await type(phone, right);
      assert.equal(refused.status, 429);
      assert.equal(refused.headers.get('retry-after'), String(FIRST_DELAY / SECOND));
      assert.match(alertOf(refused.body), /Too many wrong codes\. Wait until 09:01/);
      assert.ok(refused.body.includes(`value="${right}"`), 'the input is kept');
      assert.ok(!asksToConfirm(refused));
      time.advance(FIRST_DELAY - 1);
      assert.equal((await type(phone, right)).status, 429);
      time.advance(1);
      assert.ok(asksToConfirm(await type(phone, right)));
    });

    it('increase the wait, until a correct code resets it', async () => {
      const { phone } = await newPhone();
      await statuses(phone, wrong(FREE));
      for (const wait of [FIRST_DELAY, 2 * FIRST_DELAY, 4 * FIRST_DELAY]) {
        time.advance(wait);
        assert.deepEqual(await statuses(phone, [wrongCode(9), wrongCode(10)]), [422, 429], String(wait));
      }
      time.advance(15 * MINUTE);
      assert.ok(asksToConfirm(await type(phone, (await show()).user_code)));
      assert.deepEqual(await statuses(phone, wrong(FREE)), Array<number>(FREE).fill(422));
    });

    it('count per network across sessions, and other networks are not affected', async () => {
      const guesses = await Promise.all(
        Array.from({ length: 100 }, async (_, at) => {
          const { phone, page } = await newPhone();
          return (await phone.submit(page, { user_code: wrongCode(at) }, from())).status;
        }),
      );
      assert.equal(guesses.filter((status) => status === 422).length, NETWORK);
      assert.equal(guesses.filter((status) => status === 429).length, 100 - NETWORK);
      const { phone } = await newPhone();
      const { user_code: right } = await show();
      assert.equal((await type(phone, right)).status, 429);
      address = '198.51.100.1';
      assert.ok(asksToConfirm(await type((await newPhone()).phone, right)));
      address = `203.0.113.${String(networks)}`;
      time.advance(10 * SECOND);
      assert.ok(asksToConfirm(await type(phone, right)), 'one code each ten seconds');
      assert.deepEqual(await statuses(phone, wrong(2)), [422, 429], 'a correct code refunds nothing');
    });

    const signIn = async (login: string): Promise<HttpBrowser> => {
      const phone = createHttpBrowser(running().issuer, 'en');
      const page = await phone.open('/account', from());
      await phone.submit(page, { login, password: DEMO_PASSWORD }, from());
      return phone;
    };

    it('count one by one at the same moment', async () => {
      const phones: HttpBrowser[] = [];
      for (let at = 0; at < 12; at += 1) phones.push(await signIn(LOGIN.T1));
      const pages = await Promise.all(phones.map((phone) => phone.open('/device', from())));
      const answers = await Promise.all(
        phones.map((phone, at) => {
          const page = pages[at];
          assert.ok(page);
          return phone.submit(page, { user_code: wrongCode(at) }, from());
        }),
      );
      const seen = answers.map(({ status }) => status).sort();
      assert.deepEqual(seen, [...Array<number>(FREE).fill(422), ...Array<number>(12 - FREE).fill(429)]);
    });

    it('count per signed-in person across sessions', async () => {
      const [one, other] = [await signIn(LOGIN.T2), await signIn(LOGIN.T2)];
      assert.deepEqual(await statuses(one, wrong(FREE)), Array<number>(FREE).fill(422));
      address = '198.51.100.2';
      assert.equal((await type(other, wrongCode(0))).status, 429);
      assert.equal((await type((await newPhone()).phone, wrongCode(0))).status, 422, 'other people are not affected');
      time.advance(FIRST_DELAY);
      assert.ok(asksToConfirm(await type(other, (await show()).user_code)));
    });

    it('include codes in a URL, expired codes and used codes', async () => {
      const { phone } = await newPhone();
      const { user_code: expired } = await show();
      time.advance(10 * MINUTE);
      const used = await show();
      const confirm = await type(phone, used.user_code);
      await phone.submit(confirm, { abort: 'yes' }, from());
      const page = await phone.open(`/device?user_code=${wrongCode(1)}`, from());
      assert.equal(page.status, 200);
      assert.equal((await phone.submit(page, { user_code: wrongCode(1) }, from())).status, 422);
      const codes = [expired, used.user_code, '---', wrongCode(2)];
      assert.deepEqual(await statuses(phone, codes), [422, 422, 422, 422]);
      assert.equal((await type(phone, wrongCode(3))).status, 429);
    });

    it('exclude forms without the CSRF secret or without a code', async () => {
      const { phone, page } = await newPhone();
      const { action } = formOf(page.body);
      const url = new URL(action, page.url).href;
      for (const code of wrong(FREE + 1)) {
        const forged = await phone.post(url, new URLSearchParams({ user_code: code, xsrf: 'x' }), from());
        assert.equal(forged.status, 422);
        assert.equal((await type(phone, '')).status, 422);
      }
      assert.equal((await type(phone, wrongCode(0))).status, 422, textOf(page.body));
    });
  },
);

eachService(
  'the approval page of a device',
  () => ({
    clients: [
      createRegistration('television', secret, { scopes: ['openid'], device_flow: true }),
      createRegistration('panel', secret, { scopes: ['openid'], device_flow: true, first_party: false }),
    ],
  }),
  (running) => {
    let television: TestParty;
    before(async () => {
      television = await createParty(running().issuer, { id: 'television', secret, scope: 'openid' });
    });
    const poll = ({ device_code: code }: client.DeviceAuthorizationResponse): Promise<client.TokenEndpointResponse> =>
      client.genericGrantRequest(television.config, 'urn:ietf:params:oauth:grant-type:device_code', {
        device_code: code,
      });
    const begin = async (httpBrowser: HttpBrowser) => {
      const shown = await client.initiateDeviceAuthorization(television.config, { scope: 'openid' });
      return {
        shown,
        confirm: await httpBrowser.submit(await httpBrowser.open('/device'), { user_code: shown.user_code }),
      };
    };
    const subOf = async (login: string): Promise<string | undefined> => {
      const entered = await runAuthorization(television, createHttpBrowser(running().issuer), { login });
      return (await entered.finish(entered.answer)).claims()?.sub;
    };
    const subIn = (tokens: client.TokenEndpointResponse): string | undefined => decodeJwt(tokens.id_token ?? '').sub;

    it('shows the signed-in account with its login, and the app', async () => {
      const httpBrowser = createHttpBrowser(running().issuer, 'en');
      await runAuthorization(television, httpBrowser, { login: LOGIN.T2 });
      const { shown, confirm } = await begin(httpBrowser);
      assert.match(textOf(confirm.body), /Sign a device in to Test television\?/);
      assert.match(textOf(confirm.body), /You will be signed in on the device as 林志豪 \([^)]+\)/);
      const done = await httpBrowser.submit(confirm, { confirm: 'yes' });
      assert.match(textOf(done.body), /Your device is connected/);
      assert.match(textOf(done.body), /Allowed with the account of 林志豪 \([^)]+\)/);
      assert.equal(subIn(await poll(shown)), await subOf(LOGIN.T2));
    });

    it('shows no account before the sign-in, and the last page shows the account', async () => {
      const httpBrowser = createHttpBrowser(running().issuer, 'en');
      const { shown, confirm } = await begin(httpBrowser);
      assert.doesNotMatch(textOf(confirm.body), /You will be signed in|different account/);
      assert.match(textOf(confirm.body), /Next, sign in\. The device will use the account that you sign in with\./);
      const signIn = await httpBrowser.submit(confirm, { confirm: 'yes' });
      const done = await httpBrowser.submit(signIn, { login: LOGIN.T2, password: DEMO_PASSWORD });
      assert.match(textOf(done.body), /Your device is connected/);
      assert.match(textOf(done.body), /Allowed with the account of 林志豪 \([^)]+\)/);
      assert.equal(subIn(await poll(shown)), await subOf(LOGIN.T2));
    });

    it('leads to a consent page that shows the account and offers another one', async () => {
      const panel = await createParty(running().issuer, { id: 'panel', secret, scope: 'openid' });
      const httpBrowser = createHttpBrowser(running().issuer, 'en');
      const shown = await client.initiateDeviceAuthorization(panel.config, { scope: 'openid' });
      const confirm = await httpBrowser.submit(await httpBrowser.open('/device'), { user_code: shown.user_code });
      const signIn = await httpBrowser.submit(confirm, { confirm: 'yes' });
      const consent = await httpBrowser.submit(signIn, { login: LOGIN.T2, password: DEMO_PASSWORD });
      assert.match(textOf(consent.body), /Signed in as 林志豪 \([^)]+\)/);
      const other = await httpBrowser.post(`${consent.url}/other-account`, '');
      const next = await httpBrowser.submit(other, { login: LOGIN.S1, password: DEMO_PASSWORD });
      const again = next.body.includes('name="consent"') ? next : await httpBrowser.submit(next, {});
      assert.doesNotMatch(textOf(again.body), /林志豪/);
      const denied = await httpBrowser.submit(again, { consent: 'deny' });
      assert.match(textOf(denied.body), /The device was not signed in The device received no data\./);
      assert.equal(denied.status, 200);
    });

    it('offers a sign-in with another account, which the device then receives', async () => {
      const httpBrowser = createHttpBrowser(running().issuer, 'en');
      await runAuthorization(television, httpBrowser, { login: LOGIN.T2 });
      const { shown, confirm } = await begin(httpBrowser);
      assert.match(confirm.body, /name="confirm" value="other_account"/);
      const signIn = await httpBrowser.submit(confirm, { confirm: 'other_account' });
      assert.match(signIn.body, /name="password"/);
      const change = await httpBrowser.submit(signIn, { login: LOGIN.S1, password: DEMO_PASSWORD });
      const done = await httpBrowser.submit(change, {});
      assert.match(textOf(done.body), /Your device is connected/);
      assert.equal(subIn(await poll(shown)), await subOf(LOGIN.S1));
    });
  },
);
