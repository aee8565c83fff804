/** Token introspection (RFC 7662), and consent to scopes of APIs. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import * as client from 'openid-client';

import {
  runAuthorization,
  errorOf,
  idClaims,
  LOGIN,
  redeem,
  interactionOf,
  textIn,
  type Reply,
} from '../helpers/authorization-flow.ts';
import { FEES, NOTICES, startCityApis, type CityApis } from '../helpers/city-apis.ts';
import { setStatus } from '../helpers/city.ts';
import { freezeTime, MINUTE, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf } from '../helpers/http-browser.ts';
import { getGuardianshipId } from '../helpers/people.ts';
import type { TestParty } from '../helpers/relying-party.ts';
import type { TestService } from '../helpers/service.ts';

let city: CityApis;
let service: TestService;
let time: FrozenTime;
let app: TestParty;
let vendor: TestParty;
let feesApi: TestParty;
let noticesApi: TestParty;

before(async () => {
  time = freezeTime();
  city = await startCityApis();
  ({ service, app, vendor, feesApi, noticesApi } = city);
});
after(async () => {
  await service.stop();
  time.release();
});

describe('introspection by an API (RFC 7662)', () => {
  const FOR_FEES = { resource: FEES, scope: 'openid children bills.read offline_access', prompt: 'consent' };
  const begin = async (): Promise<Reply> => city.redeemWith(await city.authorizeFor(FOR_FEES), { resource: FEES });
  const about = (api: TestParty, token: string) => client.tokenIntrospection(api.config, token);

  it('returns subject, scopes and client for tokens of the API', async () => {
    const reply = await begin();
    const response = await about(feesApi, textIn(reply, 'access_token'));
    assert.deepEqual(
      [response.active, response.aud, response.iss, response.client_id, response.scope, response.token_type],
      [true, FEES, service.issuer, 'app', 'bills.read', 'Bearer'],
    );
    assert.equal(response.sub, idClaims(reply.body)['sub'], 'the pairwise sub of the app');
    assert.deepEqual(response['acting'], idClaims(reply.body)['acting']);
    assert.equal((response.exp ?? 0) - (response.iat ?? 0), 180);
  });

  it('returns only active=false for other tokens', async () => {
    const reply = await begin();
    const access = textIn(reply, 'access_token');
    const own = textIn(await redeem(app, await city.authorizeFor({})), 'access_token');
    const inactive = { active: false };
    assert.deepEqual(await about(noticesApi, access), inactive, 'a token for another API');
    assert.deepEqual(await about(app, access), inactive, 'the app itself');
    assert.deepEqual(await about(feesApi, own), inactive, 'a token for UserInfo');
    assert.deepEqual(await about(app, own), inactive, 'not even its own app');
    assert.deepEqual(await about(feesApi, textIn(reply, 'refresh_token')), inactive, 'a refresh token');
    assert.deepEqual(await about(app, textIn(reply, 'refresh_token')), inactive, 'its own refresh token');
    assert.deepEqual(await about(feesApi, 'x'.repeat(43)), inactive, 'an unknown token');
  });

  it('fails without the secret of the API', async () => {
    const token = textIn(await begin(), 'access_token');
    const bare = await fetch(`${service.issuer}/token/introspection`, {
      method: 'POST',
      body: new URLSearchParams({ token, client_id: 'fees-api' }),
    });
    assert.equal(bare.status, 401);
  });

  it('returns active=false at once after expiry, revocation, suspension or disabling', async () => {
    const active = async (token: string): Promise<boolean> => (await about(feesApi, token)).active;
    const revoked = textIn(await begin(), 'access_token');
    await client.tokenRevocation(app.config, revoked);
    assert.equal(await active(revoked), false, 'revoked by the app');
    const suspended = textIn(await begin(), 'access_token');
    const id = await getGuardianshipId(service, LOGIN.G2, '王小安');
    await service.container.guardianships.applyAction({ id, action: 'suspend', actorId: undefined });
    assert.equal(await active(suspended), false, 'the guardianship');
    await service.container.guardianships.applyAction({ id, action: 'resume', actorId: undefined });
    const disabled = textIn(await begin(), 'access_token');
    await setStatus(service, 'G2', 'disabled');
    assert.equal(await active(disabled), false, 'disabled');
    await setStatus(service, 'G2', 'active');
    assert.equal(await active(disabled), true);
    time.advance(3 * MINUTE + 1_000);
    assert.equal(await active(disabled), false, 'over');
  });
});

describe('the consent page for an API', () => {
  const items = (body: string): string[] =>
    [...body.matchAll(/<strong>([^<]*)<\/strong>/g)].map(([, text = '']) => text);

  it('describes the scopes in the language of the person', async () => {
    const parameters = { resource: NOTICES, scope: 'openid notices.read notices.reply' };
    for (const [language, words] of [
      ['zh-TW', ['確認您已登入', '看學校的通知', '回覆學校的通知']],
      ['en', ['Confirm that you are signed in', 'See notices of the school', 'Answer notices of the school']],
    ] as const) {
      const page = (
        await runAuthorization(vendor, createHttpBrowser(service.issuer, language), { login: LOGIN.T2, parameters })
      ).answer;
      assert.equal(interactionOf(page), 'consent');
      assert.deepEqual(items(page.body).slice(1), words.slice(1));
      assert.match(textOf(page.body), /notices\.city\.example/);
      assert.equal(textOf(page.body).includes('notices.read'), false, 'no protocol terms');
    }
  });

  it('is shown again for more scopes, but not for the same', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const parameters = { resource: NOTICES, scope: 'openid notices.read' };
    const first = await runAuthorization(vendor, httpBrowser, { login: LOGIN.T2, parameters });
    const given = await httpBrowser.submit(first.answer, { consent: 'accept' });
    assert.ok(given.leavesTo?.searchParams.has('code'));
    const silent = { ...parameters, prompt: 'none' };
    assert.equal(errorOf((await runAuthorization(vendor, httpBrowser, { parameters: silent })).answer), undefined);
    const more = { ...silent, scope: 'openid notices.read notices.reply' };
    assert.equal(
      errorOf((await runAuthorization(vendor, httpBrowser, { parameters: more })).answer),
      'consent_required',
    );
  });

  it('can be revoked on the account page, and introspection returns active=false', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const parameters = { resource: FEES, scope: 'openid bills.read' };
    const asked = await runAuthorization(vendor, httpBrowser, { login: LOGIN.S1, parameters });
    const answer = await httpBrowser.submit(asked.answer, { consent: 'accept' });
    const tokens = await asked.finish(answer, { parameters: { resource: FEES } });
    assert.equal((await client.tokenIntrospection(feesApi.config, tokens.access_token)).active, true);
    assert.match(textOf((await httpBrowser.open('/account')).body), /看帳單/);
    await httpBrowser.post('/account/apps/revoke', new URLSearchParams({ app: 'vendor' }));
    assert.equal((await client.tokenIntrospection(feesApi.config, tokens.access_token)).active, false);
  });
});
