import { after, before, describe } from 'node:test';

import { testDatabaseUrl } from './postgres.ts';
import { startService, type TestService, type TestServiceOptions } from './service.ts';

/** Runs the tests against the service on a SQLite file and on a PostgreSQL database. */
export function eachService(
  name: string,
  options: () => Omit<TestServiceOptions, 'databaseUrl'>,
  tests: (running: () => TestService) => void,
): void {
  for (const dialect of ['sqlite', 'postgres'] as const) {
    describe(`${name} (${dialect})`, () => {
      let service: TestService | undefined;
      before(async () => {
        const database = dialect === 'postgres' ? { databaseUrl: await testDatabaseUrl() } : {};
        service = await startService({ ...options(), ...database });
      });
      after(() => service?.stop());
      tests(() => {
        if (service === undefined) throw new Error('the service runs inside of tests only');
        return service;
      });
    });
  }
}
