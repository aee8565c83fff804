import { strict as assert } from 'node:assert';
import { systemClock } from '../../src/domain/clock.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets, type Secrets } from '../../src/platform/crypto/secrets.ts';
import { createAuthorization } from '../../src/services/console/authorization.ts';
import { createConsoleSearch } from '../../src/services/console/search.ts';
import { createSettings } from '../../src/services/settings/settings.ts';
import { openStore, type Store, type StoreOptions } from '../../src/store/database/index.ts';
import { storeApplication } from '../../test/helpers/applications.ts';
import { personId } from '../../test/helpers/city.ts';
import type { HttpBrowser } from '../../test/helpers/http-browser.ts';
import { signInStaff } from '../../test/helpers/staff.ts';
import { print } from './harness.ts';

const ROUNDS = 200;
const WARM_UP_ROUNDS = 20;
/** The searches of staff: names, a class, a student number, an account, and text that finds no one. */
const QUERIES = ['王', '陳小', '李美玲', '203', '11330001', 'an.wang', '0900000102', 'zzzz'];
/** Pages of the IT desk (A1), the registrar (A2) and the bureau (B1). The class view is found in the list of classes. */
const PAGES = {
  A1: {
    'person page': `/console/people/${personId('G2')}`,
    'dashboard of a school': '/console',
    'request list': '/console/requests',
  },
  A2: { 'application queue': '/console/applications' },
  B1: { 'dashboard of the city': '/console', 'audit log by school': '/console/audit?school=993301' },
} as const;

/**
 * Measures the search of the console, and the pages of a running service over HTTP, as staff see them. Prints 95th percentiles in ms.
 *
 * @param location the database of the service
 */
export async function measureConsole(masterKey: Buffer, location: StoreOptions, issuer: string): Promise<void> {
  const store = await openStore(location);
  const secrets = createSecrets(masterKey, systemRandom);
  await measureSearch(store, secrets);
  await measurePages({ issuer, container: { store, secrets } });
  await store.close();
}

async function measureSearch(store: Store, secrets: Secrets): Promise<void> {
  const settings = createSettings({ store, clock: systemClock, passwordMinLength: 12 });
  const authorization = createAuthorization({ store, clock: systemClock, settings });
  const search = createConsoleSearch({ store, clock: systemClock, secrets, authorization });
  for (const [name, key] of [
    ['IT desk', 'A1'],
    ['bureau', 'B1'],
  ] as const) {
    const actor = await authorization.findActor(personId(key));
    assert.ok(actor, `the demo city has no ${name}`);
    const p95 = await measureP95((round) => search.find(actor, QUERIES[round % QUERIES.length] ?? '', undefined));
    print(`console search of the ${name}, p95, ${store.dialect}`, '', `${p95.toFixed(1)} ms`, '< 50 ms');
  }
}

async function measurePages(service: Parameters<typeof signInStaff>[0]): Promise<void> {
  await storeApplication(service);
  for (const key of ['A1', 'A2', 'B1'] as const) {
    const { browser } = await signInStaff(service, key);
    const pages: Record<string, string> = { ...PAGES[key] };
    if (key === 'A1') pages['class view'] = await findClassPage(browser);
    for (const [name, path] of Object.entries(pages)) {
      const p95 = await measureP95(async () => {
        const { status, url } = await browser.open(path);
        assert.equal(status, 200, path);
        assert.ok(url.endsWith(path), `${path} redirects to ${url}`);
      });
      const { dialect } = service.container.store;
      print(`console ${name}, p95, ${dialect}`, '', `${p95.toFixed(1)} ms`, '< 150 ms');
    }
  }
}

async function findClassPage(browser: HttpBrowser): Promise<string> {
  const { body } = await browser.open('/console/classes');
  const [, path] = /href="(\/console\/classes\/[^"]+)"/.exec(body) ?? [];
  assert.ok(path, 'the IT desk has no class');
  return path;
}

async function measureP95(work: (round: number) => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS + WARM_UP_ROUNDS; round += 1) {
    const start = performance.now();
    await work(round);
    if (round >= WARM_UP_ROUNDS) times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length * 0.95)] ?? 0;
}
