import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';

import { loadConfig } from '../../src/config/load.ts';
import { createContainer } from '../../src/container/index.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { insertIdentifier, insertPerson, type NewIdentifier } from '../../src/store/people/people.ts';
import { eachStore } from '../helpers/store.ts';

const NOW = Date.UTC(2026, 10, 23);

eachStore('a start in production', (on) => {
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-boot-'));
  writeFileSync(join(folder, 'key'), randomBytes(32).toString('base64'), { mode: 0o600 });
  writeFileSync(join(folder, 'clients.json'), '{ "clients": [] }');
  after(() => {
    rmSync(folder, { recursive: true });
  });
  const start = async (): Promise<void> => {
    const config = loadConfig({
      KINPASS_ISSUER: 'https://id.city.test',
      KINPASS_MASTER_KEY_FILE: join(folder, 'key'),
      KINPASS_CLIENTS_FILE: join(folder, 'clients.json'),
      KINPASS_SMTP_URL: 'smtps://mail.city.test',
      KINPASS_MAIL_FROM: 'no-reply@city.test',
      ...(on.location.url === undefined
        ? { KINPASS_DATABASE_FILE: on.location.file }
        : { DATABASE_URL: on.location.url }),
    });
    const surroundings = { clock: systemClock, random: systemRandom, log: createLogger('silent') };
    await (await createContainer(config, surroundings)).close();
  };
  const addLogin = (id: string, kind: NewIdentifier['kind'], value: string): Promise<void> =>
    on.store.write(async (tx) => {
      await insertPerson(tx, { id, kind: 'person', name: '王大明', status: 'active', createdAt: NOW, updatedAt: NOW });
      await insertIdentifier(tx, { id: `i-${id}`, personId: id, kind, scope: '', value, createdAt: NOW });
    });

  it('fails while every user of the machine can read the database', async () => {
    const { file } = on.location;
    if (file === undefined) return;
    await start();
    for (const exposed of [file, `${file}-wal`]) {
      chmodSync(exposed, 0o644);
      await assert.rejects(start(), {
        message: `KINPASS_DATABASE_FILE: other users of this machine can read it; run chmod 600 ${exposed}`,
      });
      chmodSync(exposed, 0o660);
      await start();
    }
  });

  it('fails on a database with a demo person and succeeds on one without', async () => {
    await addLogin('p1', 'email', 'daming@example.city.test');
    await addLogin('p2', 'account', 'daming.example');
    await start();
    await addLogin('p3', 'email', 'daming@parents.example');
    await assert.rejects(start(), /^ConfigError: the database contains demo people \(email in \.example\)[^\n]*$/);
  });
});
