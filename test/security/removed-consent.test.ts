/** Access that a person removes stays removed, also for requests that are in progress at that moment. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import {
  codeOf,
  runAuthorization,
  errorOf,
  LOGIN,
  redeem,
  refresh,
  interactionOf,
  textIn,
  userinfo,
  type AuthorizationResult,
} from '../helpers/authorization-flow.ts';
import { createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const ROUNDS = 10;
const WORKERS = 2;
const SCOPE = 'openid profile offline_access';
const secret = newSecret();
const options = () => ({
  clients: [
    createRegistration('vendor', secret, { scopes: ['openid', 'profile', 'offline_access'], first_party: false }),
  ],
});

eachService('an app whose access was removed', options, (running) => {
  let vendor: TestParty;
  before(async () => {
    vendor = await createParty(running().issuer, { id: 'vendor', secret, scope: SCOPE });
  });

  const accept = (httpBrowser: HttpBrowser, page: Answer): Promise<Answer> =>
    httpBrowser.submit(page, { consent: 'accept' });
  const silently = (httpBrowser: HttpBrowser): Promise<AuthorizationResult> =>
    runAuthorization(vendor, httpBrowser, { parameters: { prompt: 'none' } });
  const remove = (httpBrowser: HttpBrowser): Promise<Answer> =>
    httpBrowser.post('/account/apps/revoke', new URLSearchParams({ app: 'vendor' }));
  const hasCode = ({ answer }: AuthorizationResult): boolean => answer.leavesTo?.searchParams.has('code') === true;

  it('gets no code after the removal, and its earlier codes and tokens fail', async () => {
    const httpBrowser = createHttpBrowser(running().issuer);
    let page = (await runAuthorization(vendor, httpBrowser, { login: LOGIN.G5, parameters: { prompt: 'consent' } }))
      .answer;
    for (let round = 0; round < ROUNDS; round += 1) {
      codeOf(await accept(httpBrowser, page));
      const got: AuthorizationResult[] = [];
      const progress = { removed: false };
      const work = async (): Promise<void> => {
        for (;;) {
          const last = progress.removed;
          const entered = await silently(httpBrowser);
          if (hasCode(entered)) got.push(entered);
          if (last) {
            assert.equal(errorOf(entered.answer), 'consent_required');
            return;
          }
        }
      };
      const workers = Array.from({ length: WORKERS }, work);
      while (got.length < WORKERS) await new Promise(setImmediate);
      assert.match(textOf((await remove(httpBrowser)).body), /已取消該應用程式的存取權/);
      progress.removed = true;
      await Promise.all(workers);
      for (const entered of got) assert.equal((await redeem(vendor, entered)).body['error'], 'invalid_grant');
      assert.doesNotMatch(textOf((await httpBrowser.open('/account')).body), /測試 vendor/);
      page = (await runAuthorization(vendor, httpBrowser)).answer;
      assert.equal(interactionOf(page), 'consent');
    }
  });

  it('loses its tokens, and one more scope needs consent', async () => {
    const httpBrowser = createHttpBrowser(running().issuer);
    const narrow = await runAuthorization(vendor, httpBrowser, { login: LOGIN.T1, parameters: { scope: 'openid' } });
    codeOf(await accept(httpBrowser, narrow.answer));
    const wide = await runAuthorization(vendor, httpBrowser, { parameters: { prompt: 'consent' } });
    assert.equal(interactionOf(wide.answer), 'consent');
    const reply = await redeem(vendor, { ...wide, answer: await accept(httpBrowser, wide.answer) });
    await remove(httpBrowser);
    assert.equal((await userinfo(vendor, textIn(reply, 'access_token'))).status, 401);
    assert.equal((await refresh(vendor, textIn(reply, 'refresh_token'))).body['error'], 'invalid_grant');
  });

  it('stays on the account page without a session or a token, until the person removes it', async () => {
    const first = createHttpBrowser(running().issuer);
    const parameters = { scope: 'openid profile' };
    codeOf(await accept(first, (await runAuthorization(vendor, first, { login: LOGIN.T2, parameters })).answer));
    const other = createHttpBrowser(running().issuer);
    await other.submit(await other.open('/account'), { login: LOGIN.T2, password: DEMO_PASSWORD });
    await other.post('/account/sessions/revoke-others', '');
    assert.match(textOf((await other.open('/account')).body), /測試 vendor/);
    assert.ok(hasCode(await runAuthorization(vendor, other, { parameters: { ...parameters, prompt: 'none' } })));
    await remove(other);
    assert.doesNotMatch(textOf((await other.open('/account')).body), /測試 vendor/);
    const asked = await runAuthorization(vendor, other, { parameters: { ...parameters, prompt: 'none' } });
    assert.equal(errorOf(asked.answer), 'consent_required');
  });
});
