/** A dependency of sign-in fails: sign-in succeeds or shows an error page, and recovers after the failure. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { runAuthorization, LOGIN, refresh, interactionOf, tokensFor, userinfo } from '../helpers/authorization-flow.ts';
import {
  createInstallation,
  KINPASS_BIN,
  runProgram,
  startProgram,
  type Installation,
  type Program,
} from '../helpers/child-process.ts';
import { listAuditEvents, signInToAccount } from '../helpers/city.ts';
import { createHttpBrowser, textOf, type Answer } from '../helpers/http-browser.ts';
import { startLogoutReceiver, type LogoutReceiver } from '../helpers/logout-receiver.ts';
import { pollUntil } from '../helpers/poll.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
const SCOPES = ['openid', 'profile', 'offline_access'];
const OFFLINE = { scope: 'openid profile offline_access', prompt: 'consent' };

/** Asserts an error page with a reference and without internal details. */
function assertErrorPage(answer: Answer): void {
  assert.equal(answer.status, 500);
  assert.match(answer.body, /<code>[2-9AFHKMRWXY]{6}<\/code>/);
  assert.doesNotMatch(answer.body, /SQLITE|\.ts|select |insert /i);
}

describe('a locked SQLite file', () => {
  const HOLD_MS = 1_500;
  let home: Installation;
  let program: Program;
  before(async () => {
    home = await createInstallation();
    program = await startProgram(home.env);
  });
  after(async () => {
    program.child.kill('SIGTERM');
    assert.equal(await program.ended, 0);
    home.remove();
  });

  /** Holds the write lock until its standard input ends. Resolves when the lock is acquired. */
  const lock = async (): Promise<ChildProcessByStdio<Writable, Readable, null>> => {
    const script = `
      import Database from 'better-sqlite3';
      const database = new Database(process.argv[1]);
      database.exec('begin immediate');
      console.log('locked');
      process.stdin.resume().on('end', () => database.exec('rollback'));`;
    const args = ['--input-type=module', '-e', script, home.databaseFile];
    const child = spawn(process.execPath, args, { cwd: import.meta.dirname, stdio: ['pipe', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    return child;
  };

  it('serves reads, and a sign-in waits and succeeds', async () => {
    const { httpBrowser } = await signInToAccount(home, LOGIN.T2);
    const page = await createHttpBrowser(home.issuer).open('/account');
    assert.equal(interactionOf(page), 'login');
    const locker = await lock();
    let signedIn = false;
    const waiting = signInToAccount(home, LOGIN.G2).finally(() => {
      signedIn = true;
    });
    assert.equal((await fetch(`${home.issuer}/health/ready`)).status, 200);
    assert.equal((await fetch(`${home.issuer}/.well-known/openid-configuration`)).status, 200);
    // Longer than any sign-in that does not wait for the lock.
    await sleep(HOLD_MS);
    assert.ok(!signedIn, 'the sign-in waits for the lock');
    locker.stdin.end();
    const { answer } = await waiting;
    assert.deepEqual([answer.status, interactionOf(answer)], [200, undefined], textOf(answer.body).slice(0, 200));
    assert.equal((await httpBrowser.open('/account')).status, 200);
    if (locker.exitCode === null) await once(locker, 'exit');
    const audit = runProgram(['audit', 'verify'], home.env);
    assert.equal(await audit.ended, 0, audit.err());
  });
});

describe('a full disk', () => {
  let service: TestService;
  let app: TestParty;
  before(async () => {
    service = await startService({ clients: [createRegistration('app', secret, { scopes: SCOPES })] });
    app = await createParty(service.issuer, { id: 'app', scope: 'openid profile', secret });
  });
  after(() => service.stop());

  const limitPages = (pages: string): Promise<unknown> =>
    service.container.store.runExclusively((run) => run(`pragma max_page_count = ${pages}`));
  /** Prevents new database pages (SQLITE_FULL, as on a full disk), then starts sign-ins until the free space is used. */
  const fill = async (): Promise<Answer> => {
    await limitPages('1');
    for (let i = 0; i < 500; i += 1) {
      const answer = await createHttpBrowser(service.issuer).open('/account');
      if (answer.status !== 200) return answer;
    }
    throw new Error('the database did not become full');
  };

  /** The pages of these tables may have space when those of sign-ins have none. @returns the first failed response */
  const refreshUntilFull = async (first: string): Promise<Awaited<ReturnType<typeof refresh>>> => {
    let token = first;
    for (let i = 0; i < 100; i += 1) {
      const reply = await refresh(app, token);
      if (reply.status !== 200) return reply;
      token = String(reply.body['refresh_token']);
    }
    throw new Error('the database did not become full');
  };

  it('serves reads, fails writes, and recovers when there is space', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const tokens = await tokensFor(app, httpBrowser, { login: LOGIN.T2, parameters: OFFLINE });
    assertErrorPage(await fill());
    assert.equal((await fetch(`${service.issuer}/health/live`)).status, 200);
    assert.equal((await fetch(`${service.issuer}/health/ready`)).status, 503);
    assert.equal((await userinfo(app, tokens.access_token)).status, 200);
    const reply = await refreshUntilFull(String(tokens.refresh_token));
    assert.deepEqual([reply.status, reply.body['error']], [500, 'server_error']);
    await limitPages('1073741823');
    assert.equal((await fetch(`${service.issuer}/health/ready`)).status, 200);
    // The failed refresh may have consumed the token. The session gives a new one without a password.
    const again = await tokensFor(app, httpBrowser, { parameters: OFFLINE });
    assert.equal((await refresh(app, again.refresh_token)).status, 200);
    const { answer } = await signInToAccount(service, LOGIN.G2);
    assert.deepEqual([answer.status, interactionOf(answer)], [200, undefined]);
    assert.equal((await httpBrowser.open('/account')).status, 200);
    assert.ok((await listAuditEvents(service, 'G2')).length > 0);
  });
});

/** A server that accepts connections and never responds. */
interface SilentServer {
  port: number;
  connections(): number;
  /** Returns the number of connections that the client has closed. */
  disconnected(): number;
  close(): void;
}

async function startSilentServer(): Promise<SilentServer> {
  const sockets = new Set<Socket>();
  let disconnected = 0;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => (disconnected += 1));
    socket.resume();
  });
  // IPv4 and IPv6, because the mail library and `fetch` resolve "localhost" differently.
  server.listen(0);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => sockets.size,
    disconnected: () => disconnected,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

describe('a mail server and a relying party that never respond', () => {
  /** Much shorter than the timeout of ten seconds for a mail server. */
  const MAX_DELAY_MS = 6_000;
  let silentServer: SilentServer;
  let receiver: LogoutReceiver;
  let service: TestService;
  let [healthy, hanging]: TestParty[] = [];
  before(async () => {
    silentServer = await startSilentServer();
    const port = String(silentServer.port);
    receiver = await startLogoutReceiver(() => service.issuer, 'healthy');
    service = await startService({
      clients: [
        createRegistration('healthy', secret, { scopes: SCOPES, backchannel_logout_uri: receiver.url }),
        createRegistration('hanging', secret, {
          scopes: SCOPES,
          backchannel_logout_uri: `http://localhost:${port}/logout`,
        }),
      ],
      smtpUrl: `smtp://localhost:${port}`,
    });
    [healthy, hanging] = await Promise.all(
      ['healthy', 'hanging'].map((id) => createParty(service.issuer, { id, scope: 'openid profile', secret })),
    );
  });
  after(async () => {
    silentServer.close();
    await service.stop();
    await receiver.close();
  });

  it('delay neither sign-out nor the other relying parties', async () => {
    assert.ok(healthy && hanging);
    const httpBrowser = createHttpBrowser(service.issuer);
    await runAuthorization(hanging, httpBrowser, { login: LOGIN.T2 });
    await runAuthorization(healthy, httpBrowser);
    const done = await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
    assert.equal(done.status, 200);
    await receiver.take(1);
    assert.equal(silentServer.disconnected(), 0, 'the delivery to the hanging server is still in progress');
  });

  it('delay no logout token, because mails have their own worker', async () => {
    assert.ok(healthy);
    const [here, there] = [createHttpBrowser(service.issuer), createHttpBrowser(service.issuer)];
    await runAuthorization(healthy, here, { login: LOGIN.T1 });
    const next = 'four small boats at anchor';
    const fields = { current_password: DEMO_PASSWORD, new_password: next, confirm_password: next };
    const changed = await here.submit(await here.open('/account/password'), fields);
    assert.match(textOf(changed.body), /密碼已變更/);
    // The mail about the change is in progress until the timeout of the mail server.
    await runAuthorization(healthy, there, { login: LOGIN.G2 });
    const start = performance.now();
    await there.submit(await there.open('/session/end'), {});
    await receiver.take(1);
    assert.ok(silentServer.connections() >= 2, 'connections to the relying party and to the mail server are open');
    assert.ok(performance.now() - start < MAX_DELAY_MS, `${String(performance.now() - start)} ms`);
  });
});

describe('a full log disk', () => {
  it('stops neither sign-in nor a graceful shutdown', async () => {
    const home = await createInstallation();
    // Standard output goes to a device on which every write fails with ENOSPC.
    const args = ['-c', 'exec "$0" "$@" >/dev/full', process.execPath, KINPASS_BIN, 'start'];
    const env = { PATH: process.env['PATH'], ...home.env, KINPASS_LOG_LEVEL: 'debug' };
    const child = spawn('sh', args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(child, 'exit');
    const errors = text(child.stderr);
    try {
      const isReady = (): Promise<boolean> =>
        fetch(`${home.issuer}/health/ready`).then(
          ({ ok }) => ok,
          () => false,
        );
      await pollUntil('the program is ready', isReady, 60_000);
      for (const login of [LOGIN.T2, LOGIN.G2]) {
        const { answer } = await signInToAccount(home, login);
        assert.deepEqual([answer.status, interactionOf(answer)], [200, undefined]);
      }
      child.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null]);
      assert.equal(await errors, '');
    } finally {
      child.kill('SIGKILL');
      home.remove();
    }
  });
});
