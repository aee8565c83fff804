import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';

import { loadConfig } from '../../src/config/load.ts';
import { createContainer } from '../../src/container/index.ts';
import { checkStart } from '../../src/container/start-checks.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { MINUTE_MS } from '../../src/domain/duration.ts';
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
  const environment = (): Record<string, string> => ({
    KINPASS_ISSUER: 'https://id.city.test',
    KINPASS_MASTER_KEY_FILE: join(folder, 'key'),
    KINPASS_CLIENTS_FILE: join(folder, 'clients.json'),
    KINPASS_SMTP_URL: 'smtps://mail.city.test',
    KINPASS_MAIL_FROM: 'no-reply@city.test',
    ...(on.location.url === undefined
      ? { KINPASS_DATABASE_FILE: on.location.file ?? '' }
      : { DATABASE_URL: on.location.url }),
  });
  const start = async (): Promise<void> => {
    const config = loadConfig(environment());
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

  it('fails with a clock that is far behind an entry, a key or the server, and names both times', async () => {
    const log = createLogger('silent');
    const check = (now: number): Promise<unknown> =>
      checkStart({ ...environment(), KINPASS_PROFILE: 'development' }, { clock: { now: () => now }, log });
    const newest = await on.store.read((tx) => tx.db.select({ at: tx.tables.keys.createdAt }).from(tx.tables.keys));
    const latest = Math.max(...newest.map(({ at }) => at));
    await check(Date.now());
    await check(latest - 4 * MINUTE_MS);
    const behind = latest - 20 * MINUTE_MS;
    await assert.rejects(check(behind), ({ message }: Error) => {
      const source = on.store.dialect === 'postgres' ? 'the PostgreSQL server' : 'the newest signing key';
      const [own, other] = [behind, latest].map((time) => new Date(time).toISOString().slice(0, 16));
      return (
        message.startsWith(`clock: this machine has ${String(own)}`) &&
        message.includes(`, but ${source} has ${String(other).slice(0, 13)}`)
      );
    });
    // The way out when the other time was written with a wrong clock.
    const accepting = { ...environment(), KINPASS_PROFILE: 'development', KINPASS_CLOCK_CHECK: 'warn' };
    const { warnings } = await checkStart(accepting, { clock: { now: () => behind }, log });
    assert.match(warnings.join('\n'), /^clock: this machine has [^\n]*$/);
  });

  it('fails with the rules of the conformance profile together with other mistakes', async () => {
    const mistakes = { KINPASS_PROFILE: 'conformance', NODE_ENV: 'production', KINPASS_PORT: 'x' };
    const deps = { clock: systemClock, log: createLogger('silent') };
    await assert.rejects(checkStart({ ...environment(), ...mistakes }, deps), ({ message }: Error) => {
      assert.match(message, /^KINPASS_PORT: /m);
      assert.match(message, /^KINPASS_PROFILE: conformance must not be used with NODE_ENV=production$/m);
      assert.match(message, /^KINPASS_TLS_CERT_FILE: is missing /m);
      return true;
    });
  });

  it('warns while no proxy is trusted', async () => {
    const file = { DATABASE_URL: undefined, KINPASS_DATABASE_FILE: join(folder, 'new.sqlite') };
    const warningsFor = async (proxies: string | undefined): Promise<readonly string[]> => {
      const env = { ...environment(), ...file, KINPASS_TRUSTED_PROXIES: proxies };
      return (await checkStart(env, { clock: systemClock, log: createLogger('silent') })).warnings;
    };
    assert.match((await warningsFor(undefined)).join('\n'), /^KINPASS_TRUSTED_PROXIES: is not set; [^\n]*$/);
    assert.deepEqual(await warningsFor('10.0.0.1'), []);
  });

  it('fails on a server that takes no writes', async () => {
    const { url } = on.location;
    if (url === undefined) return;
    const name = new URL(url).pathname.slice(1);
    const set = (value: string): Promise<unknown> =>
      on.store.runExclusively((run) => run(`set local transaction_read_only = off; alter database ${name} ${value}`));
    await set('set default_transaction_read_only = on');
    const log = createLogger('silent');
    await assert.rejects(
      checkStart({ ...environment(), KINPASS_PROFILE: 'development' }, { clock: systemClock, log }),
      {
        message: /^DATABASE_URL: the database takes no writes: [^\n]*read-only transaction[^\n]*$/,
      },
    );
    await set('reset default_transaction_read_only');
  });
});
