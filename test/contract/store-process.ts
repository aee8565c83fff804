/*
 * A second process for the contract tests. It opens the store given as JSON and prints `ready`. Then it runs each line `action argument` of
 * its standard input and responds with one line of JSON.
 */
import { createInterface } from 'node:readline';

import { z } from 'zod';

import { consumeResetLink } from '../../src/store/auth/credentials.ts';
import { readThrottleForUpdate, upsertThrottle } from '../../src/store/auth/throttles.ts';
import { openStore, type Store } from '../../src/store/database/index.ts';
import { migrate } from '../../src/store/migrate.ts';
import { insertKeyIfAbsent } from '../../src/store/oidc/keys.ts';
import { consumeRecord } from '../../src/store/oidc/records.ts';
import { claimDue } from '../../src/store/outbox.ts';
import { insertSchool } from '../../src/store/people/schools.ts';
import { NOW, TRIES } from './constants.ts';

const location = z.object({ url: z.string().optional(), file: z.string().optional() });

const tries = <T>(count: number, one: (i: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => one(i)));

/** Actions of the process. */
export type Action = 'migrate' | 'consume' | 'resetLink' | 'throttle' | 'claim' | 'key' | 'writeOn';

const actions: Record<Action, (store: Store, argument: string) => Promise<unknown>> = {
  migrate: (store: Store) => migrate(store),
  /** Returns the number of successful attempts per round. */
  consume: async (store: Store, rounds: string) => {
    const wins: number[] = [];
    for (let round = 0; round < Number(rounds); round++) {
      const won = await tries(TRIES, () =>
        store.write((tx) => consumeRecord(tx, 'AuthorizationCode', `code-${String(round)}`, NOW)),
      );
      wins.push(won.filter(Boolean).length);
    }
    return wins;
  },
  resetLink: async (store: Store) => {
    const taken = await tries(TRIES, () => store.write((tx) => consumeResetLink(tx, 'token', NOW)));
    return taken.filter((personId) => personId !== undefined).length;
  },
  throttle: async (store: Store) => {
    await tries(TRIES * 2, () =>
      store.write(async (tx) => {
        const { state } = await readThrottleForUpdate(tx, 'one');
        await upsertThrottle(tx, 'one', { failures: (state?.failures ?? 0) + 1, blockedUntil: 0, updatedAt: NOW });
      }),
    );
    return TRIES * 2;
  },
  claim: async (store: Store) => {
    const ids: string[] = [];
    for (;;) {
      const rows = await store.write((tx) => claimDue(tx, NOW, 60_000, 7));
      if (rows.length === 0) return ids;
      ids.push(...rows.map(({ id }) => id));
    }
  },
  key: (store: Store, id: string) =>
    store.write((tx) =>
      insertKeyIfAbsent(tx, { id, purpose: 'sign', alg: 'ES256', sealed: '-', state: 'current', createdAt: NOW }),
    ),
  /** Writes until the process is killed and prints a line after each write. */
  writeOn: async (store: Store, prefix: string): Promise<never> => {
    const school = { name: '示範高中', nameEn: 'Demo', type: 'senior_high' } as const;
    for (let i = 0; ; i += 5) {
      await tries(5, async (j) => {
        const code = `${prefix}${String(i + j)}`;
        await store.write((tx) => insertSchool(tx, { code, ...school }));
        process.stdout.write(`${code}\n`);
      });
    }
  },
};

function isAction(name: string | undefined): name is Action {
  return name !== undefined && name in actions;
}

const store = await openStore({ ...location.parse(JSON.parse(process.argv[2] ?? '')), poolSize: TRIES });
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  const [action, argument = ''] = line.split(' ');
  if (!isAction(action)) throw new Error('no such action');
  process.stdout.write(`${JSON.stringify(await actions[action](store, argument))}\n`);
}
await store.close();
