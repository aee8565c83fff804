/** A service that cannot start lists all problems, each with its setting, exits 1, and leaves nothing open. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { z } from 'zod';

import { writeSelfSignedCertificate } from '../../demo/certificate.ts';
import { createInstallation, runProgram, type Installation } from '../helpers/child-process.ts';
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
