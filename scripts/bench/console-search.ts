import { namedId } from '../../demo/city/named-people.ts';
import { DEFAULT_SEED } from '../../demo/city/seeded-random.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { createAuthorization } from '../../src/services/console/authorization.ts';
import { createConsoleSearch } from '../../src/services/console/search.ts';
import { createSettings } from '../../src/services/settings/settings.ts';
import { openStore, type StoreOptions } from '../../src/store/database/index.ts';
import { print } from './harness.ts';

const ROUNDS = 200;
const WARM_UP_ROUNDS = 20;
/** What staff type: names, a class, a student number, an account, and text that finds no one. */
const QUERIES = ['王', '陳小', '李美玲', '203', '11330001', 'an.wang', '0900000102', 'zzzz'];

/** Measures the search of the console as the IT desk of a school and as the bureau. Prints the 95th percentile in ms. */
export async function measureConsoleSearch(masterKey: Buffer, location: StoreOptions): Promise<void> {
  const store = await openStore(location);
  const settings = createSettings({ store, clock: systemClock, passwordMinLength: 12 });
  const authorization = createAuthorization({ store, clock: systemClock, settings });
  const secrets = createSecrets(masterKey, systemRandom);
  const search = createConsoleSearch({ store, clock: systemClock, secrets, authorization });
  for (const [name, key] of [
    ['IT desk', 'A1'],
    ['bureau', 'B1'],
  ] as const) {
    const actor = await authorization.findActor(namedId(DEFAULT_SEED, key));
    if (actor === undefined) throw new Error(`the demo city has no ${name}`);
    const times: number[] = [];
    for (let round = 0; round < ROUNDS + WARM_UP_ROUNDS; round += 1) {
      const start = performance.now();
      await search.find(actor, QUERIES[round % QUERIES.length] ?? '', undefined);
      if (round >= WARM_UP_ROUNDS) times.push(performance.now() - start);
    }
    const p95 = times.sort((a, b) => a - b)[Math.floor(times.length * 0.95)] ?? 0;
    print(`console search of the ${name}, p95, ${store.dialect}`, '', `${p95.toFixed(1)} ms`, '< 50 ms');
  }
  await store.close();
}
