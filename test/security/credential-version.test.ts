/** A change of credentials stops sign-ins in progress (NIST SP 800-63B-4, section 5.1). */
import assert from 'node:assert/strict';
import { after, before, beforeEach, it, mock } from 'node:test';

import * as client from 'openid-client';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher.ts';
import { LOGIN, interactionOf, runAuthorization } from '../helpers/authorization-flow.ts';
import { setFirstPassword, setPassword, personId } from '../helpers/city.ts';
import { createHttpBrowser, textOf, type Answer, type HttpBrowser, noticeOf } from '../helpers/http-browser.ts';
import { linkIn, mailsTo } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const FIRST = '100201';
const NEXT = 'four purple umbrellas';
const secret = newSecret();
const clients = [
  createRegistration('television', secret, { scopes: ['openid'], device_flow: true }),
  createRegistration('vendor', secret, { scopes: ['openid', 'profile'], first_party: false }),
];
let mail: MailCatcher;

before(async () => {
  mail = await startMailCatcher({ smtpPort: 0, webPort: 0 });
});
after(() => mail.close());

eachService(
  'a sign-in whose password was verified before a change',
  () => ({ clients, smtpUrl: mail.smtpUrl }),
  (running) => {
    let issuer = '';
    let television: TestParty;
    before(async () => {
      ({ issuer } = running());
      television = await createParty(issuer, { id: 'television', secret, scope: 'openid' });
    });
    beforeEach(() => setPassword(running(), 'G2', DEMO_PASSWORD));

    const visit = (): HttpBrowser => createHttpBrowser(issuer);
    const signIn = async (httpBrowser: HttpBrowser, password: string): Promise<Answer> =>
      httpBrowser.submit(await httpBrowser.open('/account'), { login: LOGIN.G2, password, remember: 'yes' });
    const changeFields = (current: string): Record<string, string> => ({
      current_password: current,
      new_password: NEXT,
      confirm_password: NEXT,
    });

    /** Runs `change` between the password verification of `request` and its next step. @returns the response of `request` */
    const holdVerification = async (
      request: () => Promise<Answer>,
      change: () => Promise<unknown>,
      method: 'verify' | 'verifyDecoy' = 'verify',
    ): Promise<Answer> => {
      const { hasher } = running().container;
      const compared = Promise.withResolvers<undefined>();
      const gate = Promise.withResolvers<undefined>();
      const original: (...args: [string, string]) => Promise<boolean> = hasher[method].bind(hasher);
      const held = mock.method(hasher, method, async (...args: [string, string]) => {
        held.mock.restore();
        const result = await original(...args);
        compared.resolve(undefined);
        await gate.promise;
        return result;
      });
      const answer = request();
      await compared.promise;
      await change();
      gate.resolve(undefined);
      return answer;
    };
    const isOut = async (httpBrowser: HttpBrowser, answer: Answer): Promise<void> => {
      assert.equal(answer.status, 410, textOf(answer.body).slice(0, 300));
      assert.equal(interactionOf(await httpBrowser.open('/account')), 'login');
    };

    const changePassword = async (): Promise<void> => {
      const owner = visit();
      await signIn(owner, DEMO_PASSWORD);
      const done = await owner.submit(await owner.open('/account/password'), changeFields(DEMO_PASSWORD));
      assert.match(noticeOf(done.body), /密碼已變更/);
      assert.equal(new URL((await owner.open('/account')).url).pathname, '/account', 'the owner stays signed in');
    };
    const changes: readonly [string, () => Promise<void>][] = [
      ['a password change', changePassword],
      [
        'a reset by link',
        async () => {
          const owner = visit();
          await owner.submit(await owner.open('/forgot-password'), { login: LOGIN.G2 });
          // Both databases send to the same mailbox.
          const link = await pollUntil('the link of this service', () =>
            mailsTo(mail, LOGIN.G2, '設定新密碼')
              .map(linkIn)
              .find((one) => one.startsWith(issuer)),
          );
          const page = await owner.open(link);
          assert.equal((await owner.submit(page, { new_password: NEXT, confirm_password: NEXT })).status, 200);
        },
      ],
      [
        '"end all other sessions"',
        async () => {
          const owner = visit();
          await signIn(owner, DEMO_PASSWORD);
          await owner.post('/account/sessions/revoke-others', '');
          assert.equal(new URL((await owner.open('/account')).url).pathname, '/account', 'the owner stays signed in');
        },
      ],
      [
        'disabling and enabling',
        async () => {
          const { people } = running().container;
          for (const status of ['disabled', 'active'] as const)
            await people.setStatus(personId('G2'), status, undefined);
        },
      ],
      [
        '"sessions revoke-all"',
        async () => {
          await running().container.globalRevocation.revokeAll('operator');
        },
      ],
      ['a new first password', () => setFirstPassword(running(), 'G2', FIRST)],
    ];
    for (const [name, change] of changes) {
      it(`creates no session after ${name}`, async () => {
        const attacker = visit();
        await isOut(attacker, await holdVerification(() => signIn(attacker, DEMO_PASSWORD), change));
      });
    }

    it('creates no session after the first change when the first password was verified before', async () => {
      await setFirstPassword(running(), 'G2', FIRST);
      const attacker = visit();
      const answer = await holdVerification(
        () => signIn(attacker, FIRST),
        async () => {
          const owner = visit();
          const done = await owner.submit(await signIn(owner, FIRST), changeFields(FIRST));
          assert.equal(new URL(done.url).pathname, '/account', textOf(done.body));
        },
        'verifyDecoy',
      );
      await isOut(attacker, answer);
    });

    it('shows no further page of the request after a password change', async () => {
      const vendor = await createParty(issuer, { id: 'vendor', secret, scope: 'openid profile' });
      const thief = visit();
      const { answer } = await runAuthorization(vendor, thief, { login: LOGIN.G2 });
      assert.equal(interactionOf(answer), 'consent');
      await changePassword();
      assert.equal((await thief.open(answer.url)).status, 410);
      await isOut(thief, await thief.submit(answer, { consent: 'accept' }));
    });

    it('shows no further page of the request if the credential changed and the session is left', async () => {
      const vendor = await createParty(issuer, { id: 'vendor', secret, scope: 'openid profile' });
      const thief = visit();
      const { answer } = await runAuthorization(vendor, thief, { login: LOGIN.G2 });
      assert.equal(interactionOf(answer), 'consent');
      await setPassword(running(), 'G2', NEXT);
      assert.equal((await thief.open(answer.url)).status, 410);
      assert.equal((await thief.submit(answer, { consent: 'accept' })).status, 410);
    });

    it('approves no device after a password change', async () => {
      const shown = await client.initiateDeviceAuthorization(television.config, { scope: 'openid' });
      const attacker = visit();
      const confirm = await attacker.submit(await attacker.open('/device'), { user_code: shown.user_code });
      const form = await attacker.submit(confirm, { confirm: 'yes' });
      const typed = { login: LOGIN.G2, password: DEMO_PASSWORD, remember: 'yes' };
      await isOut(attacker, await holdVerification(() => attacker.submit(form, typed), changePassword));
      const polled = client.genericGrantRequest(television.config, 'urn:ietf:params:oauth:grant-type:device_code', {
        device_code: shown.device_code,
      });
      await assert.rejects(polled, { error: 'authorization_pending' });
    });
  },
);
