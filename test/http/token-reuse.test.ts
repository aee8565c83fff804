/** Reuse of a code or refresh token revokes its grant and writes an audit event (RFC 9700, section 4.14.2). */
import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';

import * as client from 'openid-client';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import {
  requestTokens,
  codeOf,
  runAuthorization,
  LOGIN,
  redeem,
  refresh,
  textIn,
  tokensFor,
  userinfo,
  type Reply,
} from '../helpers/authorization-flow.ts';
import { withoutRequestId } from '../helpers/audit-chain.ts';
import { personId } from '../helpers/city.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
const AT_ONCE = 8;
const OFFLINE = { scope: 'openid profile offline_access', prompt: 'consent' };
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const kept = createCapturedLog();

eachService(
  'reuse',
  () => ({
    log: kept.log,
    clients: [
      createRegistration('app', secret, { scopes: ['openid', 'profile', 'offline_access'] }),
      createRegistration('phone', secret, {
        ...{ scopes: ['openid', 'profile', 'offline_access'], token_endpoint_auth_method: 'none' },
        client_secret_sha256: [],
      }),
      createRegistration('television', secret, { scopes: ['openid'], device_flow: true }),
    ],
  }),
  (running) => {
    let app: TestParty;
    let phone: TestParty;
    let known = 0;
    const rows = async () => {
      const { store } = running().container;
      const all = await store.read((tx) => tx.db.select().from(tx.tables.audit).orderBy(tx.tables.audit.seq));
      return all.filter(({ event }) => event === 'grant.revoked');
    };
    /** Returns the compared fields of the audit events since the start of the test. */
    const revoked = async () =>
      (await rows()).slice(known).map(({ outcome, subjectId, clientId, detail }) => ({
        ...{ outcome, subjectId, clientId },
        ...withoutRequestId(detail),
      }));
    const once = (reason: string, clientId = 'app') => [
      { outcome: 'refused', subjectId: personId('T2'), clientId, reason },
    ];
    before(async () => {
      app = await createParty(running().issuer, { id: 'app', secret, scope: 'openid profile' });
      phone = await createParty(running().issuer, { id: 'phone', scope: 'openid profile' });
    });
    beforeEach(async () => {
      known = (await rows()).length;
    });

    const enterAs = (parameters: Record<string, string> = {}, party = app) =>
      runAuthorization(party, createHttpBrowser(running().issuer), { login: LOGIN.T2, parameters });
    const assertOneWon = (replies: readonly Reply[]): Reply => {
      const [won, ...more] = replies.filter(({ status }) => status === 200);
      assert.ok(won);
      assert.equal(more.length, 0);
      for (const { status, body } of replies) if (status !== 200) assert.equal(body['error'], 'invalid_grant');
      return won;
    };

    it('of a code writes one audit event with its context and revokes its tokens', async () => {
      const entered = await enterAs();
      const given = await redeem(app, entered);
      assert.deepEqual(await revoked(), []);
      assert.equal((await redeem(app, entered)).body['error'], 'invalid_grant');
      assert.deepEqual(await revoked(), once('code_reuse'));
      assert.match((await rows()).at(-1)?.address ?? '', /127\.0\.0\.1|::1/);
      assert.equal((await userinfo(app, textIn(given, 'access_token'))).status, 401);
      assert.equal((await redeem(app, entered)).body['error'], 'invalid_grant');
      assert.deepEqual(await revoked(), once('code_reuse'), 'a third use revokes nothing');
      assert.match(kept.text(), /"event":"grant.revoked","reason":"code_reuse","clientId":"app"/);
    });

    it('of a code at the same moment writes one audit event', async () => {
      const entered = await enterAs();
      const given = assertOneWon(await Promise.all(Array.from({ length: AT_ONCE }, () => redeem(app, entered))));
      assert.deepEqual(await revoked(), once('code_reuse'));
      assert.equal((await userinfo(app, textIn(given, 'access_token'))).status, 401);
    });

    it('of a refresh token writes one audit event and revokes the family', async () => {
      const first = textIn(await redeem(phone, await enterAs(OFFLINE, phone)), 'refresh_token');
      const next = await refresh(phone, first);
      assert.deepEqual(await revoked(), []);
      assert.equal((await refresh(phone, first)).body['error'], 'invalid_grant');
      assert.deepEqual(await revoked(), once('refresh_token_reuse', 'phone'));
      assert.equal((await refresh(phone, textIn(next, 'refresh_token'))).body['error'], 'invalid_grant');
      assert.equal((await userinfo(app, textIn(next, 'access_token'))).status, 401);
      assert.deepEqual(await revoked(), once('refresh_token_reuse', 'phone'));
    });

    it('of a refresh token at the same moment writes one audit event', async () => {
      const first = textIn(await redeem(phone, await enterAs(OFFLINE, phone)), 'refresh_token');
      const given = assertOneWon(await Promise.all(Array.from({ length: AT_ONCE }, () => refresh(phone, first))));
      assert.deepEqual(await revoked(), once('refresh_token_reuse', 'phone'));
      assert.equal((await refresh(phone, textIn(given, 'refresh_token'))).body['error'], 'invalid_grant');
    });

    it('of a device code writes one audit event', async () => {
      const television = await createParty(running().issuer, { id: 'television', secret, scope: 'openid' });
      const shown = await client.initiateDeviceAuthorization(television.config, { scope: 'openid' });
      const phone = createHttpBrowser(running().issuer);
      const confirm = await phone.submit(await phone.open('/device'), { user_code: shown.user_code });
      const signIn = await phone.submit(confirm, { confirm: 'yes' });
      await phone.submit(signIn, { login: LOGIN.T2, password: DEMO_PASSWORD });
      const fields = { grant_type: DEVICE_GRANT, device_code: shown.device_code };
      const given = assertOneWon([await requestTokens(television, fields), await requestTokens(television, fields)]);
      assert.deepEqual(await revoked(), once('device_code_reuse', 'television'));
      assert.equal((await userinfo(television, textIn(given, 'access_token'))).status, 401);
    });

    it('is not recorded for a revocation by the app, a sign-out or an unknown code', async () => {
      const httpBrowser = createHttpBrowser(running().issuer);
      const tokens = await tokensFor(app, httpBrowser, { login: LOGIN.T2, parameters: OFFLINE });
      await client.tokenRevocation(app.config, tokens.refresh_token ?? '');
      await httpBrowser.submit(await httpBrowser.open('/session/end'), { logout: 'yes' });
      const fields = { grant_type: 'authorization_code', redirect_uri: app.redirectUri, code_verifier: 'v'.repeat(43) };
      assert.equal((await requestTokens(app, { ...fields, code: 'invented' })).body['error'], 'invalid_grant');
      assert.deepEqual(await revoked(), []);
    });

    it('by a client without the PKCE verifier revokes nothing', async () => {
      const entered = await enterAs();
      const given = await redeem(app, entered);
      const fields = { grant_type: 'authorization_code', redirect_uri: app.redirectUri, code: codeOf(entered.answer) };
      const attacker = await requestTokens(app, { ...fields, code_verifier: 'v'.repeat(43) });
      assert.equal(attacker.body['error'], 'invalid_grant');
      assert.deepEqual(await revoked(), []);
      assert.equal((await userinfo(app, textIn(given, 'access_token'))).status, 200);
    });

    it('revokes the tokens also while the audit log cannot be written', async () => {
      const entered = await enterAs();
      const given = await redeem(app, entered);
      const { store } = running().container;
      await store.runExclusively((run) => run('alter table audit rename to audit_away'));
      try {
        assert.equal((await redeem(app, entered)).body['error'], 'invalid_grant');
      } finally {
        await store.runExclusively((run) => run('alter table audit_away rename to audit'));
      }
      assert.equal((await userinfo(app, textIn(given, 'access_token'))).status, 401);
      assert.deepEqual(await revoked(), []);
    });
  },
);
