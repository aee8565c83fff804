/** Codes and the refresh tokens of public clients work once; reuse revokes the grant. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';

import { eq } from 'drizzle-orm';
import * as client from 'openid-client';

import {
  requestTokens,
  runAuthorization,
  idClaims,
  LOGIN,
  redeem,
  refresh,
  textIn,
  userinfo,
  type AuthorizationResult,
  type Reply,
} from '../helpers/authorization-flow.ts';
import { DAY, freezeTime, HOUR, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
const ROUNDS = 5;
const AT_ONCE = 10;
let time: FrozenTime;

before(() => {
  time = freezeTime();
});
after(() => {
  time.release();
});

const clients = (): { clients: object[] } => ({
  clients: [
    createRegistration('app', secret, { scopes: ['openid', 'profile', 'offline_access'] }),
    createRegistration('phone', secret, {
      ...{ scopes: ['openid', 'profile', 'offline_access'], token_endpoint_auth_method: 'none' },
      client_secret_sha256: [],
    }),
  ],
});
const OFFLINE = { scope: 'openid profile offline_access', prompt: 'consent' };

function askRefresh(app: TestParty, token: string | undefined, scope: string): Promise<Reply> {
  return requestTokens(app, { grant_type: 'refresh_token', refresh_token: token ?? '', scope });
}

eachService('a code', clients, (running) => {
  let app: TestParty;
  before(async () => {
    app = await createParty(running().issuer, { id: 'app', scope: 'openid profile', secret });
  });
  const signIn = (parameters = {}): Promise<AuthorizationResult> =>
    runAuthorization(app, createHttpBrowser(running().issuer), { login: LOGIN.T2, parameters });

  it('expires after 60 seconds', async () => {
    const [early, late] = [await signIn(), await signIn()];
    time.advance(59 * SECOND);
    assert.equal((await redeem(app, early)).status, 200);
    time.advance(2 * SECOND);
    const reply = await redeem(app, late);
    assert.deepEqual([reply.status, reply.body['error']], [400, 'invalid_grant']);
  });

  it('that is reused revokes the tokens of the first use (RFC 6749, section 4.1.2)', async () => {
    const entered = await signIn(OFFLINE);
    const first = await redeem(app, entered);
    assert.equal((await userinfo(app, textIn(first, 'access_token'))).status, 200);
    const second = await redeem(app, entered);
    assert.deepEqual([second.status, second.body['error']], [400, 'invalid_grant']);
    assert.equal((await userinfo(app, textIn(first, 'access_token'))).status, 401);
    assert.equal((await refresh(app, textIn(first, 'refresh_token'))).body['error'], 'invalid_grant');
  });

  it('that is redeemed in parallel gives tokens once, and these are revoked', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const entered = await signIn(OFFLINE);
      const replies = await Promise.all(Array.from({ length: AT_ONCE }, () => redeem(app, entered)));
      const given = replies.filter(({ status }) => status === 200);
      assert.equal(given.length, 1);
      const refused = replies.filter(({ status }) => status !== 200).map(({ status, body }) => [status, body['error']]);
      assert.deepEqual(refused, Array<unknown>(AT_ONCE - 1).fill([400, 'invalid_grant']));
      for (const reply of given) {
        assert.equal((await userinfo(app, textIn(reply, 'access_token'))).status, 401);
        assert.equal((await refresh(app, textIn(reply, 'refresh_token'))).body['error'], 'invalid_grant');
      }
    }
  });

  it('is not consumed by a request with a wrong verifier', async () => {
    const entered = await signIn();
    assert.equal((await redeem(app, { ...entered, verifier: 'w'.repeat(43) })).body['error'], 'invalid_grant');
    assert.equal((await redeem(app, entered)).status, 200);
  });
});

eachService('a refresh token', clients, (running) => {
  let app: TestParty;
  let phone: TestParty;
  before(async () => {
    app = await createParty(running().issuer, { id: 'app', scope: 'openid profile', secret });
    phone = await createParty(running().issuer, { id: 'phone', scope: 'openid profile' });
  });
  const signIn = async (party: TestParty, parameters: Record<string, string> = OFFLINE): Promise<Reply> =>
    redeem(party, await runAuthorization(party, createHttpBrowser(running().issuer), { login: LOGIN.T2, parameters }));
  const begin = async (party = app): Promise<Record<string, string>> => {
    const reply = await signIn(party);
    return { access: textIn(reply, 'access_token'), refresh: textIn(reply, 'refresh_token') };
  };
  const countTokens = (): Promise<number> =>
    running().container.store.read(async (tx) => {
      const { oidcRecords } = tx.tables;
      return (await tx.db.select().from(oidcRecords).where(eq(oidcRecords.model, 'RefreshToken'))).length;
    });

  it('keeps the person, the sign-in and the scopes, and rotates only for public clients', async () => {
    for (const party of [app, phone]) {
      const reply = await signIn(party);
      time.advance(HOUR);
      const next = await refresh(party, textIn(reply, 'refresh_token'));
      const isSame = textIn(next, 'refresh_token') === textIn(reply, 'refresh_token');
      assert.equal(isSame, party === app, party.id);
      assert.notEqual(textIn(next, 'access_token'), textIn(reply, 'access_token'));
      assert.equal(next.body['scope'], 'openid profile offline_access');
      const [before, now] = [idClaims(reply.body), idClaims(next.body)];
      for (const claim of ['sub', 'sid', 'auth_time', 'acr', 'aud', 'iss']) {
        assert.deepEqual(now[claim], before[claim], claim);
      }
      assert.deepEqual(['nonce' in before, 'nonce' in now], [true, false], 'OpenID Connect Core 1.0, section 12.2');
      assert.equal(Number(now['iat']), Number(before['iat']) + HOUR / SECOND);
    }
  });

  it('of a client that authenticates itself works in parallel and stores no new token', async () => {
    const { refresh: token } = await begin();
    const stored = await countTokens();
    const replies = await Promise.all(Array.from({ length: AT_ONCE }, () => refresh(app, token)));
    for (const reply of replies) {
      assert.equal(textIn(reply, 'refresh_token'), token);
      assert.equal((await userinfo(app, textIn(reply, 'access_token'))).status, 200);
    }
    assert.equal(await countTokens(), stored);
  });

  it('of a public client that is reused revokes the whole family (RFC 9700, section 4.14.2)', async () => {
    const first = await begin(phone);
    const second = await refresh(phone, first['refresh']);
    assert.equal((await refresh(phone, first['refresh'])).body['error'], 'invalid_grant');
    assert.equal((await refresh(phone, textIn(second, 'refresh_token'))).body['error'], 'invalid_grant');
    assert.equal((await userinfo(app, textIn(second, 'access_token'))).status, 401);
    assert.equal((await userinfo(app, first['access'] ?? '')).status, 401);
  });

  it('of a public client that is used in parallel gives tokens once, and these are revoked', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const first = await begin(phone);
      const replies = await Promise.all(Array.from({ length: AT_ONCE }, () => refresh(phone, first['refresh'])));
      const given = replies.filter(({ status }) => status === 200);
      assert.equal(given.length, 1);
      const refused = replies.filter(({ status }) => status !== 200).map(({ status, body }) => [status, body['error']]);
      assert.deepEqual(refused, Array<unknown>(AT_ONCE - 1).fill([400, 'invalid_grant']));
      for (const reply of given) {
        assert.equal((await refresh(phone, textIn(reply, 'refresh_token'))).body['error'], 'invalid_grant');
        assert.equal((await userinfo(app, textIn(reply, 'access_token'))).status, 401);
      }
    }
  });

  it('expires after 14 days without use', async () => {
    for (const party of [app, phone]) {
      const [used, unused] = [await begin(party), await begin(party)];
      time.advance(14 * DAY - SECOND);
      const next = textIn(await refresh(party, used['refresh']), 'refresh_token');
      time.advance(2 * SECOND);
      assert.equal((await refresh(party, unused['refresh'])).body['error'], 'invalid_grant', party.id);
      assert.equal((await refresh(party, next)).status, 200, party.id);
    }
  });

  it('expires 90 days after the sign-in, also with frequent use', async () => {
    for (const party of [app, phone]) {
      let { refresh: token } = await begin(party);
      for (let day = 10; day <= 80; day += 10) {
        time.advance(10 * DAY);
        token = textIn(await refresh(party, token), 'refresh_token');
      }
      time.advance(10 * DAY - 2 * SECOND);
      token = textIn(await refresh(party, token), 'refresh_token');
      time.advance(3 * SECOND);
      assert.equal((await refresh(party, token)).body['error'], 'invalid_grant', party.id);
    }
  });

  it('is issued to a first-party client without prompt=consent, also through PAR', async () => {
    const { scope } = OFFLINE;
    const httpBrowser = createHttpBrowser(running().issuer);
    const begun = await runAuthorization(app, httpBrowser, { login: LOGIN.T2, parameters: { scope } });
    const given = await redeem(app, begun);
    assert.equal(given.body['scope'], scope);
    assert.equal((await refresh(app, textIn(given, 'refresh_token'))).status, 200);
    const silent = await app.begin({ scope, prompt: 'none' });
    const sent = new URL(silent.url).searchParams;
    sent.delete('client_id');
    const pushed = await client.buildAuthorizationUrlWithPAR(app.config, sent);
    const answer = await httpBrowser.open(pushed.href);
    assert.ok((await silent.finish(answer)).refresh_token);
    for (const parameters of [{ prompt: 'consent' }, {}]) {
      assert.equal((await signIn(app, parameters)).body['refresh_token'], undefined, 'without the scope');
    }
  });

  it('can request fewer scopes, but not more', async () => {
    const { refresh: token } = await begin();
    const more = await askRefresh(app, token, 'openid profile email');
    assert.deepEqual([more.status, more.body['error']], [400, 'invalid_scope']);
    assert.equal((await askRefresh(app, token, 'openid')).body['scope'], 'openid');
  });

  it('is revoked by the app with its access tokens (RFC 7009)', async () => {
    const first = await begin();
    assert.equal((await refresh(app, first['refresh'])).status, 200);
    const endpoint = app.config.serverMetadata().revocation_endpoint ?? '';
    const answer = await fetch(endpoint, {
      method: 'POST',
      body: new URLSearchParams({ token: first['refresh'] ?? '' }),
      headers: { authorization: `Basic ${Buffer.from(`app:${secret}`).toString('base64')}` },
    });
    assert.equal(answer.status, 200);
    assert.equal((await refresh(app, first['refresh'])).body['error'], 'invalid_grant');
    assert.equal((await userinfo(app, first['access'] ?? '')).status, 401);
  });
});
