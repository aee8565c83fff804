/** Load shedding: new sign-ins get 503 before a form is shown; other requests are not affected. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { runAuthorization, errorOf, LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { createHttpBrowser, textOf, type Answer } from '../helpers/http-browser.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { pollUntil } from '../helpers/poll.ts';
import { send } from '../helpers/raw-http.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
/** One running hash and two in the queue; each takes a second or more. */
const SLOW = {
  KINPASS_HASH_THREADS: '1',
  KINPASS_HASH_QUEUE_LIMIT: '2',
  KINPASS_HASH_MEMORY_KIB: '131072',
  KINPASS_HASH_PASSES: '8',
};

function assertRejected(answer: Answer): void {
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get('retry-after'), '5');
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.match(textOf(answer.body), /目前使用人數較多.*請稍候幾秒，再重新整理這個頁面。/s);
  // The retry link repeats the same request.
  const { pathname, search } = new URL(answer.url);
  const [, again = ''] = /<a[^>]* href="([^"]*)"[^>]*>\s*再試一次/.exec(answer.body) ?? [];
  assert.equal(again.replaceAll('&amp;', '&'), pathname + search);
  // No interaction was created, so there is no cookie.
  assert.equal(answer.headers.get('set-cookie'), null);
}

describe('load shedding while password hashes wait', () => {
  let service: TestService;
  let app: TestParty;
  const kept = createCapturedLog();
  before(async () => {
    service = await startService({
      clients: [createRegistration('app', secret, { scopes: ['openid', 'profile'] })],
      env: SLOW,
      log: kept.log,
    });
    app = await createParty(service.issuer, { id: 'app', scope: 'openid profile', secret });
  });
  after(() => service.stop());

  /** Fills the hash queue until the returned promise resolves. */
  const fillHashQueue = (): Promise<unknown> => {
    const { hasher } = service.container;
    const all = Promise.all([1, 2].map((one) => hasher.hash(`password ${String(one)}`)));
    assert.ok(hasher.isNearCapacity());
    return all;
  };

  it('returns 503 at /auth when overloaded and recovers at the same URL', async () => {
    const begun = await app.begin();
    const hashing = fillHashQueue();
    const newBrowser = createHttpBrowser(service.issuer);
    assertRejected(await newBrowser.open(begun.url));
    assert.match(kept.text(), /"error_description":"the node is overloaded"[^\n]*"msg":"request refused"/);
    await hashing;
    assert.equal(interactionOf(await newBrowser.open(begun.url)), 'login');
  });

  it('shows the page in English too', async () => {
    const hashing = fillHashQueue();
    const answer = await createHttpBrowser(service.issuer, 'en').open((await app.begin()).url);
    assert.equal(answer.status, 503);
    assert.match(textOf(answer.body), /Wait a few seconds, then try again\./);
    await hashing;
  });

  it('accepts the forms of sign-ins in progress', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const page = await httpBrowser.open((await app.begin()).url);
    const hashing = fillHashQueue();
    const answer = await httpBrowser.submit(page, { login: LOGIN.G2, password: DEMO_PASSWORD });
    assert.ok(answer.leavesTo?.searchParams.has('code'), String(answer.status));
    await hashing;
  });

  it('does not affect signed-in people or prompt=none', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    await runAuthorization(app, httpBrowser, { login: LOGIN.G4 });
    const hashing = fillHashQueue();
    const signedIn = await httpBrowser.open((await app.begin()).url);
    assert.ok(signedIn.leavesTo?.searchParams.has('code'), String(signedIn.status));
    const asking = await createHttpBrowser(service.issuer).open((await app.begin({ prompt: 'none' })).url);
    assert.equal(errorOf(asking), 'login_required');
    // An app sends its request in a form: without the cookie first, then as a URL with it.
    const { pathname, search } = new URL((await app.begin()).url);
    const posted = await httpBrowser.post(pathname, new URLSearchParams(search), { 'sec-fetch-site': 'cross-site' });
    assert.ok(posted.leavesTo?.searchParams.has('code'), String(posted.status));
    assert.ok(service.container.hasher.isNearCapacity());
    await hashing;
  });
});

describe('load shedding while many requests are in flight', () => {
  const REQUEST_COUNT = 501;
  let service: TestService;
  let app: TestParty;
  before(async () => {
    service = await startService({ clients: [createRegistration('app', secret, { scopes: ['openid', 'profile'] })] });
    app = await createParty(service.issuer, { id: 'app', scope: 'openid profile', secret });
  });
  after(() => service.stop());

  it('rejects new sign-ins until the requests are done', async () => {
    const { url } = await app.begin();
    const { pathname, search } = new URL(url);
    const over = Promise.withResolvers<undefined>();
    // Each request stores an interaction, and no write ends before this transaction.
    const writing = service.container.store.write(() => over.promise);
    const requests = Array.from({ length: REQUEST_COUNT }, () => send(service.issuer, pathname + search));
    // The last one is above the limit and gets 503.
    await pollUntil('all requests but one', () => service.container.inFlight.count() >= REQUEST_COUNT - 1);
    assertRejected(await createHttpBrowser(service.issuer).open(url));
    over.resolve(undefined);
    await writing;
    for (const { status } of await Promise.all(requests)) assert.ok(status === 303 || status === 503, String(status));
    assert.equal(interactionOf(await createHttpBrowser(service.issuer).open(url)), 'login');
  });

  it('does not count requests with an incomplete body', async () => {
    const { hostname, port, host } = new URL(service.issuer);
    const head = `POST /forgot-password HTTP/1.1\r\nhost: ${host}\r\norigin: ${service.issuer}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 10\r\n\r\n`;
    const sockets = Array.from({ length: REQUEST_COUNT }, () => connect({ host: hostname, port: Number(port) }));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.write(head, resolve))));
    await pollUntil('all requests', () => [...service.container.inFlight.responses()].length >= REQUEST_COUNT);
    assert.equal(interactionOf(await createHttpBrowser(service.issuer).open((await app.begin()).url)), 'login');
    for (const socket of sockets) socket.destroy();
  });
});
