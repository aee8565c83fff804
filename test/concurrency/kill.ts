import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { runProgram } from '../helpers/child-process.ts';
import { createLoadPeople, LOAD_PEOPLE, loadClients, runUnderLoad } from './load.ts';
import { startNodes } from './nodes.ts';

interface KillOptions {
  /** Two nodes on this PostgreSQL database, one of which is killed. Default: one node on SQLite. */
  databaseUrl?: string;
  rounds: number;
  /** Called after each round. */
  onRound?: (round: number, done: number, failures: number) => void;
}

/** Time from the start of the load to the kill in milliseconds. It varies, so that kills hit different states. */
const FIRST_MS = 250;
const STEP_MS = 37;
const STEPS = 11;

/**
 * Kills a node under load repeatedly. After each kill, checks that all acknowledged work exists and that no code or token can be
 * used twice. At the end, verifies the audit log.
 *
 * @throws {AssertionError} that names what was lost or applied twice
 */
export async function killRepeatedly({ databaseUrl, rounds, onRound }: KillOptions): Promise<void> {
  const nodes = await startNodes({
    count: databaseUrl === undefined ? 1 : 2,
    clients: loadClients,
    people: LOAD_PEOPLE,
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
  });
  try {
    const people = createLoadPeople();
    for (let round = 0; round < rounds; round += 1) {
      const node = round % nodes.urls.length;
      const load = await runUnderLoad(nodes.issuer, people, async ({ waitForProgress }) => {
        await waitForProgress(4);
        await sleep(FIRST_MS + STEP_MS * (round % STEPS));
        await nodes.kill(node);
      });
      await nodes.start(node);
      await load.verify();
      onRound?.(round + 1, load.done(), load.failures.length);
    }
    const audit = runProgram(['audit', 'verify'], nodes.home.env);
    assert.equal(await audit.ended, 0, audit.err());
  } finally {
    await nodes.stop();
  }
}
