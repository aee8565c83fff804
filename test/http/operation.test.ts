import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { IncomingMessage, request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { z } from 'zod';

import { ADULTS } from '../../demo/city/fixtures.ts';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher.ts';
import { LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import {
  createInstallation,
  runProgram,
  startProgram,
  type Installation,
  type Program,
} from '../helpers/child-process.ts';
import { signInToAccount } from '../helpers/city.ts';
import { createHttpBrowser, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { linkIn, mailTo } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';
import { freePort } from '../helpers/ports.ts';
import { formHeaders } from '../helpers/raw-http.ts';

const NEXT = 'four small boats at anchor';

const line = z.looseObject({
  level: z.string(),
  time: z.iso.datetime(),
  msg: z.string(),
  requestId: z.string().optional(),
});

describe('the service in operation', () => {
  let mail: MailCatcher;
  let home: Installation;
  let program: Program;
  let metricsUrl: string;
  before(async () => {
    mail = await startMailCatcher({ smtpPort: 0, webPort: 0 });
    home = await createInstallation({ smtpUrl: mail.smtpUrl });
    const metricsPort = String(await freePort());
    metricsUrl = `http://127.0.0.1:${metricsPort}`;
    home.env['KINPASS_METRICS_PORT'] = metricsPort;
    program = await startProgram(home.env);
  });
  after(async () => {
    program.child.kill('SIGTERM');
    assert.equal(await program.ended, 0);
    await mail.close();
    home.remove();
  });

  it('reports live and ready', async () => {
    for (const [path, status] of [
      ['/health/live', 'live'],
      ['/health/ready', 'ready'],
    ] as const) {
      const answer = await fetch(home.issuer + path);
      assert.equal(answer.status, 200);
      assert.deepEqual(await answer.json(), { status });
    }
  });

  it('serves metrics on their own port only', async () => {
    await signInToAccount(home, 'unknown@parents.example', 'x');
    const answer = await fetch(`${metricsUrl}/metrics`);
    assert.match(answer.headers.get('content-type') ?? '', /^text\/plain/);
    const text = await answer.text();
    assert.match(text, /^kinpass_sign_ins_total\{outcome="failed"\} \d/m);
    assert.match(
      text,
      /^kinpass_http_request_duration_seconds_count\{method="GET",route="\/health\/live",status="2xx"\} 1$/m,
    );
    assert.match(text, /^process_cpu_seconds_total /m);
    assert.match(text, /^kinpass_build_info\{version="\d+\.\d+\.\d+",node="v\d+[^"]*",database="sqlite"\} 1$/m);
    assert.match(text, /^kinpass_ready 1$/m);
    assert.match(text, /^kinpass_job_interval_seconds\{task="purge"\} 600$/m);
    assert.match(text, /^kinpass_outbox_dead 0$/m);
    const { alg, since } =
      /^kinpass_signing_key_timestamp_seconds\{alg="(?<alg>ES256|RS256)"\} (?<since>[\d.]+)$/m.exec(text)?.groups ?? {};
    assert.ok(alg !== undefined && Math.abs(Date.now() / 1000 - Number(since)) < 600);
    assert.equal((await fetch(`${metricsUrl}/`)).status, 404);
    assert.equal((await fetch(`${home.issuer}/metrics`)).status, 404);
  });

  it('logs JSON lines with request ids and without personal data or secrets', async () => {
    const secrets = new Set<string>();
    const keep = async (httpBrowser: HttpBrowser, ...answers: Answer[]): Promise<void> => {
      for (const { value } of await httpBrowser.jar.getCookies(`${home.issuer}/interaction/x`)) secrets.add(value);
      for (const { url } of answers) secrets.add(new URL(url).pathname.split('/')[2] ?? NEXT);
    };
    const wrong = await signInToAccount(home, LOGIN.G2, 'my secret typing');
    const first = await signInToAccount(home, LOGIN.G1, '100201');
    const changed = await first.httpBrowser.submit(first.answer, {
      current_password: '100201',
      new_password: NEXT,
      confirm_password: NEXT,
    });
    await keep(first.httpBrowser, first.answer);
    await keep(wrong.httpBrowser, wrong.answer);
    assert.equal(new URL(changed.url).pathname, '/account');
    const httpBrowser = createHttpBrowser(home.issuer);
    await httpBrowser.submit(await httpBrowser.open('/forgot-password'), { login: LOGIN.G2 });
    const link = linkIn(await mailTo(mail, LOGIN.G2, '設定新密碼'));
    secrets.add(new URL(link).searchParams.get('token') ?? NEXT);
    const done = await httpBrowser.submit(await httpBrowser.open(link), {
      new_password: `${NEXT}!`,
      confirm_password: `${NEXT}!`,
    });
    assert.equal(done.status, 200);
    await mailTo(mail, LOGIN.G2, '您的密碼已變更');
    await httpBrowser.open('/auth?client_id=unknown&login_hint=meiling.li@parents.example&state=SeCrEt');
    await httpBrowser.open('/no/such/page?mail=meiling.li@parents.example');

    const text = program.out();
    const lines = text
      .trim()
      .split('\n')
      .map((one) => line.parse(JSON.parse(one)));
    const requests = lines.filter(({ msg }) => msg === 'request');
    assert.ok(requests.length > 20);
    assert.equal(new Set(requests.map(({ requestId }) => requestId)).size, requests.length);
    assert.ok(requests.some(({ requestId }) => requestId === done.headers.get('x-request-id')));
    const people = Object.values(ADULTS).flatMap((adult) => [
      adult.name,
      adult.email,
      adult.nationalId,
      adult.nationalId.slice(-6),
      ...('mobile' in adult ? [adult.mobile, adult.mobile.slice(-9)] : []),
    ]);
    assert.ok(secrets.size >= 5);
    for (const word of [
      ...people,
      ...secrets,
      DEMO_PASSWORD,
      NEXT,
      'my secret typing',
      'SeCrEt',
      'example"',
      '127.0.0.1',
    ]) {
      assert.ok(!text.includes(word), `the log holds ${word}`);
    }
    assert.equal(program.err(), '');
  });

  it('keeps sessions and keys after a restart', async () => {
    const { httpBrowser } = await signInToAccount(home, LOGIN.T1, DEMO_PASSWORD);
    const jwks = await (await fetch(`${home.issuer}/jwks`)).text();
    program.child.kill('SIGTERM');
    assert.equal(await program.ended, 0);
    program = await startProgram(home.env);
    assert.equal(interactionOf(await httpBrowser.open('/account')), undefined);
    assert.equal(await (await fetch(`${home.issuer}/jwks`)).text(), jwks);
  });

  it('has every acknowledged write on disk after SIGKILL', async () => {
    for (const round of [1, 2]) {
      const current = round === 1 ? DEMO_PASSWORD : `${NEXT} ${String(round - 1)}`;
      const next = `${NEXT} ${String(round)}`;
      const { httpBrowser } = await signInToAccount(home, LOGIN.T2, current);
      const page = await httpBrowser.open('/account/password');
      const answer = await fetch(page.url, {
        method: 'POST',
        redirect: 'manual',
        body: new URLSearchParams({ current_password: current, new_password: next, confirm_password: next }),
        headers: { cookie: await httpBrowser.jar.getCookieString(page.url), origin: home.issuer },
      });
      // The change gives the session a new id.
      for (const cookie of answer.headers.getSetCookie()) await httpBrowser.jar.setCookie(cookie, page.url);
      program.child.kill('SIGKILL');
      assert.equal(answer.status, 303);
      assert.equal(await program.ended, 'SIGKILL');
      program = await startProgram(home.env);
      assert.equal((await signInToAccount(home, LOGIN.T2, current)).answer.status, 422);
      assert.equal(new URL((await signInToAccount(home, LOGIN.T2, next)).answer.url).pathname, '/account');
      assert.equal(interactionOf(await httpBrowser.open('/account')), undefined, 'the session lives on');
    }
  });
});

describe('the end of the process', () => {
  const inUse = (setting: string, address: string): string =>
    `${setting}: ${address} is in use (EADDRINUSE); stop the other program or set another port\n`;
  let home: Installation;
  before(async () => {
    home = await createInstallation();
  });
  after(() => {
    home.remove();
  });

  it('on SIGTERM completes the request in flight, accepts no new one, and exits with 0', async () => {
    const program = await startProgram(home.env);
    const body = new URLSearchParams({ login: '' }).toString();
    const headers = { ...formHeaders(home.issuer), 'content-length': String(body.length), expect: '100-continue' };
    const sent = request(`${home.issuer}/forgot-password`, { method: 'POST', headers });
    const answered = once(sent, 'response');
    sent.flushHeaders();
    // The service has received the headers and waits for the form when the signal arrives.
    await once(sent, 'continue');
    program.child.kill('SIGTERM');
    program.child.kill('SIGTERM');
    await pollUntil('it stops', () => program.out().includes('"msg":"stopping"'));
    await assert.rejects(fetch(`${home.issuer}/health/live`));
    assert.equal(program.child.exitCode, null);
    sent.end(body);
    const [answer] = z.tuple([z.instanceof(IncomingMessage)]).parse(await answered);
    assert.equal(answer.statusCode, 303);
    assert.equal(answer.headers.location, '/forgot-password?rejected');
    const start = performance.now();
    assert.equal(await program.ended, 0);
    assert.ok(performance.now() - start < 4_000, 'it does not wait for connections that are kept alive');
    assert.match(program.out(), /"msg":"stopped"\}\n$/);
  });

  it('comes at once with one line if the master key does not match the database', async () => {
    const first = await startProgram(home.env);
    first.child.kill('SIGTERM');
    await first.ended;
    const keyFile = `${home.keyFile}.other`;
    writeFileSync(keyFile, randomBytes(32).toString('base64'));
    const program = runProgram(['start'], { ...home.env, KINPASS_MASTER_KEY_FILE: keyFile });
    assert.equal(await program.ended, 1);
    assert.match(program.err(), /^KINPASS_MASTER_KEY_FILE: [^\n]*not the key[^\n]*\n$/);
    assert.equal(program.out(), '');
  });

  it('comes at once with one line if its port is in use', async () => {
    const first = await startProgram(home.env);
    const second = runProgram(['start'], home.env);
    assert.equal(await second.ended, 1);
    assert.equal(second.err(), inUse('KINPASS_PORT', `localhost:${home.env['KINPASS_PORT'] ?? ''}`));
    first.child.kill('SIGTERM');
    assert.equal(await first.ended, 0);
  });

  it('comes at once with one line that names the setting if its address is not of this machine', async () => {
    const program = runProgram(['start'], { ...home.env, KINPASS_HOST: '192.0.2.1' });
    assert.equal(await program.ended, 1);
    assert.match(
      program.err(),
      /^KINPASS_HOST, KINPASS_PORT: cannot listen on 192\.0\.2\.1:\d+ \(EADDRNOTAVAIL\); [^\n]*\n$/,
    );
  });

  it('exits 1 and closes the public port when the metrics port is in use', async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port } = z.object({ port: z.number() }).parse(blocker.address());
    const failed = runProgram(['start'], { ...home.env, KINPASS_METRICS_PORT: String(port) });
    assert.equal(await failed.ended, 1);
    assert.equal(failed.err(), inUse('KINPASS_METRICS_PORT', `127.0.0.1:${port}`));
    assert.doesNotMatch(failed.out(), /"msg":"ready"/);
    blocker.close();
  });

  it('comes at once with one line that names the setting if the database cannot be opened', async () => {
    for (const [env, expected] of [
      [{ KINPASS_DATABASE_FILE: home.folder }, /^KINPASS_DATABASE_FILE: [^\n]* cannot be opened: EISDIR[^\n]*\n$/],
      [
        { DATABASE_URL: 'postgres://127.0.0.1:1/x' },
        /^DATABASE_URL: the database cannot be opened: [^\n]*ECONNREFUSED[^\n]*; check the host and the port in the URL, and that the server runs\n$/,
      ],
    ] as const) {
      const program = runProgram(['start'], { ...home.env, ...env });
      assert.equal(await program.ended, 1);
      assert.match(program.err(), expected);
    }
  });

  it('comes before the database is created if the brand file is missing or not JSON', async () => {
    const [missing, text, databaseFile] = ['no-brand.json', 'brand.txt', 'none/kinpass.sqlite'].map((name) =>
      join(home.folder, name),
    );
    assert.ok(missing !== undefined && text !== undefined && databaseFile !== undefined);
    writeFileSync(text, 'no JSON');
    for (const [file, problem] of [
      [missing, `cannot read ${missing}; copy config/brand.json and change it`],
      [text, `${text} is not valid JSON`],
    ] as const) {
      const env = { ...home.env, KINPASS_BRAND_FILE: file, KINPASS_DATABASE_FILE: databaseFile };
      const program = runProgram(['start'], env);
      assert.equal(await program.ended, 1);
      assert.equal(program.err(), `KINPASS_BRAND_FILE: ${problem}\n`);
      assert.ok(!existsSync(join(databaseFile, '..')));
    }
  });

  it('comes at once and lists each invalid setting', async () => {
    const program = runProgram(['start'], {
      ...home.env,
      KINPASS_ISSUER: 'nonsense',
      KINPASS_SMTP_URL: '',
      KINPASS_PORT: 'x',
    });
    assert.equal(await program.ended, 1);
    const names = program
      .err()
      .trim()
      .split('\n')
      .map((one) => one.split(':')[0]);
    assert.deepEqual(names.sort(), ['KINPASS_ISSUER', 'KINPASS_PORT', 'KINPASS_SMTP_URL']);
  });
});
