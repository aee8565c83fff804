import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';

import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher.ts';
import { LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import {
  listAuditEvents,
  readCredential,
  errorAt,
  countFailures,
  setFirstPassword,
  normalizePage,
  signInToAccount,
} from '../helpers/city.ts';
import { DAY, HOUR, freezeTime, MINUTE, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { linkIn, mailTo } from '../helpers/mail.ts';
import { startService, type TestService } from '../helpers/service.ts';

const FIRST = '100201';
const NEXT = 'four small boats at anchor';
const EMAIL = LOGIN.G1;
const SUBJECT = '您的預設密碼已停用';
/** The wait before each of ten attempts: none for five, then 30 s, 1, 2, 4 and 8 minutes. */
const WAITS = [0, 0, 0, 0, 0, 30 * SECOND, MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE];
const UNKNOWN = 'unknown@x.example';

describe('a first password', () => {
  let service: TestService;
  let mail: MailCatcher;
  let time: FrozenTime;
  before(async () => {
    time = freezeTime();
    mail = await startMailCatcher({ smtpPort: 0, webPort: 0 });
    service = await startService({ clients: [], smtpUrl: mail.smtpUrl });
  });
  after(async () => {
    await service.stop();
    await mail.close();
    time.release();
  });
  beforeEach(async () => {
    time.advance(2 * HOUR);
    await setFirstPassword(service, 'G1', FIRST);
    await service.container.store.write((tx) => tx.db.delete(tx.tables.throttles));
  });

  const signIn = async (
    password: string,
    login: string = EMAIL,
  ): Promise<{ httpBrowser: HttpBrowser; page: Answer }> => {
    const { httpBrowser, answer } = await signInToAccount(service, login, password);
    return { httpBrowser, page: answer };
  };
  /** Makes ten failed attempts with each login, each as soon as it is admitted. */
  const close = async (...otherLogins: string[]): Promise<void> => {
    for (let i = 0; i < 10; i += 1) {
      time.advance(WAITS[i] ?? 0);
      for (const login of [EMAIL, ...otherLogins]) await signIn('wrong', login);
    }
    assert.ok((await closing())[1]);
  };
  const closing = async (): Promise<unknown[]> => {
    const { first } = await readCredential(service, 'G1');
    return [first?.failures, first?.closedAt];
  };
  /** Counts outbox jobs, because a mail is sent again if the clock moves while it is sent. */
  const enqueued = async (): Promise<number> =>
    (await service.container.store.read((tx) => tx.db.select({ id: tx.tables.outbox.id }).from(tx.tables.outbox)))
      .length;
  const closings = async (): Promise<number> =>
    (await listAuditEvents(service, 'G1')).filter((event) => event === 'first_password.closed').length;
  const change = (httpBrowser: HttpBrowser, page: Answer, current: string, next = NEXT): Promise<Answer> =>
    httpBrowser.submit(page, { current_password: current, new_password: next, confirm_password: next });
  /** Asserts that the response equals that of an unknown login after as many attempts. */
  const isRefusal = async ({ page }: { page: Answer }): Promise<void> => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const unknown = await httpBrowser.submit(await httpBrowser.open('/account'), {
      login: UNKNOWN,
      password: 'x',
    });
    assert.equal(page.status, 422);
    assert.equal(normalizePage(page, EMAIL), normalizePage(unknown, UNKNOWN));
  };

  it('is valid until its last second, then fails like any wrong password', async () => {
    time.advance(30 * DAY - SECOND);
    assert.equal(interactionOf((await signIn(FIRST)).page), 'new_password');
    time.advance(SECOND);
    await isRefusal(await signIn(FIRST));
  });

  it('is closed by ten failed attempts; then the correct one fails with the same response', async () => {
    for (let i = 0; i < 10; i += 1) {
      assert.equal((await readCredential(service, 'G1')).first?.closedAt, null);
      time.advance(WAITS[i] ?? 0);
      await isRefusal(await signIn(`10020${String((i % 8) + 2)}`));
    }
    assert.ok((await readCredential(service, 'G1')).first?.closedAt);
    time.advance(DAY);
    await isRefusal(await signIn(FIRST));
  });

  it('is not closed sooner by failed attempts with several logins', async () => {
    const mobile = '0900000101';
    const tryBoth = async (): Promise<void> => {
      for (const login of [EMAIL, mobile]) {
        const { page } = await signIn('wrong', login);
        assert.ok([422, 429].includes(page.status));
      }
    };
    for (let i = 0; i < 20; i += 1) await tryBoth();
    assert.deepEqual(await closing(), [5, null]);
    // After ten failures of the person, the next attempt counts after 15 minutes.
    time.advance(14 * MINUTE);
    await tryBoth();
    assert.deepEqual(await closing(), [5, null]);
    time.advance(15 * MINUTE);
    await tryBoth();
    assert.deepEqual(await closing(), [6, null]);
    assert.equal(interactionOf((await signIn(FIRST, 'wang.daming')).page), 'login', 'no login of this person');
  });

  it('sends one e-mail and writes one audit entry when it is closed', async () => {
    const [mails, entries] = [await enqueued(), await closings()];
    await close();
    await mailTo(mail, EMAIL, SUBJECT);
    for (let day = 0; day < 3; day += 1) {
      time.advance(DAY);
      await signIn('wrong');
    }
    const message = await mailTo(mail, EMAIL, SUBJECT);
    assert.equal(new URL(linkIn(message)).href, `${service.issuer}/forgot-password`);
    assert.match(message.text, /^王大明，您好：\n\n預設密碼輸入錯誤次數過多，已於 .* 停用。/);
    assert.deepEqual([await enqueued(), await closings()], [mails + 1, entries + 1]);
  });

  it('stays closed and keeps its count after later attempts', async () => {
    await close(UNKNOWN);
    for (let day = 0; day < 8; day += 1) {
      time.advance(DAY);
      await signIn('wrong');
      await signIn('wrong', UNKNOWN);
    }
    assert.equal((await closing())[0], 10);
    time.advance(DAY);
    await isRefusal(await signIn(FIRST));
  });

  it('keeps its count after a correct attempt: ten failures in total close it', async () => {
    for (let round = 0; round < 3; round += 1) {
      for (let i = 0; i < 3; i += 1) await signIn('wrong');
      assert.equal(interactionOf((await signIn(FIRST)).page), 'new_password');
    }
    assert.deepEqual(await closing(), [9, null]);
    await signIn('wrong');
    assert.ok((await closing())[1]);
  });

  it('is also closed by failed attempts on the new-password page', async () => {
    const { httpBrowser, page } = await signIn(FIRST);
    // Until then the form does not ask for the first password.
    time.advance(15 * MINUTE);
    for (let i = 0; i < 10; i += 1) {
      time.advance(WAITS[i] ?? 0);
      assert.equal((await change(httpBrowser, page, 'wrong')).status, 422);
    }
    assert.equal((await change(httpBrowser, page, FIRST)).status, 429);
    time.advance(15 * MINUTE);
    const closed = await change(httpBrowser, page, FIRST);
    assert.equal(closed.status, 422);
    assert.match(errorAt(closed, 'current_password'), /^原密碼不正確。請於 \d\d:\d\d 後再試。$/);
    assert.ok((await readCredential(service, 'G1')).first);
  });

  it('cannot be changed if it expires between sign-in and change', async () => {
    await setFirstPassword(service, 'G1', FIRST, 10 * MINUTE);
    const { httpBrowser, page } = await signIn(FIRST);
    assert.equal(interactionOf(page), 'new_password');
    time.advance(10 * MINUTE);
    assert.equal((await change(httpBrowser, page, FIRST)).status, 410);
    assert.ok((await readCredential(service, 'G1')).first);
  });

  it('cannot be changed if it is closed between sign-in and change', async () => {
    const { httpBrowser, page } = await signIn(FIRST);
    await service.container.store.write(async (tx) => {
      await tx.db.update(tx.tables.firstPasswords).set({ closedAt: Date.now() });
    });
    assert.equal((await change(httpBrowser, page, FIRST)).status, 410);
    assert.ok((await readCredential(service, 'G1')).first);
  });

  it('cannot be changed on a page that was open for over an hour: 410 with a link', async () => {
    const { httpBrowser, page } = await signIn(FIRST);
    time.advance(HOUR + SECOND);
    for (const late of [await change(httpBrowser, page, FIRST), await httpBrowser.open(page.url)]) {
      assert.equal(late.status, 410);
      assert.ok(textOf(late.body).includes('這個步驟已過期'));
      assert.match(late.body, /<a class="button" href="\/account">/);
    }
    assert.ok((await readCredential(service, 'G1')).first);
    assert.equal(interactionOf((await signIn(FIRST)).page), 'new_password');
  });

  it('is replaced by a password reset after it was closed', async () => {
    await close();
    const httpBrowser = createHttpBrowser(service.issuer);
    const sent = await httpBrowser.submit(await httpBrowser.open('/forgot-password'), { login: EMAIL });
    assert.equal(sent.status, 200);
    const link = linkIn(await mailTo(mail, EMAIL, '設定新密碼'));
    const done = await httpBrowser.submit(await httpBrowser.open(link), { new_password: NEXT, confirm_password: NEXT });
    assert.equal(done.status, 200);
    assert.equal(await countFailures(service, 'G1'), 0);
    assert.equal((await readCredential(service, 'G1')).first, undefined);
    assert.equal(new URL((await signIn(NEXT)).page.url).pathname, '/account');
    await isRefusal(await signIn(FIRST));
  });

  it('invalidates other interactions in progress once it is changed', async () => {
    const { httpBrowser, page } = await signIn(FIRST);
    const other = await signIn(FIRST);
    await change(httpBrowser, page, FIRST);
    const late = await change(other.httpBrowser, other.page, FIRST, 'the attacker wants this one');
    assert.equal(late.status, 410);
    assert.equal((await other.httpBrowser.open(other.page.url)).status, 410);
    assert.equal(interactionOf(await other.httpBrowser.open('/account')), 'login');
    assert.equal(new URL((await signIn(NEXT)).page.url).pathname, '/account');
  });
});
