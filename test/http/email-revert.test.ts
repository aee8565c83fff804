/** The link with which the owner of the former email address takes a change back. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher.ts';
import { interactionOf, LOGIN } from '../helpers/authorization-flow.ts';
import { listAuditEvents, signInToAccount } from '../helpers/city.ts';
import { DAY, freezeTime, MINUTE, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf, type Answer, type HttpBrowser, noticeOf } from '../helpers/http-browser.ts';
import { linkIn, mailsTo } from '../helpers/mail.ts';
import { getPersonFacts } from '../helpers/people.ts';
import { pollUntil } from '../helpers/poll.ts';
import { completeSetup, enrollTotp, recoveryCodesOn } from '../helpers/second-factors.ts';
import { eachService } from '../helpers/service-matrix.ts';

let mail: MailCatcher;
let time: FrozenTime;
before(async () => {
  time = freezeTime();
  mail = await startMailCatcher({ smtpPort: 0, webPort: 0 });
});
after(async () => {
  await mail.close();
  time.release();
});

eachService(
  'the link to the former email address',
  () => ({ clients: [], smtpUrl: mail.smtpUrl }),
  (running) => {
    beforeEach(() => {
      time.advance(DAY);
    });
    const findMail = (to: string, part: string): Promise<string> =>
      pollUntil(`a mail with ${part}`, () =>
        mail
          .messages()
          .map(({ to: receivers, text }) => ({ receivers, text }))
          .find(({ receivers, text }) => receivers.includes(to) && text.includes(`${running().issuer}${part}`)),
      ).then(({ text }) => linkIn({ text: text.slice(text.indexOf(`${running().issuer}${part}`)) }));
    /** Changes the email address in a session of the person. @returns the session and the link to the former address */
    const change = async (login: string, next: string): Promise<{ browser: HttpBrowser; link: string }> => {
      const { httpBrowser: browser } = await signInToAccount(running(), login, DEMO_PASSWORD);
      await completeSetup(browser, await browser.open('/account/second-factors/totp'));
      return { browser, link: await changeIn(browser, login, next) };
    };
    const changeIn = async (browser: HttpBrowser, login: string, next: string): Promise<string> => {
      await browser.post('/account/contacts/email', new URLSearchParams({ email: next }));
      const confirmed = await browser.submit(await browser.open(await findMail(next, '/account/email/confirm')), {});
      assert.match(noticeOf(confirmed.body), /電子郵件地址已變更/);
      return findMail(login, '/account/email/revert');
    };
    /** Takes the change back and sets a new password, as the owner. */
    const revert = async (link: string): Promise<string> => {
      const owner = createHttpBrowser(running().issuer);
      const reset = await owner.submit(await owner.open(link), {});
      const password = '小溪邊的石頭會唱歌給月亮聽 7';
      assert.equal((await owner.submit(reset, { new_password: password, confirm_password: password })).status, 200);
      return password;
    };
    const emailsOf = async (login: string): Promise<string[]> =>
      (await getPersonFacts(running(), login)).identifiers.flatMap(({ kind, value }) =>
        kind === 'email' ? [value] : [],
      );
    const open = (link: string): Promise<Answer> => createHttpBrowser(running().issuer).open(link);

    it('restores the address, ends sessions and the new factor, and asks for a new password', async () => {
      const next = `thief.${running().issuer.slice(-5)}@mail.example`;
      const { browser: thief, link } = await change(LOGIN.G2, next);
      const owner = createHttpBrowser(running().issuer);
      const page = await owner.open(link);
      assert.doesNotMatch(page.url, /token/);
      assert.match(textOf(page.body), /恢復您的電子郵件地址/);
      assert.deepEqual(await emailsOf(next), [next], 'opening the link changes nothing');
      assert.equal((await thief.open('/account')).status, 200);
      const reset = await owner.submit(page, {});
      assert.match(reset.url, /\/reset-password$/);
      assert.deepEqual(await emailsOf(LOGIN.G2), [LOGIN.G2]);
      assert.equal(interactionOf(await thief.open('/account')), 'login');
      assert.equal((await signInToAccount(running(), LOGIN.G2, DEMO_PASSWORD)).answer.status, 422, 'the old password');
      const password = '小溪邊的石頭會唱歌給月亮聽 7';
      const done = await owner.submit(reset, { new_password: password, confirm_password: password });
      assert.equal(done.status, 200);
      time.advance(SECOND);
      const { answer } = await signInToAccount(running(), LOGIN.G2, password);
      assert.equal(new URL(answer.url).pathname, '/account', 'no second factor of the thief');
      assert.match(textOf(answer.body), /恢復了您原來的電子郵件地址/);
      assert.ok((await listAuditEvents(running(), 'G2')).includes('identifier.reverted'));
      assert.equal((await open(link)).status, 410, 'works once');
      assert.equal(mailsTo(mail, next, '您的登入帳號已變更').length, 0, 'the new address has no link');
    });

    it('keeps an older second factor, and ends recovery codes that are as new as the change', async () => {
      const authenticator = await enrollTotp(running(), 'G4');
      time.advance(2 * DAY);
      const { httpBrowser: thief, answer: asked } = await signInToAccount(running(), LOGIN.G4, DEMO_PASSWORD);
      await thief.submit(asked, { code: authenticator.code() });
      const [code = ''] = recoveryCodesOn(
        await thief.post('/account/second-factors/recovery-codes', new URLSearchParams()),
      );
      assert.notEqual(code, '');
      const next = `g4.thief.${running().issuer.slice(-5)}@mail.example`;
      const password = await revert(await changeIn(thief, LOGIN.G4, next));
      time.advance(MINUTE);
      const { httpBrowser: browser, answer } = await signInToAccount(running(), LOGIN.G4, password);
      assert.equal(interactionOf(answer), 'second_factor');
      const page = await browser.open(`${answer.url}?method=recovery_code`);
      assert.equal((await browser.submit(page, { code })).status, 422, 'a recovery code of the thief');
      await browser.submit(await browser.open(answer.url), { code: authenticator.code() });
      assert.equal((await browser.open('/account')).status, 200);
    });

    it('works for 72 hours, also after the address was changed again', async () => {
      const first = `g5.first.${running().issuer.slice(-5)}@mail.example`;
      const { browser, link } = await change(LOGIN.G5, first);
      const second = `g5.second.${running().issuer.slice(-5)}@mail.example`;
      await browser.post('/account/contacts/email', new URLSearchParams({ email: second }));
      await browser.submit(await browser.open(await findMail(second, '/account/email/confirm')), {});
      assert.deepEqual(await emailsOf(second), [second]);
      time.advance(3 * DAY - SECOND);
      const page = await open(link);
      assert.equal(page.status, 200);
      time.advance(SECOND);
      assert.equal((await open(link)).status, 410);
    });
  },
);
