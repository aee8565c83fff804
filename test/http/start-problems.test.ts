/** A service that cannot start lists all problems, each with its setting, exits 1, and leaves nothing open. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { z } from 'zod';

import { writeSelfSignedCertificate } from '../../demo/certificate.ts';
import { startMailCatcher } from '../../demo/mail-catcher.ts';
import { createInstallation, runProgram, startProgram, type Installation } from '../helpers/child-process.ts';
import { mailTo } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';
import { freePort } from '../helpers/ports.ts';

describe('a failed start', () => {
  let home: Installation;
  before(async () => {
    home = await createInstallation({ city: false });
  });
  after(() => {
    home.remove();
  });

  it('exits 1 and closes the LDAP port when the LDAPS port is in use', async () => {
    const [blocker, port] = await listenOn(() => undefined);
    const [certFile, keyFile] = ['tls.crt', 'tls.key'].map((name) => join(home.folder, name));
    assert.ok(certFile !== undefined && keyFile !== undefined);
    writeSelfSignedCertificate({ certFile, keyFile }, Date.now());
    const failed = runProgram(['start'], {
      ...home.env,
      KINPASS_LDAP_PORT: String(await freePort()),
      KINPASS_LDAPS_PORT: String(port),
      KINPASS_LDAP_BASE: 'dc=city,dc=example',
      KINPASS_LDAP_TLS_CERT_FILE: certFile,
      KINPASS_LDAP_TLS_KEY_FILE: keyFile,
    });
    assert.equal(await failed.ended, 1);
    assert.equal(
      failed.err(),
      `KINPASS_LDAPS_PORT: 127.0.0.1:${port} is in use (EADDRINUSE); stop the other program or set another port\n`,
    );
    blocker.close();
  });

  it('comes at once with one line if PostgreSQL asks for a password that the URL lacks', async () => {
    const [server, port] = await listenOn(askForPassword);
    const failed = runProgram(['start'], { ...home.env, DATABASE_URL: `postgres://kinpass@127.0.0.1:${port}/x` });
    assert.equal(await failed.ended, 1);
    assert.equal(
      failed.err(),
      'DATABASE_URL: the database cannot be opened: the server asks for a password and the URL has none; write postgres://user:password@host/database\n',
    );
    server.close();
  });

  it('lists all mistakes of the environment, the key, the files, the database and mail at once', async () => {
    const [blocker, port] = await listenOn(() => undefined);
    const brand = join(home.folder, 'brand.json');
    const clients = join(home.folder, 'wrong.json');
    writeFileSync(brand, '{');
    writeFileSync(clients, '{ "clients": [{ "client_id": 1 }] }');
    const mistakes = {
      KINPASS_PROFILE: 'production',
      KINPASS_TRUSTED_PROXY: '10.0.0.1',
      KINPASS_PORT: 'x',
      KINPASS_METRICS_PORT: '',
      KINPASS_MASTER_KEY_FILE: home.folder,
      KINPASS_CLIENTS_FILE: clients,
      KINPASS_BRAND_FILE: brand,
      KINPASS_SMTP_URL: 'mail.city.test',
      KINPASS_DATABASE_FILE: join(brand, 'kinpass.sqlite'),
      KINPASS_LDAP_PORT: '0',
      KINPASS_LDAPS_PORT: String(port),
      KINPASS_LDAP_BASE: 'DC=City',
      KINPASS_LDAP_TLS_KEY_FILE: '',
      KINPASS_AUDIT_RETENTION_DAYS: '400',
      KINPASS_AUDIT_ARCHIVE_DIR: '',
    };
    const [start, check] = await Promise.all(
      [['start'], ['config', 'check']].map(async (args) => {
        const program = runProgram(args, { ...home.env, ...mistakes });
        return [await program.ended, program.out(), program.err()] as const;
      }),
    );
    blocker.close();
    const [code, out, err] = check ?? [];
    // The ports are not part of the check: a running service has them open.
    const inUse = `KINPASS_LDAPS_PORT: 127.0.0.1:${port} is in use (EADDRINUSE); stop the other program or set another port\n`;
    assert.deepEqual(start, [code, out, `${err ?? ''}${inUse}`]);
    assert.deepEqual([code, out], [1, '']);
    const names = err
      ?.trim()
      .split('\n')
      .map((line) => line.split(':')[0]);
    // Each setting once, but each mistake in the clients file.
    assert.deepEqual(
      names?.filter((name, at) => name !== 'KINPASS_CLIENTS_FILE' || names.indexOf(name) === at).sort(),
      [
        'KINPASS_AUDIT_ARCHIVE_DIR',
        'KINPASS_BRAND_FILE',
        'KINPASS_CLIENTS_FILE',
        'KINPASS_DATABASE_FILE',
        'KINPASS_HASH_MEMORY_KIB',
        'KINPASS_ISSUER',
        'KINPASS_LDAP_BASE',
        'KINPASS_LDAP_TLS_CERT_FILE',
        'KINPASS_LDAP_TLS_KEY_FILE',
        'KINPASS_MAIL_FROM',
        'KINPASS_MASTER_KEY_FILE',
        'KINPASS_METRICS_PORT',
        'KINPASS_PORT',
        'KINPASS_SMTP_URL',
        'KINPASS_TRUSTED_PROXY',
      ],
    );
    assert.deepEqual(
      err?.split('\n').filter((line) => line.startsWith('KINPASS_MASTER_KEY_FILE')),
      [`KINPASS_MASTER_KEY_FILE: cannot read ${home.folder} (EISDIR); it is a folder; set the path of the key file`],
    );
  });

  it('lists another master key with other mistakes, and kinpass migrate creates the database', async () => {
    const env = { ...home.env, KINPASS_DATABASE_FILE: join(home.folder, 'new.sqlite') };
    const run = async (args: readonly string[], changes: Record<string, string> = {}): Promise<unknown[]> => {
      const program = runProgram(args, { ...env, ...changes });
      return [await program.ended, program.out(), program.err()];
    };
    const [code, out] = await run(['migrate']);
    assert.equal(code, 0);
    assert.match(String(out), /^migrate: applied 0000_foundation, [^\n]*\n$/);
    assert.deepEqual(await run(['migrate']), [0, 'migrate: no migration is pending\n', '']);
    const started = await startProgram(env);
    started.child.kill('SIGTERM');
    await started.ended;
    assert.match(started.out(), /"host":"127\.0\.0\.1:9","code":"ESOCKET",[^\n]*"msg":"mail server not usable"/);
    assert.deepEqual(await run(['config', 'check']), [
      0,
      'config: no problems; "kinpass mail test" checks the mail server\n',
      '',
    ]);
    const otherKey = join(home.folder, 'other-key');
    writeFileSync(otherKey, randomBytes(32).toString('base64'));
    assert.deepEqual(await run(['start'], { KINPASS_MASTER_KEY_FILE: otherKey, KINPASS_BRAND_FILE: otherKey }), [
      1,
      '',
      `KINPASS_BRAND_FILE: ${otherKey} is not valid JSON\nKINPASS_MASTER_KEY_FILE: this is not the key that the database was sealed with; restore the key from its copy\n`,
    ]);
  });

  it('does not follow from a mail server that does not answer, and SIGTERM ends its test', async () => {
    let attempts = 0;
    const [smtp, port] = await listenOn((socket) => {
      attempts += 1;
      socket.on('error', () => undefined);
    });
    const env = { ...home.env, KINPASS_DATABASE_FILE: join(home.folder, 'silent.sqlite') };
    const started = await startProgram({ ...env, KINPASS_SMTP_URL: `smtp://127.0.0.1:${port}` });
    await pollUntil('the test of the mail server', () => attempts > 0);
    started.child.kill('SIGTERM');
    assert.equal(await started.ended, 0);
    assert.match(started.out(), /"msg":"stopped"\}\n$/);
    smtp.close();
  });

  it('of the mail server is found by kinpass mail test', async () => {
    const mail = await startMailCatcher({ smtpPort: 0, webPort: 0 });
    const run = async (args: readonly string[], smtpUrl: string): Promise<unknown[]> => {
      const program = runProgram(['mail', 'test', ...args], { ...home.env, KINPASS_SMTP_URL: smtpUrl });
      return [await program.ended, program.out(), program.err()];
    };
    const { host } = new URL(mail.smtpUrl);
    assert.deepEqual(await run([], mail.smtpUrl), [0, `mail: ${host} accepts connections\n`, '']);
    const sent = [0, `mail: ${host} accepted a mail to a@city.test\n`, ''];
    assert.deepEqual(await run(['--to', 'a@city.test'], mail.smtpUrl), sent);
    await mailTo(mail, 'a@city.test', 'Kinpass: test mail');
    const [code, , err] = await run([], 'smtp://127.0.0.1:9');
    assert.equal(code, 1);
    assert.match(
      String(err),
      /^KINPASS_SMTP_URL: 127\.0\.0\.1:9: [^\n]*ECONNREFUSED[^\n]*; check the host, the port[^\n]*\n$/,
    );
    await mail.close();
  });
});

async function listenOn(answer: (socket: Socket) => void): Promise<[Server, number]> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return [server, z.object({ port: z.number() }).parse(server.address()).port];
}

/** Plays a PostgreSQL server up to the challenge of SCRAM-SHA-256, and keeps the connection open like a real one. */
function askForPassword(socket: Socket): void {
  const authentication = (kind: number, text: string): Buffer => {
    const message = Buffer.alloc(9 + Buffer.byteLength(text));
    message.write('R');
    message.writeInt32BE(message.length - 1, 1);
    message.writeInt32BE(kind, 5);
    message.write(text, 9);
    return message;
  };
  socket.on('error', () => undefined);
  socket.once('data', () => {
    socket.write(authentication(10, 'SCRAM-SHA-256\0\0'));
    socket.once('data', (first) => {
      const nonce = /r=([^,]+)$/.exec(first.toString())?.[1] ?? '';
      socket.write(authentication(11, `r=${nonce}server,s=c2FsdA==,i=4096`));
    });
  });
}
