import { strict as assert } from 'node:assert';
import { after, afterEach, before, describe, it } from 'node:test';

import { initiateDeviceAuthorization } from 'openid-client';
import type { Frame, Page } from 'playwright-core';

import { LOGIN } from '../helpers/authorization-flow.ts';
import { assertFits } from '../helpers/browser-console.ts';
import { openBrowserHarness, type BrowserHarness } from '../helpers/browser-harness.ts';
import { choose, fillSignIn, press, signIn } from '../helpers/browser.ts';
import { mailTo } from '../helpers/mail.ts';
import { renderApplicationStates, renderSamples } from '../helpers/rendered-samples.ts';
import { createParty, newSecret, createRegistration } from '../helpers/relying-party.ts';
import { startSampleServer } from '../helpers/sample-server.ts';

const SECRET = newSecret();
const TELEVISION = createRegistration('television', SECRET, { scopes: ['openid'], device_flow: true });

/** Longer than a line of a phone. */
const LONG_WORD = 'muhammad.christopher.wang-mccormick@parents-of-longtown.example';

/**
 * Lists links, buttons and fields below 44 px. A link that covers its card has the size of the card, a checkbox that of its line.
 * A link within a sentence has the size of its line (WCAG 2.2, 2.5.8).
 */
const FIND_SMALL_TARGETS = `[...document.querySelectorAll('a, button, summary, select, textarea, input:not([type=hidden])')]
  .filter((element) => element.checkVisibility() && !element.matches('.skip'))
  .filter((element) => ![...element.parentElement.childNodes].some(({ nodeType, data }) => nodeType === 3 && data.trim() !== ''))
  .map((element) => (element.matches('.cover') ? element.closest('.card') : element.closest('.checkbox, label') ?? element))
  .filter((element) => element.getBoundingClientRect().height < 43.5 || element.getBoundingClientRect().width < 43.5)
  .map((element) => element.outerHTML.slice(0, 100))`;

/** Returns true if the heading has a line break inside of a Chinese word. */
const SPLITS_A_WORD = `[...document.querySelector('h1').childNodes].filter(({ nodeType }) => nodeType === 3).some((text) => {
  const range = document.createRange();
  range.selectNodeContents(text);
  return range.getClientRects().length > 1;
})`;

/** Layout errors that no accessibility rule detects. */
describe('small screen', () => {
  let harness: BrowserHarness;
  before(async () => {
    harness = await openBrowserHarness({ clients: [TELEVISION] });
  });
  afterEach(() => harness.closeSessions());
  after(() => harness.close());

  /** Returns a property of the computed style. */
  const style = (frame: Frame, selector: string, name: string): Promise<string> =>
    frame.evaluate<string>(`getComputedStyle(document.querySelector('${selector}'))['${name}']`);
  const length = async (frame: Frame, selector: string, name: string): Promise<number> =>
    Number.parseFloat(await style(frame, selector, name));

  for (const lang of ['zh-TW', 'en']) {
    it(`no page scrolls sideways or has parts outside their container (${lang})`, async () => {
      // Not a session of the harness, because the scripts of a page reject the values of a sample.
      const context = await harness.browser.newContext({ locale: lang });
      const page = await context.newPage();
      const samples = await startSampleServer(harness.environment.issuer);
      const states = renderApplicationStates(lang, LONG_WORD).map((html, at) => [`state-${String(at)}`, html] as const);
      for (const [view, html] of [...renderSamples(lang, LONG_WORD), ...states]) {
        await samples.show(page, view, html);
        for (const width of [390, 320]) {
          await page.setViewportSize({ width, height: 664 });
          await assertFits(page);
        }
        // Once, in the language with the shorter texts.
        if (lang === 'zh-TW') assert.deepEqual(await page.evaluate<string[]>(FIND_SMALL_TARGETS), [], view);
        await enlargeText(page);
        await assertFits(page);
      }
      await context.close();
      samples.stop();
    });
  }

  it('app pages fit at 320 px and with 200 % text, with targets of 44 px', async () => {
    const { environment } = harness;
    const { page } = await harness.newSession({ viewport: { width: 320, height: 664 } });
    const look = async (): Promise<void> => {
      await assertFits(page);
      assert.deepEqual(await page.evaluate<string[]>(FIND_SMALL_TARGETS), [], page.url());
      await enlargeText(page);
      await assertFits(page);
      await page.evaluate("document.documentElement.style.fontSize = ''");
    };
    const follow = async (link: string): Promise<void> => {
      await press(page, page.locator(link).first());
      await look();
    };
    await page.goto(environment.payment);
    await look();
    await press(page, '#sign-in');
    await fillSignIn(page, LOGIN.G2);
    await page.waitForSelector('.choices');
    assert.equal(await page.evaluate<boolean>(SPLITS_A_WORD), false);
    await choose(page, '王小樂');
    await look();
    await page.click('.menu-button');
    await look();
    await page.keyboard.press('Escape');
    await follow('.bill a');
    const button = await page.locator('#pay').boundingBox();
    assert.ok(button && button.y + button.height < 664, 'the button to pay is below the fold');
    await follow('#pay');
    await page.goto(`${page.url().split('/bills/')[0] ?? ''}/family`);
    await look();
    await follow('#pay-all');
    await page.goto(environment.portfolio);
    await press(page, '#sign-in');
    await look();
    await follow('.drawer a');
    await follow('.files a');
    await page.goto(`${environment.portfolio}/nowhere`);
    await look();
  });

  // In English, because its texts are longer.
  it('the button of each short form is above the fold of a phone', async () => {
    const { issuer, payment } = harness.environment;
    const { page } = await harness.newSession({ viewport: { width: 390, height: 664 }, locale: 'en' });
    const look = async (): Promise<void> => {
      const button = await page.locator('main form button[type="submit"].button').first().boundingBox();
      assert.ok(button && button.y + button.height <= 664, `${page.url()}: ${JSON.stringify(button)}`);
    };
    await page.goto(payment);
    await press(page, '#sign-in');
    await look();
    for (const path of ['/forgot-password', '/device']) {
      await page.goto(`${issuer}${path}`);
      await look();
    }
  });

  it('an amount fits in one line', async () => {
    const { page } = await harness.newSession();
    await signIn(page, harness.environment.payment, LOGIN.G2);
    await choose(page, '王小安');
    const line = await length(page.mainFrame(), '.price', 'line-height');
    const prices = await page.locator('.price').all();
    const lines = await Promise.all(
      prices.map(async (price) => Math.round(((await price.boundingBox())?.height ?? 0) / line)),
    );
    assert.ok(lines.length > 2);
    assert.deepEqual(new Set(lines), new Set([1]));
  });

  it('the user code to compare is the largest text', async () => {
    const television = await createParty(harness.environment.issuer, {
      id: 'television',
      secret: SECRET,
      scope: 'openid',
    });
    const shown = await initiateDeviceAuthorization(television.config, { scope: 'openid' });
    const { page } = await harness.newSession();
    await page.goto(shown.verification_uri_complete ?? '');
    await page.waitForSelector('button[name="confirm"]');
    const frame = page.mainFrame();
    assert.ok((await length(frame, 'code', 'font-size')) >= (await length(frame, 'h1', 'font-size')));
  });

  it('a mail is readable in light and dark mode, and its link wraps', async () => {
    const { page } = await harness.newSession();
    await page.goto(`${harness.environment.issuer}/forgot-password`);
    await page.fill('[name="login"]', LOGIN.G4);
    await press(page, '#submit');
    await mailTo(harness.environment.mail, LOGIN.G4, '設定新密碼');
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.goto(harness.environment.mail.webUrl);
      await press(page, page.locator('a[href^="/messages/"]').first());
      const mail = page.frames().find((frame) => frame.url().endsWith('/html')) ?? assert.fail('no frame');
      const ink = await style(mail, 'body', 'color');
      const paper = await style(page.mainFrame(), 'iframe', 'background-color');
      assert.notEqual(isLight(ink), isLight(paper), `${colorScheme}: ${ink} on ${paper}`);
      assert.equal(await mail.evaluate<boolean>('document.body.scrollWidth > document.body.clientWidth'), false);
    }
  });
});

/** Doubles the size of text, as the settings of a browser do. Assumes the base size of phones, 18px. */
async function enlargeText(page: Page): Promise<void> {
  await page.evaluate("document.documentElement.style.fontSize = '36px'");
}

function isLight(color: string): boolean {
  const [red = 0, green = 0, blue = 0] = (color.match(/\d+/g) ?? []).map(Number);
  return red + green + blue > 382;
}
