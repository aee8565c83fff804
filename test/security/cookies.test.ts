import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { CookieJar } from 'tough-cookie';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { cookieNames } from '../../src/oidc/options/cookies.ts';
import { hashId } from '../../src/platform/crypto/secrets.ts';
import { upsertResetLink } from '../../src/store/auth/credentials.ts';
import { LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { personId } from '../helpers/city.ts';
import { createHttpBrowser, formOf, textOf, type HttpBrowser } from '../helpers/http-browser.ts';
import { cookieShape, formHeaders, send, type RawResponse } from '../helpers/raw-http.ts';
import { newSecret, createRegistration } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

describe('cookies', () => {
  let service: TestService;
  let other: TestService;
  before(async () => {
    [service, other] = await Promise.all([startService({ clients: [] }), startService({ clients: [] })]);
  });
  after(() => Promise.all([service.stop(), other.stop()]));

  const signedIn = async (login: string, at = service): Promise<HttpBrowser> => {
    const httpBrowser = createHttpBrowser(at.issuer);
    const page = await httpBrowser.submit(await httpBrowser.open('/account'), { login, password: DEMO_PASSWORD });
    assert.equal(new URL(page.url).pathname, '/account');
    return httpBrowser;
  };
  const jarOf = async (httpBrowser: HttpBrowser, url: string): Promise<Map<string, string>> =>
    new Map((await httpBrowser.jar.getCookies(url)).map(({ key, value }) => [key, value]));
  const header = (cookies: Iterable<[string, string]>): string =>
    [...cookies].map(([key, value]) => `${key}=${value}`).join('; ');
  /** Returns the status: 200 is the account page of a signed-in person, 303 the redirect to sign-in. */
  const accountWith = async (cookie: string): Promise<number> =>
    (await send(service.issuer, '/account', { headers: { cookie } })).status;

  it('of a session are accepted only with their value and signature unchanged', async () => {
    const cookies = await jarOf(await signedIn(LOGIN.G2), service.issuer);
    const session = cookies.get('kinpass_session') ?? '';
    const signature = cookies.get('kinpass_session.sig') ?? '';
    assert.match(session, /^[\w-]{43}$/, '256 bits');
    assert.match(signature, /^[\w-]{27,}$/);
    const others = await jarOf(await signedIn(LOGIN.T1), service.issuer);
    const foreign = await jarOf(await signedIn(LOGIN.G2, other), other.issuer);
    const flip = (text: string): string => (text.startsWith('A') ? 'B' : 'A') + text.slice(1);
    const tries: Record<string, [string, string][]> = {
      'value changed': [
        ['kinpass_session', flip(session)],
        ['kinpass_session.sig', signature],
      ],
      'signature changed': [
        ['kinpass_session', session],
        ['kinpass_session.sig', flip(signature)],
      ],
      'signature cut': [
        ['kinpass_session', session],
        ['kinpass_session.sig', signature.slice(0, -1)],
      ],
      'signature missing': [['kinpass_session', session]],
      'signature empty': [
        ['kinpass_session', session],
        ['kinpass_session.sig', ''],
      ],
      'the signature of another cookie': [
        ['kinpass_session', session],
        ['kinpass_session.sig', others.get('kinpass_session.sig') ?? ''],
      ],
      'of another service': [...foreign],
      'under another name': [
        ['__Host-kinpass_session', session],
        ['__Host-kinpass_session.sig', signature],
      ],
      nonsense: [
        ['kinpass_session', '%00<script>'],
        ['kinpass_session.sig', '"'],
      ],
      huge: [
        ['kinpass_session', 'x'.repeat(7000)],
        ['kinpass_session.sig', signature],
      ],
    };
    assert.equal(await accountWith(header(cookies)), 200);
    for (const [what, pairs] of Object.entries(tries)) assert.equal(await accountWith(header(pairs)), 303, what);
    assert.equal(await accountWith(header(cookies)), 200, 'tries of others end no session');
  });

  it('of an interaction are refused for another interaction of the same browser', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const [mine, theirs] = [
      await httpBrowser.open('/account'),
      await createHttpBrowser(service.issuer).open('/account'),
    ];
    const path = new URL(mine.url).pathname;
    const cookie = header(await jarOf(httpBrowser, mine.url));
    assert.match(cookie, /kinpass_interaction=/);
    assert.equal((await send(service.issuer, path, { headers: { cookie } })).status, 200);
    assert.equal((await send(service.issuer, new URL(theirs.url).pathname, { headers: { cookie } })).status, 410);
    assert.equal(
      (await send(service.issuer, path, { headers: { cookie: cookie.replace(/sig=./, 'sig=~') } })).status,
      410,
    );
    assert.equal((await send(service.issuer, path)).status, 410);
    const body = new URLSearchParams({ login: LOGIN.G2, password: DEMO_PASSWORD }).toString();
    const headers = formHeaders(service.issuer, cookie);
    const wrongStep = await send(service.issuer, formOf(theirs.body).action, { method: 'POST', headers, body });
    assert.equal(wrongStep.status, 410);
    assert.equal(wrongStep.headers['set-cookie'], undefined);
  });

  it('of a session change at every sign-in, so a planted one fails (session fixation)', async () => {
    const httpBrowser = await signedIn(LOGIN.G2);
    const planted = header(await jarOf(httpBrowser, service.issuer));
    const page = await httpBrowser.open(`/auth?${new URLSearchParams(authorization(service.issuer)).toString()}`);
    assert.equal(interactionOf(page), 'login');
    // Another person signs in: the provider first signs the previous person out with an auto-submit form.
    const change = await httpBrowser.submit(page, { login: LOGIN.T1, password: DEMO_PASSWORD });
    assert.match(textOf((await httpBrowser.submit(change, {})).body), /陳淑芬/);
    const fresh = header(await jarOf(httpBrowser, service.issuer));
    assert.notEqual(fresh, planted);
    assert.equal(await accountWith(fresh), 200);
    assert.equal(await accountWith(planted), 303);
  });

  it('are HttpOnly and SameSite, and have no Domain', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const page = await httpBrowser.open('/language?to=en&back=/account');
    await httpBrowser.submit(page, { login: LOGIN.G2, password: DEMO_PASSWORD });
    const cookies = await httpBrowser.jar.getCookies(service.issuer);
    const names = cookies.map(({ key }) => key).sort();
    assert.deepEqual(names, [
      ...['kinpass_browser', 'kinpass_device'],
      ...['kinpass_lang', 'kinpass_lang.sig'],
      ...['kinpass_session', 'kinpass_session.sig'],
    ]);
    for (const { key, httpOnly, sameSite, hostOnly } of cookies) {
      assert.equal(httpOnly, true, key);
      assert.equal(sameSite, 'lax', key);
      assert.equal(hostOnly, true, key);
    }
  });
});

describe('cookies with an https issuer', () => {
  it('all have a name with a prefix, and only those of one path have the weaker one', () => {
    const [plain, secure] = [false, true].map((isSecure) => Object.entries<string>({ ...cookieNames(isSecure) }));
    assert.ok(plain && secure);
    const onePath = ['app', 'interaction', 'rejectedForm', 'resume', 'typedLogin'];
    for (const [key, name] of plain) assert.match(name, /^kinpass_[a-z_]+$/, key);
    assert.deepEqual(
      secure,
      plain.map(([key, name]) => [key, `${onePath.includes(key) ? '__Secure-' : '__Host-'}${name}`]),
    );
    assert.equal(new Set(plain.map(([, name]) => name)).size, plain.length, 'each has its own');
  });

  const ISSUER = 'https://id.city.test';
  const clientSecret = newSecret();
  const entitlements = { scopes: ['openid'], backchannel_logout_uri: 'https://app.example/logout' };
  let service: TestService;
  before(async () => {
    service = await startService({
      clients: [createRegistration('app', clientSecret, entitlements)],
      env: { KINPASS_ISSUER: ISSUER },
    });
  });
  after(() => service.stop());

  /** A browser in front of the proxy: keeps cookies of the issuer, but sends no request to the issuer itself. */
  const createBrowser = () => {
    const jar = new CookieJar();
    const set: string[] = [];
    const ask = async (target: string, fields?: Record<string, string>): Promise<RawResponse> => {
      const url = new URL(target, ISSUER);
      const cookie = await jar.getCookieString(url.href);
      const answer = await send(service.issuer, url.pathname + url.search, {
        method: fields === undefined ? 'GET' : 'POST',
        headers: formHeaders(ISSUER, cookie),
        ...(fields === undefined ? {} : { body: new URLSearchParams(fields).toString() }),
      });
      for (const one of answer.headers['set-cookie'] ?? []) {
        set.push(cookieShape(one));
        await jar.setCookie(one, url.href);
      }
      return answer;
    };
    const locationOf = ({ headers: { location } }: RawResponse): string => location ?? assert.fail('no redirect');
    return { ask, locationOf, set };
  };

  it('have the strongest prefix that their path allows', async () => {
    const { ask, locationOf, set } = createBrowser();
    await ask('/language?to=en&back=/account');
    const token = 'r'.repeat(43);
    const link = { personId: personId('G2'), tokenHash: hashId(token), expiresAt: Date.now() + 60_000 };
    await service.container.store.write((tx) => upsertResetLink(tx, { ...link, createdAt: Date.now() }));
    await ask(locationOf(await ask(`/reset-password?token=${token}`)));
    const request = { ...authorization(ISSUER), client_id: 'app', redirect_uri: 'https://app.example/callback' };
    const step = locationOf(await ask(`/auth?${new URLSearchParams(request).toString()}`));
    const { action } = formOf((await ask(step)).body);
    const resume = locationOf(await ask(action, { login: LOGIN.S1, password: DEMO_PASSWORD }));
    assert.match(locationOf(await ask(resume)), /^https:\/\/app\.example\/callback\?code=/);
    const { action: end, hidden } = formOf((await ask('/session/end')).body);
    await ask(end, { ...hidden, logout: 'yes' });
    const names = new Set(set.map((shape) => shape.replace(/(?:\.sig)?;.*/, '')));
    assert.deepEqual([...names].sort(), [
      '__Host-kinpass_browser',
      '__Host-kinpass_device',
      '__Host-kinpass_lang',
      '__Host-kinpass_logout_notices',
      '__Host-kinpass_reset',
      '__Host-kinpass_session',
      '__Secure-kinpass_app',
      '__Secure-kinpass_interaction',
      '__Secure-kinpass_resume',
    ]);
    for (const shape of set) {
      assert.match(shape, /; samesite=lax; secure; httponly$/, shape);
      assert.doesNotMatch(shape, /domain=/, shape);
      assert.equal(shape.includes('; path=/;'), shape.startsWith('__Host-'), shape);
    }
  });
});

function authorization(issuer: string): Record<string, string> {
  return {
    client_id: 'kinpass-account',
    response_type: 'code',
    scope: 'openid',
    prompt: 'login',
    redirect_uri: `${issuer}/account/callback`,
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  };
}
