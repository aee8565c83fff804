/**
 * Tests of the twelve pitfalls that no other file covers. docs/security.md lists the tests of each pitfall. Pitfalls 7, 9 and 12
 * are in pitfalls-jobs.test.ts.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { eq } from 'drizzle-orm';
import * as client from 'openid-client';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import {
  requestTokens,
  choiceOf,
  runAuthorization,
  errorOf,
  LOGIN,
  redeem,
  refresh,
  signInWithNewBrowser,
  interactionOf,
  userinfo,
  type Reply,
} from '../helpers/authorization-flow.ts';
import { personId, normalizePage } from '../helpers/city.ts';
import { createHttpBrowser, textOf } from '../helpers/http-browser.ts';
import { getGuardianshipId } from '../helpers/people.ts';
import { send } from '../helpers/raw-http.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
const SCOPES = ['openid', 'profile', 'roles', 'children', 'offline_access'];
const OFFLINE = { scope: 'openid profile offline_access', prompt: 'consent' };
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const clients = (): { clients: object[] } => ({
  clients: [
    createRegistration('app', secret, { scopes: SCOPES, permissions: ['notice:read'], device_flow: true }),
    createRegistration('foreign', secret, { scopes: ['openid', 'profile'], first_party: false }),
  ],
});
const partyOf = ({ issuer }: TestService, id = 'app', scope = 'openid profile'): Promise<TestParty> =>
  createParty(issuer, { id, scope, secret });

eachService('pitfalls on both databases', clients, (running) => {
  describe('pitfall 1: codes and refresh tokens redeemable twice', () => {
    it('a device code redeemed ten times at once gives tokens once (RFC 8628)', async () => {
      const app = await partyOf(running());
      const shown = await client.initiateDeviceAuthorization(app.config, { scope: 'openid' });
      const phone = createHttpBrowser(running().issuer);
      const confirm = await phone.submit(await phone.open('/device'), { user_code: shown.user_code });
      const page = await phone.submit(confirm, { confirm: 'yes' });
      await phone.submit(page, { login: LOGIN.T2, password: DEMO_PASSWORD });
      const poll = (): Promise<Reply> =>
        requestTokens(app, { grant_type: DEVICE_GRANT, device_code: shown.device_code });
      const replies = await Promise.all(Array.from({ length: 10 }, poll));
      const statuses = replies.map(({ status }) => status).sort();
      assert.deepEqual(statuses, [200, ...Array<number>(9).fill(400)]);
      const given = replies.find(({ status }) => status === 200);
      assert.equal((await userinfo(app, String(given?.body['access_token']))).status, 401, 'and it is worth nothing');
    });
  });

  describe('pitfall 2: works on SQLite, fails on PostgreSQL', () => {
    it('a password change that fails at its last write changes no password and no session', async () => {
      const app = await partyOf(running());
      const [here, there] = [
        await signInWithNewBrowser(app, { login: LOGIN.A2 }),
        await signInWithNewBrowser(app, { login: LOGIN.A2 }),
      ];
      const page = await here.httpBrowser.open('/account/password');
      const next = 'four small boats at anchor';
      const fields = { current_password: DEMO_PASSWORD, new_password: next, confirm_password: next };
      const { store } = running().container;
      // The outbox job of the notice is the last write.
      await store.runExclusively((run) => run('alter table outbox rename to outbox_away'));
      const failed = await here.httpBrowser.submit(page, fields);
      await store.runExclusively((run) => run('alter table outbox_away rename to outbox'));
      assert.equal(failed.status, 500);
      assert.equal((await userinfo(app, there.tokens.access_token)).status, 200);
      await signInWithNewBrowser(app, { login: LOGIN.A2 });
      const done = await here.httpBrowser.submit(await here.httpBrowser.open('/account/password'), fields);
      assert.match(textOf(done.body), /密碼已變更/);
    });
  });

  describe('pitfall 3: a deleted person with an active session', () => {
    it('gets the sign-in page, login_required, no tokens and no UserInfo, and never a 500', async () => {
      const app = await partyOf(running());
      const { httpBrowser, tokens } = await signInWithNewBrowser(app, { login: LOGIN.A1, parameters: OFFLINE });
      const code = await runAuthorization(app, httpBrowser);
      await running().container.store.write((tx) =>
        tx.db.delete(tx.tables.persons).where(eq(tx.tables.persons.id, personId('A1'))),
      );
      const shown = await runAuthorization(app, httpBrowser);
      assert.deepEqual([shown.answer.status, interactionOf(shown.answer)], [200, 'login']);
      assert.equal(
        errorOf((await runAuthorization(app, httpBrowser, { parameters: { prompt: 'none' } })).answer),
        'login_required',
      );
      assert.equal((await refresh(app, tokens.refresh_token)).body['error'], 'invalid_grant');
      assert.equal((await userinfo(app, tokens.access_token)).status, 401);
      assert.equal((await redeem(app, code)).body['error'], 'invalid_grant');
      assert.equal(interactionOf(await httpBrowser.open('/account')), 'login');
    });
  });

  describe('pitfall 6: stale claims', () => {
    it('a teacher keeps tokens when a guardianship ends, and UserInfo omits the child at once', async () => {
      const app = await partyOf(running(), 'app', 'openid profile roles children');
      const { tokens } = await signInWithNewBrowser(app, { login: LOGIN.T1, choice: ['教師'] });
      const children = async (): Promise<unknown> => (await userinfo(app, tokens.access_token)).body['children'];
      const before = await children();
      assert.ok(Array.isArray(before) && before.length === 1);
      const id = await getGuardianshipId(running(), LOGIN.T1, '陳以恩');
      await running().container.guardianships.applyAction({ id, action: 'suspend', actorId: undefined });
      assert.deepEqual(await children(), []);
    });
  });
});

describe('pitfalls on one database', () => {
  let service: TestService;
  before(async () => {
    service = await startService(clients());
  });
  after(() => service.stop());

  describe('pitfall 4: Host and X-Forwarded-* reflected', () => {
    const FORGED_HEADERS = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' };
    const authorization = `Basic ${Buffer.from(`app:${secret}`).toString('base64')}`;
    const form = { 'content-type': 'application/x-www-form-urlencoded', authorization };

    it('responses to devices, issuers and errors contain neither', async () => {
      const app = await partyOf(service);
      const posts = await Promise.all(
        ['/device/auth', '/request', '/token'].map((path) =>
          send(service.issuer, path, { method: 'POST', headers: { ...form, ...FORGED_HEADERS }, body: 'scope=openid' }),
        ),
      );
      const [device] = posts;
      assert.equal(device?.status, 200);
      assert.ok(device.body.includes(`"verification_uri":"${service.issuer}/device"`));
      const { url } = await app.begin({ prompt: 'none' });
      const { pathname, search } = new URL(url);
      const answer = await send(service.issuer, pathname + search, { headers: FORGED_HEADERS });
      const back = new URL(answer.headers.location ?? '');
      assert.deepEqual(
        [back.searchParams.get('error'), back.searchParams.get('iss')],
        ['login_required', service.issuer],
      );
      for (const { body, headers } of [...posts, answer]) {
        assert.doesNotMatch(body + JSON.stringify(headers), /evil\.example/);
      }
    });
  });

  describe('pitfall 5: skipped prompts', () => {
    const uidOf = (url: string): string => new URL(url).pathname.split('/')[2] ?? '';

    it('a consent or a choice before the sign-in gets 409 and signs no person in', async () => {
      const foreign = await partyOf(service, 'foreign');
      const httpBrowser = createHttpBrowser(service.issuer);
      const { answer } = await runAuthorization(foreign, httpBrowser);
      for (const [step, body] of [
        ['consent', 'consent=accept'],
        ['select_account', 'choice=x'],
      ] as const) {
        assert.equal((await httpBrowser.post(`/interaction/${uidOf(answer.url)}/${step}`, body)).status, 409, step);
      }
      assert.equal(interactionOf(await httpBrowser.open(answer.url)), 'login');
      assert.equal(
        errorOf((await runAuthorization(foreign, httpBrowser, { parameters: { prompt: 'none' } })).answer),
        'login_required',
      );
    });

    it('a sign-in of another person during context selection gets 409 and keeps the prompt', async () => {
      const app = await partyOf(service, 'app', 'openid children');
      const httpBrowser = createHttpBrowser(service.issuer);
      const { answer } = await runAuthorization(app, httpBrowser, { login: LOGIN.G2 });
      assert.equal(interactionOf(answer), 'select_account');
      const body = new URLSearchParams({ login: LOGIN.B1, password: DEMO_PASSWORD, consent: 'accept' });
      for (const step of ['login', 'consent', 'new_password']) {
        assert.equal((await httpBrowser.post(`/interaction/${uidOf(answer.url)}/${step}`, body)).status, 409, step);
      }
      const page = await httpBrowser.open(answer.url);
      const done = await httpBrowser.submit(page, { choice: choiceOf(page, ['王小樂']) });
      assert.ok(done.leavesTo?.searchParams.get('code'));
    });
  });

  describe('pitfall 8: development keys', () => {
    it('two installations share no key, and none is an example key of a library', async () => {
      const other = await startService({ clients: [], city: false });
      const kids = async ({ issuer }: TestService): Promise<string> => (await fetch(`${issuer}/jwks`)).text();
      const [ours, theirs] = [await kids(service), await kids(other)];
      await other.stop();
      const idsOf = (text: string): string[] =>
        [...text.matchAll(/"(?:kid|n|x|y)":"([^"]+)"/g)].map(([, id = '']) => id);
      assert.ok(idsOf(ours).length >= 10);
      assert.deepEqual(
        idsOf(ours).filter((id) => idsOf(theirs).includes(id)),
        [],
      );
      assert.doesNotMatch(ours, /keystore-CHANGE-ME/i);
    });
  });

  describe('pitfall 10: account enumeration', () => {
    it('a throttled account gets the same page for a correct and a wrong password', async () => {
      const httpBrowser = createHttpBrowser(service.issuer);
      const page = await httpBrowser.open('/account');
      const attempt = (password: string): Promise<string> =>
        httpBrowser.submit(page, { login: LOGIN.G3, password }).then((answer) => {
          return `${String(answer.status)} ${normalizePage(answer, LOGIN.G3)}`;
        });
      for (let i = 0; i < 5; i += 1) assert.match(await attempt(`guess ${String(i)}`), /^422/);
      const [wrong, right] = [await attempt('guess'), await attempt(DEMO_PASSWORD)];
      assert.match(wrong, /^429/);
      assert.equal(right, wrong);
    });
  });

  describe('pitfall 11: browser edges', () => {
    it('forty abandoned sign-ins in one browser do not accumulate cookies or stop the next', async () => {
      const app = await partyOf(service);
      const httpBrowser = createHttpBrowser(service.issuer);
      for (let i = 0; i < 40; i += 1)
        assert.equal(interactionOf((await runAuthorization(app, httpBrowser)).answer), 'login');
      const cookies = await httpBrowser.jar.getCookieString(`${service.issuer}/auth`);
      assert.ok(cookies.length < 2_000, `${String(cookies.length)} characters`);
      const { answer } = await runAuthorization(app, httpBrowser, { login: LOGIN.T2 });
      assert.ok(answer.leavesTo?.searchParams.get('code'));
    });
  });
});
