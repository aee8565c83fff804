/** Invalid requests at the end session endpoint lose the redirect, not the sign-out (RP-Initiated Logout 1.0, sections 2 to 4). */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';

import { systemRandom } from '../../src/domain/random.ts';
import { createAppend } from '../../src/services/audit/audit.ts';
import { createKeyRing, MIN_PUBLICATION_MS } from '../../src/services/keys/key-ring.ts';
import { runAuthorization, errorOf, LOGIN, signInWithNewBrowser } from '../helpers/authorization-flow.ts';
import { createHttpBrowser, textOf, type HttpBrowser } from '../helpers/http-browser.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { pollUntil } from '../helpers/poll.ts';
import { createParty, newSecret, createRegistration, type TestParty, type Tokens } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { startService } from '../helpers/service.ts';

const secret = newSecret();
const BYE = 'https://first.example/bye';
const BYE_OF_SECOND = 'https://second.example/bye';
const ASKED = /要登出嗎？/;
const SIGNED_OUT = /您已登出/;
let issuer = '';

const options = (): { clients: object[]; intervals: { keys: number } } => ({
  intervals: { keys: 100 },
  clients: [
    createRegistration('first', secret, { scopes: ['openid', 'profile'], post_logout_redirect_uris: [BYE] }),
    createRegistration('second', secret, { scopes: ['openid', 'profile'], post_logout_redirect_uris: [BYE_OF_SECOND] }),
  ],
});

const endUrl = (parameters: Record<string, string> | [string, string][]): string =>
  `/session/end?${new URLSearchParams(parameters).toString()}`;
const hint = ({ id_token: idToken }: Tokens): string => String(idToken);

eachService('a request at the end session endpoint', options, (running) => {
  let first: TestParty;
  let second: TestParty;
  before(async () => {
    ({ issuer } = running());
    const party = (id: string): Promise<TestParty> => createParty(issuer, { id, scope: 'openid profile', secret });
    [first, second] = [await party('first'), await party('second')];
  });

  const isAlive = async (httpBrowser: HttpBrowser): Promise<boolean> =>
    errorOf((await runAuthorization(first, httpBrowser, { parameters: { prompt: 'none' } })).answer) === undefined;
  /** Confirms the sign-out and asserts that the browser is signed out without a redirect. */
  const signsOutHere = async (httpBrowser: HttpBrowser, url: string, what: string): Promise<void> => {
    const asked = await httpBrowser.open(url);
    assert.deepEqual([asked.status, asked.leavesTo], [200, undefined], what);
    assert.match(textOf(asked.body), ASKED, what);
    const done = await httpBrowser.submit(asked, {});
    assert.deepEqual([done.status, done.leavesTo], [200, undefined], what);
    assert.match(textOf(done.body), SIGNED_OUT, what);
    assert.equal(await isAlive(httpBrowser), false, what);
  };

  it('refuses only the redirect for every kind of invalid request', async () => {
    const { tokens } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    const good: Record<string, string> = { id_token_hint: hint(tokens), post_logout_redirect_uri: BYE };
    const [head = '', body = '', signature = ''] = hint(tokens).split('.');
    const requests: Record<string, Record<string, string> | [string, string][]> = {
      'an unregistered address': { ...good, post_logout_redirect_uri: `${BYE}/more` },
      'the address of another client': { ...good, post_logout_redirect_uri: 'https://second.example/bye' },
      'a client_id that is not the audience of the hint': { ...good, client_id: 'second' },
      'an unknown client_id': { client_id: 'unknown', post_logout_redirect_uri: BYE },
      'a hint that is no token': { ...good, id_token_hint: 'x' },
      'a hint without a signature': { ...good, id_token_hint: `${head}.${body}.` },
      'a forged hint': { ...good, id_token_hint: `${head}.${body}.${signature.slice(0, -4)}AAAA` },
      'no client at all': { post_logout_redirect_uri: BYE },
      'a duplicated address': [...Object.entries(good), ['post_logout_redirect_uri', BYE]],
      'a duplicated state': [...Object.entries(good), ['state', 'a'], ['state', 'b']],
      'an overlong state': { ...good, state: 's'.repeat(4_001) },
      'an overlong address': { ...good, post_logout_redirect_uri: `${BYE}?${'x'.repeat(4_001)}` },
    };
    for (const [what, parameters] of Object.entries(requests)) {
      const { httpBrowser } = await signInWithNewBrowser(second, { login: LOGIN.T2 });
      await signsOutHere(httpBrowser, endUrl(parameters), what);
      const signedOut = await createHttpBrowser(issuer).open(endUrl(parameters));
      assert.deepEqual([signedOut.status, signedOut.leavesTo], [200, undefined], what);
      assert.match(textOf(signedOut.body), SIGNED_OUT, what);
    }
  });

  it('refuses only the redirect when a form is too long for a URL', async () => {
    const { httpBrowser } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    for (const size of [9_000, 40_000]) {
      const form = new URLSearchParams({ client_id: 'first', post_logout_redirect_uri: BYE, state: 'x'.repeat(size) });
      const elsewhere = { origin: 'https://first.example', 'sec-fetch-site': 'cross-site' };
      const asked = await httpBrowser.post('/Session/End/', form, elsewhere);
      assert.equal(asked.status, 200);
      assert.match(textOf(asked.body), ASKED);
    }
  });

  it('redirects with state for a client known by client_id, by hint or by both', async () => {
    for (const by of ['client_id', 'hint', 'both']) {
      const { httpBrowser, tokens } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
      const parameters = {
        ...(by === 'hint' ? {} : { client_id: 'first' }),
        ...(by === 'client_id' ? {} : { id_token_hint: hint(tokens) }),
        ...{ post_logout_redirect_uri: BYE, state: 'a&b=ü', logout_hint: '', ui_locales: 'en' },
      };
      const done = await httpBrowser.submit(await httpBrowser.open(endUrl(parameters)), {});
      assert.equal(done.leavesTo?.searchParams.get('state'), 'a&b=ü', by);
      assert.equal(await isAlive(httpBrowser), false, by);
      const again = await httpBrowser.open(endUrl(parameters));
      assert.equal(again.leavesTo?.searchParams.get('state'), 'a&b=ü', `${by}: without a session`);
    }
  });

  it('accepts a hint of the previous signing key, but not of a retired key', async () => {
    const { container } = running();
    let ahead = 0;
    const clock = { now: () => Date.now() + ahead };
    const { store, secrets } = container;
    const audit = { append: createAppend({ clock, secrets }) };
    const ring = createKeyRing({ store, secrets, random: systemRandom, clock, audit });
    const published = async (): Promise<string> => (await fetch(`${issuer}/jwks`)).text();
    const rotate = async (): Promise<void> => {
      const old = await published();
      ahead += MIN_PUBLICATION_MS + 1;
      assert.equal(await ring.rotate('operator'), true);
      await pollUntil('the new keys', async () => (await published()) !== old);
    };
    const { httpBrowser, tokens } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
    const url = endUrl({ id_token_hint: hint(tokens), post_logout_redirect_uri: BYE });
    await rotate();
    assert.equal((await createHttpBrowser(issuer).open(url)).leavesTo?.href, BYE);
    await rotate();
    await signsOutHere(httpBrowser, url, 'a retired key');
  });
});

describe('a refused redirect after sign-out', () => {
  it('is logged with its reason and its client, without the hint', async () => {
    const kept = createCapturedLog('info');
    const service = await startService({ ...options(), log: kept.log });
    ({ issuer } = service);
    try {
      const first = await createParty(issuer, { id: 'first', scope: 'openid', secret });
      const { httpBrowser, tokens } = await signInWithNewBrowser(first, { login: LOGIN.T2 });
      const elsewhere = { id_token_hint: hint(tokens), post_logout_redirect_uri: 'https://evil.example/' };
      await httpBrowser.open(endUrl(elsewhere));
      await httpBrowser.open(endUrl({ ...elsewhere, id_token_hint: `${hint(tokens)}x` }));
      const lines = kept.text().split('\n');
      const refused = lines.filter((line) => line.includes('end_session.redirect_refused'));
      assert.match(
        refused[0] ?? '',
        /"clientId":"first","error":"invalid_request","error_description":"post_logout_redirect_uri is not registered"/,
      );
      assert.match(
        refused[1] ?? '',
        /"error_description":"id_token_hint is not an ID token that a published key signed"/,
      );
      assert.equal(kept.text().includes(hint(tokens).slice(-40)), false);
      assert.equal(kept.text().includes('evil.example'), false);
    } finally {
      await service.stop();
    }
  });
});
