/** Consent to third-party apps. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { SCOPES } from '../../src/domain/claims/scopes.ts';
import { PERMISSIONS } from '../../src/domain/model.ts';
import {
  codeOf,
  runAuthorization,
  errorOf,
  idClaims,
  LOGIN,
  redeem,
  refresh,
  interactionOf,
  textIn,
  userinfo,
} from '../helpers/authorization-flow.ts';
import { personId } from '../helpers/city.ts';
import { createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
const NATIVE_REDIRECT = 'tw.example.cityapp:/callback';
const OFFLINE = { scope: 'openid profile offline_access', prompt: 'consent' };
let service: TestService;
let vendor: TestParty;
let own: TestParty;
let cityApp: TestParty;
let vendorApp: TestParty;

const native = {
  application_type: 'native',
  token_endpoint_auth_method: 'none',
  client_secret_sha256: [],
  redirect_uris: [NATIVE_REDIRECT],
};

before(async () => {
  service = await startService({
    clients: [
      createRegistration('vendor', secret, {
        client_name: { 'zh-TW': '社團報名', en: 'Club sign-up' },
        scopes: SCOPES,
        permissions: PERMISSIONS,
        first_party: false,
      }),
      createRegistration('own', secret, { scopes: SCOPES, permissions: PERMISSIONS }),
      createRegistration('city-app', secret, { ...native, scopes: ['openid', 'profile', 'offline_access'] }),
      createRegistration('desktop', secret, {
        ...native,
        redirect_uris: ['http://127.0.0.1/callback'],
        sector_identifier_uri: 'https://desktop.example/redirect-uris.json',
        scopes: ['openid', 'profile'],
      }),
      createRegistration('vendor-app', secret, {
        ...native,
        scopes: ['openid', 'profile', 'offline_access'],
        first_party: false,
      }),
    ],
  });
  const { issuer } = service;
  vendor = await createParty(issuer, { id: 'vendor', scope: 'openid profile', secret });
  own = await createParty(issuer, { id: 'own', scope: 'openid profile', secret });
  const scope = 'openid profile';
  cityApp = await createParty(issuer, { id: 'city-app', scope, redirectUri: NATIVE_REDIRECT });
  vendorApp = await createParty(issuer, { id: 'vendor-app', scope, redirectUri: NATIVE_REDIRECT });
});
after(() => service.stop());

const visit = (language?: string): HttpBrowser => createHttpBrowser(service.issuer, language);
/** Returns the items of the consent page in order. */
const itemsOf = ({ body }: Answer): string[] =>
  [...body.matchAll(/<strong>([^<]*)<\/strong>/g)].map(([, text = '']) => text);
const accept = (httpBrowser: HttpBrowser, page: Answer): Promise<Answer> =>
  httpBrowser.submit(page, { consent: 'accept' });

// Consents are stored per person, so each test that stores one uses another person.
describe('a third-party app', () => {
  it('shows a consent page with its name, its site and each item', async () => {
    const parameters = { scope: 'openid profile email phone roles children children.profile' };
    const httpBrowser = visit();
    const chooser = await runAuthorization(vendor, httpBrowser, { login: LOGIN.G2, parameters, choice: ['王小安'] });
    assert.equal(interactionOf(chooser.answer), 'consent');
    assert.match(textOf(chooser.answer.body), /「社團報名」想使用您的資料/);
    assert.match(textOf(chooser.answer.body), /vendor\.example/);
    assert.deepEqual(itemsOf(chooser.answer), [
      '確認您已登入',
      '您的姓名',
      '您的電子郵件地址',
      '您的手機號碼',
      '您的身分',
      '您照顧的學生',
      '學生的姓名與班級',
    ]);
    assert.equal(/children|openid|scope\./.test(textOf(chooser.answer.body)), false, 'no protocol terms');
  });

  it('shows the consent page in English too', async () => {
    const { answer } = await runAuthorization(vendor, visit('en'), { login: LOGIN.T2 });
    assert.match(textOf(answer.body), /Club sign-up/);
    assert.equal(itemsOf(answer).length, 2);
    assert.equal(/[一-鿿]/.test(itemsOf(answer).join('')), false);
  });

  it('gets access_denied after a denial, and the next sign-in shows the page again', async () => {
    const httpBrowser = visit();
    const { answer } = await runAuthorization(vendor, httpBrowser, { login: LOGIN.T2 });
    const denied = await httpBrowser.submit(answer, { consent: 'deny' });
    assert.equal(errorOf(denied), 'access_denied');
    assert.equal(denied.leavesTo?.searchParams.has('code'), false);
    assert.equal(interactionOf((await runAuthorization(vendor, httpBrowser)).answer), 'consent');
  });

  it('writes the decision to the audit log', async () => {
    const answers = async (): Promise<object[]> => {
      const rows = await service.container.store.read((tx) =>
        tx.db.select().from(tx.tables.audit).orderBy(tx.tables.audit.seq),
      );
      return rows
        .filter(({ event, subjectId }) => event.startsWith('consent.') && subjectId === personId('A2'))
        .map(({ event, outcome, actorId, clientId, detail: { requestId, signInId, ...detail } }) => {
          assert.deepEqual([typeof requestId, typeof signInId], ['string', 'string']);
          return { event, outcome, actorId, clientId, detail };
        });
    };
    const httpBrowser = visit();
    const parameters = { scope: 'openid profile words-of-a-stranger' };
    const { answer } = await runAuthorization(vendor, httpBrowser, { login: LOGIN.A2, parameters });
    await httpBrowser.submit(answer, { consent: 'maybe' });
    assert.deepEqual(await answers(), []);
    await httpBrowser.submit(answer, { consent: 'deny' });
    await accept(httpBrowser, (await runAuthorization(vendor, httpBrowser)).answer);
    const by = { actorId: personId('A2'), clientId: 'vendor', detail: { scope: 'openid profile' } };
    assert.deepEqual(await answers(), [
      { event: 'consent.denied', outcome: 'refused', ...by },
      { event: 'consent.granted', outcome: 'ok', ...by },
    ]);
  });

  it('gets nothing for a form value that is neither accept nor deny', async () => {
    const httpBrowser = visit();
    const { answer } = await runAuthorization(vendor, httpBrowser, { login: LOGIN.T2 });
    for (const consent of ['', 'maybe', 'accept ']) {
      const refused = await httpBrowser.submit(answer, { consent });
      assert.equal(refused.status, 400);
      assert.equal(refused.leavesTo, undefined);
    }
    assert.ok(codeOf(await accept(httpBrowser, answer)));
  });

  it('gets tokens after consent, and the second sign-in shows no consent page', async () => {
    const httpBrowser = visit();
    const asked = await runAuthorization(vendor, httpBrowser, { login: LOGIN.S1 });
    const tokens = await asked.finish(await accept(httpBrowser, asked.answer));
    assert.equal((await userinfo(vendor, tokens.access_token)).body['name'], '王小安');
    const silent = await runAuthorization(vendor, httpBrowser, { parameters: { prompt: 'none' } });
    assert.ok(codeOf(silent.answer));
  });

  it('needs new consent for more scopes, but not for fewer', async () => {
    const httpBrowser = visit();
    const first = await runAuthorization(vendor, httpBrowser, { login: LOGIN.B1 });
    await accept(httpBrowser, first.answer);
    const less = await runAuthorization(vendor, httpBrowser, { parameters: { scope: 'openid' } });
    assert.ok(codeOf(less.answer));
    const more = { scope: 'openid profile email' };
    const silent = await runAuthorization(vendor, httpBrowser, { parameters: { ...more, prompt: 'none' } });
    assert.equal(errorOf(silent.answer), 'consent_required');
    const asked = await runAuthorization(vendor, httpBrowser, { parameters: more });
    assert.deepEqual(itemsOf(asked.answer), ['確認您已登入', '您的姓名', '您的電子郵件地址']);
  });

  it('shows the consent page again for prompt=consent', async () => {
    const httpBrowser = visit();
    const first = await runAuthorization(vendor, httpBrowser, { login: LOGIN.G5 });
    await accept(httpBrowser, first.answer);
    assert.equal(
      interactionOf((await runAuthorization(vendor, httpBrowser, { parameters: { prompt: 'consent' } })).answer),
      'consent',
    );
  });

  it('needs the consent of each person, not of each browser', async () => {
    const httpBrowser = visit();
    const first = await runAuthorization(vendor, httpBrowser, { login: LOGIN.T1 });
    await accept(httpBrowser, first.answer);
    assert.equal(interactionOf((await runAuthorization(vendor, visit(), { login: LOGIN.G3 })).answer), 'consent');
  });

  it('needs new consent after its access was revoked, and its tokens are invalid', async () => {
    const httpBrowser = visit();
    const first = await runAuthorization(vendor, httpBrowser, { login: LOGIN.A1, parameters: OFFLINE });
    assert.deepEqual(itemsOf(first.answer), ['確認您已登入', '您的姓名', '持續存取']);
    const tokens = await first.finish(await accept(httpBrowser, first.answer));
    const account = await httpBrowser.open('/account');
    assert.match(textOf(account.body), /社團報名/);
    const revoked = await httpBrowser.post('/account/apps/revoke', new URLSearchParams({ app: 'vendor' }));
    assert.match(textOf(revoked.body), /已取消該應用程式的存取權/);
    assert.equal((await userinfo(vendor, tokens.access_token)).status, 401);
    assert.equal((await refresh(vendor, tokens.refresh_token)).body['error'], 'invalid_grant');
    assert.equal(interactionOf((await runAuthorization(vendor, httpBrowser)).answer), 'consent');
  });

  it('gets no claims by the claims parameter that the page does not show', async () => {
    const httpBrowser = visit();
    const claims = JSON.stringify({
      userinfo: { email: { essential: true } },
      id_token: { children: null, email: null },
    });
    const asked = await runAuthorization(vendor, httpBrowser, { login: LOGIN.G4, parameters: { claims } });
    const tokens = await asked.finish(await accept(httpBrowser, asked.answer));
    const { body } = await userinfo(vendor, tokens.access_token);
    const released = JSON.stringify([body, idClaims(tokens)]);
    assert.equal(/@|children|acting/.test(released), false, released);
  });
});

describe('a refresh token of an app that is not first-party', () => {
  it('is issued only with prompt=consent (OpenID Connect Core 1.0, section 11)', async () => {
    for (const parameters of [{ scope: OFFLINE.scope }, { prompt: 'consent' }]) {
      const httpBrowser = visit();
      const asked = await runAuthorization(vendor, httpBrowser, { login: LOGIN.T2, parameters });
      const answer = asked.answer.leavesTo === undefined ? await accept(httpBrowser, asked.answer) : asked.answer;
      const { body } = await redeem(vendor, { ...asked, answer });
      assert.deepEqual([body['refresh_token'], body['scope']], [undefined, 'openid profile']);
    }
  });
});

describe('a first-party app', () => {
  it('shows no consent page, not even with prompt=consent', async () => {
    for (const parameters of [{}, { prompt: 'consent' }, OFFLINE]) {
      const { answer } = await runAuthorization(own, visit(), { login: LOGIN.T2, parameters });
      assert.ok(codeOf(answer));
    }
  });
});

describe('a native app', () => {
  it('that is first-party gets a refresh token without a secret, with PKCE', async () => {
    const entered = await runAuthorization(cityApp, visit(), { login: LOGIN.T2, parameters: OFFLINE });
    assert.equal(entered.answer.leavesTo?.protocol, 'tw.example.cityapp:');
    const stolen = await redeem(cityApp, { ...entered, verifier: 'w'.repeat(43) });
    assert.equal(stolen.body['error'], 'invalid_grant');
    const reply = await redeem(cityApp, entered);
    const next = await refresh(cityApp, textIn(reply, 'refresh_token'));
    assert.equal(idClaims(next.body)['sub'], idClaims(reply.body)['sub']);
  });

  it('with a private-use scheme always needs a user gesture (RFC 8252, section 8.6)', async () => {
    const httpBrowser = visit();
    await runAuthorization(cityApp, httpBrowser, { login: LOGIN.T2 });
    const silent = await runAuthorization(cityApp, httpBrowser, { parameters: { prompt: 'none' } });
    assert.equal(errorOf(silent.answer), 'interaction_required');
    const asked = await runAuthorization(cityApp, httpBrowser);
    assert.equal(asked.answer.leavesTo, undefined);
    assert.equal(interactionOf(asked.answer), 'consent');
    assert.ok(codeOf(await accept(httpBrowser, asked.answer)));
  });

  it('that is third-party needs consent too, and stores it', async () => {
    const httpBrowser = visit();
    const asked = await runAuthorization(vendorApp, httpBrowser, { login: LOGIN.T2, parameters: OFFLINE });
    assert.deepEqual(itemsOf(asked.answer), ['確認您已登入', '您的姓名', '持續存取']);
    assert.ok(
      textIn(await redeem(vendorApp, { ...asked, answer: await accept(httpBrowser, asked.answer) }), 'refresh_token'),
    );
  });

  it('may use any port of its loopback redirect URI, but no other host (RFC 8252, section 7.3)', async () => {
    const scope = 'openid profile';
    const at = (redirectUri: string): Promise<TestParty> =>
      createParty(service.issuer, { id: 'desktop', scope, redirectUri });
    const desktop = await at('http://127.0.0.1:51234/callback');
    const entered = await runAuthorization(desktop, visit(), { login: LOGIN.T2 });
    assert.equal(entered.answer.leavesTo?.host, '127.0.0.1:51234');
    assert.equal((await redeem(desktop, entered)).status, 200);
    for (const address of ['http://localhost:51234/callback', 'http://127.0.0.1.evil.example/callback']) {
      const { answer } = await runAuthorization(await at(address), visit());
      assert.deepEqual([answer.status, answer.leavesTo], [400, undefined], address);
    }
  });
});
