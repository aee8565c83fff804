/** A password reset that begins on a sign-in page: it leads back to the app. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';

import { eq } from 'drizzle-orm';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher.ts';
import { interactionOf, LOGIN } from '../helpers/authorization-flow.ts';
import { errorAt, personId, setPassword, signInToAccount } from '../helpers/city.ts';
import { startCityApps, type CityApps } from '../helpers/city-apps.ts';
import { DAY, freezeTime, MINUTE, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, formOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { linkIn, mailsTo, mailTo, RESET_SUBJECT } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';
import { enrollTotp, removeSecondFactors } from '../helpers/second-factors.ts';

const NEXT = 'four small boats at anchor';
const fields = { new_password: NEXT, confirm_password: NEXT };
const EMAIL = LOGIN.G2;

describe('a password reset from a sign-in page', () => {
  let apps: CityApps;
  let mail: MailCatcher;
  let time: FrozenTime;
  before(async () => {
    time = freezeTime();
    mail = await startMailCatcher({ smtpPort: 0, webPort: 0 });
    apps = await startCityApps({ smtpUrl: mail.smtpUrl });
  });
  after(async () => {
    await apps.service.stop();
    await mail.close();
    time.release();
  });
  beforeEach(async () => {
    time.advance(DAY);
    await setPassword(apps.service, 'G2', DEMO_PASSWORD);
  });

  const forgotUrlOn = ({ body }: Answer): string => {
    const [, url] = /<a href="([^"]*\/forgot-password)"/.exec(body) ?? [];
    assert.ok(url);
    return url;
  };
  const newMail = async (send: () => Promise<unknown>): Promise<string> => {
    const count = (): number => mailsTo(mail, EMAIL, RESET_SUBJECT).length;
    const sent = count();
    await send();
    await pollUntil('one more mail', () => count() > sent);
    return linkIn(await mailTo(mail, EMAIL, RESET_SUBJECT));
  };
  /** Fails to sign in at the app, follows "forgot password?" and requests a link. */
  const start = async (
    httpBrowser = createHttpBrowser(apps.service.issuer),
  ): Promise<{ httpBrowser: HttpBrowser; link: string }> => {
    const { url } = await apps.payment.begin();
    const refused = await httpBrowser.submit(await httpBrowser.open(url), { login: EMAIL, password: 'wrong' });
    const form = await httpBrowser.open(forgotUrlOn(refused));
    const link = await newMail(async () => httpBrowser.submit(form, { login: EMAIL }));
    return { httpBrowser, link };
  };
  const isAtApp = ({ leavesTo, body }: Answer): boolean =>
    leavesTo?.host === 'payment.example' || body.includes('choice');

  it('carries the typed account, names the app, echoes the account and sends the link again', async () => {
    const httpBrowser = createHttpBrowser(apps.service.issuer);
    const { url } = await apps.payment.begin();
    const refused = await httpBrowser.submit(await httpBrowser.open(url), { login: EMAIL, password: 'wrong' });
    const form = await httpBrowser.open(forgotUrlOn(refused));
    assert.match(form.body, new RegExp(`name="login"[^>]* value="${EMAIL}"`));
    assert.match(textOf(form.body), /前往：測試 payment/);
    const sent = await httpBrowser.submit(form, { login: EMAIL });
    assert.match(sent.body, new RegExp(`name="login"[^>]* value="${EMAIL}"`));
    assert.match(textOf(sent.body), /前往：測試 payment.*再寄一次連結/);
    const [, reloadUrl] = /data-form-page="([^"]*)"/.exec(sent.body) ?? [];
    assert.ok(reloadUrl);
    const reloaded = await httpBrowser.open(reloadUrl);
    assert.equal(reloaded.status, 200);
    assert.match(reloaded.body, new RegExp(`name="login"[^>]* value="${EMAIL}"`));
    assert.match(textOf(reloaded.body), /前往：測試 payment.*再寄一次連結/);
    const forged = await createHttpBrowser(apps.service.issuer).open('/forgot-password?sent');
    assert.doesNotMatch(textOf(forged.body), /再寄一次連結/);
    const [, back] = /<a href="(\/interaction\/[\w-]+)">返回登入/.exec(sent.body) ?? [];
    assert.equal(interactionOf(await httpBrowser.open(back ?? '')), 'login');
    await newMail(() => httpBrowser.submit(sent, { login: EMAIL }));
  });

  it('signs in and returns to the app in the browser that requested the link', async () => {
    const { httpBrowser, link } = await start();
    const form = await httpBrowser.open(link);
    assert.match(new URL(form.url).pathname, /^\/interaction\/[\w-]+\/reset-password$/);
    assert.match(textOf(form.body), /前往：測試 payment/);
    assert.match(form.body, new RegExp(`autocomplete="username" value="${EMAIL}"`));
    const done = await httpBrowser.submit(form, fields);
    assert.ok(isAtApp(done), textOf(done.body));
    assert.equal((await httpBrowser.open('/account')).status, 200);
    assert.equal(interactionOf(await httpBrowser.open('/account')), undefined, 'signed in');
  });

  it('redirects each submission of a form that is sent several times', async () => {
    const { httpBrowser, link } = await start();
    const form = await httpBrowser.open(link);
    const { action, hidden } = formOf(form.body);
    const body = new URLSearchParams({ ...hidden, ...fields });
    const cookie = await httpBrowser.jar.getCookieString(form.url);
    const headers = { cookie, 'sec-fetch-site': 'same-origin' };
    const press = () => fetch(new URL(action, form.url), { method: 'POST', body, redirect: 'manual', headers });
    // A browser shows the last response.
    const answers = [...(await Promise.all([press(), press()])), await press()];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [303, 303, 303],
    );
    assert.equal(new Set(answers.map((one) => one.headers.get('location'))).size, 1);
  });

  it('asks for the second factor before it signs in', async () => {
    const authenticator = await enrollTotp(apps.service, 'G2');
    const { httpBrowser, link } = await start();
    const page = await httpBrowser.submit(await httpBrowser.open(link), fields);
    assert.equal(interactionOf(page), 'second_factor');
    assert.equal(interactionOf(await httpBrowser.open('/account')), 'login', 'not signed in');
    const done = await httpBrowser.submit(page, { code: authenticator.code() });
    assert.ok(isAtApp(done), textOf(done.body));
    await removeSecondFactors(apps.service, 'G2');
  });

  it('signs no one in elsewhere: the page leads to the sign-in of the app', async () => {
    const { httpBrowser: first, link } = await start();
    const other = createHttpBrowser(apps.service.issuer);
    const form = await other.open(link);
    assert.equal(new URL(form.url).pathname, '/reset-password');
    assert.ok(!form.body.includes(EMAIL));
    const refused = await other.submit(form, { ...fields, confirm_password: '' });
    assert.deepEqual([refused.status, refused.url], [422, `${form.url}&rejected`]);
    assert.equal(errorAt(refused, 'confirm_password'), '請再輸入一次新密碼。');
    const done = await other.submit(refused, fields);
    assert.match(textOf(done.body), /前往：測試 payment.*新密碼設定完成/);
    assert.match(done.body, /class="button" href="https:\/\/payment\.example/);
    for (const browser of [first, other]) assert.equal(interactionOf(await browser.open('/account')), 'login');
  });

  it('signs no one in with the link of an account that was not typed in this browser', async () => {
    const attacker = await start();
    const victim = createHttpBrowser(apps.service.issuer);
    const { url } = await apps.payment.begin();
    const form = await victim.open(forgotUrlOn(await victim.open(url)));
    await victim.submit(form, { login: LOGIN.G1 });
    const page = await victim.open(attacker.link);
    assert.equal(new URL(page.url).pathname, '/reset-password');
    const [, uid = ''] = /interaction\/([\w-]+)/.exec(form.url) ?? [];
    const forced = await victim.open(`/interaction/${uid}/reset-password`);
    assert.equal(new URL(forced.url).pathname, '/reset-password');
    const fieldsOfLink = /name="link" value="([^"]+)"/.exec(forced.body)?.[1] ?? '';
    const body = new URLSearchParams({ ...fields, link: fieldsOfLink });
    const done = await victim.post(`/interaction/${uid}/reset-password`, body);
    assert.match(textOf(done.body), /新密碼設定完成/);
    assert.equal(interactionOf(await victim.open('/account')), 'login');
  });

  it('returns a person who had to enter the password again to a new sign-in', async () => {
    const { httpBrowser } = await signInToAccount(apps.service, EMAIL);
    time.advance(2 * MINUTE);
    const { url } = await apps.payment.begin({ max_age: '60' });
    const form = await httpBrowser.open(forgotUrlOn(await httpBrowser.open(url)));
    assert.match(form.body, new RegExp(`name="login"[^>]* value="${EMAIL}"`));
    const link = await newMail(() => httpBrowser.submit(form, { login: EMAIL }));
    const done = await httpBrowser.submit(await httpBrowser.open(link), fields);
    assert.match(done.body, /class="button" href="https:\/\/payment\.example/);
    assert.equal(interactionOf(await httpBrowser.open('/account')), 'login');
  });

  it('continues without the app after the sign-in has expired', async () => {
    const { httpBrowser, link } = await start();
    await httpBrowser.jar.removeAllCookies();
    const form = await httpBrowser.open('/interaction/gone/forgot-password');
    assert.equal(new URL(form.url).pathname, '/forgot-password');
    assert.equal((await httpBrowser.submit(await httpBrowser.open(link), fields)).status, 200);
  });

  it('says on the page of an older link that a newer one was sent', async () => {
    const { link } = await start();
    const other = createHttpBrowser(apps.service.issuer);
    await start();
    const page = await other.open(link);
    assert.equal(page.status, 410);
    assert.match(textOf(page.body), /之後又寄了一封新的信/);
    assert.match(textOf((await other.open('/reset-password')).body), /連結可能已使用過/, 'nothing is kept');
  });

  it('says so on the form of the older link after the newer one was opened', async () => {
    const { httpBrowser, link } = await start();
    const form = await httpBrowser.open(link);
    time.advance(10 * MINUTE);
    const request = await httpBrowser.open('/forgot-password');
    await httpBrowser.open(await newMail(() => httpBrowser.submit(request, { login: EMAIL })));
    const answer = await httpBrowser.submit(form, fields);
    assert.equal(answer.status, 410);
    assert.match(textOf(answer.body), /之後又寄了一封新的信/);
  });

  it('writes the mail in the language of the page if the person has none', async () => {
    const { store } = apps.service.container;
    await store.write(async (tx) => {
      const { persons } = tx.tables;
      await tx.db
        .update(persons)
        .set({ locale: null })
        .where(eq(persons.id, personId('G3')));
    });
    const english = createHttpBrowser(apps.service.issuer, 'en');
    const before = mail.messages().length;
    await english.submit(await english.open('/forgot-password'), { login: LOGIN.G3 });
    await pollUntil('the mail', () => mail.messages().length > before);
    assert.match((await mailTo(mail, LOGIN.G3, 'password')).text, /30 minutes/);
  });
});
