/** Browsers send cookies with images that pages on other hosts of the same site load. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import { MAX_GRANTS_PER_SESSION_AND_CLIENT } from '../../src/domain/sessions.ts';
import { LOGIN, redeem, runAuthorization, textIn, userinfo } from '../helpers/authorization-flow.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { send, type RawResponse } from '../helpers/raw-http.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
const SUBRESOURCES = ['image', 'script', 'style', 'font', 'audio', 'video', 'object', 'embed', 'empty', 'worker'];
const NAVIGATIONS = ['document', 'iframe', ''];

eachService(
  'the authorization endpoint',
  () => ({ clients: [createRegistration('app', secret, { scopes: ['openid', 'profile'] })] }),
  (running) => {
    let app: TestParty;
    before(async () => {
      app = await createParty(running().issuer, { id: 'app', secret, scope: 'openid profile' });
    });

    const load = async (target: string, cookie: string, destination: string): Promise<RawResponse> => {
      const metadata = destination === '' ? {} : { 'sec-fetch-dest': destination, 'sec-fetch-site': 'same-site' };
      return send(running().issuer, target, { headers: { ...metadata, cookie, accept: '*/*' } });
    };
    const countStored = (): Promise<number[]> =>
      running().container.store.read(async ({ db, tables }) => {
        const [grants, records] = [await db.select().from(tables.grants), await db.select().from(tables.oidcRecords)];
        return [grants.length, records.length];
      });

    it('answers subresources with 403, stores nothing and keeps the tokens', async () => {
      const browser = createHttpBrowser(running().issuer);
      const tokens = await redeem(app, await runAuthorization(app, browser, { login: LOGIN.G5 }));
      const cookie = await browser.jar.getCookieString(running().issuer);
      const { pathname, search } = new URL((await app.begin({ prompt: 'none' })).url);
      const before = await countStored();
      for (const path of [pathname, '/AUTH/', `${pathname}/resume-id`, '/device', '/device/resume-id']) {
        for (const destination of SUBRESOURCES) {
          const response = await load(path + search, cookie, destination);
          assert.equal(response.status, 403, `${path} ${destination}`);
          assert.equal(response.headers['set-cookie'], undefined);
        }
      }
      for (let i = 0; i <= MAX_GRANTS_PER_SESSION_AND_CLIENT; i += 1) await load(pathname + search, cookie, 'image');
      assert.deepEqual(await countStored(), before);
      assert.equal((await userinfo(app, textIn(tokens, 'access_token'))).status, 200);
    });

    it('answers navigations, iframes and clients without fetch metadata', async () => {
      const browser = createHttpBrowser(running().issuer);
      await runAuthorization(app, browser, { login: LOGIN.T1 });
      const cookie = await browser.jar.getCookieString(running().issuer);
      for (const destination of NAVIGATIONS) {
        const { pathname, search } = new URL((await app.begin({ prompt: 'none' })).url);
        const { status, headers } = await load(pathname + search, cookie, destination);
        assert.equal(status, 303, destination);
        assert.match(headers.location ?? '', /^https:\/\/app\.example\/callback\?code=/);
      }
    });
  },
);
