import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { RECENT_SIGN_IN_SECONDS } from '../../src/domain/sessions.ts';
import { interactionOf, LOGIN } from '../helpers/authorization-flow.ts';
import { errorAt, listAuditEvents, personId, setPassword, signInToAccount } from '../helpers/city.ts';
import { DAY, MINUTE, SECOND, useFrozenTime } from '../helpers/frozen-time.ts';
import { textOf, type Answer, type HttpBrowser, noticeOf } from '../helpers/http-browser.ts';
import { linkIn, mailsTo, mailTo, useMailCatcher } from '../helpers/mail.ts';
import { getPersonFacts, replaceMobile } from '../helpers/people.ts';
import { pollUntil } from '../helpers/poll.ts';
import { eachService } from '../helpers/service-matrix.ts';

const CONFIRM = '確認您的電子郵件地址';
/** Another password than that of the person who has the number. */
const OWN = '下雨天的山路很安靜 42';
const mail = useMailCatcher();
const time = useFrozenTime();

eachService(
  'the contacts page',
  () => ({ clients: [], smtpUrl: mail.smtpUrl }),
  (running) => {
    beforeEach(() => {
      time.advance(DAY);
    });

    const signIn = async (login: string): Promise<HttpBrowser> => {
      const { httpBrowser, answer } = await signInToAccount(running(), login);
      assert.equal(new URL(answer.url).pathname, '/account', textOf(answer.body).slice(0, 300));
      return httpBrowser;
    };
    const change = (browser: HttpBrowser, kind: 'email' | 'mobile' | 'account', value: string): Promise<Answer> =>
      browser.post(`/account/contacts/${kind}`, new URLSearchParams({ [kind]: value }));
    const newestLink = async (address: string): Promise<string> => linkIn(await mailTo(mail, address, CONFIRM));
    const confirm = async (browser: HttpBrowser, link: string): Promise<Answer> =>
      browser.submit(await browser.open(link), {});
    const loginsOf = async (login: string): Promise<string[]> =>
      (await getPersonFacts(running(), login)).identifiers.map(({ kind, value }) => `${kind} ${value}`).sort();
    const unique = (name: string): string => `${name}.${running().issuer.slice(-5)}@mail.example`;

    it('changes the email address only after its link is opened, and notifies the old address', async () => {
      const browser = await signIn(LOGIN.G4);
      const next = unique('g4.new');
      const sent = await change(browser, 'email', ` ${next.toUpperCase()}\u200b。`);
      assert.match(noticeOf(sent.body), /我們已寄出確認信/);
      assert.match(textOf(sent.body), /我們已寄出確認信/);
      assert.ok(textOf(sent.body).includes(`我們已寄信到 ${next}`));
      const before = await loginsOf(LOGIN.G4);
      const link = await newestLink(next);
      assert.deepEqual(await loginsOf(LOGIN.G4), before, 'nothing changed yet');
      const page = await browser.open(link);
      assert.ok(textOf(page.body).includes(next));
      assert.deepEqual(await loginsOf(LOGIN.G4), before, 'opening the link alone changes nothing');
      const done = await browser.submit(page, {});
      assert.match(noticeOf(done.body), /電子郵件地址已變更/);
      assert.deepEqual(
        await loginsOf(next),
        before.map((one) => (one === `email ${LOGIN.G4}` ? `email ${next}` : one)).sort(),
      );
      const notice = await mailTo(mail, LOGIN.G4, '您的登入帳號已變更');
      assert.match(notice.text, /g•••@mail\.example/);
      assert.match(notice.text, /請立即聯絡學校資訊組/);
      assert.doesNotMatch(notice.text, /forgot-password/, 'a reset link would go to the new address');
      assert.equal((await signInToAccount(running(), LOGIN.G4)).answer.status, 422);
      await signIn(next);
      assert.ok((await listAuditEvents(running(), 'G4')).includes('identifier.changed'));
      assert.equal((await confirm(browser, link).catch(() => undefined))?.status ?? 410, 410, 'works once');
    });

    it('accepts a link for exactly thirty minutes, and only from the account that asked for it', async () => {
      const browser = await signIn(LOGIN.G2);
      const next = unique('g2.late');
      await change(browser, 'email', next);
      const link = await newestLink(next);
      const other = await signIn(LOGIN.G5);
      assert.equal((await other.open(link)).status, 410);
      const forged = link.replace(/token=.*/, `token=${'A'.repeat(43)}`);
      assert.equal((await browser.open(forged)).status, 410, 'another token');
      time.advance(30 * MINUTE - SECOND);
      const page = await browser.submit(await browser.open(link), { password: DEMO_PASSWORD });
      assert.equal(page.status, 200);
      assert.ok(textOf(page.body).includes(next));
      time.advance(SECOND);
      assert.equal((await browser.submit(page, {})).status, 410);
      assert.ok((await loginsOf(LOGIN.G2)).includes(`email ${LOGIN.G2}`));
    });

    it('asks for the password again when the link is opened or confirmed after five minutes', async () => {
      const browser = await signIn(LOGIN.G2);
      const next = unique('g2.copied');
      await change(browser, 'email', next);
      const link = await newestLink(next);
      const opened = await browser.open(link);
      time.advance(RECENT_SIGN_IN_SECONDS * SECOND + SECOND);
      assert.equal(interactionOf(await browser.submit(opened, {})), 'login', 'the button');
      const asked = await browser.open(link);
      assert.equal(interactionOf(asked), 'login', 'the link');
      assert.ok((await loginsOf(LOGIN.G2)).includes(`email ${LOGIN.G2}`), 'nothing changed');
      const page = await browser.submit(asked, { password: DEMO_PASSWORD });
      assert.match(page.url, /\/account\/email\/confirm$/);
      assert.ok(textOf(page.body).includes(next));
    });

    it('answers the same for the address of another person, who gets a mail', async () => {
      const browser = await signIn(LOGIN.G2);
      const [free, taken] = [
        await change(browser, 'email', unique('g2.free')),
        await change(browser, 'email', LOGIN.G5),
      ];
      const normalize = ({ body }: Answer, address: string): string => body.replaceAll(address, 'ADDRESS');
      assert.equal(normalize(taken, LOGIN.G5), normalize(free, unique('g2.free')));
      assert.deepEqual([taken.status, taken.url], [free.status, free.url]);
      const notice = await mailTo(mail, LOGIN.G5, 'Someone tried to use your email address');
      assert.doesNotMatch(notice.text, /confirm\?token/);
      assert.doesNotMatch(notice.text, /李美玲/);
      assert.ok((await loginsOf(LOGIN.G5)).includes(`email ${LOGIN.G5}`));
      assert.equal(mailsTo(mail, LOGIN.G5, 'Confirm').length, 0);
    });

    it('lets one of two people have an address that both confirm at once', async () => {
      const next = unique('shared');
      const [first, second] = [await signIn(LOGIN.G2), await signIn(LOGIN.G5)];
      await change(first, 'email', next);
      const link = await newestLink(next);
      await change(second, 'email', next);
      await pollUntil('both mails', () => mail.messages().filter(({ to }) => to.includes(next)).length === 2);
      const others = mail.messages().filter(({ to, text }) => to.includes(next) && linkIn({ text }) !== link);
      const pages = [await first.open(link), await second.open(linkIn(others[0] ?? { text: '' }))] as const;
      const answers = await Promise.all([first.submit(pages[0], {}), second.submit(pages[1], {})]);
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
      const facts = await getPersonFacts(running(), next);
      assert.equal(facts.identifiers.filter(({ kind }) => kind === 'email').length, 1);
      const loser = answers.find(({ status }) => status === 409);
      assert.match(textOf(loser?.body ?? ''), /無法使用這個電子郵件地址|This email address cannot be used/);
      // The winner takes the old address back for the next tests.
      const [winner, old] = answers[0].status === 200 ? [first, LOGIN.G2] : [second, LOGIN.G5];
      await change(winner, 'email', old);
      const back = await pollUntil('the link to the old address', () =>
        mail
          .messages()
          .find(({ to, text }) => to.includes(old) && text.includes(`${running().issuer}/account/email/confirm?token`)),
      );
      assert.equal((await confirm(winner, linkIn(back))).status, 200);
    });

    it('stores a mobile number that is no login until staff confirm it, whether or not it is taken', async () => {
      const browser = await signIn(LOGIN.G5);
      await setPassword(running(), 'G5', OWN);
      const before = await loginsOf(LOGIN.G5);
      const enter = async (number: string): Promise<{ page: string; signIn: number }> => {
        const answer = await change(browser, 'mobile', number);
        assert.match(noticeOf(answer.body), /您的手機號碼已儲存/);
        assert.ok(textOf(answer.body).includes(`${number} 等待學校確認`));
        assert.deepEqual(await loginsOf(LOGIN.G5), before);
        const page = answer.body.replaceAll(number, 'NUMBER');
        return { page, signIn: (await signInToAccount(running(), number, OWN)).answer.status };
      };
      const free = await enter(`09${running().issuer.slice(-5)}678`);
      assert.equal(free.signIn, 422);
      assert.deepEqual(await enter('0900000102'), free);
      assert.ok((await loginsOf(LOGIN.G2)).includes('mobile +886900000102'));
      assert.match(noticeOf((await change(browser, 'mobile', '0900-000-102')).body), /沒有變更/);
      await setPassword(running(), 'G5', DEMO_PASSWORD);
    });

    it('offers another account name for one that is taken', async () => {
      const browser = await signIn(LOGIN.G5);
      const taken = await change(browser, 'account', LOGIN.T1);
      assert.equal(taken.status, 422);
      const [, offered = ''] = /您可以使用 ([a-z0-9._-]+)。/.exec(errorAt(taken, 'account')) ?? [];
      assert.notEqual(offered, '');
      assert.match(noticeOf((await change(browser, 'account', offered)).body), /自訂帳號已變更/);
      await signIn(offered);
      assert.match(noticeOf((await change(browser, 'account', offered)).body), /沒有變更/);
    });

    it('rejects invalid values and keeps what was entered', async () => {
      const browser = await signIn(LOGIN.G5);
      for (const [kind, value] of [
        ['email', 'a@b'],
        ['email', ''],
        ['mobile', '12345'],
        ['account', 'p12345'],
        ['account', '王小明'],
      ] as const) {
        const answer = await change(browser, kind, value);
        assert.equal(answer.status, 422, value);
        assert.notEqual(errorAt(answer, kind), '');
        assert.ok(answer.body.includes(`value="${value}"`), value);
      }
    });

    it('limits the changes of one person, and says when to try again', async () => {
      const browser = await signIn(LOGIN.G5);
      for (let i = 0; i < 5; i += 1) {
        assert.equal((await change(browser, 'email', unique(`limit${String(i)}`))).status, 200);
      }
      const refused = await change(browser, 'email', unique('limit5'));
      assert.equal(refused.status, 429);
      assert.match(textOf(refused.body), /變更次數過多，請於 \d\d:\d\d 後再試。/);
      assert.ok(refused.headers.get('retry-after'));
      time.advance(30 * MINUTE);
      assert.equal(interactionOf(await change(browser, 'email', unique('limit6'))), 'login', 'asks for the password');
    });

    it('mails the owner of an address after requests of others, up to a limit per address', async () => {
      const next = unique('wanted');
      const listMails = async (): Promise<string[]> =>
        (await running().container.store.read((tx) => tx.db.select().from(tx.tables.outbox))).map(({ id }) => id);
      /** Requests the address several times. @returns the number of mails */
      const request = async (login: string, times: number): Promise<number> => {
        const browser = await signIn(login);
        const before = new Set(await listMails());
        for (let i = 0; i < times; i += 1) assert.equal((await change(browser, 'email', next)).status, 200);
        return (await listMails()).filter((id) => !before.has(id)).length;
      };
      assert.equal(await request(LOGIN.G5, 4), 3, 'three for one person');
      assert.equal(await request(LOGIN.G2, 1), 1, 'the owner gets the link');
      for (const login of [LOGIN.T1, LOGIN.T2, LOGIN.A1]) assert.equal(await request(login, 3), 3, login);
      assert.equal(await request(LOGIN.A2, 3), 2, 'fifteen for one address');
    });

    it('asks for the password again when the sign-in is not recent', async () => {
      const browser = await signIn(LOGIN.G2);
      time.advance((RECENT_SIGN_IN_SECONDS + 1) * SECOND);
      const asked = await change(browser, 'account', 'a.new.name');
      assert.equal(interactionOf(asked), 'login');
      const confirmed = await browser.submit(asked, { password: DEMO_PASSWORD });
      assert.match(noticeOf(confirmed.body), /已確認您的密碼/);
      assert.ok(!(await loginsOf(LOGIN.G2)).includes('account a.new.name'));
    });

    it('ends reset links of the old address and sign-ins in progress when a login changes', async () => {
      await setPassword(running(), 'G2', DEMO_PASSWORD);
      const browser = await signIn(LOGIN.G2);
      const { container } = running();
      const versionOf = (): Promise<number | undefined> =>
        container.store.read(async (tx) => {
          const rows = await tx.db.select().from(tx.tables.persons);
          return rows.find(({ name }) => name === '李美玲')?.credentialVersion;
        });
      const version = await versionOf();
      await change(browser, 'account', `meiling${running().issuer.slice(-5)}`);
      assert.equal(await versionOf(), (version ?? 0) + 1);
      assert.equal((await browser.open('/account')).status, 200, 'this session stays');
    });

    const remove = (browser: HttpBrowser, kind: 'mobile' | 'account'): Promise<Answer> =>
      browser.post(`/account/contacts/${kind}/remove`, new URLSearchParams());

    it('removes a mobile number that waits for staff, without a mail', async () => {
      const browser = await signIn(LOGIN.G5);
      await change(browser, 'mobile', '0900-000-102');
      const before = mailsTo(mail, LOGIN.G5, '您的登入帳號已變更').length;
      assert.match(noticeOf((await remove(browser, 'mobile')).body), /手機號碼.*已移除/);
      assert.equal(mailsTo(mail, LOGIN.G5, '您的登入帳號已變更').length, before);
      assert.doesNotMatch((await browser.open('/account/contacts')).body, /0900000102/);
      assert.ok((await loginsOf(LOGIN.G2)).includes('mobile +886900000102'));
    });

    it('removes the mobile number and the account name after a recent sign-in, with a notice', async () => {
      const browser = await signIn(LOGIN.G2);
      const [number, name] = [`09${running().issuer.slice(-5)}456`, `removed${running().issuer.slice(-5)}`];
      await replaceMobile(running(), personId('G2'), `+886${number.slice(1)}`);
      let undo = '';
      assert.match(noticeOf((await change(browser, 'account', name)).body), /自訂帳號已變更/);
      for (const [kind, login, notice] of [
        ['mobile', number, /手機號碼（\+•••6）已於 .* 移除/],
        ['account', name, /自訂帳號（r•••\d）已於 .* 移除/],
      ] as const) {
        const page = await browser.open('/account/contacts');
        assert.ok(page.body.includes(`action="/account/contacts/${kind}/remove"`));
        const asked = await browser.open(`/account/contacts/${kind}/remove`);
        assert.ok(textOf(asked.body).includes(`移除後，${login} 不能再用來登入`));
        assert.ok(
          (await loginsOf(LOGIN.G2)).some((one) => one.startsWith(kind)),
          'nothing is removed yet',
        );
        const done = await browser.submit(asked, {});
        assert.ok(noticeOf(done.body).includes(`${login} 已移除`), noticeOf(done.body));
        undo = done.body;
        assert.ok(!done.body.includes(`action="/account/contacts/${kind}/remove"`), 'nothing left to remove');
        assert.equal((await signInToAccount(running(), login)).answer.status, 422);
        await pollUntil('the notice', () =>
          mailsTo(mail, LOGIN.G2, '您的登入帳號已變更').find(({ text }) => notice.test(text)),
        );
        assert.match(noticeOf((await remove(browser, kind)).body), /沒有變更/);
      }
      const events = await listAuditEvents(running(), 'G2');
      assert.equal(events.filter((event) => event === 'identifier.removed').length, 2);
      assert.ok(undo.includes(`value="${name}" type="submit"><span>復原「${name}」`), 'a button to restore it');
      assert.ok(noticeOf((await change(browser, 'account', name)).body).includes(`已變更為 ${name}`));
      assert.equal((await browser.open('/account')).status, 200, 'this session stays');
      time.advance((RECENT_SIGN_IN_SECONDS + 1) * SECOND);
      assert.equal(interactionOf(await remove(browser, 'mobile')), 'login', 'not recent');
    });

    it('keeps the only login of a person', async () => {
      const browser = await signIn(LOGIN.S1);
      const before = await loginsOf(LOGIN.S1);
      for (const answer of [await browser.open('/account/contacts/account/remove'), await remove(browser, 'account')]) {
        assert.equal(answer.status, 422);
        assert.match(textOf(answer.body), /這是您唯一可以登入的帳號/);
      }
      assert.deepEqual(await loginsOf(LOGIN.S1), before);
    });

    it('sends mails in the language that the person chooses', async () => {
      const browser = await signIn(LOGIN.G2);
      const form = await browser.open('/account/contacts');
      assert.match(form.body, /<option value="zh-TW" lang="zh-TW" selected>中文<\/option>/);
      assert.match(form.body, /<option value="en" lang="en">English<\/option>/);
      const page = await browser.post('/account/language', new URLSearchParams({ language: 'en' }));
      assert.match(noticeOf(page.body), /Your mail language has been saved: English/);
      const next = unique('g2.english');
      await change(browser, 'email', next);
      await mailTo(mail, next, 'Confirm your email address');
      assert.equal((await browser.post('/account/language', new URLSearchParams({ language: 'xx' }))).status, 422);
      await browser.post('/account/language', new URLSearchParams({ language: 'zh-TW' }));
    });
  },
);
