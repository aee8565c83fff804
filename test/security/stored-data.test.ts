/** The data that a stolen backup exposes, as listed in docs/operators.md. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

import { generateCity } from '../../demo/city/generator.ts';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { DEFAULT_SEED } from '../../demo/city/seeded-random.ts';
import { backup } from '../../src/store/database/backup.ts';
import type { StoreOptions } from '../../src/store/database/index.ts';
import { runClientTool } from '../../src/store/database/postgres/client-tools.ts';
import { LOGIN, signInWithNewBrowser } from '../helpers/authorization-flow.ts';
import { personId } from '../helpers/city.ts';
import { getGuardianshipId } from '../helpers/people.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';
import { createParty, newSecret, createRegistration } from '../helpers/relying-party.ts';
import { startService } from '../helpers/service.ts';

const REASON = 'decision of the family court, file 7';

describe('a stolen backup', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-stolen-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  const textOf = async (location: StoreOptions, name: string): Promise<string> => {
    const target = join(folder, name);
    await backup(location, target);
    return location.url === undefined
      ? readFileSync(target, 'utf8')
      : runClientTool('pg_restore', ['--file=-', target]);
  };

  for (const dialect of ['sqlite', 'postgres'] as const) {
    it(`contains no ID, birth date, reason, password, token or secret (${dialect})`, async () => {
      const file = join(folder, 'kinpass.sqlite');
      const databaseUrl = dialect === 'postgres' ? await testDatabaseUrl() : undefined;
      const secret = newSecret();
      const clients = [createRegistration('app', secret, { scopes: ['openid', 'profile', 'offline_access'] })];
      const database = databaseUrl === undefined ? { env: { KINPASS_DATABASE_FILE: file } } : { databaseUrl };
      const service = await startService({ clients, ...database });
      const party = await createParty(service.issuer, { id: 'app', scope: 'openid profile offline_access', secret });
      const { tokens } = await signInWithNewBrowser(party, { login: LOGIN.G2, parameters: { prompt: 'consent' } });
      const id = await getGuardianshipId(service, LOGIN.G2, '王小樂');
      const change = { id, action: 'suspend', reason: REASON, actorId: personId('A1') } as const;
      assert.ok(await service.container.guardianships.applyAction(change));
      const text = await textOf(databaseUrl === undefined ? { file } : { url: databaseUrl }, `${dialect}.backup`);
      await service.stop();

      const { accessToken, refreshToken } = { accessToken: tokens.access_token, refreshToken: tokens.refresh_token };
      assert.ok(refreshToken);
      const persons = [...generateCity({ seed: DEFAULT_SEED, people: 0 })].flatMap((part) => part.persons);
      const hidden = persons.flatMap(({ nationalId, birthDate }) => [nationalId, birthDate]);
      const secrets = [REASON, 'court_order', DEMO_PASSWORD, accessToken, refreshToken, secret];
      assert.deepEqual(
        [...hidden, ...secrets].filter((value) => value !== undefined && text.includes(value)),
        [],
      );
      for (const shown of ['李美玲', LOGIN.G2, '+886900000102', 'suspended', '127.0.0.1']) {
        assert.ok(text.includes(shown), `${shown} is in the list of what a backup shows`);
      }
    });
  }
});
