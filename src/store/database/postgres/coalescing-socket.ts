import { Socket } from 'node:net';

/**
 * What is asked in one turn of the event loop goes to the server in one call of the system: node-postgres would make one for each
 * statement, and each of them wakes the server's process (decision 0012). With TLS it makes a socket of its own around this one, and
 * each statement goes out alone.
 */
export class CoalescingSocket extends Socket {
  /** node-postgres corks and uncorks around each statement; the gate opens when the turn is over. */
  override uncork(): void {
    process.nextTick(() => {
      super.uncork();
    });
  }
}
