/** Relying parties that the bureau registers in the console. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import { decodeProtectedHeader } from 'jose';
import * as client from 'openid-client';

import * as auditStore from '../../src/store/audit.ts';
import { idClaims, LOGIN, runAuthorization } from '../helpers/authorization-flow.ts';
import { openConsole } from '../helpers/console.ts';
import { clientForm, encode, errorAt, secretOn, type Fields } from '../helpers/client-form.ts';
import { alertOf, createHttpBrowser, formOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { pollUntil } from '../helpers/poll.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const FILE_SECRET = newSecret();
const API = 'https://api.example/records';
const REASON = '依核准公文介接';

eachService(
  'relying parties of the console',
  () => ({
    clients: [createRegistration('of-file', FILE_SECRET, { scopes: ['openid'], introspects: API })],
    resourceServers: [{ identifier: API, scopes: { records: 'Records' }, access_token_format: 'opaque' }],
  }),
  (running) => {
    let bureau: HttpBrowser;
    before(async () => {
      bureau = await openConsole(running(), 'B1');
    });

    const check = async (fields: Fields, path = '/console/clients/new'): Promise<Answer> => {
      const page = await bureau.open(path);
      return bureau.post(path, encode({ ...formOf(page.body).hidden, ...fields }));
    };
    const register = async (fields: Fields): Promise<string> => {
      const saved = await bureau.post('/console/clients/new', encode({ ...fields, action: 'save', reason: REASON }));
      assert.equal(saved.status, 200, alertOf(saved.body));
      return secretOn(saved);
    };
    const act = async (id: string, action: string): Promise<Answer> => {
      const page = await bureau.open(`/console/clients/${id}/action?action=${action}`);
      assert.equal(page.status, 200);
      return bureau.submit(page, { action, reason: REASON });
    };
    const listEntries = () => running().container.store.read((tx) => auditStore.listEntries(tx, 0, 10_000));
    const party = (id: string, secret: string, scope = 'openid'): Promise<TestParty> =>
      createParty(running().issuer, { id, scope, secret });
    const signIn = async (app: TestParty, browser = createHttpBrowser(running().issuer)) => {
      const parameters = { prompt: 'consent' };
      const begun = await runAuthorization(app, browser, { login: LOGIN.G2, parameters });
      return begun.answer.leavesTo === undefined
        ? begun.finish(await browser.submit(begun.answer, { consent: 'accept' }))
        : begun.finish(begun.answer);
    };

    it('sign people in as soon as the bureau has registered them', async () => {
      const confirm = await check(clientForm('library'));
      assert.equal(confirm.status, 200);
      assert.match(textOf(confirm.body), /確認註冊[\s\S]*測試 library/);
      const saved = await bureau.submit(confirm, { action: 'save', reason: REASON });
      const secret = secretOn(saved);
      assert.match(secret, /^[\w-]{43}$/);
      const tokens = await signIn(await party('library', secret));
      assert.equal(idClaims(tokens)['aud'], 'library');
      const page = await bureau.open('/console/clients/library');
      assert.ok(!page.body.includes(secret));
      const [event] = (await listEntries()).filter(({ event: name }) => name === 'client.registered');
      assert.equal(event?.clientId, 'library');
      assert.equal(event.detail['reason'], REASON);
      assert.ok(!JSON.stringify(event).includes(secret));
    });

    it('are refused with the field that is wrong', async () => {
      const bad: [field: string, value: string][] = [
        ['redirect_uris', 'http://library.example/callback'],
        ['redirect_uris', 'https://library.example/callback#part'],
        ['redirect_uris', 'https://*.library.example/callback'],
        ['redirect_uris', 'javascript:alert(1)'],
        ['redirect_uris', 'data:text/html,x'],
        ['redirect_uris', ''],
        ['post_logout_redirect_uris', 'http://library.example/'],
        ['backchannel_logout_uri', 'http://library.example/logout'],
        ['allowed_origins', 'https://library.example'],
        ['client_id', 'kinpass-account'],
        ['client_id', 'of-file'],
        ['client_id', 'new'],
        ['client_id', 'Upper'],
        ['name_zh', ''],
        ['scopes', 'children'],
        ['resources', 'https://unknown.example/api'],
        ['sector_identifier_uri', 'http://sector.example/'],
        ['introspects', 'https://unknown.example/api'],
      ];
      for (const [field, value] of bad) {
        const answer = await check(clientForm('refused', { [field]: value }));
        assert.equal(answer.status, 422, `${field}: ${value}`);
        assert.ok(answer.body.includes(`id="${field}-error"`), `${field}: ${value}`);
        assert.ok(answer.body.includes('測試 refused') || field === 'name_zh', 'keeps the entered values');
      }
      const native = { application_type: 'native', redirect_uris: 'http://native.example/callback' };
      assert.equal((await check(clientForm('refused', native))).status, 422);
      const hybrid = {
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        redirect_uris: 'app.example:/back',
      };
      for (const [allowed_origins, status] of [
        ['http://localhost', 422],
        ['https://app.example/', 422],
        ['capacitor://localhost', 200],
      ] as const) {
        const answer = await check(clientForm('refused', { ...hybrid, allowed_origins }));
        assert.equal(answer.status, status, allowed_origins);
        assert.equal(answer.body.includes('id="allowed_origins-error"'), status === 422, allowed_origins);
      }
      const unknown = await bureau.post('/console/clients/new', encode({ ...clientForm('refused'), action: 'save' }));
      assert.equal(unknown.status, 422, 'without a reason nothing is registered');
      assert.equal((await bureau.open('/console/clients/refused')).status, 404);
    });

    it('have the defaults of the clients file, and public ones always use PKCE', async () => {
      const page = await bureau.open('/console/clients/new');
      assert.match(page.body, /<option value="RS256" selected>/);
      const plain = { id_token_signed_response_alg: 'RS256', require_pkce: [] };
      assert.match(textOf((await check(clientForm('plain', plain))).body), /必須使用 PKCE\s+否/);
      const open = { ...plain, token_endpoint_auth_method: 'none' };
      const confirm = await check(clientForm('open', open));
      assert.equal(confirm.status, 200);
      assert.match(textOf(confirm.body), /必須使用 PKCE\s+是/);
    });

    it('may be browser apps, whose scripts may call the service at once', async () => {
      const preflight = async (origin: string): Promise<string | null> => {
        const headers = { origin, 'access-control-request-method': 'POST' };
        const answer = await fetch(`${running().issuer}/token`, { method: 'OPTIONS', headers });
        return answer.headers.get('access-control-allow-origin');
      };
      assert.equal(await preflight('https://spa.example'), null);
      await bureau.post(
        '/console/clients/new',
        encode({ ...clientForm('spa', { token_endpoint_auth_method: 'none' }), action: 'save', reason: REASON }),
      );
      assert.equal(await preflight('https://spa.example'), 'https://spa.example');
      await act('spa', 'disable');
      assert.equal(await preflight('https://spa.example'), null);
    });

    it('have two valid secrets during a rotation, until the old one is ended', async () => {
      const old = await register(clientForm('rotating'));
      const fresh = secretOn(await act('rotating', 'rotate-secret'));
      assert.notEqual(fresh, old);
      await signIn(await party('rotating', old));
      await signIn(await party('rotating', fresh));
      assert.equal((await act('rotating', 'end-old-secret')).status, 200);
      await assert.rejects(
        signIn(await party('rotating', old)),
        (error: unknown) => codeOf(error) === 'invalid_client',
      );
      await signIn(await party('rotating', fresh));
      assert.equal((await bureau.open('/console/clients/rotating/action?action=end-old-secret')).status, 200);
    });

    it('are refused at every endpoint while they are disabled, also with earlier tokens', async () => {
      const fields = { scopes: ['openid', 'offline_access'], resources: API, first_party: 'yes' };
      const secret = await register(clientForm('closing', fields));
      const app = await party('closing', secret, 'openid offline_access');
      const tokens = await signIn(app);
      assert.ok(tokens.refresh_token);
      const api = { resource: API, scope: 'openid records' };
      const browser = createHttpBrowser(running().issuer);
      const forApi = await runAuthorization(app, browser, { login: LOGIN.G2, parameters: api });
      const { access_token: apiToken } = await forApi.finish(forApi.answer, { parameters: { resource: API } });
      const ofFile = await party('of-file', FILE_SECRET);
      assert.equal((await client.tokenIntrospection(ofFile.config, apiToken)).active, true);
      await act('closing', 'disable');
      assert.equal((await client.tokenIntrospection(ofFile.config, apiToken)).active, false);
      const refused = async (call: Promise<unknown>, code: string): Promise<void> => {
        await assert.rejects(call, (error: unknown) => codeOf(error) === code);
      };
      const begun = await app.begin();
      const shown = await createHttpBrowser(running().issuer).open(begun.url);
      assert.equal(shown.status, 400);
      await refused(client.refreshTokenGrant(app.config, tokens.refresh_token), 'invalid_client');
      await refused(client.tokenIntrospection(app.config, tokens.access_token), 'invalid_client');
      await refused(client.tokenRevocation(app.config, tokens.access_token), 'invalid_client');
      const me = await fetch(`${running().issuer}/me`, { headers: { authorization: `Bearer ${tokens.access_token}` } });
      assert.equal(me.status, 401);
      const count = (): Promise<number> =>
        running().container.store.read(
          async (tx) =>
            (await tx.db.select().from(tx.tables.grants)).filter((one) => one.clientId === 'closing').length,
        );
      await pollUntil('the grants are deleted', async () => (await count()) === 0);
      await pollUntil('the client can be enabled', async () =>
        (await bureau.open('/console/clients/closing')).body.includes('value="enable"'),
      );
      await act('closing', 'enable');
      await refused(client.refreshTokenGrant(app.config, tokens.refresh_token), 'invalid_grant');
      await signIn(app);
    });

    it('tell the second of two editors that the first has changed them', async () => {
      await register(clientForm('edited'));
      const path = '/console/clients/edited/edit';
      const [first, second] = [await bureau.open(path), await bureau.open(path)];
      const edit = (page: Answer, uri: string): Promise<Answer> =>
        bureau.post(
          path,
          encode({
            ...clientForm('edited', { redirect_uris: uri }),
            ...formOf(page.body).hidden,
            action: 'save',
            reason: REASON,
          }),
        );
      const saved = await edit(first, 'https://edited.example/new');
      assert.equal(new URL(saved.url).pathname, '/console/clients/edited');
      const late = await edit(second, 'https://edited.example/other');
      assert.equal(late.status, 409);
      assert.match(alertOf(late.body), /已有其他管理員變更/);
      const page = await bureau.open('/console/clients/edited');
      assert.ok(
        page.body.includes('https://edited.example/new') && !page.body.includes('https://edited.example/other'),
      );
      const changed = (await listEntries()).filter(({ event }) => event === 'client.changed');
      assert.equal(changed.length, 1);
      assert.deepEqual(JSON.parse(String(changed[0]?.detail['after'])), {
        redirect_uris: ['https://edited.example/new'],
      });
    });

    it('accept the hints of ID tokens that another algorithm signed before a change', async () => {
      const home = 'https://signer.example/';
      const fields = { first_party: 'yes', post_logout_redirect_uris: home };
      const app = await party('signer', await register(clientForm('signer', fields)));
      const browser = createHttpBrowser(running().issuer);
      const tokens = await signIn(app, browser);
      const edited = { ...clientForm('signer', fields), id_token_signed_response_alg: 'RS256' };
      const page = await bureau.open('/console/clients/signer/edit');
      const more = { ...formOf(page.body).hidden, action: 'save', reason: REASON };
      assert.equal((await bureau.post('/console/clients/signer/edit', encode({ ...edited, ...more }))).status, 200);
      const parameters = { prompt: 'none', id_token_hint: tokens.id_token ?? '' };
      const silent = await runAuthorization(app, browser, { parameters });
      const next = await silent.finish(silent.answer);
      const algorithms = [tokens, next].map(({ id_token: token = '' }) => decodeProtectedHeader(token).alg);
      assert.deepEqual(algorithms, ['ES256', 'RS256']);
      const signOut = new URLSearchParams({ id_token_hint: parameters.id_token_hint, post_logout_redirect_uri: home });
      const end = await browser.open(`/session/end?${signOut.toString()}`);
      assert.equal((await browser.submit(end, { logout: 'yes' })).leavesTo?.href, home);
    });

    it('of the clients file are shown read-only', async () => {
      const list = await bureau.open('/console/clients');
      assert.ok(list.body.includes('data-client="of-file"'));
      const page = await bureau.open('/console/clients/of-file');
      assert.match(textOf(page.body), /只能查看/);
      assert.ok(!page.body.includes('/console/clients/of-file/edit'));
      assert.equal((await bureau.open('/console/clients/of-file/edit')).status, 404);
      assert.ok(!page.body.includes(FILE_SECRET));
    });

    it('are not found by staff of a school', async () => {
      const desk = await openConsole(running(), 'A1');
      for (const path of ['/console/clients', '/console/clients/new', '/console/clients/of-file']) {
        assert.equal((await desk.open(path)).status, 404, path);
      }
      const answer = await desk.post('/console/clients/new', encode(clientForm('by-desk')));
      assert.equal(answer.status, 404);
    });
  },
);

/** Returns the error code of a response that openid-client rejects. */
function codeOf(error: unknown): unknown {
  if (error instanceof client.WWWAuthenticateChallengeError) return error.cause[0]?.parameters.error;
  return error instanceof client.ResponseBodyError ? error.error : undefined;
}

eachService(
  'relying parties of the console with the address rule of production',
  () => ({ clients: [], acceptsPrivateAddresses: false }),
  (running) => {
    it('are refused with the reason at the field when the service would call a private address', async () => {
      const bureau = await openConsole(running(), 'B1');
      const check = async (fields: Fields): Promise<Answer> => {
        const { body } = await bureau.open('/console/clients/new');
        return bureau.post('/console/clients/new', encode({ ...formOf(body).hidden, ...clientForm('inside', fields) }));
      };
      const hosts = ['localhost', '127.0.0.1', '10.0.0.5', '0x7f000001', '[fd00::1]', '[::ffff:10.0.0.5]'];
      const keys = { token_endpoint_auth_method: 'private_key_jwt' };
      for (const host of hosts) {
        const uri = `https://${host}/path`;
        const logout = await check({ backchannel_logout_uri: uri });
        assert.equal(logout.status, 422, host);
        assert.match(errorAt(logout, 'backchannel_logout_uri'), /這是內部網路的位址/);
        assert.match(errorAt(await check({ ...keys, jwks_uri: uri }), 'jwks_uri'), /這是內部網路的位址/);
      }
      assert.equal((await check({ backchannel_logout_uri: 'https://inside.example/logout' })).status, 200);
    });
  },
);
