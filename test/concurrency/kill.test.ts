/** The power goes: what was acknowledged is there, and nothing lives twice. `scripts/fault-injection.ts` does the same a hundred times. */
import { describe, it } from 'node:test';

import { testDatabaseUrl } from '../helpers/postgres.ts';
import { killRepeatedly } from './kill.ts';

describe('kill -9 under load', () => {
  it('loses no acknowledged work and applies none twice (SQLite)', () => killRepeatedly({ rounds: 3 }));

  it('loses no acknowledged work and applies none twice (PostgreSQL, two nodes)', async () =>
    killRepeatedly({ rounds: 2, databaseUrl: await testDatabaseUrl() }));
});
