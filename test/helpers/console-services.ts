import type { NamedKey } from '../../demo/city/fixtures.ts';
import { loadDemoCity } from '../../demo/city/load.ts';
import { namedId } from '../../demo/city/named-people.ts';
import type { ClientRegistration } from '../../src/config/clients.ts';
import { createConsoleServices } from '../../src/container/console.ts';
import { systemRandom } from '../../src/domain/random.ts';
import type { ConsoleServices } from '../../src/services/console/index.ts';
import type { Store } from '../../src/store/database/index.ts';
import { createTestServices, TEST_ISSUER, type TestServices } from './services.ts';

const SEED = 'kinpass';

/** Returns the id of a named person in the demo city of `openTestConsole`. */
export function demoId(key: NamedKey): string {
  return namedId(SEED, key);
}

/** Loads the demo city into an empty store, and creates the services of the console. */
export async function openTestConsole(
  store: Store,
  { people = 0, clients = [] }: { people?: number; clients?: readonly ClientRegistration[] } = {},
): Promise<{ services: TestServices; staff: ConsoleServices }> {
  const services = createTestServices(store, clients);
  await loadDemoCity({ ...services, seed: SEED, people });
  return { services, staff: createTestConsole(services) };
}

/** Creates the services of the console, as one node does. */
export function createTestConsole(services: TestServices): ConsoleServices {
  return createConsoleServices({
    ...services,
    log: services.capturedLog.log,
    random: systemRandom,
    issuer: TEST_ISSUER,
  });
}
