/** Codes and tokens that an attacker has copied: other clients and other keys get nothing for them, and revoke nothing. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import * as client from 'openid-client';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { newProofKey, signProof, type ProofKey } from '../helpers/dpop.ts';
import {
  codeOf,
  LOGIN,
  redeem,
  refresh,
  requestTokens,
  runAuthorization,
  textIn,
  userinfo,
  type AuthorizationResult,
  type Reply,
} from '../helpers/authorization-flow.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
const SCOPES = ['openid', 'profile', 'offline_access'];
const OFFLINE = { scope: SCOPES.join(' '), prompt: 'consent' };
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const CALLBACK = 'https://owner.example/callback';
const PUBLIC = { token_endpoint_auth_method: 'none', client_secret_sha256: [] };
const AT_ONCE = 6;

/** The first two have the redirect address of `owner`, and so its sector and its `sub`. */
const OTHERS = [
  { id: 'neighbor', redirectUri: CALLBACK, secret },
  { id: 'browser', redirectUri: CALLBACK },
  { id: 'stranger', secret },
] as const;

eachService(
  'a copied code or token',
  () => ({
    clients: [
      createRegistration('owner', secret, { scopes: SCOPES, redirect_uris: [CALLBACK], device_flow: true }),
      createRegistration('neighbor', secret, { scopes: SCOPES, redirect_uris: [CALLBACK], device_flow: true }),
      createRegistration('browser', secret, {
        ...{ scopes: SCOPES, redirect_uris: [CALLBACK], device_flow: true },
        ...PUBLIC,
      }),
      createRegistration('stranger', secret, { scopes: SCOPES, device_flow: true }),
      createRegistration('phone', secret, { scopes: SCOPES, ...PUBLIC }),
      createRegistration('bound', secret, { scopes: SCOPES, dpop_bound_access_tokens: true }),
    ],
  }),
  (running) => {
    let owner: TestParty;
    let others: TestParty[];
    before(async () => {
      const { issuer } = running();
      owner = await createParty(issuer, { id: 'owner', scope: 'openid', secret, redirectUri: CALLBACK });
      others = await Promise.all(OTHERS.map((other) => createParty(issuer, { scope: 'openid', ...other })));
    });
    const authorize = (party: TestParty, parameters: Record<string, string> = {}): Promise<AuthorizationResult> =>
      runAuthorization(party, createHttpBrowser(running().issuer), { login: LOGIN.T2, parameters });
    const codeFields = ({ answer, verifier }: AuthorizationResult): Record<string, string> => ({
      ...{ grant_type: 'authorization_code', code: codeOf(answer), redirect_uri: CALLBACK },
      code_verifier: verifier,
    });
    const assertRefused = ({ status, body }: Reply, what: string): void => {
      assert.deepEqual([status, body['error'], body['access_token']], [400, 'invalid_grant', undefined], what);
    };
    const countRevoked = async (): Promise<number> => {
      const { store } = running().container;
      const rows = await store.read((tx) => tx.db.select().from(tx.tables.audit));
      return rows.filter(({ event }) => event === 'grant.revoked').length;
    };

    it('is redeemed by its own client only: a code, also with its PKCE verifier', async () => {
      const known = await countRevoked();
      const entered = await authorize(owner, OFFLINE);
      for (const other of others) assertRefused(await requestTokens(other, codeFields(entered)), other.id);
      const given = await redeem(owner, entered);
      for (const other of others) assertRefused(await requestTokens(other, codeFields(entered)), `${other.id}, used`);
      assert.equal((await userinfo(owner, textIn(given, 'access_token'))).status, 200);
      for (const other of others) assertRefused(await refresh(other, textIn(given, 'refresh_token')), other.id);
      const next = await refresh(owner, textIn(given, 'refresh_token'));
      for (const other of others) assertRefused(await refresh(other, textIn(given, 'refresh_token')), other.id);
      assert.equal((await refresh(owner, textIn(next, 'refresh_token'))).status, 200);
      assert.equal(await countRevoked(), known, 'another client revokes nothing');
    });

    it('is redeemed by its own client only: a code of a public client by no confidential one', async () => {
      const browser = others.find(({ id }) => id === 'browser');
      assert.ok(browser);
      const entered = await authorize(browser);
      for (const other of [owner, ...others.filter((one) => one !== browser)])
        assertRefused(await requestTokens(other, codeFields(entered)), other.id);
      assert.equal((await redeem(browser, entered)).status, 200);
    });

    it('is redeemed by its own client only: a device code, before and after the approval', async () => {
      const shown = await client.initiateDeviceAuthorization(owner.config, { scope: 'openid' });
      const fields = { grant_type: DEVICE_GRANT, device_code: shown.device_code };
      for (const other of others) assertRefused(await requestTokens(other, fields), `${other.id}, pending`);
      const phone = createHttpBrowser(running().issuer);
      const confirm = await phone.submit(await phone.open('/device'), { user_code: shown.user_code });
      const signIn = await phone.submit(confirm, { confirm: 'yes' });
      await phone.submit(signIn, { login: LOGIN.T2, password: DEMO_PASSWORD });
      for (const other of others) assertRefused(await requestTokens(other, fields), `${other.id}, approved`);
      const given = await requestTokens(owner, fields);
      for (const other of others) assertRefused(await requestTokens(other, fields), `${other.id}, used`);
      assert.equal((await userinfo(owner, textIn(given, 'access_token'))).status, 200);
    });

    const proofFor = (key: ProofKey): Promise<string> =>
      signProof(key, { method: 'POST', url: `${running().issuer}/token` });
    const withProof = (party: TestParty, fields: Record<string, string>, proof?: string): Promise<Reply> =>
      requestTokens(party, fields, proof === undefined ? {} : { dpop: proof });
    const refreshWith = (party: TestParty, token: string, proof?: string): Promise<Reply> =>
      withProof(party, { grant_type: 'refresh_token', refresh_token: token }, proof);

    it('is refreshed with the key of its public client only (RFC 9449, section 5)', async () => {
      const phone = await createParty(running().issuer, { id: 'phone', scope: 'openid' });
      const [key, otherKey] = [await newProofKey(), await newProofKey()];
      const entered = await authorize(phone, OFFLINE);
      const fields = { ...codeFields(entered), redirect_uri: phone.redirectUri };
      const used = await proofFor(key);
      const first = textIn(await withProof(phone, fields, used), 'refresh_token');
      assertRefused(await refreshWith(phone, first), 'no proof');
      assertRefused(await refreshWith(phone, first, await proofFor(otherKey)), 'another key');
      assertRefused(await refreshWith(phone, first, used), 'a replayed proof');
      const known = await countRevoked();
      const replies = await Promise.all([
        ...Array.from({ length: AT_ONCE }, async () => refreshWith(phone, first, await proofFor(otherKey))),
        refreshWith(phone, first, await proofFor(key)),
        ...Array.from({ length: AT_ONCE }, () => refreshWith(phone, first)),
      ]);
      const [given, ...more] = replies.filter(({ status }) => status === 200);
      assert.ok(given);
      assert.deepEqual(more, []);
      assertRefused(await refreshWith(phone, first, await proofFor(otherKey)), 'another key, used');
      assert.equal(await countRevoked(), known, 'another key revokes nothing');
      assert.equal(textIn(given, 'refresh_token'), first);
      assert.equal((await refreshWith(phone, first, await proofFor(key))).status, 200);
      assert.equal(await countRevoked(), known);
    });

    it('is refreshed with a new proof only, at the same moment too', async () => {
      const bound = await createParty(running().issuer, { id: 'bound', scope: 'openid', secret });
      const key = await newProofKey();
      const start = async (): Promise<string> => {
        const fields = { ...codeFields(await authorize(bound, OFFLINE)), redirect_uri: bound.redirectUri };
        return textIn(await withProof(bound, fields, await proofFor(key)), 'refresh_token');
      };
      const tokens = [await start(), await start(), await start()];
      const bare = await refreshWith(bound, tokens[0] ?? '');
      assert.deepEqual([bare.status, bare.body['access_token']], [400, undefined]);
      const once = await proofFor(key);
      const replies = await Promise.all(tokens.map((token) => refreshWith(bound, token, once)));
      const given = replies.filter(({ status }) => status === 200);
      assert.equal(given.length, 1);
      for (const [at, token] of tokens.entries()) {
        const reply = replies[at];
        if (reply === undefined || reply.status === 200) continue;
        assertRefused(reply, 'a replayed proof');
        assert.equal((await refreshWith(bound, token, await proofFor(key))).status, 200, 'the token was not consumed');
      }
    });
  },
);
