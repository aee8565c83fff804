import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below those that the kernel gives to outgoing connections (from 32768 on), because one of these could take a port between looking and
 * listening; and above those that browsers refuse.
 */
const FIRST = 11_000;
const AFTER_LAST = 30_000;
const given = new Set<number>();

/** A TCP port that is free now, and that this process has not been given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, AFTER_LAST);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  // On every address: "localhost" is another one here and there.
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
