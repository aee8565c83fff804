/** Connections of the directory, without a database. The time-outs are short, and no test waits for a time. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';

import { integer } from '../../src/ldap/codec/ber.ts';
import { OID, RESULT } from '../../src/ldap/protocol.ts';
import { createTrustedCertificate } from '../helpers/certificate.ts';
import { BASE, SERVICE_SECRET, serviceName } from '../helpers/directory.ts';
import {
  bindMessage,
  connectLdap,
  extendedMessage,
  message,
  searchMessage,
  type RawLdap,
} from '../helpers/ldap-client.ts';
import { connectBound, startLdapServerFor } from '../helpers/ldap-server.ts';
import { pollUntil } from '../helpers/poll.ts';

const DISCONNECTION = { id: 0, tag: 0x78 } as const;

const whoAmI = (id: number): Buffer => extendedMessage(id, OID.whoAmI);

describe('connections of the directory', () => {
  it('refuses passwords without TLS, except from loopback and KINPASS_LDAP_ALLOW_PLAIN', async (t) => {
    const server = await startLdapServerFor(t, { plainNetworks: ['192.0.2.0/24', '2001:db8:7::/48'] });
    const bindFrom = async (peer: string, secure = false): Promise<number> => {
      server.setPeer(peer);
      const client = await connectLdap(server.port);
      if (secure) {
        client.send(extendedMessage(1, OID.startTls));
        assert.equal((await client.next()).code, RESULT.success);
        await client.secure();
      }
      client.send(bindMessage(2, serviceName('radius'), SERVICE_SECRET));
      const { code } = await client.next();
      client.socket.destroy();
      return code;
    };
    const trusted = [
      '127.0.0.1',
      '127.0.0.2',
      '::1',
      '::ffff:127.0.0.1',
      '192.0.2.7',
      '::ffff:192.0.2.7',
      '2001:db8:7::5',
    ];
    for (const peer of trusted) assert.equal(await bindFrom(peer), RESULT.success, peer);
    const others = ['203.0.113.5', '192.0.3.1', '128.0.0.1', '::ffff:10.0.0.1', '2001:db8:8::5', 'fe80::1%eth0'];
    for (const peer of others) assert.equal(await bindFrom(peer), RESULT.confidentialityRequired, peer);
    assert.equal(await bindFrom('203.0.113.5', true), RESULT.success);
  });

  it('refuses an empty password with a name, and forgets a bind when TLS begins', async (t) => {
    const server = await startLdapServerFor(t);
    const client = await connectBound(server);
    const readBase = (id: number): Buffer => searchMessage(id, BASE, undefined, 'base');
    client.send(readBase(2));
    assert.equal((await client.next()).code, RESULT.success);
    client.send(extendedMessage(3, OID.startTls));
    assert.equal((await client.next()).code, RESULT.success);
    await client.secure();
    client.send(readBase(4));
    assert.equal((await client.next()).code, RESULT.insufficientAccessRights);
    client.send(bindMessage(5, serviceName('radius'), ''), bindMessage(6, '', ''), extendedMessage(7, OID.startTls));
    // The service answers StartTLS at once when no operation is in progress, so it may come first.
    const codes = new Map<number, number>();
    for (let count = 0; count < 3; count += 1) {
      const { id, code } = await client.next();
      codes.set(id, code);
    }
    assert.equal(codes.get(5), RESULT.unwillingToPerform);
    assert.equal(codes.get(6), RESULT.success);
    assert.equal(codes.get(7), RESULT.operationsError);
    client.socket.destroy();
  });

  it('closes a connection with other bytes than TLS after the handshake', async (t) => {
    const server = await startLdapServerFor(t);
    const client = await connectLdap(server.port);
    client.send(extendedMessage(1, OID.startTls));
    await client.next();
    await client.secure();
    // A record of application data that no key has encrypted.
    client.socket.write(Buffer.from(`1703030020${'41'.repeat(32)}`, 'hex'));
    await client.closed;
  });

  it('ends a connection without a bind in time, in each state before it', async (t) => {
    const server = await startLdapServerFor(t, { timeouts: { bindMs: 150, closeMs: 50 } });
    const silent = await connectLdap(server.port);
    assert.deepEqual(await silent.next(), { ...DISCONNECTION, code: RESULT.unavailable });
    const handshake = await connectLdap(server.port);
    handshake.send(extendedMessage(1, OID.startTls));
    await handshake.next();
    const tls = connect(server.tlsPort, '127.0.0.1');
    tls.write(Buffer.from('160301', 'hex'));
    const busy = await connectLdap(server.port);
    busy.send(whoAmI(1));
    for (let id = 2; (await busy.next()).id !== 0; id += 1) busy.send(whoAmI(id));
    await Promise.all([silent.closed, handshake.closed, once(tls, 'close'), busy.closed]);
    await pollUntil('the connections are closed', async () => (await server.connections()) === 0);
  });

  it('ends an idle connection, also when the peer does not close its side', async (t) => {
    const server = await startLdapServerFor(t, { timeouts: { idleMs: 50, closeMs: 50 } });
    const idle = await connectBound(server);
    assert.deepEqual(await idle.next(), { ...DISCONNECTION, code: RESULT.unavailable });
    await idle.closed;
    const open = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
    open.on('error', () => undefined).resume();
    open.write(message(1, { tag: 0x42, content: Buffer.alloc(0) }));
    await once(open, 'end');
    await pollUntil('the connection is closed', async () => (await server.connections()) === 0);
    open.destroy();
  });

  it('reads messages of 64 KiB before a bind, and of 1 MiB after it', async (t) => {
    const server = await startLdapServerFor(t);
    const sized = (size: number): Buffer => {
      const overhead = searchMessage(2, 'x'.repeat(size - 100)).length - (size - 100);
      return searchMessage(2, 'x'.repeat(size - overhead));
    };
    const codeOf = async (client: RawLdap, size: number): Promise<object> => {
      client.send(sized(size));
      const { id, code } = await client.next();
      return { id, code };
    };
    const refused = { id: 0, code: RESULT.protocolError };
    const answered = { id: 2, code: RESULT.invalidDnSyntax };
    const anonymous = await connectLdap(server.port);
    assert.deepEqual(await codeOf(anonymous, 65_536), answered);
    assert.deepEqual(await codeOf(anonymous, 65_537), refused);
    const bound = await connectBound(server);
    assert.deepEqual(await codeOf(bound, 1_048_576), answered);
    assert.deepEqual(await codeOf(bound, 1_048_577), refused);
    await Promise.all([anonymous.closed, bound.closed]);
  });

  it('limits the connections of one network', async (t) => {
    const server = await startLdapServerFor(t, { connectionsPerNetwork: 2 });
    const open = [await connectBound(server), await connectBound(server)];
    const third = await connectLdap(server.port);
    await third.closed;
    assert.equal(third.socket.bytesRead, 0);
    server.setPeer('::1');
    const other = await connectBound(server);
    server.setPeer(undefined);
    open[0]?.socket.destroy();
    await pollUntil('a connection is closed', async () => (await server.connections()) === 2);
    open.push(await connectBound(server), other);
    for (const { socket } of open) socket.destroy();
  });

  it('limits the connections of all networks, and accepts the next one after one has closed', async (t) => {
    const server = await startLdapServerFor(t, { connections: 3 });
    const open: RawLdap[] = [];
    for (const peer of ['192.0.2.1', '192.0.2.2']) {
      server.setPeer(peer);
      open.push(await connectLdap(server.port));
    }
    server.setPeer('192.0.2.3');
    const handshake = connect(server.tlsPort, '127.0.0.1');
    await pollUntil('three connections are open', async () => (await server.connections()) === 3);
    server.setPeer('127.0.0.1');
    for (let count = 0; count < 5; count += 1) {
      const refused = await connectLdap(server.port);
      await refused.closed;
      assert.equal(refused.socket.bytesRead, 0);
    }
    const { values } = await server.metrics.socketsClosed.get();
    assert.equal(values.find(({ labels }) => labels['reason'] === 'too_many_open')?.value, 5);
    handshake.destroy();
    await pollUntil('a connection is closed', async () => (await server.connections()) === 2);
    open.push(await connectBound(server));
    assert.equal(await server.connections(), 3);
    for (const { socket } of open) socket.destroy();
    await pollUntil('all connections are closed', async () => (await server.connections()) === 0);
  });

  it('uses a replaced certificate for the next handshake, and keeps the last one that works', async (t) => {
    const server = await startLdapServerFor(t);
    const { certFile, keyFile } = server.certificate;
    const present = async (): Promise<string> => {
      const socket = connectTls({ port: server.tlsPort, host: '127.0.0.1', rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const { fingerprint256 } = socket.getPeerCertificate();
      socket.destroy();
      return fingerprint256;
    };
    const [before, open] = [await present(), await connectBound(server)];
    const next = createTrustedCertificate();
    t.after(() => {
      next.remove();
    });
    // The key does not belong to the certificate until both are replaced.
    copyFileSync(next.certFile, certFile);
    assert.equal(await present(), before);
    assert.match(server.logged(), /failed to load directory certificate/);
    copyFileSync(next.keyFile, keyFile);
    const after = await present();
    assert.notEqual(after, before);
    writeFileSync(certFile, 'not a certificate');
    assert.equal(await present(), after);
    open.send(whoAmI(2));
    assert.equal((await open.next()).code, RESULT.success);
    open.socket.destroy();
  });

  it('finishes the operation in progress and announces the end while it drains', async (t) => {
    const server = await startLdapServerFor(t, { timeouts: { finishMs: 60_000, closeMs: 50 } });
    const [busy, idle] = [await connectBound(server), await connectBound(server)];
    const release = server.hold();
    busy.send(whoAmI(2), whoAmI(3));
    await pollUntil(
      'the service has read the operations',
      () => server.accepted[0]?.bytesRead === busy.socket.bytesWritten,
    );
    const drained = server.servers.drain();
    assert.deepEqual(await idle.next(), { ...DISCONNECTION, code: RESULT.unavailable });
    release();
    assert.deepEqual(await busy.next(), { id: 2, tag: 0x78, code: RESULT.success });
    assert.deepEqual(await busy.next(), { ...DISCONNECTION, code: RESULT.unavailable });
    await Promise.all([drained, busy.closed, idle.closed]);
  });

  it('does not wait for an operation that takes too long while it drains', async (t) => {
    const server = await startLdapServerFor(t, { timeouts: { finishMs: 50, closeMs: 50 } });
    const client = await connectBound(server);
    const release = server.hold();
    client.send(whoAmI(2));
    await pollUntil('the service has read it', () => server.accepted[0]?.bytesRead === client.socket.bytesWritten);
    const drained = server.servers.drain();
    assert.deepEqual(await client.next(), { ...DISCONNECTION, code: RESULT.unavailable });
    release();
    await drained;
  });

  it('completes a bind that the client abandons', async (t) => {
    const server = await startLdapServerFor(t);
    const client = await connectLdap(server.port);
    client.send(bindMessage(1, serviceName('radius'), SERVICE_SECRET), message(2, integer(1, 0x50)));
    assert.deepEqual(await client.next(), { id: 1, tag: 0x61, code: RESULT.success });
    client.socket.destroy();
  });
});
