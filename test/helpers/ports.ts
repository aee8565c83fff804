import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Test ports are below the ephemeral ports (from 32768), because an outgoing connection could take one between check and use.
 * They are above the ports that browsers block.
 */
const FIRST_PORT = 11_000;
const LAST_PORT_EXCLUSIVE = 30_000;
const given = new Set<number>();

/** Returns a free TCP port that this process has not used before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT_EXCLUSIVE);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  // On all addresses, because "localhost" may be IPv4 or IPv6.
  const server = createServer().listen(port);
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
