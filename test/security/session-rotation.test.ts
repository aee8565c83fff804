/** A copied session cookie is invalid after a password change and after "end all other sessions". */
import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';

import { eq } from 'drizzle-orm';
import * as client from 'openid-client';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { MAX_SESSIONS_PER_PERSON, MAX_REMEMBERED_SESSION_SECONDS } from '../../src/domain/sessions.ts';
import * as sessions from '../../src/store/auth/sessions.ts';
import {
  requestTokens,
  codeOf,
  runAuthorization,
  errorOf,
  idClaims,
  LOGIN,
  redeem,
  interactionOf,
  textIn,
  userinfo,
} from '../helpers/authorization-flow.ts';
import { setPassword, personId } from '../helpers/city.ts';
import { createHttpBrowser, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const NEXT = 'four purple umbrellas';
const secret = newSecret();
const options = () => ({
  clients: [
    createRegistration('app', secret, { scopes: ['openid', 'profile', 'offline_access'] }),
    createRegistration('television', secret, { scopes: ['openid'], device_flow: true }),
  ],
});
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

eachService('a copied session cookie', options, (running) => {
  let app: TestParty;
  let television: TestParty;
  before(async () => {
    television = await createParty(running().issuer, { id: 'television', secret, scope: 'openid' });
    app = await createParty(running().issuer, { id: 'app', secret, scope: 'openid profile' });
  });
  beforeEach(() => setPassword(running(), 'T2', DEMO_PASSWORD));

  const copyOf = async ({ jar }: HttpBrowser): Promise<HttpBrowser> => {
    const { issuer } = running();
    const attacker = createHttpBrowser(issuer);
    for (const cookie of await jar.getCookies(issuer)) await attacker.jar.setCookie(cookie, issuer);
    return attacker;
  };
  const isSignedIn = async (httpBrowser: HttpBrowser): Promise<boolean> =>
    interactionOf(await httpBrowser.open('/account')) === undefined;
  const endOthers = (httpBrowser: HttpBrowser): Promise<Answer> =>
    httpBrowser.post('/account/sessions/revoke-others', '');
  const changePassword = async (httpBrowser: HttpBrowser): Promise<Answer> =>
    httpBrowser.submit(await httpBrowser.open('/account/password'), {
      current_password: DEMO_PASSWORD,
      new_password: NEXT,
      confirm_password: NEXT,
    });
  const sessionCookie = async ({ jar }: HttpBrowser) => {
    const found = (await jar.getCookies(running().issuer)).find(({ key }) => key === 'kinpass_session');
    assert.ok(found);
    return found;
  };

  for (const [name, change] of [
    ['a password change', changePassword],
    ['"end all other sessions"', endOthers],
  ] as const) {
    it(`is refused after ${name}, and the browser of the owner stays signed in`, async () => {
      const owner = createHttpBrowser(running().issuer);
      const tokens = await redeem(app, await runAuthorization(app, owner, { login: LOGIN.T2 }));
      const attacker = await copyOf(owner);
      assert.equal(await isSignedIn(attacker), true);
      const code = await runAuthorization(app, attacker, { parameters: { prompt: 'none' } });
      const done = await change(owner);
      assert.equal((await redeem(app, code)).body['error'], 'invalid_grant', 'a code of the copy');
      assert.equal(new URL(done.url).pathname, '/account');
      assert.equal(await isSignedIn(attacker), false);
      assert.equal(
        errorOf((await runAuthorization(app, attacker, { parameters: { prompt: 'none' } })).answer),
        'login_required',
      );
      assert.equal(await isSignedIn(owner), true);
      const again = await redeem(app, await runAuthorization(app, owner, { parameters: { prompt: 'none' } }));
      assert.equal(idClaims(again.body)['sid'], idClaims(tokens.body)['sid'], 'the app keeps its session');
      assert.equal((await userinfo(app, textIn(tokens, 'access_token'))).status, 200);
    });

    it(`gives invalid_grant for a device code that it, or the owner, approved before ${name}`, async () => {
      const owner = createHttpBrowser(running().issuer);
      await runAuthorization(app, owner, { login: LOGIN.T2 });
      const elsewhere = createHttpBrowser(running().issuer);
      await runAuthorization(app, elsewhere, { login: LOGIN.T2 });
      const codes: string[] = [];
      for (const httpBrowser of [await copyOf(owner), owner, elsewhere]) {
        const shown = await client.initiateDeviceAuthorization(television.config, { scope: 'openid' });
        const confirm = await httpBrowser.submit(await httpBrowser.open('/device'), { user_code: shown.user_code });
        const done = await httpBrowser.submit(confirm, { confirm: 'yes' });
        assert.equal(done.status, 200);
        codes.push(shown.device_code);
      }
      await change(owner);
      for (const code of codes) {
        const { body } = await requestTokens(television, { grant_type: DEVICE_GRANT, device_code: code });
        assert.equal(body['error'], 'invalid_grant');
      }
    });

    it(`keeps the lifetime of the cookie at ${name}`, async () => {
      for (const remember of [true, false]) {
        await setPassword(running(), 'T2', DEMO_PASSWORD);
        const owner = createHttpBrowser(running().issuer);
        await runAuthorization(app, owner, { login: LOGIN.T2, remember });
        const before = await sessionCookie(owner);
        await change(owner);
        // Reads the cookie of the response to the change, because the next page of the provider sets it again.
        const { value, expires, httpOnly, sameSite, path } = await sessionCookie(owner);
        assert.notEqual(value, before.value);
        assert.deepEqual([httpOnly, sameSite, path], [before.httpOnly, before.sameSite, before.path]);
        if (!remember) assert.equal(expires, 'Infinity');
        else {
          assert.ok(expires instanceof Date);
          const left = (expires.getTime() - Date.now()) / 1000;
          assert.ok(
            left > MAX_REMEMBERED_SESSION_SECONDS - 120 && left <= MAX_REMEMBERED_SESSION_SECONDS + 1,
            String(left),
          );
        }
      }
    });
  }

  it('has no effect in a request during which the owner changes the password', async () => {
    const owner = createHttpBrowser(running().issuer);
    await runAuthorization(app, owner, { login: LOGIN.T2 });
    const attackers = [await copyOf(owner), await copyOf(owner), await copyOf(owner)];
    const answers = await Promise.all([
      ...attackers.map((attacker) => runAuthorization(app, attacker).then(({ answer }) => answer)),
      endOthers(owner),
      ...attackers.map(endOthers),
    ]);
    assert.ok(answers.every(({ status }) => status < 500));
    const live = await running().container.store.read((tx) =>
      sessions.listActiveSessionsByPerson(tx, personId('T2'), Date.now()),
    );
    assert.equal(live.length, 1);
    const signedIn = await Promise.all([owner, ...attackers].map(isSignedIn));
    assert.ok(signedIn.filter((one) => one).length <= 1, 'one browser holds the one session');
  });

  const insertSessions = async (count: number, createdAt: number): Promise<void> => {
    const row = { personId: personId('A2'), userAgent: '', address: '', remember: false };
    await running().container.store.write(async (tx) => {
      for (let i = 0; i < count; i += 1) {
        const sessionHash = `other-${String(createdAt)}-${String(i)}`;
        const session = { ...row, sessionHash, createdAt, expiresAt: createdAt + 600_000 };
        await sessions.upsertSession(tx, session, createdAt);
      }
    });
  };
  const countSessions = async (): Promise<number> =>
    (await running().container.store.read((tx) => sessions.listActiveSessionsByPerson(tx, personId('A2'), Date.now())))
      .length;

  it(`is one of at most ${String(MAX_SESSIONS_PER_PERSON)} sessions: one more revokes the oldest`, async () => {
    const owner = createHttpBrowser(running().issuer);
    await runAuthorization(app, owner, { login: LOGIN.A2 });
    const now = Date.now();
    await running().container.store.write(({ db, tables }) =>
      db
        .update(tables.sessions)
        .set({ createdAt: now - 100_000 })
        .where(eq(tables.sessions.personId, personId('A2'))),
    );
    await insertSessions(MAX_SESSIONS_PER_PERSON - 1, now - 50_000);
    assert.equal(await isSignedIn(owner), true);
    const newest = createHttpBrowser(running().issuer);
    codeOf((await runAuthorization(app, newest, { login: LOGIN.A2 })).answer);
    assert.equal(await countSessions(), MAX_SESSIONS_PER_PERSON);
    assert.deepEqual([await isSignedIn(owner), await isSignedIn(newest)], [false, true]);
  });

  it('is not revoked by its own sign-in when the others are newer than its password', async () => {
    await insertSessions(MAX_SESSIONS_PER_PERSON, Date.now() + 50_000);
    const newest = createHttpBrowser(running().issuer);
    codeOf((await runAuthorization(app, newest, { login: LOGIN.A2 })).answer);
    assert.equal(await isSignedIn(newest), true);
    assert.equal(await countSessions(), MAX_SESSIONS_PER_PERSON);
  });
});
