/** PostgreSQL may have committed a transaction whose connection broke during COMMIT, so the service does not run it again. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';

import { z } from 'zod';

import { openStore, type Store } from '../../src/store/database/index.ts';
import { migrate } from '../../src/store/migrate.ts';
import { insertSchool } from '../../src/store/people/schools.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';

/** Breaks each connection that sends this text, before or after the server receives it. */
type Fault = { statement: 'begin' | 'commit'; isDelivered: boolean } | undefined;

interface Proxy {
  url: string;
  breakAt(fault: Fault): void;
  close(): Promise<void>;
}

/** A proxy between the service and PostgreSQL that can break connections. */
async function startProxy(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let fault: Fault;
  const server: Server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let isBroken = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('data', (chunk: Buffer) => {
      if (fault === undefined || !chunk.includes(`${fault.statement}\0`)) {
        upstream.write(chunk);
        return;
      }
      isBroken = true;
      if (fault.isDelivered) upstream.write(chunk);
      else upstream.destroy();
      if (!fault.isDelivered) client.destroy();
      fault = undefined;
    });
    upstream.on('data', (chunk: Buffer) => {
      if (isBroken) {
        client.destroy();
        upstream.end();
      } else client.write(chunk);
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port: own } = z.object({ port: z.number() }).parse(server.address());
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String(own);
  return {
    url: url.href,
    breakAt: (next) => {
      fault = next;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('a connection to PostgreSQL that is lost', () => {
  let proxy: Proxy;
  let store: Store;
  before(async () => {
    proxy = await startProxy(await testDatabaseUrl());
    store = await openStore({ url: proxy.url, poolSize: 2 });
    await migrate(store);
  });
  after(async () => {
    await store.close();
    await proxy.close();
  });

  let schools = 0;
  const insert = async (): Promise<{ code: string; runs: number; failure: unknown }> => {
    schools += 1;
    const code = String(schools).padStart(6, '0');
    let runs = 0;
    let failure: unknown;
    try {
      await store.write(async (tx) => {
        runs += 1;
        await insertSchool(tx, { code, name: '一校', nameEn: 'First', type: 'elementary' });
      });
    } catch (error) {
      failure = error;
    }
    return { code, runs, failure };
  };
  const isKept = async (code: string): Promise<boolean> => {
    const kept = await store.read((tx) => tx.db.select().from(tx.tables.schools));
    return kept.some((school) => school.code === code);
  };

  it('during COMMIT fails the write with 08007 and does not run the work again', async () => {
    for (const isDelivered of [true, false]) {
      proxy.breakAt({ statement: 'commit', isDelivered });
      const { code, runs, failure } = await insert();
      assert.deepEqual(
        [runs, failure instanceof Error && 'code' in failure && failure.code],
        [1, '08007'],
        String(isDelivered),
      );
      assert.equal(await isKept(code), isDelivered);
    }
  });

  it('before COMMIT runs the work again and commits it once', async () => {
    proxy.breakAt({ statement: 'begin', isDelivered: false });
    const { code, runs, failure } = await insert();
    assert.deepEqual([runs > 1, failure], [true, undefined]);
    assert.equal(await isKept(code), true);
  });
});
