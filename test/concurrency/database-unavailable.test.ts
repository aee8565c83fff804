/** The database is unavailable: browsers get a page with status 503, API clients a JSON error. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import {
  LOGIN,
  redeem,
  refresh,
  interactionOf,
  textIn,
  tokensFor,
  userinfo,
  runAuthorization,
  type Reply,
} from '../helpers/authorization-flow.ts';
import { startCluster, type Cluster } from '../helpers/cluster.ts';
import { createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { pollUntil } from '../helpers/poll.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
const SCOPES = ['openid', 'profile', 'offline_access'];
const OFFLINE = { scope: 'openid profile offline_access', prompt: 'consent' };

function assertUnavailablePage(answer: Answer): void {
  assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '5'], answer.url);
  assert.match(textOf(answer.body), /服務暫時無法使用/);
  assert.match(answer.body, /<code>[2-9AFHKMRWXY]{6}<\/code>/);
  assert.doesNotMatch(answer.body, /SQLITE|ECONN|\.ts|select |insert |temporarily/i);
}

function assertUnavailable({ status, headers, body }: Reply): void {
  assert.deepEqual(
    [status, headers.get('retry-after'), body['error']],
    [503, '5', 'temporarily_unavailable'],
    JSON.stringify(body),
  );
}

/** A signed-in browser with tokens, and two browsers with open forms: sign-in and device code. */
interface Before {
  app: TestParty;
  httpBrowser: HttpBrowser;
  tokens: { access_token: string; refresh_token?: string | undefined };
  newBrowser: HttpBrowser;
  form: Answer;
  phone: HttpBrowser;
  codeForm: Answer;
}

async function prepare(service: TestService): Promise<Before> {
  const app = await createParty(service.issuer, { id: 'app', scope: 'openid profile', secret });
  const httpBrowser = createHttpBrowser(service.issuer);
  const tokens = await tokensFor(app, httpBrowser, { login: LOGIN.T2, parameters: OFFLINE });
  const newBrowser = createHttpBrowser(service.issuer);
  const phone = createHttpBrowser(service.issuer);
  const [form, codeForm] = [await newBrowser.open('/account'), await phone.open('/device')];
  return { app, httpBrowser, tokens, newBrowser, form, phone, codeForm };
}

const health = async (service: TestService, what: string): Promise<number> =>
  (await fetch(`${service.issuer}/health/${what}`)).status;

const clients = [createRegistration('app', secret, { scopes: SCOPES })];

describe('a stopped PostgreSQL', () => {
  let cluster: Cluster;
  let service: TestService;
  let was: Before;
  before(async () => {
    cluster = await startCluster();
    service = await startService({ clients, databaseUrl: await cluster.createDatabase() });
    was = await prepare(service);
    await cluster.stop();
  });
  after(() => service.stop());

  it('gives every page 503 with Retry-After', async () => {
    const { httpBrowser, newBrowser, form, phone, codeForm, app } = was;
    const answers = await Promise.all([
      httpBrowser.open('/account'),
      httpBrowser.open('/account/password'),
      createHttpBrowser(service.issuer).open('/account'),
      createHttpBrowser(service.issuer).open('/device'),
      newBrowser.submit(form, { login: LOGIN.G2, password: DEMO_PASSWORD }),
      phone.submit(codeForm, { user_code: 'BCDF-GHJK' }),
      newBrowser.post('/forgot-password', new URLSearchParams({ login: LOGIN.G2 })),
      httpBrowser.open('/session/end'),
      runAuthorization(app, httpBrowser).then(({ answer }) => answer),
    ]);
    for (const answer of answers) assertUnavailablePage(answer);
  });

  it('gives API clients temporarily_unavailable', async () => {
    const { app, tokens } = was;
    const replies = await Promise.all([refresh(app, tokens.refresh_token), userinfo(app, tokens.access_token)]);
    for (const reply of replies) assertUnavailable(reply);
  });

  it('leaves the node live and not ready, and serves what needs no database', async () => {
    assert.deepEqual([await health(service, 'live'), await health(service, 'ready')], [200, 503]);
    assert.equal((await fetch(`${service.issuer}/.well-known/openid-configuration`)).status, 200);
    assert.equal((await fetch(`${service.issuer}/jwks`)).status, 200);
  });
});

describe('a SQLite file locked beyond the timeout', () => {
  let service: TestService;
  let was: Before;
  let locker: ChildProcess;
  before(async () => {
    service = await startService({ clients });
    was = await prepare(service);
    const code = await runAuthorization(was.app, was.httpBrowser);
    assert.equal((await redeem(was.app, code)).status, 200);
    locker = await lock(await databaseFile());
  });
  after(async () => {
    locker.kill('SIGKILL');
    await service.stop();
  });

  const databaseFile = async (): Promise<string> =>
    service.container.store.runExclusively(async (run) => String((await run('pragma database_list'))[0]?.[2]));
  /** Holds the write lock until the process is killed. Resolves when the lock is acquired. */
  const lock = async (file: string): Promise<ChildProcess> => {
    const script = `
      import Database from 'better-sqlite3';
      new Database(process.argv[1]).exec('begin immediate');
      console.log('locked');
      setInterval(() => undefined, 1000);`;
    const args = ['--input-type=module', '-e', script, file];
    const child = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    return child;
  };

  it('gives 503 to writes, serves reads, and recovers when the lock is released', async () => {
    const { app, httpBrowser, tokens, newBrowser, form } = was;
    const [first, attempt, refreshed] = await Promise.all([
      createHttpBrowser(service.issuer).open('/account'),
      newBrowser.submit(form, { login: LOGIN.G2, password: DEMO_PASSWORD }),
      refresh(app, tokens.refresh_token),
    ]);
    assertUnavailablePage(first);
    assertUnavailablePage(attempt);
    assertUnavailable(refreshed);
    assert.deepEqual([await health(service, 'live'), await health(service, 'ready')], [200, 503]);
    assert.equal((await userinfo(app, tokens.access_token)).status, 200);
    assert.equal((await fetch(`${service.issuer}/.well-known/openid-configuration`)).status, 200);
    locker.kill('SIGKILL');
    await pollUntil('it is ready again', async () => (await health(service, 'ready')) === 200);
    assert.equal(interactionOf(await httpBrowser.open('/account')), undefined);
    const answer = await newBrowser.submit(await newBrowser.open('/account'), {
      login: LOGIN.G2,
      password: DEMO_PASSWORD,
    });
    assert.deepEqual([answer.status, interactionOf(answer)], [200, undefined]);
    assert.ok(textIn(await redeem(app, await runAuthorization(app, httpBrowser)), 'access_token'));
  });
});
