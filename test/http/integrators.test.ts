/** The snippets of docs/integrators.md equal docs/snippets, and run against the service. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';

import * as oidc from 'openid-client';
import { z } from 'zod';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { createLogoutReader } from '../../docs/snippets/back-channel-logout.ts';
import { startSignInForApi, tokenForApi } from '../../docs/snippets/call-api.ts';
import { connect } from '../../docs/snippets/connect.ts';
import { signInOnTelevision } from '../../docs/snippets/device.ts';
import { explain } from '../../docs/snippets/explain-error.ts';
import { askAbout } from '../../docs/snippets/introspect-token.ts';
import { readPerson } from '../../docs/snippets/person.ts';
import { createGuard } from '../../docs/snippets/protect-api.ts';
import { renew, startLastingSignIn } from '../../docs/snippets/refresh-tokens.ts';
import { finishSignIn, startSignIn, type Pending, type Tokens } from '../../docs/snippets/sign-in.ts';
import { signOutUrl } from '../../docs/snippets/sign-out.ts';
import { finishFreshSignIn, startFreshSignIn } from '../../docs/snippets/step-up.ts';
import { chooseAgain, switchToChild } from '../../docs/snippets/switch-child.ts';
import { SCOPE_CLAIMS, SCOPES } from '../../src/domain/claims/scopes.ts';
import { PERMISSIONS } from '../../src/domain/model.ts';
import { actingOf, cancelSignIn, choiceOf, LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { freezeTime, MINUTE, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { freePort } from '../helpers/ports.ts';
import { newSecret, createRegistration } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const DOCS = join(import.meta.dirname, '../../docs');
const REDIRECT = 'https://my-app.example/callback';
const NOTICES = 'https://notices.city.example/';
const BILLS = 'https://bills.city.example/';
const secret = newSecret();
let service: TestService;
let time: FrozenTime;
let app: oidc.Configuration;
let billsApi: oidc.Configuration;
let receiver: Server;
let logoutTokens: string[] = [];
/** Started first, because a television waits some seconds before it polls. */
let onTelevision: Promise<Tokens>;

async function startReceiver(port: number): Promise<Server> {
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      logoutTokens.push(new URLSearchParams(body).get('logout_token') ?? '');
      response.end();
      server.emit('notified');
    });
  });
  server.listen(port, 'localhost');
  // Nothing else may keep this process alive if the service does not start.
  server.unref();
  await once(server, 'listening');
  return server;
}

before(async () => {
  time = freezeTime();
  const port = await freePort();
  receiver = await startReceiver(port);
  service = await startService({
    resourceServers: [
      { identifier: NOTICES, scopes: { 'notices.read': '看學校的通知' } },
      { identifier: BILLS, scopes: { 'bills.read': '看帳單' }, access_token_format: 'opaque' },
    ],
    clients: [
      createRegistration('my-app', secret, {
        scopes: SCOPES,
        permissions: PERMISSIONS,
        resources: [NOTICES, BILLS],
        device_flow: true,
        post_logout_redirect_uris: ['https://my-app.example/'],
        backchannel_logout_uri: `http://localhost:${String(port)}/`,
      }),
      createRegistration('bills-api', secret, { scopes: ['openid'], introspects: BILLS }),
    ],
  });
  app = await connect(new URL(service.issuer), 'my-app', secret);
  billsApi = await connect(new URL(service.issuer), 'bills-api', secret);
  onTelevision = startTelevision();
  // Its own test checks the result.
  onTelevision.catch(() => undefined);
});
after(async () => {
  await service.stop();
  time.release();
});

interface Started {
  url: URL;
  pending: Pending;
}

/** Signs in as G2, and selects a child if the page is shown. */
async function go(httpBrowser: HttpBrowser, { url }: { url: URL }, child = '王小安'): Promise<Answer> {
  let page = await httpBrowser.open(url.href);
  if (interactionOf(page) === 'login')
    page = await httpBrowser.submit(page, { login: LOGIN.G2, password: DEMO_PASSWORD });
  return interactionOf(page) === 'select_account'
    ? httpBrowser.submit(page, { choice: choiceOf(page, [child]) })
    : page;
}

function cameBack({ leavesTo, body }: Answer): URL {
  assert.ok(leavesTo, textOf(body).slice(0, 200));
  return leavesTo;
}

async function signIn(httpBrowser: HttpBrowser, started: Promise<Started>, child?: string): Promise<Tokens> {
  const { url, pending } = await started;
  return finishSignIn(app, cameBack(await go(httpBrowser, { url }, child)), pending);
}

const visit = (): HttpBrowser => createHttpBrowser(service.issuer);
const claimsOf = (tokens: Tokens): Record<string, unknown> => ({ ...tokens.claims() });
const childrenIn = z.array(z.object({ sub: z.string(), name: z.string() }));

async function startTelevision(): Promise<Tokens> {
  const shown = Promise.withResolvers<{ code: string; address: string }>();
  const tokens = signInOnTelevision(app, (code, address) => {
    shown.resolve({ code, address });
  });
  const { code, address } = await shown.promise;
  const phone = visit();
  const confirm = await phone.submit(await phone.open(address), { user_code: code });
  const signInPage = await phone.submit(confirm, { confirm: 'yes' });
  const chooser = await phone.submit(signInPage, { login: LOGIN.G2, password: DEMO_PASSWORD });
  await phone.submit(chooser, { choice: choiceOf(chooser, ['王小樂']) });
  return tokens;
}

describe('docs/integrators.md', () => {
  const page = readFileSync(join(DOCS, 'integrators.md'), 'utf8');

  it('shows every snippet once, unchanged, under a link to its file', () => {
    const shown = [...page.matchAll(/\[snippets\/([\w-]+\.ts)\]\(snippets\/\1\)\n\n```ts\n([\s\S]*?)```/g)].map(
      ([, name = '', code = '']) => [name, code],
    );
    const files = readdirSync(join(DOCS, 'snippets')).sort();
    assert.deepEqual(shown.map(([name]) => name).sort(), files);
    for (const [name = '', code] of shown) assert.equal(code, readFileSync(join(DOCS, 'snippets', name), 'utf8'), name);
    assert.equal(page.match(/```/g)?.length, files.length * 2, 'no other code on the page');
  });

  it('lists every scope, claim and permission', () => {
    for (const word of [...SCOPES, ...Object.values(SCOPE_CLAIMS).flat().filter(isDocumented), ...PERMISSIONS]) {
      assert.match(page, new RegExp(`[\`\\s]${word.replaceAll('.', '\\.')}[\`\\s]`), word);
    }
  });

  it('is linked from the README', () => {
    assert.ok(readFileSync(join(DOCS, '../README.md'), 'utf8').includes('(docs/integrators.md)'));
  });
});

/** The page calls the claims of `email` and `phone` "the standard claims". */
function isDocumented(claim: string): boolean {
  return !claim.startsWith('email') && !claim.startsWith('phone');
}

describe('the snippets', () => {
  it('sign-in, person: return the person and the children', async () => {
    const tokens = await signIn(visit(), startSignIn(app, REDIRECT));
    assert.deepEqual(claimsOf(tokens)['roles'], ['parent']);
    const person = await readPerson(app, tokens);
    assert.equal(person?.name, '李美玲');
    assert.deepEqual(
      childrenIn.parse(person['children']).map(({ name }) => name),
      ['王小安', '王小樂'],
    );
  });

  it('person: returns undefined after the session has ended', async () => {
    const httpBrowser = visit();
    const tokens = await signIn(httpBrowser, startSignIn(app, REDIRECT));
    await httpBrowser.submit(await httpBrowser.open('/session/end'), { logout: 'yes' });
    assert.equal(await readPerson(app, tokens), undefined);
  });

  it('switch-child: switches without a page, or shows the selection page', async () => {
    const httpBrowser = visit();
    const tokens = await signIn(httpBrowser, startSignIn(app, REDIRECT));
    const [older, younger] = childrenIn.parse((await readPerson(app, tokens))?.['children']);
    assert.equal(actingOf(claimsOf(tokens)).child, older?.sub);
    const { url, pending } = await switchToChild(app, REDIRECT, younger?.sub ?? '');
    const switched = await finishSignIn(app, cameBack(await httpBrowser.open(url.href)), pending);
    assert.equal(actingOf(claimsOf(switched)).child, younger?.sub);
    assert.equal(interactionOf(await httpBrowser.open((await chooseAgain(app, REDIRECT)).url.href)), 'select_account');
  });

  // Runs before the clock moves, because the device code would expire.
  it('device: the television gets the child that was selected on the phone', async () => {
    const tokens = await onTelevision;
    const person = await readPerson(app, tokens);
    const chosen = childrenIn.parse(person?.['children']).find(({ sub }) => sub === actingOf(claimsOf(tokens)).child);
    assert.equal(chosen?.name, '王小樂');
  });

  it('step-up: asks for the password after five minutes and rejects an old sign-in', async () => {
    const httpBrowser = visit();
    await signIn(httpBrowser, startSignIn(app, REDIRECT));
    const soon = await startFreshSignIn(app, REDIRECT);
    await finishFreshSignIn(app, cameBack(await go(httpBrowser, soon)), soon.pending);
    time.advance(10 * MINUTE);
    const late = await startFreshSignIn(app, REDIRECT);
    const page = await httpBrowser.open(late.url.href);
    assert.equal(interactionOf(page), 'login');
    await finishFreshSignIn(app, cameBack(await go(httpBrowser, late)), late.pending);
    time.advance(10 * MINUTE);
    // max_age was removed from the URL: the browser returns with a valid code and an old sign-in.
    const tampered = await startFreshSignIn(app, REDIRECT);
    tampered.url.searchParams.delete('max_age');
    const back = cameBack(await go(httpBrowser, tampered));
    await assert.rejects(finishFreshSignIn(app, back, tampered.pending), oidc.ClientError);
  });

  it('refresh-tokens: keep the person and child, and end with the revocation', async () => {
    const first = await signIn(visit(), startLastingSignIn(app, REDIRECT));
    const next = await renew(app, first.refresh_token ?? '');
    assert.deepEqual(next && claimsOf(next)['acting'], claimsOf(first)['acting']);
    assert.equal(next?.refresh_token, first.refresh_token);
    await oidc.tokenRevocation(app, next?.refresh_token ?? '');
    assert.equal(await renew(app, first.refresh_token ?? ''), undefined);
  });

  it('sign-out, back-channel-logout: the browser returns, and the app is notified', async () => {
    logoutTokens = [];
    const httpBrowser = visit();
    const tokens = await signIn(httpBrowser, startSignIn(app, REDIRECT));
    const notified = once(receiver, 'notified', { signal: AbortSignal.timeout(60_000) });
    const url = signOutUrl(app, tokens.id_token ?? '', 'https://my-app.example/');
    const end = await httpBrowser.submit(await httpBrowser.open(url.href), { logout: 'yes' });
    assert.equal(end.leavesTo?.href, 'https://my-app.example/');
    await notified;
    const read = createLogoutReader(app);
    const { sub, sid } = claimsOf(tokens);
    assert.deepEqual(await read(logoutTokens[0] ?? ''), { sub, sid });
    await assert.rejects(read(tokens.id_token ?? ''), 'an ID token is no logout token');
    await assert.rejects(read(`${logoutTokens[0] ?? ''}x`));
  });

  it('call-api, protect-api: get a token for the API and check its scopes', async () => {
    const tokens = await signIn(visit(), startSignInForApi(app, REDIRECT));
    const { accessToken, refreshToken } = await tokenForApi(app, tokens.refresh_token ?? '');
    const guard = createGuard(service.issuer, app.serverMetadata().jwks_uri ?? '');
    const allowed = await guard(accessToken);
    assert.deepEqual(allowed?.['acting'], claimsOf(tokens)['acting']);
    assert.equal(allowed?.sub, tokens.claims()?.sub);
    await assert.rejects(guard(tokens.access_token), 'the token for UserInfo');
    await assert.rejects(guard(tokens.id_token ?? ''), 'the ID token');
    const less = await oidc.refreshTokenGrant(app, refreshToken, { resource: NOTICES, scope: 'openid' });
    assert.equal(await guard(less.access_token), undefined, 'without the scope');
    time.advance(6 * MINUTE);
    await assert.rejects(guard(accessToken), 'over');
  });

  it('introspect-token: the API gets information about its own tokens only', async () => {
    const parameters = { scope: 'openid children bills.read offline_access', resource: BILLS, prompt: 'consent' };
    const tokens = await signIn(visit(), startSignIn(app, REDIRECT, parameters));
    const forBills = await oidc.refreshTokenGrant(app, tokens.refresh_token ?? '', { resource: BILLS });
    const response = await askAbout(billsApi, forBills.access_token);
    assert.deepEqual([response?.scope, response?.client_id], ['bills.read', 'my-app']);
    assert.equal(await askAbout(billsApi, tokens.access_token), undefined);
  });

  it('explain-error: returns the advice for each kind of error', async () => {
    const failing = async (more: Record<string, string>, change?: (back: URL) => void): Promise<string> => {
      const { url, pending } = await startSignIn(app, REDIRECT, more);
      const back = cameBack(await go(visit(), { url }));
      change?.(back);
      return finishSignIn(app, back, pending).then(() => 'tokens', explain);
    };
    assert.equal(await failing({}), 'tokens');
    assert.equal(await failing({ prompt: 'none' }), 'show-sign-in');
    assert.equal(await failing({ resource: 'https://unknown.example/' }), 'tell-developer');
    assert.equal(
      await failing({}, (back) => {
        back.searchParams.set('code', 'x'.repeat(43));
      }),
      'start-over',
    );
    assert.equal(
      await failing({}, (back) => {
        back.searchParams.set('state', 'of-another-tab');
      }),
      'start-over',
    );
    const { url, pending } = await startSignIn(app, REDIRECT);
    const canceled = await cancelSignIn(visit(), url.href);
    assert.equal(await finishSignIn(app, cameBack(canceled), pending).then(() => 'tokens', explain), 'person-said-no');
    const dead = await connect(new URL(service.issuer), 'my-app', secret);
    dead[oidc.customFetch] = () => fetch('http://127.0.0.1:9/');
    const again = await startSignIn(app, REDIRECT);
    const back = cameBack(await go(visit(), again));
    assert.equal(await finishSignIn(dead, back, again.pending).then(() => 'tokens', explain), 'try-again-later');
  });
});
