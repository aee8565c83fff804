/** Bytes that connections of the directory hold in memory, without a database. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';

import { encode, integer, octets, TAG, type Node } from '../../src/ldap/codec/ber.ts';
import { OID, RESULT, type Filter } from '../../src/ldap/protocol.ts';
import { BASE, SERVICE_SECRET, serviceName } from '../helpers/directory.ts';
import {
  bindMessage,
  connectLdap,
  extendedMessage,
  message,
  nestedFilter,
  searchMessage,
} from '../helpers/ldap-client.ts';
import { encodeRequest } from '../helpers/ldap-encoding.ts';
import { connectBound, startLdapServerFor, type LdapServer } from '../helpers/ldap-server.ts';
import { pollUntil } from '../helpers/poll.ts';

const whoAmI = (id: number): Buffer => extendedMessage(id, OID.whoAmI);
const cancel = (id: number): Buffer =>
  extendedMessage(id, OID.cancel, encode({ tag: TAG.sequence, content: [integer(99)] }));
const subschema = (id: number): Buffer => searchMessage(id, 'cn=subschema', octets('objectClass', 0x87), 'base');

/** Also listens at a path. The buffers of a Unix socket are small. Those of TCP hold megabytes. */
function listenLocally(t: TestContext, server: LdapServer): string {
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-ldap-'));
  const path = join(folder, 'ldap');
  const local = createServer((socket) => server.servers.plain.emit('connection', socket)).listen(path);
  server.setPeer('127.0.0.1');
  t.after(() => {
    local.close();
    rmSync(folder, { recursive: true });
  });
  return path;
}

/** Returns a search for a page of people. */
function pageOf(size: number, filter: Filter = { kind: 'present', attribute: 'uniqueidentifier' }): Buffer {
  const value = encode({ tag: TAG.sequence, content: [integer(size), octets('')] });
  return encodeRequest({
    id: 2,
    request: {
      ...{ kind: 'search', base: `ou=people,${BASE}`, scope: 'one', sizeLimit: 0, timeLimitSeconds: 0 },
      ...{ typesOnly: false, filter, attributes: [] },
    },
    controls: [{ oid: OID.pagedResults, isCritical: true, value }],
  });
}

describe('the memory of connections', () => {
  it('holds no more than one response for a client that never reads, and ends the connection', async (t) => {
    const server = await startLdapServerFor(t, { timeouts: { writeMs: 300 } });
    const path = listenLocally(t, server);
    const limited: Node = nestedFilter(21);
    const kinds = { subschema, cancel, limited: (id: number) => searchMessage(id, '', limited) };
    for (const [kind, of] of Object.entries(kinds)) {
      const client = await connectBound(server, path);
      const accepted = server.accepted.at(-1);
      assert.ok(accepted);
      let most = 0;
      accepted.on('data', () => {
        most = Math.max(most, accepted.writableLength);
      });
      client.socket.pause();
      const bytes = Buffer.concat(Array.from({ length: 500 }, (_, at) => of(at + 2)));
      const write = (): void => {
        while (!client.socket.destroyed && client.socket.write(bytes));
      };
      client.socket.on('drain', write);
      write();
      await client.closed;
      assert.ok(most < 128 * 1024, `${kind}: ${most} bytes`);
    }
  });

  it('waits for a client that does not read before it reads more people', async (t) => {
    const server = await startLdapServerFor(t, { people: 1_000 });
    const client = await connectBound(server, listenLocally(t, server));
    client.socket.pause();
    client.send(pageOf(1_000));
    await pollUntil('it waits', () => server.accepted[0]?.writableNeedDrain);
    assert.ok(server.reads() < 10, String(server.reads()));
    client.socket.resume();
    assert.equal((await client.next()).code, RESULT.success);
    assert.deepEqual([client.entries(), server.reads()], [1_000, 20]);
    client.socket.destroy();
  });

  it('reads fewer people at once for a filter with many conditions', async (t) => {
    const server = await startLdapServerFor(t, { people: 200 });
    const client = await connectBound(server);
    const contains: Filter = { kind: 'substrings', attribute: 'cn', initial: undefined, any: ['名'], final: undefined };
    for (const [conditions, reads] of [
      [1, 4],
      [20, 4],
      [100, 20],
    ] as const) {
      const [entries, before] = [client.entries(), server.reads()];
      client.send(pageOf(1_000, { kind: 'or', filters: Array.from({ length: conditions }, () => contains) }));
      assert.equal((await client.next()).code, RESULT.success);
      assert.deepEqual([client.entries() - entries, server.reads() - before], [200, reads], String(conditions));
    }
    client.socket.destroy();
  });

  it('reads no more than 64 operations while one is in progress', async (t) => {
    const server = await startLdapServerFor(t);
    const client = await connectBound(server);
    const release = server.hold();
    client.send(...Array.from({ length: 200 }, (_, at) => whoAmI(at + 2)));
    const [accepted] = server.accepted;
    await pollUntil('the connection is not read', () => accepted?.isPaused());
    release();
    for (let id = 2; id <= 201; id += 1) assert.equal((await client.next()).id, id);
    client.socket.destroy();
  });

  it('stops reading while operations of 64 KiB wait before a bind', async (t) => {
    const server = await startLdapServerFor(t);
    const client = await connectLdap(server.port);
    const release = server.hold();
    client.send(bindMessage(1, serviceName('radius'), SERVICE_SECRET));
    const large = Array.from({ length: 8 }, (_, at) => searchMessage(at + 2, 'x'.repeat(30_000)));
    client.send(...large);
    const [accepted] = server.accepted;
    await pollUntil('the connection is not read', () => accepted?.isPaused());
    assert.ok((accepted?.bytesRead ?? 0) < 200_000, String(accepted?.bytesRead));
    release();
    assert.deepEqual(
      [(await client.next()).code, ...(await Promise.all(large.map(() => client.next()))).map(({ id }) => id)],
      [RESULT.success, 2, 3, 4, 5, 6, 7, 8, 9],
    );
    client.socket.destroy();
  });

  it('decodes a message when its operation begins', async (t) => {
    const server = await startLdapServerFor(t);
    const client = await connectLdap(server.port);
    const release = server.hold();
    const invalid = message(2, { tag: 0x63, content: [] });
    client.send(bindMessage(1, serviceName('radius'), SERVICE_SECRET), invalid);
    await pollUntil('both are read', () => server.accepted[0]?.bytesRead === client.socket.bytesWritten);
    release();
    assert.deepEqual([(await client.next()).code, (await client.next()).code], [RESULT.success, RESULT.protocolError]);
    await client.closed;
  });

  it('ends a connection without a bind before one that is bound', async (t) => {
    const server = await startLdapServerFor(t, { heldBytes: 100_000 });
    const incomplete = (bytes: number): Buffer => searchMessage(2, 'x'.repeat(bytes + 1_000)).subarray(0, bytes);
    const [bound, anonymous] = [await connectBound(server), await connectLdap(server.port)];
    bound.send(incomplete(60_000));
    anonymous.send(incomplete(50_000));
    await anonymous.closed;
    assert.equal(await server.connections(), 1);
    bound.socket.destroy();
  });

  it('ends the connection that holds most bytes while all together hold too many', async (t) => {
    const server = await startLdapServerFor(t, { heldBytes: 100_000 });
    const incomplete = (bytes: number): Buffer => searchMessage(2, 'x'.repeat(bytes + 1_000)).subarray(0, bytes);
    const [small, large, last] = [
      await connectLdap(server.port),
      await connectLdap(server.port),
      await connectLdap(server.port),
    ];
    small.send(incomplete(30_000));
    large.send(incomplete(45_000));
    const bytesReadOf = (at: number): number => server.accepted[at]?.bytesRead ?? 0;
    await pollUntil('both are read', () => bytesReadOf(0) === 30_000 && bytesReadOf(1) === 45_000);
    last.send(incomplete(40_000));
    await large.closed;
    const { values } = await server.metrics.socketsClosed.get();
    assert.equal(values.find(({ labels }) => labels['reason'] === 'too_many_bytes')?.value, 1);
    assert.equal(await server.connections(), 2);
    // Closed connections no longer count.
    small.socket.destroy();
    await pollUntil('the connection is closed', async () => (await server.connections()) === 1);
    const next = await connectLdap(server.port);
    next.send(incomplete(55_000));
    await pollUntil('it is read', () => bytesReadOf(3) === 55_000);
    next.send(searchMessage(2, 'x'.repeat(56_000)).subarray(55_000));
    assert.equal((await next.next()).code, RESULT.invalidDnSyntax);
    for (const { socket } of [last, next]) socket.destroy();
  });
});
