/** Access tokens for APIs: requested by `resource` (RFC 8707), checked by the API itself (RFC 9068). */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { eq } from 'drizzle-orm';
import { createRemoteJWKSet, decodeJwt, jwtVerify, type JWTPayload } from 'jose';
import { z } from 'zod';

import type { Permission } from '../../src/domain/model.ts';
import {
  requestTokens,
  runAuthorization,
  errorOf,
  idClaims,
  LOGIN,
  redeem,
  refresh,
  textIn,
  userinfo,
  type AuthorizationResult,
  type Reply,
} from '../helpers/authorization-flow.ts';
import { FEES, NOTICES, OTHERS, PERMISSIONS, SCOPE, startCityApis, type CityApis } from '../helpers/city-apis.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { getGuardianshipId } from '../helpers/people.ts';
import type { TestParty } from '../helpers/relying-party.ts';
import type { TestService } from '../helpers/service.ts';

let city: CityApis;
let service: TestService;
let app: TestParty;

before(async () => {
  city = await startCityApis();
  ({ service, app } = city);
});
after(() => service.stop());

const enterFor = (parameters: Record<string, string>, child?: string): Promise<AuthorizationResult> =>
  city.authorizeFor(parameters, child);
const withResource = (entered: AuthorizationResult, fields: Record<string, string>): Promise<Reply> =>
  city.redeemWith(entered, fields);

/** Checks a token like an API, with an independent library (RFC 9068, section 4). */
async function verified(token: string, audience = NOTICES): Promise<JWTPayload> {
  const keys = createRemoteJWKSet(new URL('/jwks', service.issuer));
  const algorithms = ['ES256', 'RS256'];
  const rules = { issuer: service.issuer, audience, typ: 'at+jwt', algorithms, currentDate: new Date() };
  return (await jwtVerify(token, keys, rules)).payload;
}

const actingIn = z.object({
  acting: z.object({ role: z.string(), child: z.string(), school_code: z.string(), permissions: z.array(z.string()) }),
});

describe('an access token for an API (RFC 8707)', () => {
  it('is a signed JWT for that API with the registered scopes, valid for minutes (RFC 9068)', async () => {
    const entered = await enterFor({ resource: NOTICES, scope: `${SCOPE} notices.unknown bills.read` });
    const tokens = await entered.finish(entered.answer, { parameters: { resource: NOTICES } });
    const claims = await verified(tokens.access_token);
    assert.equal(claims.aud, NOTICES);
    assert.equal(claims['scope'], 'notices.read', 'no unregistered scope, and none of another API');
    assert.equal(tokens.scope, 'notices.read');
    assert.equal(claims['client_id'], 'app');
    assert.equal((claims.exp ?? 0) - (claims.iat ?? 0), 300);
    assert.equal(tokens.expires_in, 300);
    assert.ok(z.string().min(16).safeParse(claims.jti).success);
    assert.equal(claims.sub, tokens.claims()?.sub, 'pairwise, as in the ID token (docs/claims.md, rule 2)');
    await assert.rejects(verified(tokens.access_token, FEES), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' });
  });

  it('contains acting and no other personal data (docs/claims.md, rules 3 and 6)', async () => {
    const entered = await enterFor({ resource: NOTICES, scope: `${SCOPE} profile roles email phone children.profile` });
    const reply = await withResource(entered, { resource: NOTICES });
    const claims = await verified(textIn(reply, 'access_token'));
    assert.deepEqual(claims['acting'], idClaims(reply.body)['acting']);
    assert.equal(actingIn.parse(claims).acting.school_code, '993301');
    assert.deepEqual(
      Object.keys(claims).sort(),
      ['acting', 'aud', 'client_id', 'exp', 'iat', 'iss', 'jti', 'scope', 'sub'].sort(),
    );
  });

  it('contains no acting without the scope children', async () => {
    const entered = await runAuthorization(app, createHttpBrowser(service.issuer), {
      login: LOGIN.G2,
      parameters: { resource: NOTICES, scope: 'openid notices.read' },
    });
    const claims = await verified(textIn(await withResource(entered, { resource: NOTICES }), 'access_token'));
    assert.equal(claims['acting'], undefined);
    assert.equal(claims['scope'], 'notices.read');
  });

  it('is rejected at UserInfo, and a token for UserInfo has no API audience', async () => {
    const entered = await enterFor({ resource: NOTICES });
    const token = textIn(await withResource(entered, { resource: NOTICES }), 'access_token');
    assert.equal((await userinfo(app, token)).status, 401);
    const plain = textIn(await redeem(app, await enterFor({ resource: NOTICES })), 'access_token');
    assert.equal((await userinfo(app, plain)).status, 200);
    await assert.rejects(verified(plain), { code: 'ERR_JWS_INVALID' });
  });

  it('that is opaque is rejected at UserInfo too', async () => {
    const entered = await enterFor({ resource: FEES, scope: 'openid children bills.read' });
    const token = textIn(await withResource(entered, { resource: FEES }), 'access_token');
    const refused = await userinfo(app, token);
    assert.deepEqual([refused.status >= 401 && refused.status <= 403, refused.body['sub']], [true, undefined]);
  });

  for (const [what, resource] of Object.entries({
    'is not registered': 'https://unknown.example/',
    'the app is not registered for': OTHERS,
    'is almost the same': NOTICES.slice(0, -1),
    'is not an address': 'notices',
    'has a fragment (section 2)': `${NOTICES}#x`,
  })) {
    it(`for an API that ${what} gets invalid_target`, async () => {
      const { answer } = await runAuthorization(app, createHttpBrowser(service.issuer), { parameters: { resource } });
      assert.equal(errorOf(answer), 'invalid_target');
    });
  }

  it('is not issued for an API without consent', async () => {
    const entered = await enterFor({ resource: NOTICES });
    const reply = await withResource(entered, { resource: FEES });
    assert.deepEqual([reply.status, reply.body['error']], [400, 'invalid_target']);
  });

  it('has one audience if two APIs were requested; each gets its own token', async () => {
    const begun = await app.begin({
      scope: 'openid children notices.read bills.read offline_access',
      prompt: 'consent',
    });
    const url = new URL(begun.url);
    url.searchParams.append('resource', NOTICES);
    url.searchParams.append('resource', FEES);
    const httpBrowser = createHttpBrowser(service.issuer);
    const signedIn = await runAuthorization(
      { ...app, begin: () => Promise.resolve({ ...begun, url: url.href }) },
      httpBrowser,
      {
        login: LOGIN.G2,
        choice: ['王小安'],
      },
    );
    const first = await withResource(signedIn, { resource: NOTICES });
    assert.equal((await verified(textIn(first, 'access_token')))['scope'], 'notices.read');
    const more = { grant_type: 'refresh_token', refresh_token: textIn(first, 'refresh_token'), resource: FEES };
    const second = await requestTokens(app, more);
    assert.equal(second.body['scope'], 'bills.read');
    assert.equal(second.body['expires_in'], 180);
  });
});

describe('a refresh for an API', () => {
  const OFFLINE = { resource: NOTICES, scope: `${SCOPE} notices.reply offline_access`, prompt: 'consent' };
  const begin = async (child = '王小安') => withResource(await enterFor(OFFLINE, child), { resource: NOTICES });

  it('returns acting with the current permissions (docs/claims.md, rule 8)', async () => {
    const reply = await begin();
    const before = actingIn.parse(await verified(textIn(reply, 'access_token'))).acting;
    assert.deepEqual([...before.permissions].sort(), [...PERMISSIONS].sort());
    const id = await getGuardianshipId(service, LOGIN.G2, '王小安');
    const { store } = service.container;
    const allow = (permissions: readonly Permission[]): Promise<unknown> =>
      store.write((tx) =>
        tx.db
          .update(tx.tables.guardianships)
          .set({ permissions })
          .where(eq(tx.tables.guardianships.id, id))
          .returning(),
      );
    await allow(['notice:read']);
    const fields = { grant_type: 'refresh_token', refresh_token: textIn(reply, 'refresh_token'), resource: NOTICES };
    const next = await requestTokens(app, fields);
    const now = actingIn.parse(await verified(textIn(next, 'access_token'))).acting;
    assert.deepEqual(now, { ...before, permissions: ['notice:read'] });
    await allow(['notice:read', 'notice:reply', 'fees:read']);
  });

  it('fails after the guardianship has ended (docs/claims.md, rule 9)', async () => {
    const reply = await begin('王小樂');
    const id = await getGuardianshipId(service, LOGIN.G2, '王小樂');
    assert.ok(await service.container.guardianships.applyAction({ id, action: 'suspend', actorId: undefined }));
    const fields = { grant_type: 'refresh_token', refresh_token: textIn(reply, 'refresh_token'), resource: NOTICES };
    assert.equal((await requestTokens(app, fields)).body['error'], 'invalid_grant');
    assert.ok(await service.container.guardianships.applyAction({ id, action: 'resume', actorId: undefined }));
  });

  it('can request fewer scopes, but none that were not granted', async () => {
    const token = textIn(await begin(), 'refresh_token');
    const ask = (refreshToken: string, scope: string) =>
      requestTokens(app, { grant_type: 'refresh_token', refresh_token: refreshToken, resource: NOTICES, scope });
    assert.equal((await ask(token, 'bills.read')).body['error'], 'invalid_scope');
    const less = await ask(token, 'openid notices.read');
    assert.equal((await verified(textIn(less, 'access_token')))['scope'], 'notices.read');
  });

  it('without resource returns a token for UserInfo', async () => {
    const next = await refresh(app, textIn(await begin(), 'refresh_token'));
    assert.equal((await userinfo(app, textIn(next, 'access_token'))).status, 200);
  });
});

it('an ID token is not accepted as an access token by an API', async () => {
  const reply = await redeem(app, await enterFor({ resource: NOTICES }));
  const idToken = textIn(reply, 'id_token');
  assert.equal(decodeJwt(idToken).aud, 'app');
  await assert.rejects(verified(idToken), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' });
});
