/** The power goes: what was acknowledged is there, and nothing lives twice. `scripts/fault-injection.ts` does the same a hundred times. */
import { describe, it } from 'node:test';

import { testDatabaseUrl } from '../helpers/postgres.ts';
import { killAgainAndAgain } from './kill.ts';

describe('kill -9 under load', () => {
  it('loses no acknowledged password, sign-out or token, and lets nothing live twice (SQLite)', () =>
    killAgainAndAgain({ rounds: 3 }));

  it('loses no acknowledged password, sign-out or token, and lets nothing live twice (PostgreSQL, two nodes)', async () =>
    killAgainAndAgain({ rounds: 2, databaseUrl: await testDatabaseUrl() }));
});
