import assert from 'node:assert/strict';
import { it } from 'node:test';
import { eq } from 'drizzle-orm';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { listAuditEvents, personId, signInToAccount } from '../helpers/city.ts';
import { MINUTE, useFrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { mailTo, useMailCatcher } from '../helpers/mail.ts';
import { getPersonFacts } from '../helpers/people.ts';
import { eachService } from '../helpers/service-matrix.ts';

const mail = useMailCatcher();
const time = useFrozenTime();

eachService(
  'the language',
  () => ({ clients: [], smtpUrl: mail.smtpUrl }),
  (running) => {
    it('stores the language of the switch with the person, by a form only', async () => {
      const browser = (await signInToAccount(running(), LOGIN.G2)).httpBrowser;
      const switchTo = (to: string, back = '/account/contacts'): Promise<Answer> =>
        browser.post('/language', new URLSearchParams({ to, back }));
      const storedLocale = async (): Promise<string | undefined> =>
        (await getPersonFacts(running(), LOGIN.G2)).locale ?? undefined;
      const before = await storedLocale();
      assert.match((await browser.open('/language?to=en&back=/account/contacts')).body, /<html lang="en">/);
      assert.equal(await storedLocale(), before, 'a link changes the browser only');
      const english = await switchTo('en');
      assert.match(english.url, /\/account\/contacts$/);
      assert.match(english.body, /<option value="en" lang="en" selected>English<\/option>/);
      assert.equal(await storedLocale(), 'en');
      assert.equal((await switchTo('xx', '//evil.example')).url, `${running().issuer}/account`);
      assert.equal(await storedLocale(), 'en');
      const count = async (): Promise<number> =>
        (await listAuditEvents(running(), 'G2')).filter((event) => event === 'person.locale_changed').length;
      const changes = await count();
      await switchTo('en');
      assert.equal(await count(), changes, 'the same language is no change');
      await switchTo('zh-TW');
    });

    it('shows pages in the language of the person and stores the latest choice at a sign-in', async () => {
      const chooser = createHttpBrowser(running().issuer);
      const page = await chooser.open('/language?to=en&back=/account');
      assert.match((await chooser.submit(page, { login: LOGIN.G2, password: DEMO_PASSWORD })).body, /<html lang="en">/);
      const localeOf = async (login: string) => (await getPersonFacts(running(), login)).locale ?? undefined;
      assert.equal(await localeOf(LOGIN.G2), 'en');
      const { httpBrowser: other, answer } = await signInToAccount(running(), LOGIN.G2);
      assert.match(answer.body, /<html lang="en">/);
      await other.post('/language', new URLSearchParams({ to: 'zh-TW', back: '/account' }));
      // An hour later, the choice at a shared computer is not that of the next person.
      const before = await localeOf(LOGIN.S1);
      const shared = createHttpBrowser(running().issuer);
      await shared.open('/language?to=en&back=/account');
      time.advance(61 * MINUTE);
      const signedIn = await shared.submit(await shared.open('/account'), { login: LOGIN.S1, password: DEMO_PASSWORD });
      assert.equal(new URL(signedIn.url).pathname, '/account');
      assert.equal(await localeOf(LOGIN.S1), before);
    });

    it('stores a choice with one person only, and none of a link on another site', async () => {
      const localeOf = async (login: string) => (await getPersonFacts(running(), login)).locale ?? undefined;
      const open = async (browser: HttpBrowser, login: string): Promise<void> => {
        const signedIn = await browser.submit(await browser.open('/account'), { login, password: DEMO_PASSWORD });
        assert.equal(new URL(signedIn.url).pathname, '/account');
      };
      const { httpBrowser } = await signInToAccount(running(), LOGIN.G2);
      await httpBrowser.post('/account/language', new URLSearchParams({ language: 'zh-TW' }));
      for (const choose of [
        (browser: HttpBrowser) => browser.open('/language?to=en&back=/account'),
        (browser: HttpBrowser) => browser.post('/language', new URLSearchParams({ to: 'en', back: '/account' })),
      ]) {
        const shared = createHttpBrowser(running().issuer);
        await choose(shared);
        await open(shared, LOGIN.T1);
        await choose(shared);
        assert.equal(await localeOf(LOGIN.T1), 'en');
        await shared.submit(await shared.open('/session/end'), {});
        await open(shared, LOGIN.G2);
        assert.equal(await localeOf(LOGIN.G2), 'zh-TW');
      }
      const led = createHttpBrowser(running().issuer);
      const page = await led.open('/language?to=en&back=/account', { 'sec-fetch-site': 'cross-site' });
      assert.match(page.body, /<html lang="zh-TW">/);
      await open(led, LOGIN.G2);
      assert.equal(await localeOf(LOGIN.G2), 'zh-TW');
    });

    it('uses the language of the account form, also after a choice in the page header', async () => {
      const { httpBrowser } = await signInToAccount(running(), LOGIN.G2);
      await httpBrowser.open('/language?to=en&back=/account');
      const body = new URLSearchParams({ language: 'zh-TW' });
      const saved = await httpBrowser.post('/account/language', body);
      assert.doesNotMatch(saved.body, /<html lang="en">/);
    });

    it('mails notices in the language of the page to a person without one', async () => {
      await running().container.store.write(({ db, tables: { persons } }) =>
        db
          .update(persons)
          .set({ locale: null })
          .where(eq(persons.id, personId('G3'))),
      );
      const english = createHttpBrowser(running().issuer, 'en');
      await english.submit(await english.open('/account'), { login: LOGIN.G3, password: DEMO_PASSWORD });
      await english.post('/account/contacts/account', new URLSearchParams({ account: 'calm-river-7' }));
      await mailTo(mail, LOGIN.G3, 'Your sign-in details have changed');
      const next = 'a lantern above seven quiet boats';
      const typed = { current_password: DEMO_PASSWORD, new_password: next, confirm_password: next };
      await english.submit(await english.open('/account/password'), typed);
      await mailTo(mail, LOGIN.G3, 'Your password was changed');
    });
  },
);
