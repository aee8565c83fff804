/** The provider submits forms by script between its pages. The service replaces them with its own pages, which work without JavaScript. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import {
  codeOf,
  runAuthorization,
  LOGIN,
  signInWithNewBrowser,
  interactionOf,
  tokensFor,
} from '../helpers/authorization-flow.ts';
import { createHttpBrowser, formOf, textOf, type Answer } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
const BYE = 'https://app.example/bye?from=kinpass';

describe('an auto-submit form of the provider', () => {
  let service: TestService;
  let app: TestParty;
  before(async () => {
    service = await startService({
      clients: [createRegistration('app', secret, { scopes: ['openid', 'profile'], post_logout_redirect_uris: [BYE] })],
    });
    app = await createParty(service.issuer, { id: 'app', scope: 'openid profile', secret });
  });
  after(() => service.stop());

  const end = (parameters: Record<string, string> = {}): Promise<Answer> =>
    createHttpBrowser(service.issuer).open(`/session/end?${new URLSearchParams(parameters).toString()}`);

  it('is skipped at a sign-out without a session', async () => {
    const answer = await end();
    assert.equal(new URL(answer.url).pathname, '/session/end/success');
    assert.match(textOf(answer.body), /您已登出。/);
  });

  it('redirects to the app with state after a sign-out without a session', async () => {
    const back = { client_id: 'app', post_logout_redirect_uri: BYE };
    assert.equal((await end({ ...back, state: 'a b&c' })).leavesTo?.href, `${BYE}&state=a+b%26c`);
    assert.equal((await end(back)).leavesTo?.href, BYE);
    const unknown = await end({ ...back, post_logout_redirect_uri: 'https://app.example/other' });
    assert.deepEqual([unknown.status, unknown.leavesTo], [200, undefined]);
    assert.match(textOf(unknown.body), /您已登出。/);
    assert.equal((await end({ post_logout_redirect_uri: BYE })).leavesTo, undefined, 'no app has registered it');
  });

  it('is a page with a button when another person signs in', async () => {
    const { httpBrowser } = await signInWithNewBrowser(app, { login: LOGIN.T2 });
    const policy = (await httpBrowser.open('/forgot-password')).headers.get('content-security-policy');
    const begun = await runAuthorization(app, httpBrowser, { parameters: { prompt: 'login' } });
    assert.equal(interactionOf(begun.answer), 'login');
    const between = await httpBrowser.submit(begun.answer, { login: LOGIN.S1, password: DEMO_PASSWORD });
    assert.match(textOf(between.body), /以其他使用者登入 系統會先登出前一位使用者，再繼續您的登入。 繼續/);
    assert.match(between.body, /<button[^>]*>\s*繼續\s*<\/button>/);
    assert.equal(between.headers.get('content-security-policy'), policy, 'no script in the page');
    assert.match(between.headers.get('cache-control') ?? '', /no-store/);
    assert.equal(formOf(between.body).action, '/session/end/confirm');
    const done = await httpBrowser.submit(between, {});
    assert.ok(codeOf(done));
    await begun.finish(done);
    const now = await tokensFor(app, httpBrowser, { parameters: { prompt: 'none' } });
    assert.ok(now.access_token);
  });

  it('is unchanged for response_mode=form_post', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const { httpBrowser: same } = await signInWithNewBrowser(app, { login: LOGIN.T2 });
    const { url } = await app.begin({ response_mode: 'form_post' });
    assert.equal(formOf((await same.open(url)).body).action, app.redirectUri);
    const first = await httpBrowser.open(url);
    const answer = await httpBrowser.submit(first, { login: LOGIN.T2, password: DEMO_PASSWORD });
    assert.equal(formOf(answer.body).action, app.redirectUri);
  });

  it('is unchanged for response_mode=form_post after the device page stored its form', async () => {
    const { httpBrowser: same } = await signInWithNewBrowser(app, { login: LOGIN.T2 });
    const httpBrowser = createHttpBrowser(service.issuer);
    for (const browser of [same, httpBrowser]) assert.equal((await browser.open('/device')).status, 200);
    const { url } = await app.begin({ response_mode: 'form_post' });
    assert.equal(formOf((await same.open(url)).body).action, app.redirectUri);
    const answer = await httpBrowser.submit(await httpBrowser.open(url), {
      login: LOGIN.T2,
      password: DEMO_PASSWORD,
    });
    assert.equal(formOf(answer.body).action, app.redirectUri);
  });
});
