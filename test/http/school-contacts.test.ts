/** The desks that families call: the pages that show them, and the console that changes them. */
import assert from 'node:assert/strict';
import { it } from 'node:test';

import { eq } from 'drizzle-orm';

import { LOGIN, interactionOf, runAuthorization } from '../helpers/authorization-flow.ts';
import { SCHOOL_ACCOUNTS } from '../helpers/binding.ts';
import { signInToAccount } from '../helpers/city.ts';
import { alertOf, createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { linkIn, mailTo, requestResetLink, RESET_SUBJECT, useMailCatcher } from '../helpers/mail.ts';
import { solveHumanCheck } from '../helpers/human-check.ts';
import { createParty, createRegistration, newSecret } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff } from '../helpers/staff.ts';

const SCHOOL = '993301';
const LIST = '/console/school-contacts';
const FORM = `${LIST}/${SCHOOL}`;
const mail = useMailCatcher();
const secret = newSecret();
const registration = createRegistration('portfolio', secret, {
  ...{ scopes: ['openid', 'children'], permissions: ['portfolio:read'], school_types: ['special'], first_party: true },
});

eachService(
  'contacts of schools',
  () => ({ clients: [registration], smtpUrl: mail.smtpUrl }),
  (running) => {
    const submitForm = async (browser: HttpBrowser, fields: Record<string, string>): Promise<Answer> => {
      const form = await browser.open(FORM);
      const inputs = [...form.body.matchAll(/<input id="(\w+)"[^>]* value="([^"]*)"/g)];
      const shown = Object.fromEntries(inputs.map(([, name = '', value = '']) => [name, value]));
      return browser.submit(form, { ...shown, ...fields });
    };
    const change = async (browser: HttpBrowser, fields: Record<string, string>): Promise<Answer> => {
      const confirm = await submitForm(browser, fields);
      return confirm.status === 200 ? browser.submit(confirm, { reason: '分機異動', confirmed: 'yes' }) : confirm;
    };

    it('are found by everyone with the code, name or district of a school', async () => {
      const browser = createHttpBrowser(running().issuer);
      const page = await browser.open('/school-contacts?school=示範高中');
      assert.match(textOf(page.body), /示範高中 帳號與登入 系統師 02-0000-3301 轉 256 學習歷程檔案登入 服推組/);
      assert.match(page.body, /href="tel:0200003301,256"/);
      assert.match((await browser.open('/school-contacts?school=區')).body, /school-contacts\?school=993301/);
      assert.match(textOf((await browser.open('/school-contacts?school=%00x')).body), /找不到這所學校/);
      const english = createHttpBrowser(running().issuer, 'en');
      assert.match(
        textOf((await english.open(`/school-contacts?school=${SCHOOL}`)).body),
        /Cashier 02-0000-3301 ext. 235/,
      );
    });

    it('are on the account page, and on a refusal by the school of the child and the app', async () => {
      const { answer } = await signInToAccount(running(), LOGIN.G2);
      assert.match(textOf(answer.body), /聯絡學校 示範高中 帳號與登入.*繳費 出納組.*示範國小/);
      const party = await createParty(running().issuer, { id: 'portfolio', secret, scope: 'openid children' });
      const refused = await runAuthorization(party, createHttpBrowser(running().issuer), { login: LOGIN.G2 });
      assert.equal(interactionOf(refused.answer), 'select_account');
      assert.match(textOf(refused.answer.body), /示範高中 學習歷程檔案 輔導組 02-0000-3301 轉 242 示範國小/);
      assert.doesNotMatch(refused.answer.body, /出納組|系統師/);
    });

    it('of a refused school account are those of the school that was chosen', async () => {
      const browser = createHttpBrowser(running().issuer);
      const page = await browser.open('/binding');
      assert.doesNotMatch(page.body, /系統師/);
      const typed = { ...SCHOOL_ACCOUNTS.H1, password: 'wrong', ...(await solveHumanCheck(page)) };
      assert.match(textOf((await browser.submit(page, typed)).body), /聯絡學校 示範\S+ 帳號與登入 系統師/);
    });

    it('are in mails to people of the school', async () => {
      await requestResetLink(running(), mail, LOGIN.G2);
      const { text, html } = await mailTo(mail, LOGIN.G2, RESET_SUBJECT);
      assert.match(text, /聯絡學校：示範高中 系統師 02-0000-3301 轉 256/);
      assert.match(html ?? '', /示範國小 系統師/);
      assert.ok(linkIn({ text }));
    });

    it('are changed by the registrar of the school and the bureau, after a confirmation', async () => {
      const { browser: registrar } = await signInStaff(running(), 'A2');
      const { browser: bureau } = await signInStaff(running(), 'B1');
      const { browser: desk } = await signInStaff(running(), 'A1');
      assert.equal((await desk.open(LIST)).status, 404);
      assert.equal((await desk.open(FORM)).status, 404);
      assert.equal((await registrar.open(`${LIST}/993302`)).status, 404);
      const stale = await submitForm(bureau, { payment_extension: '9' });
      const changed = await change(registrar, { payment_extension: '236', account_desk: '', account_deskEn: '' });
      assert.equal(changed.status, 422);
      assert.match(textOf(changed.body), /請輸入單位名稱/);
      const unchanged = await change(registrar, {});
      assert.match(alertOf(unchanged.body), /沒有/);
      const saved = await change(registrar, { payment_extension: '236' });
      assert.match(textOf(saved.body), /示範高中 .*繳費：出納組 02-0000-3301 轉 236/);
      const late = await bureau.submit(stale, { reason: '分機異動', confirmed: 'yes' });
      assert.equal(late.status, 409);
      const empty = Object.fromEntries(['desk', 'deskEn', 'phone', 'extension'].map((part) => [`payment_${part}`, '']));
      assert.doesNotMatch(textOf((await change(bureau, empty)).body), /轉 236/);
      const entries = await running().container.store.read(async (tx) => {
        const { audit } = tx.tables;
        const rows = await tx.db
          .select()
          .from(audit)
          .where(eq(audit.event, 'school_contacts.changed'))
          .orderBy(audit.seq);
        return rows.map(({ detail }) => detail);
      });
      assert.deepEqual(
        entries.map(({ capacity, school, reason }) => ({ capacity, school, reason })),
        ['registrar', 'bureau_admin'].map((capacity) => ({ capacity, school: SCHOOL, reason: '分機異動' })),
      );
      assert.match(String(entries[0]?.['before']), /payment: 出納組 \/ Cashier \/ 02-0000-3301 \/ 235$/);
    });

    it('cannot hold a phone number, an extension or a name that cannot be shown or dialed', async () => {
      const { browser } = await signInStaff(running(), 'A2');
      for (const [name, value] of [
        ['account_phone', 'call me'],
        ['account_phone', '12'],
        ['account_extension', '2a'],
        ['account_desk', 'a\u200bb'],
        ['account_deskEn', 'x'.repeat(61)],
      ] as const) {
        const answer = await change(browser, { [name]: value });
        assert.equal(answer.status, 422, `${name} ${value}`);
        assert.match(answer.body, new RegExp(`id="${name}-error"`));
      }
      assert.equal((await change(browser, { shown: '[{"subject":"x"}]' })).status, 400);
    });
  },
);
