/**
 * An attacker with the old password signs in repeatedly, in several browsers and on several nodes, while the owner changes it.
 * After the change no session, code or token of the attacker is valid.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import * as client from 'openid-client';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher.ts';
import {
  runAuthorization,
  LOGIN,
  redeem,
  refresh,
  interactionOf,
  textIn,
  userinfo,
  type AuthorizationResult,
  type Reply,
} from '../helpers/authorization-flow.ts';
import { createHttpBrowser, textOf, type HttpBrowser, noticeOf } from '../helpers/http-browser.ts';
import { linkIn, mailTo } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startNodes, type Nodes } from './nodes.ts';

const WORKERS = 2;
const TRIALS = 4;
/** Number of completed sign-ins before the change, so that others are in progress during it. */
const MIN_SIGN_INS = 4;
const SCOPES = ['openid', 'profile', 'offline_access'];
const OFFLINE = { scope: SCOPES.join(' '), prompt: 'consent' };
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const secret = newSecret();

/** The credentials that an attacker has after one sign-in. */
type StolenCredentials = { httpBrowser: HttpBrowser } & (
  | { kind: 'code'; entered: AuthorizationResult }
  | { kind: 'tokens'; reply: Reply }
  | { kind: 'device'; shown: client.DeviceAuthorizationResponse }
);

for (const [name, count] of [
  ['one node on SQLite', 1],
  ['two nodes on PostgreSQL', 2],
] as const) {
  describe(`sign-ins with the old password during a change (${name})`, () => {
    let nodes: Nodes;
    let mail: MailCatcher;
    let app: TestParty;
    before(async () => {
      mail = await startMailCatcher({ smtpPort: 0, webPort: 0 });
      nodes = await startNodes({
        count,
        smtpUrl: mail.smtpUrl,
        clients: [createRegistration('app', secret, { scopes: SCOPES, device_flow: true })],
        ...(count > 1 ? { databaseUrl: await testDatabaseUrl() } : {}),
      });
      app = await createParty(nodes.issuer, { id: 'app', scope: 'openid profile', secret });
    });
    after(async () => {
      await nodes.stop();
      await mail.close();
    });

    const signIn = async (login: string, password: string, round: number): Promise<StolenCredentials | undefined> => {
      const httpBrowser = createHttpBrowser(nodes.issuer);
      const entered = await runAuthorization(app, httpBrowser, {
        login,
        password,
        remember: true,
        parameters: OFFLINE,
      });
      if (entered.answer.leavesTo?.searchParams.has('code') !== true) return undefined;
      if (round % 2 === 0) return { kind: 'code', httpBrowser, entered };
      return { kind: 'tokens', httpBrowser, reply: await redeem(app, entered) };
    };
    const approveDevice = async (login: string, password: string): Promise<StolenCredentials | undefined> => {
      const httpBrowser = createHttpBrowser(nodes.issuer);
      const shown = await client.initiateDeviceAuthorization(app.config, { scope: 'openid profile' });
      const confirm = await httpBrowser.submit(await httpBrowser.open('/device'), { user_code: shown.user_code });
      const page = await httpBrowser.submit(confirm, { confirm: 'yes' });
      const done = await httpBrowser.submit(page, { login, password, remember: 'yes' });
      return done.status === 200 && interactionOf(done) === undefined
        ? { kind: 'device', httpBrowser, shown }
        : undefined;
    };

    /** Signs in until the service rejects the password. */
    const signInRepeatedly = async (
      stolen: StolenCredentials[],
      attempt: (round: number) => Promise<StolenCredentials | undefined>,
    ): Promise<void> => {
      for (let round = 0; ; round += 1) {
        const got = await attempt(round);
        if (got === undefined) return;
        stolen.push(got);
      }
    };
    const signInDuring = async (
      change: () => Promise<void>,
      attempt: Parameters<typeof signInRepeatedly>[1],
    ): Promise<StolenCredentials[]> => {
      const stolen: StolenCredentials[] = [];
      const workers = Array.from({ length: WORKERS }, () => signInRepeatedly(stolen, attempt));
      await pollUntil('sign-ins of the attacker', () => stolen.length >= MIN_SIGN_INS);
      await change();
      await Promise.all(workers);
      return stolen;
    };

    const assertRevoked = async (stolen: StolenCredentials): Promise<void> => {
      assert.equal(interactionOf(await stolen.httpBrowser.open('/account')), 'login', stolen.kind);
      switch (stolen.kind) {
        case 'code':
          assert.equal((await redeem(app, stolen.entered)).body['error'], 'invalid_grant');
          break;
        case 'tokens':
          // A code that was revoked before its redemption gave no tokens.
          if (stolen.reply.status !== 200) break;
          assert.equal((await userinfo(app, textIn(stolen.reply, 'access_token'))).status, 401);
          assert.equal((await refresh(app, textIn(stolen.reply, 'refresh_token'))).body['error'], 'invalid_grant');
          break;
        case 'device':
          await assert.rejects(
            client.genericGrantRequest(app.config, DEVICE_GRANT, { device_code: stolen.shown.device_code }),
          );
      }
    };
    const change = async (login: string, current: string, next: string): Promise<void> => {
      const owner = createHttpBrowser(nodes.issuer);
      await owner.submit(await owner.open('/account'), { login, password: current });
      const fields = { current_password: current, new_password: next, confirm_password: next };
      const done = await owner.submit(await owner.open('/account/password'), fields);
      assert.match(noticeOf(done.body), /密碼已變更/, textOf(done.body).slice(0, 300));
      assert.equal(interactionOf(await owner.open('/account')), undefined, 'the owner stays signed in');
    };
    const passwordOf = (trial: number): string =>
      trial === 0 ? DEMO_PASSWORD : `four small boats at anchor ${String(trial)}`;

    it('leave no session, code or token after a password change', async () => {
      for (let trial = 0; trial < TRIALS; trial += 1) {
        const [current, next] = [passwordOf(trial), passwordOf(trial + 1)];
        const stolen = await signInDuring(
          () => change(LOGIN.T1, current, next),
          (round) => signIn(LOGIN.T1, current, round),
        );
        await Promise.all(stolen.map(assertRevoked));
      }
    });

    it('leave no session, code or token after a reset by link', async () => {
      const owner = createHttpBrowser(nodes.issuer);
      await owner.submit(await owner.open('/forgot-password'), { login: LOGIN.G2 });
      const page = await owner.open(linkIn(await mailTo(mail, LOGIN.G2, '設定新密碼')));
      const next = passwordOf(1);
      const stolen = await signInDuring(
        async () => {
          assert.equal((await owner.submit(page, { new_password: next, confirm_password: next })).status, 200);
        },
        (round) => signIn(LOGIN.G2, DEMO_PASSWORD, round),
      );
      await Promise.all(stolen.map(assertRevoked));
    });

    it('connect no device after a password change', async () => {
      for (let trial = 0; trial < TRIALS; trial += 1) {
        const [current, next] = [passwordOf(trial), passwordOf(trial + 1)];
        const stolen = await signInDuring(
          () => change(LOGIN.T2, current, next),
          () => approveDevice(LOGIN.T2, current),
        );
        await Promise.all(stolen.map(assertRevoked));
      }
    });
  });
}
