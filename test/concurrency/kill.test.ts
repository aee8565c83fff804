/** Kills nodes under load: acknowledged work is kept and applied once. `scripts/fault-injection.ts` runs more rounds. */
import { describe, it } from 'node:test';

import { testDatabaseUrl } from '../helpers/postgres.ts';
import { killRepeatedly } from './kill.ts';

describe('kill -9 under load', () => {
  it('loses no acknowledged work and applies none twice (SQLite)', () => killRepeatedly({ rounds: 3 }));

  it('loses no acknowledged work and applies none twice (PostgreSQL, two nodes)', async () =>
    killRepeatedly({ rounds: 2, databaseUrl: await testDatabaseUrl() }));
});
