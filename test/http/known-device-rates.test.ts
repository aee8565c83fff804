import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN, runAuthorization } from '../helpers/authorization-flow.ts';
import { freezeTime, HOUR, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { send } from '../helpers/raw-http.ts';
import { createParty, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';
import { options, secret } from '../helpers/stored-requests.ts';

describe('the rate of interactions on known devices', () => {
  const from = (address: string): Record<string, string> => ({ 'x-forwarded-for': address });
  let service: TestService;
  let time: FrozenTime;
  let app: TestParty;
  before(async () => {
    time = freezeTime();
    service = await startService(options);
    app = await createParty(service.issuer, { id: 'app', scope: 'openid profile', secret });
  });
  after(async () => {
    await service.stop();
    time.release();
  });

  /** Uses the whole budget of the networks of an address. */
  const fill = (address: string): void => {
    try {
      for (;;) service.container.rateLimiter.admitNetwork('authorization', address);
    } catch {
      // The budget is used.
    }
  };

  it('is limited for all known devices of a network together; beyond it they count as unknown', async () => {
    const cookies = await Promise.all(
      [LOGIN.G4, LOGIN.G4].map(async (login) => {
        const httpBrowser = createHttpBrowser(service.issuer);
        await runAuthorization(app, httpBrowser, { login });
        const all = await httpBrowser.jar.getCookies(service.issuer);
        return all.find(({ key }) => key === 'kinpass_device')?.cookieString() ?? '';
      }),
    );
    const { pathname, search } = new URL((await app.begin()).url);
    const begin = async (cookie: string, address: string): Promise<number> =>
      (await send(service.issuer, pathname + search, { headers: { ...from(address), cookie } })).status;
    const address = '203.0.113.40';
    fill(address);
    assert.equal(await begin(cookies[0] ?? '', address), 303);
    for (
      let i = 0;
      service.container.rateLimiter.admitDevice('authorization', { deviceId: String(i), address });
      i += 1
    );
    for (const cookie of cookies) assert.equal(await begin(cookie, address), 429);
    assert.equal(await begin(cookies[1] ?? '', '203.0.113.41'), 303, 'another network');
    time.advance(HOUR);
  });

  it('is refunded to the known device that was charged, and not to its network', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    await runAuthorization(app, httpBrowser, { login: LOGIN.T2 });
    const device = (await httpBrowser.jar.getCookies(service.issuer)).find(({ key }) => key === 'kinpass_device');
    const next = createHttpBrowser(service.issuer);
    await next.jar.setCookie(device?.toString() ?? '', service.issuer);
    const page = await next.open((await app.begin()).url);
    fill('127.0.0.1');
    fill('::1');
    const answer = await next.submit(page, { login: LOGIN.T2, password: DEMO_PASSWORD });
    assert.ok(answer.leavesTo?.searchParams.has('code'), String(answer.status));
    const newBrowser = createHttpBrowser(service.issuer);
    assert.equal((await newBrowser.open((await app.begin()).url)).status, 429);
    time.advance(HOUR);
  });

  it('is refunded to the address that was charged, wherever the sign-in ends', async () => {
    const begin = async (address: string): Promise<number> =>
      (await createHttpBrowser(service.issuer).open((await app.begin()).url, from(address))).status;
    const httpBrowser = createHttpBrowser(service.issuer);
    const [charged, other] = ['203.0.113.60', '127.0.0.1'];
    const page = await httpBrowser.open((await app.begin()).url, from(charged));
    for (const address of [charged, other, '::1']) fill(address);
    const answer = await httpBrowser.submit(page, { login: LOGIN.T2, password: DEMO_PASSWORD });
    assert.ok(answer.leavesTo?.searchParams.has('code'), String(answer.status));
    assert.deepEqual([await begin(other), await begin(charged), await begin(charged)], [429, 200, 429]);
    time.advance(HOUR);
  });
});
