/** Wrong codes of a second factor, and sign-ins that were verified before it was enrolled. */
import assert from 'node:assert/strict';
import { after, afterEach, before, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { MINUTE_MS } from '../../src/domain/duration.ts';
import { ACCOUNT_POLICY } from '../../src/domain/throttling/throttle.ts';
import { upsertThrottle } from '../../src/store/auth/throttles.ts';
import { interactionOf, LOGIN } from '../helpers/authorization-flow.ts';
import { personId, signInToAccount } from '../helpers/city.ts';
import { freezeTime, HOUR, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, formOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { completeSetup, enrollTotp, removeSecondFactors } from '../helpers/second-factors.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff } from '../helpers/staff.ts';

const KEY = 'G2';
const SECRET = newSecret();
let time: FrozenTime;
before(() => {
  time = freezeTime();
});
after(() => {
  time.release();
});

eachService(
  'a second factor of one person',
  () => ({ clients: [createRegistration('app', SECRET, { scopes: ['openid'] })] }),
  (running) => {
    let app: TestParty;
    before(async () => {
      app = await createParty(running().issuer, { id: 'app', secret: SECRET, scope: 'openid' });
    });
    afterEach(async () => {
      time.advance(HOUR);
      await removeSecondFactors(running(), KEY);
      await running().container.people.unlock(personId(KEY));
    });
    const tryCode = async (code: string): Promise<Answer> => {
      const { httpBrowser, answer } = await signInToAccount(running(), LOGIN[KEY]);
      return httpBrowser.submit(answer, { code });
    };
    const countMails = async (): Promise<number> => {
      const rows = await running().container.store.read((tx) => tx.db.select().from(tx.tables.outbox));
      return rows.filter(({ kind }) => kind === 'mail').length;
    };

    it('that is locked is unlocked by the IT desk, whose page shows the lock', async () => {
      const authenticator = await enrollTotp(running(), KEY);
      await running().container.store.write((tx) =>
        upsertThrottle(tx, `second-factor-totp:${personId(KEY)}`, {
          ...{ failures: ACCOUNT_POLICY.lockAfterFailures, blockedUntil: 0, updatedAt: Date.now() },
        }),
      );
      assert.equal((await tryCode(authenticator.code())).status, 429);
      const { browser: desk } = await signInStaff(running(), 'A1');
      const page = await desk.open(`/console/people/${personId(KEY)}`);
      assert.match(page.body, /data-person-state="second-factor-locked"/);
      assert.match(textOf(page.body), /兩步驟驗證碼輸入錯誤過多/);
      const form = await desk.open(`/console/people/${personId(KEY)}/action?action=unlock`);
      assert.equal((await desk.submit(form, { action: 'unlock', reason: 'phoned' })).status, 200);
      const unlocked = await desk.open(`/console/people/${personId(KEY)}`);
      assert.match(unlocked.body, /data-person-state="active"/);
      assert.equal((await tryCode(authenticator.code())).status, 200);
    });

    it('mails the person once after five wrong codes, and keeps the count', async () => {
      const authenticator = await enrollTotp(running(), KEY);
      const before = await countMails();
      for (let count = 1; count < 5; count += 1) assert.equal((await tryCode('000000')).status, 422);
      assert.equal(await countMails(), before);
      assert.equal((await tryCode('000000')).status, 422);
      assert.equal(await countMails(), before + 1);
      assert.equal((await tryCode(authenticator.code())).status, 429);
      time.advance(MINUTE_MS);
      assert.equal((await tryCode('000000')).status, 422);
      assert.equal((await tryCode(authenticator.code())).status, 429);
      assert.equal(await countMails(), before + 1);
    });

    /** Opens a request for a second factor in a session without one. */
    const stepUp = async (browser: HttpBrowser): Promise<Answer> => {
      const page = await browser.open((await app.begin({ acr_values: 'urn:kinpass:aal2' })).url);
      assert.equal(interactionOf(page), 'second_factor');
      return page;
    };

    it('is not delayed or locked at sign-in by wrong codes of a copied session', async () => {
      const fields = { login: LOGIN[KEY], password: DEMO_PASSWORD, remember: 'yes' };
      const thief = createHttpBrowser(running().issuer);
      await thief.submit(await thief.open('/account'), fields);
      const authenticator = await enrollTotp(running(), KEY);
      for (const code of ['000000', authenticator.recoveryCodes[0]?.replace(/^..../, 'AAAA') ?? '']) {
        const statuses = [];
        for (let count = 0; count < 6; count += 1) {
          statuses.push((await thief.submit(await stepUp(thief), { code })).status);
        }
        assert.deepEqual(statuses, [422, 422, 422, 422, 422, 429]);
      }
      await running().container.store.write((tx) =>
        upsertThrottle(tx, `second-factor-totp-step-up:${personId(KEY)}`, {
          ...{ failures: 40, blockedUntil: 0, updatedAt: Date.now() },
        }),
      );
      assert.match(textOf((await thief.submit(await stepUp(thief), { code: authenticator.code() })).body), /備用碼/);
      assert.equal((await tryCode(authenticator.code())).status, 200, 'the owner signs in');
      time.advance(MINUTE_MS);
      assert.equal((await thief.submit(await stepUp(thief), { code: '000000' })).status, 422, 'the lock has ended');
      assert.equal((await tryCode(authenticator.recoveryCodes[1] ?? '')).status, 200);
    });

    /** Submits the password, and does not follow the redirect. @returns the URL where the browser continues */
    const holdSignIn = async (browser: HttpBrowser): Promise<string> => {
      const page = await browser.open('/account');
      const { action, hidden } = formOf(page.body);
      const url = new URL(action, page.url).href;
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        body: new URLSearchParams({ ...hidden, login: LOGIN[KEY], password: DEMO_PASSWORD }).toString(),
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          ...{
            origin: new URL(url).origin,
            'sec-fetch-site': 'same-origin',
            cookie: await browser.jar.getCookieString(url),
          },
        },
      });
      for (const cookie of response.headers.getSetCookie()) await browser.jar.setCookie(cookie, url);
      return new URL(response.headers.get('location') ?? '', url).href;
    };

    it('that is enrolled after a password was verified ends that sign-in', async () => {
      const other = createHttpBrowser(running().issuer);
      const held = await holdSignIn(other);
      const { httpBrowser: owner } = await signInToAccount(running(), LOGIN[KEY]);
      const { answer } = await completeSetup(owner, await owner.open('/account/second-factors/totp'));
      assert.equal(answer.status, 200, 'the enrollment itself works');
      assert.equal((await owner.open('/account')).status, 200);
      assert.equal((await other.open(held)).status, 410);
      assert.equal(interactionOf(await other.open('/account')), 'login');
    });
  },
);
