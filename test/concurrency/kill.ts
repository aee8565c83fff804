import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { runProgram } from '../helpers/child-process.ts';
import { loadClients, newPassword, runUnderLoad } from './load.ts';
import { startNodes } from './nodes.ts';

interface KillOptions {
  /** PostgreSQL with two nodes, one of which is killed; without it one node on SQLite. */
  databaseUrl?: string;
  rounds: number;
  /** Hears of each round. */
  tell?: (round: number, done: number, failures: number) => void;
}

/** At work for some tenths of a second before it ends, each time another one. */
const FIRST_MS = 250;
const STEP_MS = 37;
const STEPS = 11;

/**
 * Kills a node under load again and again. After each kill everything that was acknowledged is asked for, and each code and
 * token is tried a second time; at the end the audit log is verified.
 *
 * @throws {AssertionError} saying what was lost or lives twice
 */
export async function killRepeatedly({ databaseUrl, rounds, tell }: KillOptions): Promise<void> {
  const nodes = await startNodes({
    count: databaseUrl === undefined ? 1 : 2,
    clients: loadClients,
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
  });
  try {
    const password = newPassword();
    for (let round = 0; round < rounds; round += 1) {
      const node = round % nodes.urls.length;
      const load = await runUnderLoad(nodes.issuer, password, async ({ goesOn }) => {
        await goesOn(4);
        await sleep(FIRST_MS + STEP_MS * (round % STEPS));
        await nodes.kill(node);
      });
      await nodes.start(node);
      await load.verify();
      tell?.(round + 1, load.done(), load.failures.length);
    }
    const audit = runProgram(['audit', 'verify'], nodes.home.env);
    assert.equal(await audit.ended, 0, audit.err());
  } finally {
    await nodes.stop();
  }
}
