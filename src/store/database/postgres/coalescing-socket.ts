import { Socket } from 'node:net';

/**
 * Sends all statements of one turn of the event loop with one system call. node-postgres makes one call for each statement, and each
 * call wakes the server process (docs/decisions/0012-cost-of-a-request.md). TLS wraps this socket, so there each statement is sent alone.
 */
export class CoalescingSocket extends Socket {
  /** Defers the uncork of node-postgres, which corks and uncorks around each statement, to the end of the turn. */
  override uncork(): void {
    process.nextTick(() => {
      super.uncork();
    });
  }
}
