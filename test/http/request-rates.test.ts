import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { z } from 'zod';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { SESSION_POLICY, type NETWORK_POLICIES } from '../../src/domain/throttling/request-rates.ts';
import { codeOf, runAuthorization, errorOf, LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { personId } from '../helpers/city.ts';
import { HOUR, freezeTime, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { send } from '../helpers/raw-http.ts';
import { createParty, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { startService, type TestService } from '../helpers/service.ts';
import { authorization, options, post, rowsOf, secret } from '../helpers/stored-requests.ts';

describe('the rate of unauthenticated requests', () => {
  const HERE = '203.0.113.7';
  const OTHER_ADDRESS = '203.0.113.8';
  const from = (address: string): Record<string, string> => ({ 'x-forwarded-for': address });
  let service: TestService;
  let time: FrozenTime;
  let app: TestParty;
  before(async () => {
    // A bucket drains by one each second.
    time = freezeTime();
    service = await startService(options);
    app = await createParty(service.issuer, { id: 'app', scope: 'openid profile', secret });
  });
  after(async () => {
    await service.stop();
    time.release();
  });

  /** Uses the budget of a network at an endpoint. */
  const fill = (endpoint: keyof typeof NETWORK_POLICIES, address: string): void => {
    try {
      for (;;) service.container.rateLimiter.admitNetwork(endpoint, address);
    } catch {
      // The budget is used.
    }
  };
  /** Uses the budget of a person, from sessions of its own. */
  const fillPerson = (endpoint: 'authorization' | 'account', name: 'S1' | 'G3'): void => {
    try {
      for (let i = 0; ; i += 1) {
        service.container.rateLimiter.admitPerson(endpoint, { personId: personId(name), sessionHash: String(i) });
      }
    } catch {
      // The budget is used.
    }
  };
  const limited = async (endpoint: string): Promise<number> => {
    const text = await service.container.metrics.registry.metrics();
    return Number(new RegExp(`kinpass_rate_limited_total\\{endpoint="${endpoint}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
  };

  it('is limited at /auth: 429 with Retry-After and a page, nothing stored', async () => {
    fill('authorization', HERE);
    const before = [(await rowsOf(service)).length, await limited('authorization')] as const;
    for (const [language, text] of [
      ['zh-TW', '這個網路目前使用次數過多'],
      ['en', 'Too many requests from this network'],
    ] as const) {
      const answer = await createHttpBrowser(service.issuer, language).open((await app.begin()).url, from(HERE));
      assert.equal(answer.status, 429);
      assert.equal(answer.headers.get('retry-after'), '1');
      assert.ok(textOf(answer.body).includes(text), textOf(answer.body));
      assert.equal(answer.headers.get('set-cookie'), null);
    }
    const { pathname, search } = new URL((await app.begin()).url);
    for (const [method, target] of [
      ['HEAD', pathname + search],
      ['GET', `/Auth/${search}`],
    ] as const) {
      assert.equal((await send(service.issuer, target, { method, headers: from(HERE) })).status, 429, target);
    }
    assert.deepEqual([(await rowsOf(service)).length, await limited('authorization')], [before[0], before[1] + 4]);
    const answer = await createHttpBrowser(service.issuer).open((await app.begin()).url, from(OTHER_ADDRESS));
    assert.equal(interactionOf(answer), 'login');
    time.advance(SECOND);
    assert.equal((await send(service.issuer, pathname + search, { headers: from(HERE) })).status, 303);
    assert.equal((await send(service.issuer, pathname + search, { headers: from(HERE) })).status, 429);
  });

  it('is not limited by network with a session or with prompt=none', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    await runAuthorization(app, httpBrowser, { login: LOGIN.G4 });
    fill('authorization', HERE);
    const signedIn = await httpBrowser.open((await app.begin()).url, from(HERE));
    assert.ok(signedIn.leavesTo?.searchParams.has('code'), String(signedIn.status));
    const asking = await createHttpBrowser(service.issuer).open((await app.begin({ prompt: 'none' })).url, from(HERE));
    assert.equal(errorOf(asking), 'login_required');
  });

  it('is limited by session and person with a session: 429 with a page, nothing stored', async () => {
    const { search } = new URL((await app.begin({ prompt: 'login', state: 's'.repeat(2_000) })).url);
    const silent = new URL((await app.begin({ prompt: 'none' })).url).search;
    const [phone, tablet] = [createHttpBrowser(service.issuer), createHttpBrowser(service.issuer)];
    for (const httpBrowser of [phone, tablet]) await runAuthorization(app, httpBrowser, { login: LOGIN.S1 });
    const begin = async ({ jar }: HttpBrowser, query = search) => {
      const cookie = await jar.getCookieString(service.issuer);
      return send(service.issuer, `/auth${query}`, { headers: { cookie, accept: 'text/html', ...from(HERE) } });
    };
    const statuses: number[] = [];
    for (let i = 0; i <= SESSION_POLICY.capacity; i += 1) statuses.push((await begin(phone)).status);
    // The sign-in itself does not count: it started without a session.
    assert.deepEqual([new Set(statuses.slice(0, -1)), statuses.at(-1)], [new Set([303]), 429]);
    assert.equal((await begin(tablet)).status, 303, 'another session of the person');
    fillPerson('authorization', 'S1');
    const before = (await rowsOf(service)).length;
    for (const query of [search, silent]) {
      const { status, headers, body } = await begin(tablet, query);
      assert.deepEqual([status, headers['retry-after']], [429, '4']);
      assert.match(textOf(body), /您的帳號目前使用次數過多/);
    }
    assert.equal((await rowsOf(service)).length, before);
    for (const login of [LOGIN.T2, LOGIN.S1]) {
      assert.ok(
        codeOf((await runAuthorization(app, createHttpBrowser(service.issuer), { login })).answer),
        'a sign-in',
      );
    }
    time.advance(4 * SECOND);
    assert.equal((await begin(tablet)).status, 303);
    time.advance(HOUR);
  });

  it('is limited for "revoke all other sessions", which writes an audit entry each time', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    await runAuthorization(app, httpBrowser, { login: LOGIN.G3 });
    const endOthers = (): Promise<Answer> => httpBrowser.post('/account/sessions/revoke-others', '');
    assert.equal((await endOthers()).status, 200);
    fillPerson('account', 'G3');
    const page = await endOthers();
    assert.equal(page.status, 429);
    assert.match(textOf(page.body), /您的帳號目前使用次數過多/);
    time.advance(HOUR);
  });

  it('is limited by device, not by network, on devices with an earlier sign-in', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    await runAuthorization(app, httpBrowser, { login: LOGIN.G4 });
    const cookies = await httpBrowser.jar.getCookies(service.issuer);
    const cookie = cookies.find(({ key }) => key === 'kinpass_device')?.cookieString() ?? '';
    fill('authorization', HERE);
    const { pathname, search } = new URL((await app.begin()).url);
    const begin = async (headers: Record<string, string>): Promise<number> =>
      (await send(service.issuer, pathname + search, { headers: { ...from(HERE), ...headers } })).status;
    assert.equal(await begin({ cookie }), 303);
    assert.equal(await begin({ cookie: cookie.replace('=v1.', '=v1.A') }), 429, 'a changed token');
    assert.equal(await begin({}), 429);
    const statuses: number[] = [];
    for (let i = 0; i < 60; i += 1) statuses.push(await begin({ cookie }));
    assert.deepEqual([...new Set(statuses.slice(0, 59)), statuses[59]], [303, 429]);
  });

  it('is refunded when an interaction ends with a sign-in', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const page = await httpBrowser.open((await app.begin()).url);
    fill('authorization', '127.0.0.1');
    fill('authorization', '::1');
    const next = async (): Promise<number> =>
      (await createHttpBrowser(service.issuer).open((await app.begin()).url)).status;
    assert.equal(await next(), 429);
    const answer = await httpBrowser.submit(page, { login: LOGIN.T2, password: DEMO_PASSWORD });
    assert.ok(answer.leavesTo?.searchParams.has('code'), String(answer.status));
    assert.deepEqual([await next(), await next()], [200, 429]);
    time.advance(HOUR);
  });

  it('is not refunded for interactions of a signed-in person', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    await runAuthorization(app, httpBrowser, { login: LOGIN.T2 });
    fill('authorization', '127.0.0.1');
    fill('authorization', '::1');
    const answer = await runAuthorization(app, httpBrowser, { login: LOGIN.T2, parameters: { prompt: 'login' } });
    assert.ok(codeOf(answer.answer));
    assert.equal((await createHttpBrowser(service.issuer).open((await app.begin()).url)).status, 429);
    time.advance(HOUR);
  });

  it('is refunded once when another interaction follows the sign-in', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const scope = 'openid profile roles children';
    const page = await httpBrowser.open((await app.begin({ scope })).url);
    fill('authorization', '127.0.0.1');
    fill('authorization', '::1');
    const chooser = await httpBrowser.submit(page, { login: LOGIN.G2, password: DEMO_PASSWORD });
    assert.equal(interactionOf(chooser), 'select_account');
    const next = async (): Promise<number> =>
      (await createHttpBrowser(service.issuer).open((await app.begin()).url)).status;
    assert.deepEqual([await next(), await next()], [200, 429]);
    time.advance(HOUR);
  });

  it('is not refunded for pushed requests of a confidential client', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    await runAuthorization(app, httpBrowser, { login: LOGIN.T2 });
    const basic = { authorization: `Basic ${Buffer.from(`app:${secret}`).toString('base64')}` };
    const pushed = await post(service, '/request', authorization({}, 'app').toString(), basic);
    const { request_uri: uri } = z.object({ request_uri: z.string() }).parse(JSON.parse(pushed.body));
    fill('pushed_authorization_request', '127.0.0.1');
    fill('pushed_authorization_request', '::1');
    const address = `/auth?client_id=app&request_uri=${encodeURIComponent(uri)}`;
    assert.ok(codeOf(await httpBrowser.open(address)));
    assert.equal((await post(service, '/request', authorization().toString())).status, 429);
    time.advance(HOUR);
  });

  it('is limited for an account switch, which starts a new interaction', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const { pathname } = new URL((await httpBrowser.open((await app.begin()).url, from('203.0.113.9'))).url);
    fill('authorization', '203.0.113.9');
    const answer = await httpBrowser.post(`${pathname}/other-account`, '', from('203.0.113.9'));
    assert.equal(answer.status, 429);
    assert.equal(interactionOf(await httpBrowser.open(pathname)), 'login', 'the interaction still exists');
  });

  it('is limited by network for pushed requests of a public client: 429 as JSON', async () => {
    fill('pushed_authorization_request', HERE);
    const before = (await rowsOf(service)).length;
    const answer = await post(service, '/request', authorization().toString(), from(HERE));
    assert.equal(answer.status, 429);
    assert.ok(Number(answer.headers['retry-after']) >= 1);
    assert.match(answer.body, /"error":"temporarily_unavailable"/);
    assert.equal((await rowsOf(service)).length, before);
    assert.equal((await post(service, '/request', authorization().toString(), from(OTHER_ADDRESS))).status, 201);
  });

  it('is limited before the DPoP proof of a pushed request is stored', async () => {
    fill('pushed_authorization_request', HERE);
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    const proof = await new SignJWT({ htm: 'POST', htu: `${service.issuer}/request` })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
      .setIssuedAt(Math.floor(Date.now() / 1_000))
      .setJti('once')
      .sign(privateKey);
    const before = (await rowsOf(service)).length;
    const headers = { dpop: proof, ...from(HERE) };
    assert.equal((await post(service, '/request', authorization().toString(), headers)).status, 429);
    assert.equal((await rowsOf(service)).length, before);
    const elsewhere = { dpop: proof, ...from(OTHER_ADDRESS) };
    assert.equal((await post(service, '/request', authorization().toString(), elsewhere)).status, 201);
    assert.equal((await rowsOf(service)).length, before + 2);
  });

  it('is limited by client, not by network, for pushed requests of a confidential client', async () => {
    fill('pushed_authorization_request', HERE);
    const basic = { authorization: `Basic ${Buffer.from(`app:${secret}`).toString('base64')}`, ...from(HERE) };
    const body = authorization({}, 'app').toString();
    assert.equal((await post(service, '/request', body, basic)).status, 201);
    try {
      for (;;) service.container.rateLimiter.admitClient('pushed_authorization_request', 'app');
    } catch {
      // The budget is used.
    }
    assert.equal((await post(service, '/request', body, { ...basic, ...from(OTHER_ADDRESS) })).status, 429);
  });

  it('is limited by network for device codes of a public client', async () => {
    fill('device_authorization', HERE);
    const before = (await rowsOf(service)).length;
    const answer = await post(service, '/device/auth', 'client_id=public&scope=openid', from(HERE));
    assert.equal(answer.status, 429);
    assert.match(answer.body, /"error":"temporarily_unavailable"/);
    assert.equal((await rowsOf(service)).length, before);
    assert.equal(
      (await post(service, '/device/auth', 'client_id=public&scope=openid', from(OTHER_ADDRESS))).status,
      200,
    );
  });

  it('is limited for pages that store a form secret in a new session', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    await httpBrowser.open('/device', from(HERE));
    fill('session', HERE);
    const before = (await rowsOf(service)).length;
    for (const [method, path] of [
      ['GET', '/device'],
      ['HEAD', '/Device/'],
      ['GET', `/device/${'u'.repeat(43)}`],
    ] as const) {
      const answer = await send(service.issuer, path, { method, headers: { accept: 'text/html', ...from(HERE) } });
      assert.equal(answer.status, 429, path);
      assert.ok(Number(answer.headers['retry-after']) >= 1);
    }
    assert.equal((await rowsOf(service)).length, before);
    assert.equal((await httpBrowser.open('/device', from(HERE))).status, 200);
  });
});

eachService(
  'a stale session cookie',
  () => options,
  (running) => {
    it('lets no request store a session', async () => {
      const time = freezeTime();
      try {
        const httpBrowser = createHttpBrowser(running().issuer);
        await httpBrowser.open('/device');
        const cookie = await httpBrowser.jar.getCookieString(running().issuer);
        time.advance(2 * HOUR);
        const before = (await rowsOf(running())).filter(({ model }) => model === 'Session').length;
        for (const path of ['/auth', '/auth?client_id=public', `/auth/${'u'.repeat(43)}`]) {
          await send(running().issuer, path, { headers: { cookie } });
        }
        await post(running(), '/session/end/confirm', 'xsrf=x', { cookie, origin: running().issuer });
        assert.equal((await rowsOf(running())).filter(({ model }) => model === 'Session').length, before);
      } finally {
        time.release();
      }
    });
  },
);
