import { strict as assert } from 'node:assert';
import { readdirSync } from 'node:fs';
import { after, afterEach, before, describe, it } from 'node:test';

import { initiateDeviceAuthorization } from 'openid-client';
import type { Page } from 'playwright-core';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { totpCode } from '../helpers/totp.ts';
import type { PageName } from '../../src/presentation/page-locals/index.ts';
import { assertAccessible, isPage, assertPage } from '../helpers/accessibility.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { openBrowserHarness, type BrowserHarness } from '../helpers/browser-harness.ts';
import {
  choose,
  fillNewPassword,
  fillRefusedPassword,
  fillSignIn,
  press,
  setUpAuthenticator,
  signIn,
} from '../helpers/browser.ts';
import { personId, setFirstPassword, setPassword } from '../helpers/city.ts';
import { linkIn, mailTo } from '../helpers/mail.ts';
import { renderApplicationStates, renderSamples } from '../helpers/rendered-samples.ts';
import { enrollTotp, removeSecondFactors } from '../helpers/second-factors.ts';
import { STAFF_LOGIN } from '../helpers/staff.ts';
import { createParty, newSecret, createRegistration } from '../helpers/relying-party.ts';
import { startSampleServer } from '../helpers/sample-server.ts';

const OWN_PASSWORD = 'seven quiet lanterns';
const SECRET = newSecret();
const SHOP = createRegistration('bookshop', SECRET, {
  scopes: ['openid', 'profile', 'children', 'children.profile'],
  first_party: false,
});
const TELEVISION = createRegistration('television', SECRET, { scopes: ['openid'], device_flow: true });
const ROOT = new URL('../../', import.meta.url);

for (const lang of ['zh-TW', 'en'] as const) {
  describe(`axe reports no violation on phone and desktop, in light and dark mode (${lang})`, () => {
    let harness: BrowserHarness;
    const seen = new Set<string>();
    before(async () => {
      harness = await openBrowserHarness({ clients: [SHOP, TELEVISION] });
    });
    afterEach(() => harness.closeSessions());
    after(() => harness.close());

    const look = async (page: Page, view: PageName, app?: string): Promise<void> => {
      await assertPage({ page, view, lang, ...(app === undefined ? {} : { app }) });
      seen.add(`views/${view}.ejs`);
    };
    const lookAtApp = async (page: Page, ...views: string[]): Promise<void> => {
      await assertAccessible(page, lang);
      for (const view of views) seen.add(`examples/${view}.ejs`);
    };
    const newPage = async (): Promise<Page> => (await harness.newSession({ locale: lang })).page;

    it('during a first sign-in', async () => {
      await setFirstPassword(harness.environment.service, 'G5', '100803');
      const page = await newPage();
      await page.goto(harness.environment.portfolio);
      await lookAtApp(page, 'shared/views/start');
      await press(page, '#sign-in');
      await look(page, 'interaction/sign-in');
      await press(page, '#submit');
      await look(page, 'interaction/sign-in');
      await fillSignIn(page, LOGIN.G5, 'wrong password');
      await look(page, 'interaction/sign-in');
      await fillSignIn(page, LOGIN.G5, '100803');
      await look(page, 'interaction/new-password');
      await fillRefusedPassword(page, { next: 'too short', again: 'other' });
      await page.fill('[name="new_password"]', 'kangaroo piano');
      await look(page, 'interaction/new-password');
      await fillNewPassword(page, { next: OWN_PASSWORD });
      await lookAtApp(page, 'portfolio/views/drawers');
      await page.click('.menu-button');
      await lookAtApp(page);
      await page.keyboard.press('Escape');
      await press(page, page.locator('.drawer a').first());
      await lookAtApp(page, 'portfolio/views/drawer');
      await press(page, page.locator('.files a').first());
      await lookAtApp(page, 'portfolio/views/file');
      await page.goto(`${harness.environment.portfolio}/nowhere`);
      await lookAtApp(page, 'shared/views/message');
      await setPassword(harness.environment.service, 'G5', DEMO_PASSWORD);
    });

    it('from sign-in to a bill', async () => {
      const page = await newPage();
      await signIn(page, harness.environment.payment, LOGIN.G5);
      await lookAtApp(page, 'payment/views/bills');
      await press(page, page.locator('.bill a').first());
      await lookAtApp(page, 'payment/views/bill');
      await press(page, '#pay');
      await lookAtApp(page, 'payment/views/receipt');
      await page.goto(`${page.url().split('/bills/')[0] ?? ''}/family`);
      await lookAtApp(page, 'payment/views/family');
      await press(page, '#pay-all');
      await lookAtApp(page, 'payment/views/family-payment');
      await page.goto(harness.environment.payment);
      await lookAtApp(page);
    });

    it('at context selection, as a teacher, and as a caregiver without fees:pay', async () => {
      const page = await newPage();
      await signIn(page, harness.environment.portfolio, LOGIN.T1);
      await look(page, 'interaction/select-account');
      await choose(page, lang === 'en' ? 'Teacher' : '教師');
      await lookAtApp(page, 'portfolio/views/class');
      const caregiver = await newPage();
      await signIn(caregiver, harness.environment.payment, LOGIN.G4);
      await lookAtApp(caregiver);
      await press(caregiver, caregiver.locator('.bill a').first());
      await lookAtApp(caregiver);
    });

    it('without a child, and on the consent page', async () => {
      const page = await newPage();
      await signIn(page, harness.environment.portfolio, LOGIN.G3);
      await look(page, 'interaction/no-context');
      const shop = await createParty(harness.environment.issuer, {
        id: 'bookshop',
        secret: SECRET,
        scope: 'openid profile children children.profile',
      });
      const buyer = await newPage();
      await buyer.goto((await shop.begin()).url);
      await fillSignIn(buyer, LOGIN.S1);
      await look(buyer, 'interaction/consent', lang === 'en' ? 'Test bookshop' : '測試 bookshop');
    });

    it('on the account page and the sign-out pages', async () => {
      const { issuer, payment } = harness.environment;
      const other = await newPage();
      await signIn(other, payment, LOGIN.G2);
      const page = await newPage();
      await signIn(page, payment, LOGIN.G2);
      await choose(page, '王小樂');
      await page.goto(`${issuer}/account`);
      await look(page, 'account/overview');
      await press(page, page.locator('#sessions ~ ul button').first());
      await look(page, 'account/overview');
      await page.goto(`${issuer}/account/password`);
      await look(page, 'account/password');
      await page.goto(`${issuer}/session/end`);
      await look(page, 'sign-out');
      await press(page, '#submit');
      await look(page, 'signed-out');
    });

    it('at two-step verification', async () => {
      const { issuer, service } = harness.environment;
      const page = await newPage();
      await page.goto(`${issuer}/account`);
      await fillSignIn(page, LOGIN.A1);
      await page.goto(`${issuer}/account/second-factors`);
      await look(page, 'account/second-factors');
      await page.goto(`${issuer}/account/second-factors/totp`);
      await look(page, 'account/second-factor-setup');
      const codeOn = async (): Promise<string> => {
        const secret = await page.locator('[data-totp-secret]').getAttribute('data-totp-secret');
        return totpCode(secret ?? '', Date.now());
      };
      await page.fill('[name="code"]', '000000');
      await press(page, '#submit');
      await look(page, 'account/second-factor-setup');
      await page.fill('[name="code"]', await codeOn());
      await press(page, '#submit');
      await look(page, 'account/recovery-codes');
      await press(page, '#submit');
      await look(page, 'account/second-factors');
      const next = await newPage();
      await next.goto(`${issuer}/account`);
      await fillSignIn(next, LOGIN.A1);
      await look(next, 'interaction/second-factor');
      await next.click('a[href*="recovery_code"]');
      await next.fill('[name="code"]', 'wrong');
      await press(next, '#submit');
      await look(next, 'interaction/second-factor');
      await removeSecondFactors(service, 'A1');
    });

    it('at the enrollment that an app requires', async () => {
      const { issuer, service } = harness.environment;
      const claims = JSON.stringify({ id_token: { acr: { essential: true, value: 'urn:kinpass:aal2' } } });
      const shop = await createParty(issuer, { id: 'bookshop', secret: SECRET, scope: 'openid profile' });
      const page = await newPage();
      await page.goto((await shop.begin({ claims })).url);
      await fillSignIn(page, LOGIN.A1);
      await look(page, 'interaction/second-factor-setup');
      const secret = await page.locator('[data-totp-secret]').getAttribute('data-totp-secret');
      await page.fill('[name="code"]', totpCode(secret ?? '', Date.now()));
      await press(page, '#submit');
      await look(page, 'interaction/recovery-codes');
      await removeSecondFactors(service, 'A1');
    });

    it('on the password reset pages', async () => {
      const { issuer, mail } = harness.environment;
      const page = await newPage();
      await page.goto(`${issuer}/forgot-password`);
      await look(page, 'password-reset/request');
      await press(page, '#submit');
      await look(page, 'password-reset/request');
      await page.fill('[name="login"]', LOGIN.G4);
      await press(page, '#submit');
      await look(page, 'password-reset/sent');
      const link = linkIn(await mailTo(mail, LOGIN.G4, '設定新密碼'));
      await page.goto(link);
      await look(page, 'password-reset/new-password');
      await fillNewPassword(page, { next: OWN_PASSWORD });
      await look(page, 'password-reset/done');
      await page.goto(link);
      await look(page, 'password-reset/expired');
    });

    it('on the device pages', async () => {
      const { issuer } = harness.environment;
      const television = await createParty(issuer, { id: 'television', secret: SECRET, scope: 'openid' });
      const shown = await initiateDeviceAuthorization(television.config, { scope: 'openid' });
      const app = lang === 'en' ? 'Test television' : '測試 television';
      const page = await newPage();
      await page.goto(`${issuer}/device`);
      await look(page, 'device/code');
      await page.fill('[name="user_code"]', 'nonsense');
      await press(page, '#submit');
      await look(page, 'device/code');
      await page.fill('[name="user_code"]', shown.user_code);
      await press(page, '#submit');
      await look(page, 'device/confirm', app);
      await press(page, '#submit');
      await fillSignIn(page, LOGIN.G2);
      await look(page, 'device/done');
    });

    it('in the staff console', async () => {
      const { issuer, service } = harness.environment;
      await removeSecondFactors(service, 'A1');
      const page = await newPage();
      await page.goto(`${issuer}/console`);
      await fillSignIn(page, STAFF_LOGIN.A1);
      await look(page, 'interaction/second-factor-setup');
      await setUpAuthenticator(page);
      await look(page, 'interaction/recovery-codes');
      await press(page, '#submit');
      await look(page, 'console/home');
      await page.goto(`${issuer}/console/search?q=${encodeURIComponent('王')}`);
      await look(page, 'console/search');
      await page.goto(`${issuer}/console/people/${personId('G1')}`);
      await assertAccessible(page, lang);
      seen.add('views/console/person.ejs');
      await press(page, 'button[name="action"][value="one-time-code"]');
      await look(page, 'console/action');
      await page.fill('textarea[name="reason"]', 'x');
      await press(page, 'button[name="action"][value="one-time-code"]');
      await look(page, 'console/slip');
      await setFirstPassword(service, 'G1', '100201');
      await removeSecondFactors(service, 'A1');
      await enrollTotp(service, 'A1');
      const another = await newPage();
      await another.goto(`${issuer}/console`);
      await fillSignIn(another, STAFF_LOGIN.A1);
      await look(another, 'interaction/second-factor');
    });

    it('on error pages', async () => {
      const { issuer } = harness.environment;
      const page = await newPage();
      for (const path of ['/nowhere', '/interaction/none', '/auth?client_id=unknown']) {
        await page.goto(issuer + path);
        await look(page, 'message');
      }
    });

    /** Checks pages that are rendered without the service. */
    const lookAtRendered = async (pages: readonly string[]): Promise<void> => {
      // Not a session of the harness, because the scripts of a page reject the values of a sample.
      const context = await harness.browser.newContext({ locale: lang });
      const page = await context.newPage();
      const samples = await startSampleServer(harness.environment.issuer);
      for (const html of pages) {
        await samples.show(page, 'sample', html);
        await assertAccessible(page, lang);
      }
      await context.close();
      samples.stop();
    };

    it('on a sample of each page that the other tests do not reach', async () => {
      const unseen = renderSamples(lang).filter(([view]) => !seen.has(`views/${view}.ejs`));
      await lookAtRendered(unseen.map(([, html]) => html));
      for (const [view] of unseen) seen.add(`views/${view}.ejs`);
    });

    it('in each state of an application, and after each refusal', async () => {
      await lookAtRendered(renderApplicationStates(lang));
    });

    it('for every view', () => {
      const files = ['views', 'examples/shared/views', 'examples/portfolio/views', 'examples/payment/views'].flatMap(
        (folder) =>
          readdirSync(new URL(folder, ROOT), { recursive: true, encoding: 'utf8' })
            .filter(isPage)
            .map((file) => `${folder}/${file}`),
      );
      assert.deepEqual([...seen].sort(), files.sort());
    });
  });
}
