/** The limit of completed sign-ins of one person. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { HOUR_MS } from '../../src/domain/duration.ts';
import { COMPLETED_SIGN_IN_POLICY } from '../../src/domain/throttling/throttle.ts';
import { hashId } from '../../src/platform/crypto/secrets.ts';
import { upsertResetLink } from '../../src/store/auth/credentials.ts';
import { upsertThrottle } from '../../src/store/auth/throttles.ts';
import { interactionOf, LOGIN, runAuthorization } from '../helpers/authorization-flow.ts';
import { countFailures, listAuditEvents, personId, signInToAccount } from '../helpers/city.ts';
import { freezeTime, MINUTE, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf, type Answer } from '../helpers/http-browser.ts';
import { addPasskey, createSoftwareAuthenticator, passkeyOptions, submitPasskey } from '../helpers/passkeys.ts';
import { createParty, createRegistration, newSecret } from '../helpers/relying-party.ts';
import { enrollTotp, removeSecondFactors } from '../helpers/second-factors.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff } from '../helpers/staff.ts';

const { capacity } = COMPLETED_SIGN_IN_POLICY;
const SECRET = newSecret();
const NEXT = 'four small boats at anchor';

eachService(
  'completed sign-ins of one person',
  () => ({ clients: [createRegistration('app', SECRET, { scopes: ['openid'] })] }),
  (running) => {
    let time: FrozenTime;
    before(() => {
      time = freezeTime();
    });
    after(() => {
      time.release();
    });
    beforeEach(() => {
      time.advance(2 * HOUR_MS);
    });
    const signIn = async (key: 'G2' | 'T2', password = DEMO_PASSWORD): Promise<Answer> =>
      (await signInToAccount(running(), LOGIN[key], password)).answer;
    const countSessions = async (): Promise<number> => {
      const rows = await running().container.store.read((tx) => tx.db.select().from(tx.tables.sessions));
      return rows.filter((row) => row.personId === personId('G2')).length;
    };
    /** Stores the counter of a person who has completed this many sign-ins. */
    const fill = (completed: number): Promise<void> =>
      running().container.store.write((tx) =>
        upsertThrottle(tx, `completed-sign-ins:${personId('G2')}`, {
          ...{ failures: completed, blockedUntil: 0, updatedAt: Date.now() },
        }),
      );
    const assertRefused = (answer: Answer): void => {
      assert.equal(answer.status, 429);
      assert.equal(answer.headers.get('retry-after'), '60');
      assert.match(textOf(answer.body), /您的帳號目前使用次數過多/);
    };

    it('answers 429 after 60 sign-ins, stores no session, and continues after a minute', async () => {
      for (let count = 0; count < capacity; count += 1) {
        assert.equal((await signIn('G2')).status, 200);
      }
      const { httpBrowser, answer } = await signInToAccount(running(), LOGIN.G2);
      assertRefused(answer);
      assertRefused(await signIn('G2'));
      assert.equal(await countSessions(), capacity);
      assert.equal(await countFailures(running(), 'G2'), 0);
      const events = await listAuditEvents(running(), 'G2');
      assert.equal(events.filter((event) => event === 'sign_in.throttled').length, 1);
      assert.equal((await signIn('G2', 'not the password')).status, 422, 'a wrong password gets its own answer');
      assert.equal((await signIn('T2')).status, 200, 'another person signs in');
      time.advance(MINUTE);
      const reloaded = await httpBrowser.open(answer.url);
      assert.equal(reloaded.status, 200, 'the refused sign-in continues');
      assert.match(reloaded.url, /\/account$/);
    });

    it('do not count passwords without the second factor', async () => {
      const authenticator = await enrollTotp(running(), 'G2');
      await fill(capacity - 1);
      for (let count = 0; count < 3; count += 1) assert.equal(interactionOf(await signIn('G2')), 'second_factor');
      const { httpBrowser, answer } = await signInToAccount(running(), LOGIN.G2);
      assert.equal((await httpBrowser.submit(answer, { code: authenticator.code() })).status, 200);
      time.advance(MINUTE / 2);
      const second = await signInToAccount(running(), LOGIN.G2);
      assertRefusedSoon(await second.httpBrowser.submit(second.answer, { code: authenticator.code() }));
      await removeSecondFactors(running(), 'G2');
    });
    const assertRefusedSoon = (answer: Answer): void => {
      assert.deepEqual([answer.status, answer.headers.get('retry-after')], [429, '30']);
    };

    it('count sign-ins with a passkey', async () => {
      const passkey = createSoftwareAuthenticator(running().issuer);
      await addPasskey((await signInToAccount(running(), LOGIN.G2)).httpBrowser, passkey);
      await fill(capacity - 1);
      const signInWithPasskey = async (): Promise<Answer> => {
        const browser = createHttpBrowser(running().issuer);
        const page = await browser.open('/account');
        return submitPasskey(browser, page, passkey.get(await passkeyOptions(browser, page)));
      };
      const before = await countSessions();
      assert.equal((await signInWithPasskey()).status, 200);
      assertRefused(await signInWithPasskey());
      assert.equal(await countSessions(), before + 1);
      await removeSecondFactors(running(), 'G2');
    });

    it('do not count or refuse a re-authentication in a session', async () => {
      const app = await createParty(running().issuer, { id: 'app', scope: 'openid', secret: SECRET });
      const { httpBrowser } = await signInToAccount(running(), LOGIN.G2);
      await fill(capacity);
      const { answer } = await runAuthorization(app, httpBrowser, {
        ...{ login: LOGIN.G2, parameters: { prompt: 'login' } },
      });
      assert.ok(answer.leavesTo?.searchParams.get('code'), answer.url);
      assertRefused(await signIn('G2'));
    });

    it('are cleared by the IT desk, by an operator and by a reset link', async () => {
      const { browser: desk } = await signInStaff(running(), 'A1');
      await fill(capacity);
      assertRefused(await signIn('G2'));
      const form = await desk.open(`/console/people/${personId('G2')}/action?action=unlock`);
      assert.equal((await desk.submit(form, { action: 'unlock', reason: 'phoned' })).status, 200);
      assert.equal((await signIn('G2')).status, 200);

      await fill(capacity);
      await running().container.people.unlock(personId('G2'));
      assert.equal((await signIn('G2')).status, 200);

      await fill(capacity);
      const [token, createdAt] = ['t'.repeat(43), Date.now()];
      const link = { personId: personId('G2'), tokenHash: hashId(token), createdAt, expiresAt: createdAt + HOUR_MS };
      await running().container.store.write((tx) => upsertResetLink(tx, link));
      const browser = createHttpBrowser(running().issuer);
      const page = await browser.open(`/reset-password?token=${token}`);
      assert.equal((await browser.submit(page, { new_password: NEXT, confirm_password: NEXT })).status, 200);
      assert.equal((await signIn('G2', NEXT)).status, 200);
    });
  },
);
