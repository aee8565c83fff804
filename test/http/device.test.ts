import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { decodeJwt } from 'jose';
import * as client from 'openid-client';
import { z } from 'zod';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { choiceOf, LOGIN } from '../helpers/authorization-flow.ts';
import { alertOf, createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const SCOPE = 'openid children';
const SECRET = newSecret();
const tokenClaims = z.object({ sub: z.string(), acting: z.object({ school_code: z.string() }) });

/** RFC 8628: a television shows a code, and the person types it on a phone. */
describe('the device flow', () => {
  let service: TestService;
  let television: TestParty;
  before(async () => {
    service = await startService({
      clients: [
        createRegistration('television', SECRET, {
          scopes: ['openid', 'children'],
          permissions: ['notice:read'],
          device_flow: true,
        }),
        createRegistration('web-only', SECRET, { scopes: ['openid'] }),
      ],
    });
    television = await createParty(service.issuer, { id: 'television', secret: SECRET, scope: SCOPE });
  });
  after(() => service.stop());

  const show = (): Promise<client.DeviceAuthorizationResponse> =>
    client.initiateDeviceAuthorization(television.config, { scope: SCOPE });
  const typeCode = async (httpBrowser: HttpBrowser, code: string): Promise<Answer> =>
    httpBrowser.submit(await httpBrowser.open('/device'), { user_code: code });
  const poll = (shown: client.DeviceAuthorizationResponse): Promise<client.TokenEndpointResponse> =>
    client.genericGrantRequest(television.config, 'urn:ietf:params:oauth:grant-type:device_code', {
      device_code: shown.device_code,
    });

  /** Asserts a page without alert, form and error status. */
  const assertDenied = ({ status, body }: Answer): void => {
    assert.equal(status, 200);
    assert.match(textOf(body), /已拒絕，裝置不會登入 裝置沒有取得任何資料。您可以關閉這個頁面。 輸入其他代碼/);
    assert.doesNotMatch(body, /role="alert"|<form/);
    assert.match(body, /"\/language\?to=en&(?:amp|#38);back=%2Fdevice"/);
  };

  it('gives tokens to the television after code, confirmation, sign-in and selection', async () => {
    const shown = await show();
    assert.match(shown.user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
    assert.equal(shown.verification_uri, `${service.issuer}/device`);
    await assert.rejects(poll(shown), { error: 'authorization_pending' });
    const phone = createHttpBrowser(service.issuer);
    const confirm = await typeCode(phone, shown.user_code.toLowerCase());
    assert.ok(textOf(confirm.body).includes(shown.user_code), textOf(confirm.body));
    assert.ok(textOf(confirm.body).includes('測試 television'));
    const signIn = await phone.submit(confirm, { confirm: 'yes' });
    const chooser = await phone.submit(signIn, { login: LOGIN.G2, password: DEMO_PASSWORD });
    const done = await phone.submit(chooser, { choice: choiceOf(chooser, ['王小樂']) });
    assert.equal(done.status, 200);
    assert.ok(textOf(done.body).includes('裝置已連結'), textOf(done.body));
    const tokens = await poll(shown);
    const { sub, acting } = tokenClaims.parse(decodeJwt(tokens.id_token ?? ''));
    assert.equal(acting.school_code, '993601');
    // A pairwise sub: 43 characters of base64url, not the UUID of the person.
    assert.match(sub, /^[A-Za-z0-9_-]{43}$/);
    await assert.rejects(poll(shown), { error: 'invalid_grant' });
  });

  it('shows a page with the code of the URL, and one click continues', async () => {
    const shown = await show();
    const phone = createHttpBrowser(service.issuer);
    const policy = (await phone.open('/device')).headers.get('content-security-policy');
    const page = await phone.open(shown.verification_uri_complete ?? '', { 'accept-language': 'en' });
    assert.equal(page.status, 200);
    assert.match(textOf(page.body), /Connect your device The code has been filled in\. Select "Continue"\..*Continue/);
    assert.equal(page.headers.get('content-security-policy'), policy, 'no script in the page');
    assert.doesNotMatch(page.body, /<script(?![^>]* src=)/);
    assert.match(page.headers.get('cache-control') ?? '', /no-store/);
    assert.match(page.body, new RegExp(`name="user_code"[^>]* value="${shown.user_code}"`));
    const confirm = await phone.submit(page, { user_code: shown.user_code });
    assert.match(confirm.body, /name="confirm"/);
    assert.ok(textOf(confirm.body).includes(shown.user_code), textOf(confirm.body));
  });

  it('escapes an invalid code of the URL and rejects it like a typed one', async () => {
    const phone = createHttpBrowser(service.issuer);
    const page = await phone.open(`/device?user_code=${encodeURIComponent('"><b>x')}`);
    assert.match(page.body, /value="&#34;&gt;&lt;b&gt;x"/);
    assert.equal((await phone.submit(page, { user_code: '"><b>x' })).status, 422);
    for (const query of ['user_code=', 'user_code=a&user_code=b']) {
      const answer = await phone.open(`/device?${query}`);
      assert.match(answer.body, /name="user_code"[^>]* value=""/, query);
    }
  });

  it('offers the account page, not an app, when a sign-in on the phone is canceled or expired', async () => {
    const shown = await show();
    const phone = createHttpBrowser(service.issuer);
    const signIn = await phone.submit(await typeCode(phone, shown.user_code), { confirm: 'yes' });
    assert.match(signIn.body, /<form method="post" action="[^"]*\/cancel"[^>]*>\s*<button[^>]*>取消<\/button>/);
    const canceled = await phone.post(`${signIn.url}/cancel`, '');
    assertDenied(canceled);
    const over = await phone.open(signIn.url);
    assert.equal(over.status, 410);
    assert.ok(!textOf(over.body).includes('返回「測試 television」'), textOf(over.body));
    await assert.rejects(poll(shown), { error: 'access_denied' });
  });

  it('returns access_denied to the television after a denial', async () => {
    const shown = await show();
    const phone = createHttpBrowser(service.issuer);
    const answer = await phone.submit(await typeCode(phone, shown.user_code), { abort: 'yes' });
    assertDenied(answer);
    await assert.rejects(poll(shown), { error: 'access_denied' });
  });

  it('shows a field error for a wrong, missing or used code and keeps the input', async () => {
    const phone = createHttpBrowser(service.issuer);
    const wrong = await typeCode(phone, 'bbbb-bbbb');
    // Redirected, so reloading sends nothing again.
    assert.deepEqual([wrong.status, new URL(wrong.url).search], [422, '?rejected']);
    assert.ok(alertOf(wrong.body).includes('這個代碼不正確'), wrong.body);
    assert.ok(wrong.body.includes('value="bbbb-bbbb"'));
    assert.equal((await typeCode(phone, '')).status, 422);
    assert.equal((await typeCode(phone, '<b>"')).status, 422);
  });

  it('accepts a code with full-width letters, other spaces, other dashes and lower case', async () => {
    const { user_code: code } = await show();
    const letters = code.replace('-', '');
    const fullWidth = letters.replace(/[A-Z]/g, (letter) =>
      String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0),
    );
    const between = (dash: string, text = letters): string => text.slice(0, 4) + dash + text.slice(4);
    const spaces = ['', ' ', '\u00a0', '\u3000', '\u2009', '\u200b', '\ufeff', '_', '.'];
    const dashes = [
      '\u2010',
      '\u2011',
      '\u2012',
      '\u2013',
      '\u2014',
      '\u2015',
      '\u2212',
      '\ufe58',
      '\ufe63',
      '\uff0d',
      '\u30fc',
    ];
    const typed = [
      ...[...spaces, ...dashes].map((sign) => between(sign)),
      `\u3000${between('-').toLowerCase()}\u00a0`,
      between('－', fullWidth),
      between('ー', fullWidth.toLowerCase()),
    ];
    const phone = createHttpBrowser(service.issuer);
    for (const text of typed) {
      const confirm = await typeCode(phone, text);
      assert.match(confirm.body, /name="confirm"/, JSON.stringify(text));
      assert.ok(confirm.body.includes(code), JSON.stringify(text));
    }
    const done = await phone.submit(await typeCode(phone, between('－', fullWidth)), { abort: 'yes' });
    assertDenied(done);
  });

  it('rejects forms of other sites', async () => {
    const shown = await show();
    const phone = createHttpBrowser(service.issuer);
    await phone.open('/device');
    const answer = await phone.post(
      '/device',
      new URLSearchParams({ user_code: shown.user_code, confirm: 'yes', xsrf: 'x' }),
    );
    assert.equal(answer.status, 422);
    await assert.rejects(poll(shown), { error: 'authorization_pending' });
  });

  it('starts over after a form of a browser without a session', async () => {
    const shown = await show();
    for (const field of ['confirm', 'abort', 'other']) {
      const phone = createHttpBrowser(service.issuer);
      const form = new URLSearchParams({ user_code: shown.user_code, xsrf: 'x', [field]: 'yes' });
      const first = await phone.post('/device', form);
      assert.deepEqual([first.status, new URL(first.url).pathname], [200, '/device'], field);
      assert.doesNotMatch(first.body, /role="alert"/);
      assert.match((await phone.submit(first, { user_code: shown.user_code })).body, /name="confirm"/);
    }
    await assert.rejects(poll(shown), { error: 'authorization_pending' });
  });

  it('shows that a step has expired when another browser resumes it', async () => {
    const { status, body } = await createHttpBrowser(service.issuer).open(`/device/${'r'.repeat(43)}`);
    assert.equal(status, 410);
    assert.match(textOf(body), /這個步驟已過期/);
  });

  it('rejects a request without openid, also with parameters that need it', async () => {
    for (const more of [{}, { nonce: 'n-0S6_WzA2Mj' }]) {
      await assert.rejects(client.initiateDeviceAuthorization(television.config, { scope: 'children', ...more }), {
        error: 'invalid_request',
        error_description: 'scope must include openid',
      });
    }
  });

  it('rejects clients that are not registered for it', async () => {
    const web = await createParty(service.issuer, { id: 'web-only', secret: SECRET, scope: 'openid' });
    await assert.rejects(client.initiateDeviceAuthorization(web.config, { scope: 'openid' }), {
      error: 'invalid_request',
    });
  });
});
