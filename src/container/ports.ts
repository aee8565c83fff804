import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { messageOf } from '../platform/errors.ts';
import { ConfigError } from '../config/config-error.ts';
import type { ListenAddress } from '../config/listen-addresses.ts';
import { codeOf } from '../store/database/errors.ts';

/** Number of connections that wait to be accepted. Linux drops and resets further ones, and its own limit is 4096. */
const LISTEN_BACKLOG = 4096;

/**
 * Opens a port.
 *
 * @returns the port, which the system chooses for 0
 * @throws {ConfigError} that names the setting
 */
export async function listen(server: Server, { host, port, names }: ListenAddress): Promise<number> {
  server.listen({ port, host, backlog: LISTEN_BACKLOG });
  await once(server, 'listening').catch((cause: unknown) => {
    const code = codeOf(cause) ?? String(cause);
    const problem =
      code === 'EADDRINUSE'
        ? `${names.port}: ${host}:${port} is in use (${code}); stop the other program or set another port`
        : `${names.host}, ${names.port}: cannot listen on ${host}:${port} (${code}); set an address of this machine and a port that this user may use`;
    throw new ConfigError(problem, { cause });
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}

/** Opens all ports and closes them again, so that a port in use is found before the database is changed. */
export async function listPortProblems(addresses: readonly ListenAddress[]): Promise<string[]> {
  const opened: Server[] = [];
  const problems: string[] = [];
  for (const address of addresses) {
    const server = createServer((socket) => socket.destroy());
    try {
      await listen(server, address);
      opened.push(server);
    } catch (error) {
      problems.push(messageOf(error));
    }
  }
  const closed = opened.map((server) => once(server, 'close'));
  for (const server of opened) server.close();
  await Promise.all(closed);
  return problems;
}
