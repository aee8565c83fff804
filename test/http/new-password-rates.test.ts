/** The limit of new passwords: on a reset link, on the account page and at the first sign-in. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, beforeEach, it } from 'node:test';

import { ADULTS } from '../../demo/city/fixtures.ts';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { NEW_PASSWORD_POLICY } from '../../src/domain/throttling/request-rates.ts';
import { CREDENTIAL_CHANGE_POLICY } from '../../src/services/authentication/credential-change-limit.ts';
import { hashId } from '../../src/platform/crypto/secrets.ts';
import { upsertResetLink } from '../../src/store/auth/credentials.ts';
import { interactionOf, LOGIN } from '../helpers/authorization-flow.ts';
import {
  countFailures,
  errorAt,
  personId,
  readCredential,
  setFirstPassword,
  setPassword,
  signInToAccount,
} from '../helpers/city.ts';
import { freezeTime, HOUR, MINUTE, type FrozenTime } from '../helpers/frozen-time.ts';
import { alertOf, createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { eachService } from '../helpers/service-matrix.ts';

const COMMON = 'Password1234';
const NEXT = 'four small boats at anchor';
const FIRST = '100301';

eachService(
  'new passwords',
  () => ({ clients: [] }),
  (running) => {
    let time: FrozenTime;
    before(() => {
      time = freezeTime();
    });
    after(() => {
      time.release();
    });
    beforeEach(async () => {
      time.advance(HOUR);
      await setPassword(running(), 'G2', DEMO_PASSWORD);
    });

    /** The form of a page with the current password, if it has that field. */
    interface Form {
      browser: HttpBrowser;
      page: Answer;
      current: string | undefined;
    }
    const submit = (
      { browser, page, current }: Form,
      next: string,
      more: Record<string, string> = {},
    ): Promise<Answer> =>
      browser.submit(page, {
        new_password: next,
        confirm_password: next,
        ...(current === undefined ? {} : { current_password: current }),
        ...more,
      });
    /** Asks if the form would be accepted, as the script of the page does. */
    const check = (form: Form, next: string): Promise<Answer> => submit(form, next, { check: 'yes' });
    const openLink = async (): Promise<Form> => {
      const token = randomBytes(32).toString('base64url');
      const link = { personId: personId('G2'), tokenHash: hashId(token) };
      const now = Date.now();
      await running().container.store.write((tx) =>
        upsertResetLink(tx, { ...link, expiresAt: now + 30 * MINUTE, createdAt: now }),
      );
      const browser = createHttpBrowser(running().issuer);
      return { browser, page: await browser.open(`/reset-password?token=${token}`), current: undefined };
    };
    const openAccount = async (): Promise<Form> => {
      const { httpBrowser: browser } = await signInToAccount(running(), LOGIN.G2, DEMO_PASSWORD);
      return { browser, page: await browser.open('/account/password'), current: DEMO_PASSWORD };
    };
    const openFirstChange = async (): Promise<Form> => {
      await setFirstPassword(running(), 'G2', FIRST);
      return openFirstChangeAgain();
    };
    const openFirstChangeAgain = async (): Promise<Form> => {
      const browser = createHttpBrowser(running().issuer);
      const page = await browser.submit(await browser.open('/account'), { login: LOGIN.G2, password: FIRST });
      assert.equal(interactionOf(page), 'new_password');
      return { browser, page, current: FIRST };
    };
    /** Submits refused passwords up to the limit. */
    const exhaust = async (form: Form): Promise<void> => {
      for (let count = 0; count < NEW_PASSWORD_POLICY.capacity; count += 1) {
        assert.equal((await submit(form, COMMON)).status, 422);
      }
    };
    const isCleared = ({ body }: Answer): boolean => alertOf(body).includes('為了安全，請再輸入一次新密碼。');
    const assertThrottled = (answer: Answer): void => {
      assert.equal(answer.status, 429);
      assert.equal(answer.headers.get('retry-after'), '60');
      assert.match(alertOf(answer.body), /嘗試次數過多，請於 .+ 後再試/);
      assert.equal(errorAt(answer, 'new_password'), '', 'the password is not judged');
    };

    for (const [name, open] of [
      ['a reset link', openLink],
      ['the account page', openAccount],
      ['the first sign-in', openFirstChange],
    ] as const) {
      it(`${name} answers 429 after 20 refused new passwords and continues after a minute`, async () => {
        const form = await open();
        await exhaust(form);
        assertThrottled(await submit(form, NEXT));
        time.advance(MINUTE);
        const done = await submit(form, NEXT);
        assert.equal(done.status, 200, textOf(done.body));
      });
    }

    for (const [name, open] of [
      ['a reset link', openLink],
      ['the account page', openAccount],
      ['the first sign-in', openFirstChange],
    ] as const) {
      it(`${name} checks a new password with the same reason and changes nothing`, async () => {
        const form = await open();
        const stored = await readCredential(running(), 'G2');
        const refused = await check(form, COMMON);
        assert.deepEqual([refused.status, refused.headers.get('cache-control')], [200, 'no-store']);
        const submitted = await submit(form, COMMON);
        assert.notEqual(errorAt(refused, 'new_password'), '');
        assert.equal(errorAt(refused, 'new_password'), errorAt(submitted, 'new_password'));
        // The browser keeps the typed password during a check only.
        assert.deepEqual([refused, submitted].map(isCleared), [false, true]);
        const accepted = await check(form, NEXT);
        assert.deepEqual([accepted.status, accepted.body], [204, '']);
        assert.deepEqual(await readCredential(running(), 'G2'), stored);
        assert.equal((await submit(form, NEXT)).status, 200, 'the form is still open');
      });
    }

    for (const [name, open] of [
      ['a reset link', openLink],
      ['the account page', openAccount],
    ] as const) {
      it(`${name} counts each check, also of an acceptable password`, async () => {
        const form = await open();
        for (let count = 0; count < NEW_PASSWORD_POLICY.capacity; count += 1) {
          assert.equal((await check(form, NEXT)).status, 204);
        }
        const refused = await check(form, NEXT);
        assert.deepEqual([refused.status, refused.headers.get('retry-after')], [200, null]);
        assert.match(alertOf(refused.body), /嘗試次數過多，請於 .+ 後再試/);
        assertThrottled(await submit(form, NEXT));
      });
    }

    for (const [name, open] of [
      ['a reset link', openLink],
      ['the account page', openAccount],
    ] as const) {
      it(`${name} does not tell which of many numbers is part of the ID`, async () => {
        const form = await open();
        const tail = ADULTS.G2.nationalId.slice(-6);
        const reason = errorAt(await check(form, `the river ${tail} at noon`), 'new_password');
        assert.match(reason, /身分證/);
        const numbers = Array.from({ length: 40 }, (_, at) => String(10_007 + at * 1_931)).join('');
        for (const guesses of [numbers, numbers + tail]) assert.equal((await check(form, guesses)).status, 204);
        assert.equal(errorAt(await submit(form, numbers + tail), 'new_password'), reason);
      });
    }

    for (const [name, open, path] of [
      ['a reset link', openLink, () => '/reset-password?rejected'],
      ['the account page', openAccount, () => '/account/password?rejected'],
      ['the first sign-in', openFirstChange, (form: string) => form],
    ] as const) {
      it(`${name} redirects a rejected form, and its page contains no typed password`, async () => {
        const form = await open();
        const refused = await submit(form, COMMON);
        const shown = new URL(refused.url);
        assert.equal(shown.pathname + shown.search, path(new URL(form.page.url).pathname));
        const reloaded = await form.browser.open(refused.url);
        for (const { status, body } of [refused, reloaded]) {
          assert.deepEqual([status, body.includes(COMMON), body.includes(DEMO_PASSWORD)], [422, false, false]);
        }
        assert.notEqual(errorAt(refused, 'new_password'), '');
        assert.deepEqual(
          [errorAt(reloaded, 'new_password'), isCleared(reloaded)],
          [errorAt(refused, 'new_password'), true],
        );
        await form.browser.open(`/language?to=en&back=${shown.pathname}`);
        const opened = await form.browser.open(shown.pathname);
        assert.deepEqual([opened.status, alertOf(opened.body)], [200, '']);
      });
    }

    it('counts the wrong current passwords of checks as those of forms', async () => {
      const form = await openAccount();
      const current_password = 'not the password';
      for (const more of [{ check: 'yes' }, {}, { check: 'yes' }]) {
        const answer = await submit(form, NEXT, { ...more, current_password });
        assert.match(errorAt(answer, 'current_password'), /原密碼不正確。/);
      }
      assert.equal(await countFailures(running(), 'G2'), 3);
    });

    it('checks no form of another site', async () => {
      const { browser, page, current = '' } = await openAccount();
      const fields = { current_password: current, new_password: NEXT, confirm_password: NEXT, check: 'yes' };
      assert.equal((await browser.submit(page, fields, { 'sec-fetch-site': 'cross-site' })).status, 403);
    });

    for (const [name, open, openAgain] of [
      ['the account page', openAccount, openAccount],
      ['the first sign-in', openFirstChange, openFirstChangeAgain],
    ] as const) {
      it(`${name} in one browser leaves the budget of another browser`, async () => {
        const [mine, other] = [await open(), await openAgain()];
        await exhaust(other);
        assertThrottled(await submit(other, NEXT));
        const done = await submit(mine, NEXT);
        assert.equal(done.status, 200, textOf(done.body));
      });
    }

    it('a new reset link works although the account page is over the limit', async () => {
      const form = await openAccount();
      await exhaust(form);
      assertThrottled(await submit(form, NEXT));
      const done = await submit(await openLink(), NEXT);
      assert.equal(done.status, 200, textOf(done.body));
    });

    it('accepted new passwords are refunded', async () => {
      const form = await openAccount();
      for (let count = 0; count <= NEW_PASSWORD_POLICY.capacity; count += 1) {
        const [from, to] = count % 2 === 0 ? [DEMO_PASSWORD, NEXT] : [NEXT, DEMO_PASSWORD];
        const done = await submit({ ...form, current: from }, to);
        assert.equal(done.status, 200, textOf(done.body));
      }
    });

    it('30 changes in a row are accepted, the next one is refused and sends no mail', async () => {
      time.advance(4 * HOUR);
      const form = await openAccount();
      const change = (count: number): Promise<Answer> => {
        const [from, to] = count % 2 === 0 ? [DEMO_PASSWORD, NEXT] : [NEXT, DEMO_PASSWORD];
        return submit({ ...form, current: from }, to);
      };
      const countMails = async (): Promise<number> =>
        (await running().container.store.read((tx) => tx.db.select().from(tx.tables.outbox))).length;
      const before = await countMails();
      const { capacity } = CREDENTIAL_CHANGE_POLICY;
      for (let count = 0; count < capacity; count += 1) assert.equal((await change(count)).status, 200);
      const refused = await change(capacity);
      assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '300']);
      assert.equal(await countMails(), before + capacity);
      time.advance(5 * MINUTE);
      assert.equal((await change(capacity)).status, 200);
    });

    it('a wrong current password shows the same error over the limit', async () => {
      const form = await openAccount();
      await exhaust(form);
      const answer = await submit({ ...form, current: 'not the password' }, NEXT);
      assert.equal(answer.status, 422);
      assert.notEqual(errorAt(answer, 'current_password'), '');
    });
  },
);
