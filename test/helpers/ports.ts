import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/**
 * Test ports are below the ephemeral ports (from 32768), because an outgoing connection could take one between check and use.
 * They are above the ports that browsers block.
 */
const FIRST_PORT = 11_000;
const BLOCK_SIZE = 100;
const BLOCK_COUNT = 190;

const ports = generatePorts();

/** Returns a free TCP port that no test process has received while this one runs. */
export async function freePort(): Promise<number> {
  return (await ports.next()).value;
}

/** Generates the ports of one block after another. A process owns a block while it listens on the first port of it. */
async function* generatePorts(): AsyncGenerator<number, never> {
  for (;;) {
    const first = FIRST_PORT + BLOCK_SIZE * randomInt(BLOCK_COUNT);
    const owner = await tryListen(first);
    if (owner === undefined) continue;
    owner.unref();
    for (let port = first + 1; port < first + BLOCK_SIZE; port += 1) {
      const server = await tryListen(port);
      if (server === undefined) continue;
      server.close();
      await once(server, 'close');
      yield port;
    }
  }
}

/** Listens on all addresses, because "localhost" may be IPv4 or IPv6. Returns undefined if the port is in use. */
async function tryListen(port: number): Promise<Server | undefined> {
  const server = createServer().listen(port);
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return undefined;
  }
}
