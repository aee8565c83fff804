import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher.ts';
import { LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import {
  listAuditEvents,
  readCredential,
  errorAt,
  countFailures,
  setPassword,
  setStatus,
  normalizePage,
  signInToAccount,
} from '../helpers/city.ts';
import { DAY, freezeTime, MINUTE, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf, type Answer } from '../helpers/http-browser.ts';
import { linkIn, mailsTo, mailTo, requestResetLink, RESET_SUBJECT } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';
import { startService, type TestService } from '../helpers/service.ts';

const NEXT = 'four small boats at anchor';
const EMAIL = LOGIN.G2;

describe('password reset', () => {
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
    time.advance(DAY);
    await setPassword(service, 'G2', DEMO_PASSWORD);
  });

  const ask = async (login: string, httpBrowser = createHttpBrowser(service.issuer)): Promise<Answer> =>
    httpBrowser.submit(await httpBrowser.open('/forgot-password'), { login });
  const newLink = (login: string = EMAIL, address: string = EMAIL): Promise<string> =>
    requestResetLink(service, mail, login, address);
  const complete = async (
    link: string,
    next = NEXT,
    httpBrowser = createHttpBrowser(service.issuer),
  ): Promise<Answer> => {
    const page = await httpBrowser.open(link);
    return page.status === 200 ? httpBrowser.submit(page, { new_password: next, confirm_password: next }) : page;
  };
  const signIn = (login: string, password: string): ReturnType<typeof signInToAccount> =>
    signInToAccount(service, login, password);

  it('has the same response for known, unknown and disabled accounts and those without e-mail', async () => {
    await setStatus(service, 'A2', 'disabled');
    const known = await ask(EMAIL);
    assert.equal(known.status, 200);
    assert.ok(textOf(known.body).includes('連結在 30 分鐘內有效，只能使用一次。'));
    const waits: number[] = [];
    for (const login of ['unknown@parents.example', LOGIN.S1, 'reg.993301', 'P11330003', '王大明', '0911111111']) {
      const start = performance.now();
      const other = await ask(login);
      waits.push(performance.now() - start);
      assert.equal(other.status, 200, login);
      assert.equal(normalizePage(other, login), normalizePage(known, EMAIL), login);
      assert.deepEqual([...other.headers.keys()], [...known.headers.keys()]);
    }
    // Every response takes longer than creating a link.
    assert.ok(Math.min(...waits) > 250, String(waits));
    await mailTo(mail, EMAIL, RESET_SUBJECT);
    assert.deepEqual(
      mail.messages().filter(({ to }) => !to.includes(EMAIL)),
      [],
    );
  });

  it("sends a link to the registered address for any login, in the person's language", async () => {
    for (const login of ['0900-000-102', 'MEILING.LI@parents.example']) {
      const link = new URL(await newLink(login));
      assert.equal(link.origin, service.issuer);
      assert.equal(link.pathname, '/reset-password');
      assert.match(link.searchParams.get('token') ?? '', /^[\w-]{43}$/);
    }
    await ask(LOGIN.G5);
    const english = await mailTo(mail, LOGIN.G5, 'password');
    assert.match(english.text, /Nguyen Thi Lan/);
    assert.match(english.text, /30 minutes/);
    assert.doesNotMatch(english.text, /連結/);
  });

  it('requires a login', async () => {
    const empty = await ask('  ');
    // Redirected, so reloading sends nothing again.
    assert.deepEqual([empty.status, new URL(empty.url).search], [422, '?rejected']);
    assert.equal(errorAt(empty, 'login'), '請輸入帳號。');
  });

  it('sets a new password once; then the link and the old password are invalid', async () => {
    const { httpBrowser: elsewhere } = await signIn(EMAIL, DEMO_PASSWORD);
    const link = await newLink();
    const httpBrowser = createHttpBrowser(service.issuer);
    const done = await complete(link, NEXT, httpBrowser);
    assert.equal(done.status, 200);
    assert.ok(textOf(done.body).includes('新密碼設定完成'));
    assert.equal(interactionOf(await httpBrowser.open('/account')), 'login', 'the link does not sign in');
    assert.equal(interactionOf(await elsewhere.open('/account')), 'login', 'other sessions have ended');
    const again = await complete(link, 'another password of mine');
    assert.equal(again.status, 410);
    assert.match(again.body, /<a class="button" href="\/forgot-password">/);
    assert.match(again.body, /<a href="\/account">返回登入/, 'who has used it can sign in');
    assert.equal((await signIn(EMAIL, DEMO_PASSWORD)).answer.status, 422);
    assert.equal((await signIn(EMAIL, NEXT)).answer.status, 200);
    assert.ok((await listAuditEvents(service, 'G2')).includes('password.reset'));
  });

  it('leads to the sign-in of this account also if another person is signed in', async () => {
    const { httpBrowser } = await signIn(LOGIN.T1, DEMO_PASSWORD);
    const done = await complete(await newLink(), NEXT, httpBrowser);
    const link = /<a class="button" href="([^"]+)"/.exec(done.body)?.[1]?.replaceAll('&amp;', '&') ?? '';
    assert.equal(interactionOf(await httpBrowser.open(link)), 'login');
  });

  it('sends a notice that the password was changed', async () => {
    const before = mailsTo(mail, EMAIL, '您的密碼已變更').length;
    await complete(await newLink());
    await pollUntil('the notice', () => mailsTo(mail, EMAIL, '您的密碼已變更').length > before);
    const notice = await mailTo(mail, EMAIL, '您的密碼已變更');
    assert.ok(notice.text.includes(`${service.issuer}/forgot-password`));
  });

  it('does not consume the link when it is opened or a new password is rejected', async () => {
    const link = await newLink();
    const httpBrowser = createHttpBrowser(service.issuer);
    for (let i = 0; i < 3; i += 1) assert.equal((await httpBrowser.open(link)).status, 200);
    const page = await httpBrowser.open(link);
    assert.doesNotMatch(textOf(page.body), /您好/, 'the page of a link shows no name');
    const refusals: [string, string, string, string][] = [
      ['short', 'short', 'new_password', '新密碼太短，至少要 12 個字元。'],
      ['ship 0900000102 harbour', 'ship 0900000102 harbour', 'new_password', '新密碼不可包含電話號碼。'],
      [NEXT, `${NEXT}!`, 'confirm_password', '兩次輸入的新密碼不一樣。'],
      ['', '', 'new_password', '請輸入新密碼。'],
    ];
    for (const [next, again, field, words] of refusals) {
      const answer = await httpBrowser.submit(page, { new_password: next, confirm_password: again });
      assert.equal(answer.status, 422);
      assert.ok(errorAt(answer, field).includes(words), words);
    }
    assert.equal((await complete(link)).status, 200);
  });

  it('accepts a link for exactly thirty minutes', async () => {
    const link = await newLink();
    const httpBrowser = createHttpBrowser(service.issuer);
    const page = await httpBrowser.open(link);
    time.advance(30 * MINUTE - SECOND);
    assert.equal((await httpBrowser.open(link)).status, 200);
    time.advance(SECOND);
    assert.equal((await httpBrowser.open(link)).status, 410);
    const late = await httpBrowser.submit(page, { new_password: NEXT, confirm_password: NEXT });
    assert.equal(late.status, 410);
    assert.equal((await signIn(EMAIL, DEMO_PASSWORD)).answer.status, 200);
  });

  it('has one active link at a time: a newer one revokes the older', async () => {
    const [older, newer] = [await newLink(), await newLink()];
    assert.notEqual(older, newer);
    assert.equal((await complete(older)).status, 410);
    assert.equal((await complete(newer)).status, 200);
  });

  it('sends at most three mails to a person in half an hour, with the same response', async () => {
    const before = mailsTo(mail, EMAIL, RESET_SUBJECT).length;
    const first = await newLink();
    for (let i = 0; i < 2; i += 1) await newLink();
    const silent = await ask(EMAIL);
    assert.equal(silent.status, 200);
    assert.equal(
      normalizePage(silent, EMAIL),
      normalizePage(await ask('unknown@parents.example'), 'unknown@parents.example'),
    );
    const latest = linkIn(await mailTo(mail, EMAIL, RESET_SUBJECT));
    assert.notEqual(first, latest);
    assert.equal((await createHttpBrowser(service.issuer).open(latest)).status, 200, 'the last link stays good');
    time.advance(30 * MINUTE);
    await newLink();
    assert.equal(mailsTo(mail, EMAIL, RESET_SUBJECT).length - before, 4);
    assert.equal(
      (await listAuditEvents(service, 'G2')).filter((event) => event === 'password_reset.requested').length > 4,
      true,
    );
  });

  it('unlocks a locked account', async () => {
    for (let i = 0; i < 50; i += 1) {
      time.advance(15 * MINUTE);
      await signIn(EMAIL, 'wrong');
    }
    assert.equal(await countFailures(service, 'G2'), 50);
    time.advance(DAY);
    assert.equal((await signIn(EMAIL, DEMO_PASSWORD)).answer.status, 429);
    assert.equal((await complete(await newLink())).status, 200);
    assert.equal((await signIn(EMAIL, NEXT)).answer.status, 200);
  });

  it('is revoked by a password change: an earlier link is invalid', async () => {
    const link = await newLink();
    const { httpBrowser } = await signIn(EMAIL, DEMO_PASSWORD);
    const fields = { current_password: DEMO_PASSWORD, new_password: NEXT, confirm_password: NEXT };
    await httpBrowser.submit(await httpBrowser.open('/account/password'), fields);
    assert.equal((await complete(link, 'the attacker wants this one')).status, 410);
  });

  it('fails for a person who was disabled after the mail', async () => {
    const link = await newLink();
    await setStatus(service, 'G2', 'disabled');
    const hash = (await readCredential(service, 'G2')).hash;
    const answer = await complete(link);
    await setStatus(service, 'G2', 'active');
    assert.equal(answer.status, 410);
    assert.equal((await readCredential(service, 'G2')).hash, hash);
  });

  it('rejects a guessed, truncated or missing token', async () => {
    const token = new URL(await newLink()).searchParams.get('token') ?? '';
    const httpBrowser = createHttpBrowser(service.issuer);
    for (const guess of [
      '',
      token.slice(1),
      `${token}A`,
      token.toLowerCase(),
      'A'.repeat(43),
      `${token}&token=${token}`,
    ]) {
      const path = `/reset-password?token=${guess}`;
      assert.equal((await httpBrowser.open(path)).status, 410, path);
      const fields = new URLSearchParams({ new_password: NEXT, confirm_password: NEXT });
      assert.equal((await httpBrowser.post(path, fields)).status, 410, path);
    }
    assert.equal((await httpBrowser.open('/reset-password')).status, 410);
  });
});
