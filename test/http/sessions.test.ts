/** Sessions: their lifetime, reauthentication, and disabled people. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import * as people from '../../src/store/people/people.ts';
import {
  codeOf,
  runAuthorization,
  errorOf,
  idClaims,
  LOGIN,
  redeem,
  refresh,
  signInWithNewBrowser,
  interactionOf,
  tokensFor,
  userinfo,
} from '../helpers/authorization-flow.ts';
import { DAY, freezeTime, HOUR, SCHOOL_DAY, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf, type HttpBrowser } from '../helpers/http-browser.ts';
import { getPersonFacts } from '../helpers/people.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
const OFFLINE = { scope: 'openid profile offline_access', prompt: 'consent' };
const clients = (): { clients: object[] } => ({
  clients: [createRegistration('app', secret, { scopes: ['openid', 'profile', 'offline_access'] })],
});
const partyOf = ({ issuer }: TestService): Promise<TestParty> =>
  createParty(issuer, { id: 'app', scope: 'openid profile', secret });

let time: FrozenTime;
before(() => {
  time = freezeTime();
});
beforeEach(() => {
  time.advance(SCHOOL_DAY - Date.now());
});
after(() => {
  time.release();
});

eachService('a person who is disabled while signed in', clients, (running) => {
  let app: TestParty;
  before(async () => {
    app = await partyOf(running());
  });
  const setStatus = async (login: string, status: people.PersonStatus): Promise<void> => {
    const { id } = await getPersonFacts(running(), login);
    await running().container.store.write((tx) => people.updatePersonStatus(tx, id, status, Date.now()));
  };

  it('gets the sign-in page, login_required, invalid_grant, invalid_token and never a 500', async () => {
    const { httpBrowser, tokens } = await signInWithNewBrowser(app, { login: LOGIN.T2, parameters: OFFLINE });
    const code = await runAuthorization(app, httpBrowser);
    await setStatus(LOGIN.T2, 'disabled');
    const shown = await runAuthorization(app, httpBrowser);
    assert.deepEqual([shown.answer.status, interactionOf(shown.answer)], [200, 'login']);
    const silent = await runAuthorization(app, httpBrowser, { parameters: { prompt: 'none' } });
    assert.equal(errorOf(silent.answer), 'login_required');
    assert.deepEqual((await refresh(app, tokens.refresh_token)).body['error'], 'invalid_grant');
    const asked = await userinfo(app, tokens.access_token);
    assert.deepEqual([asked.status, asked.body['error']], [401, 'invalid_token']);
    assert.equal((await redeem(app, code)).body['error'], 'invalid_grant');
    const account = await httpBrowser.open('/account');
    assert.equal(interactionOf(account), 'login');
    assert.equal(account.body.includes('林志豪'), false);
  });

  it('cannot sign in, with the same error as for a wrong password', async () => {
    await setStatus(LOGIN.A2, 'disabled');
    const httpBrowser = createHttpBrowser(running().issuer);
    const { answer } = await runAuthorization(app, httpBrowser, { login: LOGIN.A2 });
    assert.equal(answer.status, 422);
    assert.match(textOf(answer.body), /密碼不正確。/);
  });

  it('does not block other people in the same browser, even with max_age', async () => {
    const { httpBrowser } = await signInWithNewBrowser(app, { login: LOGIN.B1 });
    await setStatus(LOGIN.B1, 'disabled');
    time.advance(HOUR);
    const begun = await runAuthorization(app, httpBrowser, { parameters: { max_age: '60' } });
    assert.equal(interactionOf(begun.answer), 'login');
    const done = await confirmSwitch(
      httpBrowser,
      await httpBrowser.submit(begun.answer, { login: LOGIN.S1, password: DEMO_PASSWORD }),
    );
    const tokens = await begun.finish(done);
    assert.equal((await userinfo(app, tokens.access_token)).body['name'], '王小安');
  });

  it('can sign in when enabled again, and earlier tokens stay revoked', async () => {
    const { tokens } = await signInWithNewBrowser(app, { login: LOGIN.A1, parameters: OFFLINE });
    await setStatus(LOGIN.A1, 'disabled');
    assert.equal((await refresh(app, tokens.refresh_token)).body['error'], 'invalid_grant');
    await setStatus(LOGIN.A1, 'active');
    assert.ok(codeOf((await runAuthorization(app, createHttpBrowser(running().issuer), { login: LOGIN.A1 })).answer));
  });
});

/** Submits the form that signs out the previous person, if the page has one. */
async function confirmSwitch(
  httpBrowser: HttpBrowser,
  page: Awaited<ReturnType<HttpBrowser['open']>>,
): ReturnType<HttpBrowser['open']> {
  return page.leavesTo === undefined && page.body.includes('name="request"') ? httpBrowser.submit(page, {}) : page;
}

describe('a session', () => {
  let service: TestService;
  let app: TestParty;
  before(async () => {
    service = await startService(clients());
    app = await partyOf(service);
  });
  after(() => service.stop());
  const visit = (): HttpBrowser => createHttpBrowser(service.issuer);
  const cookieOf = async (httpBrowser: HttpBrowser) => {
    const cookies = await httpBrowser.jar.getCookies(service.issuer);
    const found = cookies.find(({ key }) => key === 'kinpass_session');
    assert.ok(found);
    return found;
  };
  const isAlive = async (httpBrowser: HttpBrowser): Promise<boolean> => {
    const { answer } = await runAuthorization(app, httpBrowser, { parameters: { prompt: 'none' } });
    return errorOf(answer) === undefined;
  };

  it('without 記住我 ends with the browser and expires after 12 hours', async () => {
    const httpBrowser = visit();
    await runAuthorization(app, httpBrowser, { login: LOGIN.T2 });
    const cookie = await cookieOf(httpBrowser);
    assert.equal(cookie.expires, 'Infinity', 'no expiry: a cookie of this browser session');
    assert.equal(cookie.maxAge, null);
    time.advance(12 * HOUR - SECOND);
    assert.equal(await isAlive(httpBrowser), true);
    // Repeated requests must not extend it, neither by rounding nor by a tolerance.
    for (let i = 0; i < 3; i += 1) {
      time.advance(0.4 * SECOND);
      await isAlive(httpBrowser);
    }
    assert.equal(await isAlive(httpBrowser), false);
  });

  it('with 記住我 expires 30 days after the sign-in, regardless of use', async () => {
    const httpBrowser = visit();
    await runAuthorization(app, httpBrowser, { login: LOGIN.T2, remember: true });
    const { expires } = await cookieOf(httpBrowser);
    assert.ok(expires instanceof Date);
    assert.equal(expires.getTime(), SCHOOL_DAY + 30 * DAY);
    for (let day = 0; day < 29; day += 1) {
      time.advance(DAY);
      assert.equal(await isAlive(httpBrowser), true);
    }
    time.advance(DAY - SECOND);
    assert.equal(await isAlive(httpBrowser), true);
    time.advance(SECOND);
    assert.equal(await isAlive(httpBrowser), false);
  });

  it('expires by the clock of the service, not by the cookie', async () => {
    const httpBrowser = visit();
    await runAuthorization(app, httpBrowser, { login: LOGIN.T2, remember: true });
    const cookies = await httpBrowser.jar.getCookies(service.issuer);
    const header = cookies.map((cookie) => cookie.cookieString()).join('; ');
    time.advance(30 * DAY);
    const { url } = await app.begin({ prompt: 'none' });
    const answer = await createHttpBrowser(service.issuer).open(url, { cookie: header });
    assert.equal(errorOf(answer), 'login_required');
  });

  it('invalidates its access tokens when it expires', async () => {
    const { tokens } = await signInWithNewBrowser(app, { login: LOGIN.T2 });
    time.advance(12 * HOUR - 5 * 60 * SECOND);
    const late = await tokensFor(app, (await signInWithNewBrowser(app, { login: LOGIN.T2 })).httpBrowser);
    assert.equal((await userinfo(app, late.access_token)).status, 200);
    assert.equal((await userinfo(app, tokens.access_token)).status, 401);
  });

  it('has an HttpOnly, SameSite=Lax cookie with a new id after the sign-in', async () => {
    const httpBrowser = visit();
    const begun = await runAuthorization(app, httpBrowser);
    const answers = [
      begun.answer,
      await httpBrowser.submit(begun.answer, { login: LOGIN.T2, password: DEMO_PASSWORD }),
    ];
    const set = answers.flatMap(({ headers }) => headers.getSetCookie());
    assert.ok(set.length > 0);
    for (const line of set) {
      assert.match(line, /; *httponly/i, line);
      assert.match(line, /; *samesite=lax/i, line);
    }
    const first = await cookieOf(httpBrowser);
    assert.ok(first.value.length >= 22, '128 bits in base64url');
    assert.equal(first.sameSite, 'lax');
    assert.equal(first.httpOnly, true);
    const again = await runAuthorization(app, httpBrowser, { parameters: { prompt: 'login' }, login: LOGIN.T2 });
    assert.ok(codeOf(again.answer));
    assert.notEqual((await cookieOf(httpBrowser)).value, first.value);
  });

  it('that an attacker planted before the sign-in stays unauthenticated (session fixation)', async () => {
    const attacker = visit();
    await attacker.open((await app.begin()).url);
    await attacker.open('/session/end');
    const planted = (await attacker.jar.getCookies(service.issuer)).map((cookie) => cookie.cookieString()).join('; ');
    const victim = visit();
    for (const cookie of await attacker.jar.getCookies(service.issuer))
      await victim.jar.setCookie(cookie, service.issuer);
    assert.ok(codeOf((await runAuthorization(app, victim, { login: LOGIN.T2 })).answer));
    const { url } = await app.begin({ prompt: 'none' });
    const answer = await visit().open(url, { cookie: planted });
    assert.equal(errorOf(answer), 'login_required');
  });
});

describe('reauthentication', () => {
  let service: TestService;
  let app: TestParty;
  before(async () => {
    service = await startService(clients());
    app = await partyOf(service);
  });
  after(() => service.stop());

  it('is required by max_age, for the same person only, and updates auth_time', async () => {
    const { httpBrowser, tokens } = await signInWithNewBrowser(app, { login: LOGIN.T2 });
    const young = await tokensFor(app, httpBrowser, { parameters: { max_age: '300' } });
    assert.equal(idClaims(young)['auth_time'], idClaims(tokens)['auth_time']);
    time.advance(301 * SECOND);
    const silent = await runAuthorization(app, httpBrowser, { parameters: { max_age: '300', prompt: 'none' } });
    assert.equal(errorOf(silent.answer), 'login_required');
    const asked = await runAuthorization(app, httpBrowser, { parameters: { max_age: '300' } });
    assert.match(textOf(asked.answer.body), /請再次確認是您本人/);
    assert.match(asked.answer.body, /zhihao\.lin/);
    const other = await httpBrowser.submit(asked.answer, { login: LOGIN.S1, password: 'not his, perhaps hers' });
    assert.equal(other.status, 422, 'what is typed as login does not count');
    const done = await httpBrowser.submit(other, { password: DEMO_PASSWORD });
    const fresh = idClaims(await asked.finish(done));
    assert.equal(fresh['sub'], idClaims(tokens)['sub']);
    assert.equal(fresh['auth_time'], Number(idClaims(tokens)['auth_time']) + 301);
  });

  it('by max_age rejects another person with a correct password', async () => {
    const { httpBrowser } = await signInWithNewBrowser(app, { login: LOGIN.S1 });
    time.advance(HOUR);
    const own = 'Der Tee ist noch warm 8';
    await changePassword(service, LOGIN.T2, own);
    const asked = await runAuthorization(app, httpBrowser, { parameters: { max_age: '1' } });
    const refused = await httpBrowser.submit(asked.answer, { login: LOGIN.T2, password: own });
    assert.equal(refused.status, 422);
    assert.match(textOf(refused.body), /密碼不正確。/);
  });

  it('keeps the selection of 記住我', async () => {
    const { httpBrowser } = await signInWithNewBrowser(app, { login: LOGIN.B1, remember: true });
    time.advance(DAY);
    const asked = await runAuthorization(app, httpBrowser, { parameters: { max_age: '60' } });
    assert.ok(codeOf(await httpBrowser.submit(asked.answer, { password: DEMO_PASSWORD })));
    const [cookie] = (await httpBrowser.jar.getCookies(service.issuer)).filter(({ key }) => key === 'kinpass_session');
    assert.ok(cookie?.expires instanceof Date);
    assert.equal(cookie.expires.getTime(), SCHOOL_DAY + 31 * DAY);
  });

  it('is required by prompt=login, and not required in an active session', async () => {
    const { httpBrowser } = await signInWithNewBrowser(app, { login: LOGIN.B1 });
    assert.ok(codeOf((await runAuthorization(app, httpBrowser)).answer));
    const asked = await runAuthorization(app, httpBrowser, { parameters: { prompt: 'login' } });
    assert.equal(interactionOf(asked.answer), 'login');
  });
});

async function changePassword(service: TestService, login: string, next: string): Promise<void> {
  const httpBrowser = createHttpBrowser(service.issuer);
  const account = await httpBrowser.open('/account');
  await httpBrowser.submit(account, { login, password: DEMO_PASSWORD });
  const page = await httpBrowser.open('/account/password');
  const fields = { current_password: DEMO_PASSWORD, new_password: next, confirm_password: next };
  const done = await httpBrowser.submit(page, fields);
  assert.match(textOf(done.body), /密碼已變更/);
}
