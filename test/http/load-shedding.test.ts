/** More people than the service can take: newcomers hear it at the door, before they have typed anything, and nobody else does. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { runAuthorization, errorOf, LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { createHttpBrowser, textOf, type Answer } from '../helpers/http-browser.ts';
import { pollUntil } from '../helpers/poll.ts';
import { send } from '../helpers/raw-http.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
/** One hash at work and two that may wait; each takes a second or more. */
const SLOW = {
  KINPASS_HASH_THREADS: '1',
  KINPASS_HASH_QUEUE_LIMIT: '2',
  KINPASS_HASH_MEMORY_KIB: '131072',
  KINPASS_HASH_PASSES: '8',
};

function isTurnedAway(answer: Answer): void {
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get('retry-after'), '5');
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.match(textOf(answer.body), /目前使用人數較多.*請稍候幾秒，再重新整理這個頁面。/s);
  // One press is enough to try again, and it leads to where the person wanted to go.
  const { pathname, search } = new URL(answer.url);
  const [, again = ''] = /<a[^>]* href="([^"]*)"[^>]*>\s*再試一次/.exec(answer.body) ?? [];
  assert.equal(again.replaceAll('&amp;', '&'), pathname + search);
  // Nothing was begun: no cookie of a step.
  assert.equal(answer.headers.get('set-cookie'), null);
}

describe('a crowd of people whose passwords wait to be compared', () => {
  let service: TestService;
  let app: TestParty;
  before(async () => {
    service = await startService({
      clients: [createRegistration('app', secret, { scopes: ['openid', 'profile'] })],
      env: SLOW,
    });
    app = await createParty(service.issuer, { id: 'app', scope: 'openid profile', secret });
  });
  after(() => service.stop());

  /** One at work and one that waits, until the returned work is done. */
  const crowd = (): Promise<unknown> => {
    const { hasher } = service.container;
    const all = Promise.all([1, 2].map((one) => hasher.hash(`somebody's password ${String(one)}`)));
    assert.ok(hasher.isNearCapacity());
    return all;
  };

  it('turns newcomers away at the door, and lets them in a moment later at the same address', async () => {
    const begun = await app.begin();
    const passing = crowd();
    const newcomer = createHttpBrowser(service.issuer);
    isTurnedAway(await newcomer.open(begun.url));
    await passing;
    assert.equal(interactionOf(await newcomer.open(begun.url)), 'login');
  });

  it('says so in English too', async () => {
    const passing = crowd();
    const answer = await createHttpBrowser(service.issuer, 'en').open((await app.begin()).url);
    assert.equal(answer.status, 503);
    assert.match(textOf(answer.body), /Wait a few seconds, then try again\./);
    await passing;
  });

  it('lets those go on who have the form already', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const page = await httpBrowser.open((await app.begin()).url);
    const passing = crowd();
    const answer = await httpBrowser.submit(page, { login: LOGIN.G2, password: DEMO_PASSWORD });
    assert.ok(answer.leavesTo?.searchParams.has('code'), String(answer.status));
    await passing;
  });

  it('touches neither the signed-in nor an app that only asks', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    await runAuthorization(app, httpBrowser, { login: LOGIN.G4 });
    const passing = crowd();
    const signedIn = await httpBrowser.open((await app.begin()).url);
    assert.ok(signedIn.leavesTo?.searchParams.has('code'), String(signedIn.status));
    const asking = await createHttpBrowser(service.issuer).open((await app.begin({ prompt: 'none' })).url);
    assert.equal(errorOf(asking), 'login_required');
    // An app that sends its request by a form: the browser sends that without the cookie, and then the address with it.
    const { pathname, search } = new URL((await app.begin()).url);
    const posted = await httpBrowser.post(pathname, new URLSearchParams(search), { 'sec-fetch-site': 'cross-site' });
    assert.ok(posted.leavesTo?.searchParams.has('code'), String(posted.status));
    assert.ok(service.container.hasher.isNearCapacity());
    await passing;
  });
});

describe('a crowd of requests that are all under way', () => {
  const MANY = 501;
  let service: TestService;
  let app: TestParty;
  before(async () => {
    service = await startService({ clients: [createRegistration('app', secret, { scopes: ['openid', 'profile'] })] });
    app = await createParty(service.issuer, { id: 'app', scope: 'openid profile', secret });
  });
  after(() => service.stop());

  it('keeps newcomers out until it is over', async () => {
    const { url } = await app.begin();
    const { pathname, search } = new URL(url);
    const over = Promise.withResolvers<undefined>();
    // Nobody's writing ends while this unit goes on, and every one of them has to write down a step.
    const writing = service.container.store.write(() => over.promise);
    const crowd = Array.from({ length: MANY }, () => send(service.issuer, pathname + search));
    const refused = await pollUntil('a newcomer is turned away', async () => {
      const answer = await Promise.race([createHttpBrowser(service.issuer).open(url), sleep(100)]);
      return answer?.status === 503 ? answer : undefined;
    });
    isTurnedAway(refused);
    over.resolve(undefined);
    await writing;
    for (const { status } of await Promise.all(crowd)) assert.ok(status === 303 || status === 503, String(status));
    assert.equal(interactionOf(await createHttpBrowser(service.issuer).open(url)), 'login');
  });

  it('is not made of requests that were only announced: to keep others out costs more than a socket', async () => {
    const { hostname, port, host } = new URL(service.issuer);
    const head = `POST /forgot-password HTTP/1.1\r\nhost: ${host}\r\norigin: ${service.issuer}\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 10\r\n\r\n`;
    const sockets = Array.from({ length: MANY }, () => connect({ host: hostname, port: Number(port) }));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.write(head, resolve))));
    await sleep(200);
    assert.equal(interactionOf(await createHttpBrowser(service.issuer).open((await app.begin()).url)), 'login');
    for (const socket of sockets) socket.destroy();
  });
});
