import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { and, eq } from 'drizzle-orm';

import { runAuthorization, LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { pollUntil } from '../helpers/poll.ts';
import { pipeline, send } from '../helpers/raw-http.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
const clients = [createRegistration('app', secret, { scopes: ['openid', 'profile'] })];
const partyOf = ({ issuer }: TestService): Promise<TestParty> =>
  createParty(issuer, { id: 'app', scope: 'openid profile', secret });

describe('pipelined requests', () => {
  let service: TestService;
  let app: TestParty;
  before(async () => {
    service = await startService({ clients });
    app = await partyOf(service);
  });
  after(() => service.stop());

  const closedSockets = async (): Promise<number> => {
    const text = await service.container.metrics.registry.metrics();
    return Number(/kinpass_sockets_closed_total\{reason="pipelined"\} (\d+)/.exec(text)?.[1] ?? 0);
  };
  const attack = async (sockets: number): Promise<void> => {
    const { pathname, search } = new URL((await app.begin()).url);
    const before = await closedSockets();
    const dialed = Array.from({ length: sockets }, () => pipeline(service.issuer, pathname + search, 900));
    await pollUntil('closed sockets', async () => (await closedSockets()) - before === sockets);
    for (const socket of dialed) socket.destroy();
  };

  it('close their socket: 900 on one socket that is never read cause no load shedding', async () => {
    await attack(1);
    assert.equal(interactionOf(await createHttpBrowser(service.issuer).open((await app.begin()).url)), 'login');
  });

  it('close their socket: 900 on each of 13 sockets cause no load shedding and no work', async () => {
    await attack(13);
    assert.equal(interactionOf(await createHttpBrowser(service.issuer).open((await app.begin()).url)), 'login');
    await pollUntil('no work in flight', () => service.container.inFlight.count() === 0);
    await pollUntil('no response in flight', () => [...service.container.inFlight.responses()].length === 0);
  });
});

describe('load shedding at the authorization endpoint', () => {
  let service: TestService;
  let app: TestParty;
  let target: { pathname: string; search: string };
  before(async () => {
    // One running hash and two in the queue; each takes a second or more.
    const env = {
      KINPASS_HASH_THREADS: '1',
      KINPASS_HASH_QUEUE_LIMIT: '2',
      KINPASS_HASH_MEMORY_KIB: '131072',
      KINPASS_HASH_PASSES: '8',
    };
    service = await startService({ clients, env });
    app = await partyOf(service);
    target = new URL((await app.begin()).url);
  });
  after(() => service.stop());

  /** Runs `work` while the hash queue is half full. */
  const overloaded = async (work: () => Promise<void>): Promise<void> => {
    const { hasher } = service.container;
    const hashes = Promise.all([1, 2].map((one) => hasher.hash(`the password of a person ${String(one)}`)));
    await work();
    assert.ok(hasher.isNearCapacity(), 'the service was overloaded until the end');
    await hashes;
  };
  const interactions = async (): Promise<number> => {
    const rows = await service.container.store.read((tx) => {
      const oidcRecords = tx.tables.oidcRecords;
      return tx.db
        .select()
        .from(oidcRecords)
        .where(and(eq(oidcRecords.model, 'Interaction'), eq(oidcRecords.destroyed, false)));
    });
    return rows.length;
  };

  it('rejects every spelling and method that starts a sign-in, and stores nothing', async () => {
    const { pathname, search } = target;
    const many = `?${'a&'.repeat(1_000)}${search.slice(1)}&prompt=none`;
    const before = await interactions();
    await overloaded(async () => {
      for (const [method, path] of [
        ['GET', pathname + search],
        ['HEAD', pathname + search],
        ['GET', `/Auth${search}`],
        ['GET', `/auth/${search}`],
        ['GET', `/AUTH/${search}`],
        ['HEAD', `/Auth/${search}`],
        ['GET', `http://elsewhere.example/auth${search}`],
        ['GET', `/auth#x${search}`],
        ['GET', `${pathname}${search}&request_uri=`],
        ['GET', `${pathname}${search}&request_uri=https%3A%2F%2Fapp.example%2Frequest`],
        ['GET', `${pathname}${search}&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A`],
        ['GET', `${pathname}${search}&prompt=none%20login`],
        ['GET', `${pathname}${search}&prompt=none&prompt=login`],
        // The provider reads the first thousand parameters.
        ['GET', pathname + many],
      ] as const) {
        const { status } = await send(service.issuer, path, { method });
        assert.equal(status, 503, `${method} ${path.slice(0, 100)}`);
      }
    });
    assert.equal(await interactions(), before);
  });

  it('rejects a forged cookie and the cookie of a session without a person', async () => {
    const anonymous = createHttpBrowser(service.issuer);
    await anonymous.open('/device');
    const own = await anonymous.jar.getCookieString(service.issuer);
    assert.match(own, /kinpass_session=/);
    const before = await interactions();
    await overloaded(async () => {
      for (const cookie of ['kinpass_session=x', 'kinpass_session=x; kinpass_session.sig=y', own]) {
        const { status } = await send(service.issuer, target.pathname + target.search, { headers: { cookie } });
        assert.equal(status, 503, cookie);
      }
    });
    assert.equal(await interactions(), before);
  });

  it('accepts requests of signed-in people', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    await runAuthorization(app, httpBrowser, { login: LOGIN.G4 });
    await overloaded(async () => {
      const answer = await httpBrowser.open((await app.begin()).url);
      assert.ok(answer.leavesTo?.searchParams.has('code'), String(answer.status));
    });
  });
});

describe('other spellings of a protected path', () => {
  let service: TestService;
  before(async () => {
    service = await startService({ clients });
  });
  after(() => service.stop());

  it('do not bypass the CSRF check of forms', async () => {
    for (const path of [
      '/Forgot',
      '/forgot-password/',
      '/FORGOT#x',
      '/device/',
      '/Device',
      '/session/end/CONFIRM',
      '/Account/password/',
    ]) {
      const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://elsewhere.example' };
      assert.equal((await send(service.issuer, path, { method: 'POST', headers, body: 'login=x' })).status, 403, path);
    }
  });

  it('reach the API endpoints, which trust no cookie', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    for (const path of ['/Token', '/token/', '/REQUEST', '/device/Auth/', '/token/Revocation']) {
      const { status, body } = await send(service.issuer, path, { method: 'POST', headers, body: 'client_id=unknown' });
      assert.ok(status === 400 || status === 401, `${path}: ${String(status)}`);
      assert.match(body, /"error":/);
    }
  });

  it('do not bypass the size limit of forms', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const body = `state=${'x'.repeat(40_000)}`;
    for (const path of ['/auth', '/Auth', '/auth/', '/auth#x']) {
      assert.equal((await send(service.issuer, path, { method: 'POST', headers, body })).status, 413, path);
    }
    // Sign-out is never rejected: a request that is too long counts as one without parameters.
    const signOut = await send(service.issuer, '/session/END/', { method: 'POST', headers, body });
    assert.deepEqual([signOut.status, signOut.headers.location], [303, '/session/end']);
  });
});
