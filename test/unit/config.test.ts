import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os, { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { ConfigError } from '../../src/config/config-error.ts';
import { loadConfig, type Config } from '../../src/config/load.ts';
import { isReadableByOthers } from '../../src/config/master-key.ts';
import { assertSafeToStart } from '../../src/config/startup-checks.ts';

describe('loadConfig', () => {
  let folder: string;
  let env: Record<string, string>;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'kinpass-config-'));
    writeFileSync(join(folder, 'key'), randomBytes(32).toString('base64'), { mode: 0o600 });
    writeFileSync(join(folder, 'clients.json'), '{ "clients": [] }');
    env = {
      KINPASS_ISSUER: 'https://id.city.test',
      KINPASS_MASTER_KEY_FILE: join(folder, 'key'),
      KINPASS_CLIENTS_FILE: join(folder, 'clients.json'),
      KINPASS_SMTP_URL: 'smtps://user:secret@mail.city.test',
      KINPASS_MAIL_FROM: 'no-reply@city.test',
    };
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  const load = (more: Record<string, string | undefined> = {}): Config => loadConfig({ ...env, ...more });
  /** The lines of the error, each without the purpose of the setting. */
  const refusal = (more: Record<string, string | undefined>): string[] => {
    try {
      load(more);
    } catch (error) {
      assert.ok(error instanceof Error);
      return error.message.split('\n').map((line) => line.replace(/ \([^()]*(\([^()]*\)[^()]*)*\)$/, ''));
    }
    return assert.fail(`accepted: ${JSON.stringify(more)}`);
  };

  it('requires five settings and has a safe default for each other one', () => {
    const config = load();
    assert.equal(config.profile, 'production');
    assert.equal(config.host, '127.0.0.1');
    assert.equal(config.port, 3000);
    assert.equal(config.metrics, undefined);
    assert.deepEqual(config.trustedProxies, []);
    assert.equal(config.migrations, 'apply');
    assert.equal(config.password.minLength, 12);
    assert.equal(config.allowPrivateLogoutAddresses, false);
    assert.deepEqual([config.hashing.memoryKib, config.hashing.passes], [19_456, 2]);
    assert.equal(config.masterKey.length, 32);
    assert.equal(config.drainMs, 5_000);
    assert.throws(() => {
      Object.assign(config, { profile: 'development' });
    }, TypeError);
  });

  it('runs one hash thread per core, at most four, unless the setting says otherwise', (t) => {
    let cores = 0;
    const stub = t.mock.method(os, 'availableParallelism', () => cores);
    syncBuiltinESMExports();
    const threadsWith = (number: number): number => {
      cores = number;
      return load().hashing.threads;
    };
    assert.deepEqual([1, 4, 5, 16].map(threadsWith), [1, 4, 4, 4]);
    assert.equal(load({ KINPASS_HASH_THREADS: '16' }).hashing.threads, 16);
    stub.mock.restore();
    syncBuiltinESMExports();
  });

  it('lists every missing setting with its purpose', () => {
    assert.throws(
      () => loadConfig({}),
      (error: Error) => {
        assert.ok(error instanceof ConfigError);
        const lines = error.message.split('\n');
        assert.deepEqual(lines.map((line) => line.split(':')[0]).sort(), [
          'KINPASS_CLIENTS_FILE',
          'KINPASS_ISSUER',
          'KINPASS_MAIL_FROM',
          'KINPASS_MASTER_KEY_FILE',
          'KINPASS_SMTP_URL',
        ]);
        for (const line of lines) assert.match(line, /^[A-Z_]+: is missing \(.{10,}\)$/);
        return true;
      },
    );
  });

  it('rejects an empty setting, whose default might be another database', () => {
    for (const name of ['KINPASS_SMTP_URL', 'KINPASS_PORT', 'DATABASE_URL', 'KINPASS_TRUSTED_PROXIES']) {
      for (const value of ['', ' ']) {
        assert.deepEqual(refusal({ [name]: value }), [`${name}: is set but empty; set a value or remove it`]);
      }
    }
    assert.equal(load({ NODE_ENV: '' }).port, 3000);
  });

  it('lists each invalid setting without its password', () => {
    const wrong: [string, string][] = [
      ['KINPASS_PROFILE', 'prod'],
      ['KINPASS_ISSUER', 'id.city.test'],
      ['KINPASS_ISSUER', 'https://id.city.test/path'],
      ['KINPASS_ISSUER', 'https://id.city.test/?x=1'],
      ['KINPASS_ISSUER', 'https://id.city.test/#x'],
      ['KINPASS_ISSUER', 'https://user@id.city.test'],
      ['KINPASS_ISSUER', 'https://ID.city.test'],
      ['KINPASS_ISSUER', 'https://id.city.test:443'],
      ['KINPASS_ISSUER', 'ftp://id.city.test'],
      ['KINPASS_ISSUER', 'javascript:alert(1)'],
      ['KINPASS_PORT', '65536'],
      ['KINPASS_PORT', '-1'],
      ['KINPASS_PORT', '3000.5'],
      ['KINPASS_PORT', 'three'],
      ['KINPASS_METRICS_PORT', 'x'],
      ['KINPASS_TRUSTED_PROXIES', 'proxy.city.test'],
      ['KINPASS_TRUSTED_PROXIES', '10.0.0.0/33'],
      ['KINPASS_TRUSTED_PROXIES', '10.0.0.1, 999.1.1.1'],
      ['DATABASE_URL', 'mysql://root:hunter2@db/kinpass'],
      ['KINPASS_MIGRATIONS', 'maybe'],
      ['KINPASS_SMTP_URL', 'https://user:hunter2@mail.city.test'],
      ['KINPASS_MAIL_FROM', 'the city'],
      ['KINPASS_MAIL_FROM', 'a@city.test\r\nBcc: everybody@city.test'],
      ['KINPASS_PASSWORD_MIN_LENGTH', '8'],
      ['KINPASS_HASH_MEMORY_KIB', '1024'],
      ['KINPASS_HASH_PASSES', '0'],
      ['KINPASS_HASH_THREADS', '0'],
      ['KINPASS_HASH_QUEUE_LIMIT', '0'],
      ['KINPASS_HASH_QUEUE_LIMIT', '251'],
      ['KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES', 'yes'],
      ['KINPASS_DRAIN_SECONDS', '-1'],
      ['KINPASS_DRAIN_SECONDS', '301'],
      ['KINPASS_DRAIN_SECONDS', 'soon'],
      ['KINPASS_LOG_LEVEL', 'verbose'],
    ];
    for (const [name, value] of wrong) {
      const lines = refusal({ [name]: value });
      assert.equal(lines.length, 1, `${name}=${value}`);
      const [line = ''] = lines;
      assert.ok(line.startsWith(`${name}: `), line);
      assert.ok(!line.includes('hunter2'), line);
    }
  });

  it('accepts valid notations', () => {
    assert.equal(load({ KINPASS_ISSUER: 'https://id.city.test/' }).issuer, 'https://id.city.test');
    assert.equal(load({ KINPASS_ISSUER: 'https://id.city.test:8443' }).issuer, 'https://id.city.test:8443');
    const proxies = load({ KINPASS_TRUSTED_PROXIES: ' 10.0.0.0/8,, ::1 ,loopback' }).trustedProxies;
    assert.deepEqual(proxies, ['10.0.0.0/8', '::1', 'loopback']);
    assert.equal(load({ KINPASS_MAIL_FROM: '示範市 <no-reply@city.test>' }).mail.from, '示範市 <no-reply@city.test>');
    const allowed = load({ KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES: '1' });
    assert.deepEqual([allowed.allowPrivateLogoutAddresses, allowed.acceptsPrivateAddresses], [true, true]);
    assert.equal(load({}).acceptsPrivateAddresses, false);
    assert.deepEqual(load({ DATABASE_URL: 'postgres://db/kinpass' }).database, { url: 'postgres://db/kinpass' });
    assert.equal(load({ KINPASS_DRAIN_SECONDS: '0.5' }).drainMs, 500);
    assert.equal(load({ KINPASS_DRAIN_SECONDS: '0' }).drainMs, 0);
    assert.equal(load({ KINPASS_PROFILE: 'development', KINPASS_ISSUER: 'http://localhost:3000' }).drainMs, 0);
    assert.deepEqual(load({ KINPASS_METRICS_PORT: '0' }).metrics, { host: '127.0.0.1', port: 0 });
  });

  it('rejects a master key that is missing, short, long or not base64', () => {
    const file = join(folder, 'other-key');
    assert.match(
      refusal({ KINPASS_MASTER_KEY_FILE: join(folder, 'nothing') })[0] ?? '',
      /^KINPASS_MASTER_KEY_FILE: cannot read .*nothing/,
    );
    assert.ok(!existsSync(join(folder, 'nothing')), 'production makes no key');
    for (const text of ['', 'short', randomBytes(31).toString('base64'), randomBytes(33).toString('base64')]) {
      writeFileSync(file, text);
      assert.match(
        refusal({ KINPASS_MASTER_KEY_FILE: file })[0] ?? '',
        /^KINPASS_MASTER_KEY_FILE: .* must contain 32 bytes in base64; it is not a master key, so check the path or restore the key from its copy$/,
      );
    }
  });

  it('creates one master key in development, readable by its owner only', () => {
    const file = join(folder, 'new', 'key');
    const first = load({ KINPASS_PROFILE: 'development', KINPASS_MASTER_KEY_FILE: file }).masterKey;
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.equal(Buffer.from(readFileSync(file, 'utf8'), 'base64').length, 32);
    assert.deepEqual(load({ KINPASS_PROFILE: 'development', KINPASS_MASTER_KEY_FILE: file }).masterKey, first);
    assert.deepEqual(load({ KINPASS_MASTER_KEY_FILE: file }).masterKey, first);
  });

  const whole = { pendingMigrations: [], demoSchools: 0, hasExampleLogins: false };
  /** Lists the reasons for which the service refuses to start. */
  const reasons = (config: Config, facts = whole): string[] => {
    try {
      assertSafeToStart(config, facts);
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      return error.message.split('\n');
    }
    return [];
  };

  it('rejects in production an issuer without https, demo data and an example sender', () => {
    const unsafe = load({ KINPASS_ISSUER: 'http://id.city.test', KINPASS_MAIL_FROM: 'City <no-reply@city.EXAMPLE>' });
    assert.throws(
      () => {
        assertSafeToStart(unsafe, { ...whole, demoSchools: 5 });
      },
      (error: Error) => {
        assert.ok(error instanceof ConfigError);
        const lines = error.message.split('\n');
        assert.equal(lines.length, 3);
        assert.match(lines[0] ?? '', /^KINPASS_ISSUER: production needs https/);
        assert.match(lines[1] ?? '', /^KINPASS_MAIL_FROM: /);
        assert.match(lines[2] ?? '', /demo city/);
        return true;
      },
    );
    for (const from of ['a@city.example', 'City <a@city.example>']) {
      assert.throws(() => {
        assertSafeToStart(load({ KINPASS_MAIL_FROM: from }), whole);
      }, /KINPASS_MAIL_FROM/);
    }
    assert.throws(() => {
      assertSafeToStart(load({ KINPASS_ISSUER: 'http://localhost:3000' }), whole);
    }, /KINPASS_ISSUER/);
    assertSafeToStart(load(), whole);
  });

  it('rejects in production a database with demo people', () => {
    assert.match(reasons(load(), { ...whole, hasExampleLogins: true }).join(), /^the database contains demo people/);
  });

  it('rejects in production a master key that others can read', () => {
    const file = join(folder, 'open-key');
    writeFileSync(file, randomBytes(32).toString('base64'));
    for (const [mode, ok] of [
      [0o600, true],
      [0o400, true],
      [0o640, false],
      [0o604, false],
      [0o601, false],
    ] as const) {
      chmodSync(file, mode);
      const config = load({ KINPASS_MASTER_KEY_FILE: file });
      if (ok) assert.deepEqual(reasons(config), [], mode.toString(8));
      else assert.match(reasons(config).join(), /^KINPASS_MASTER_KEY_FILE: other users/, mode.toString(8));
      assert.deepEqual(reasons(load({ KINPASS_MASTER_KEY_FILE: file, KINPASS_PROFILE: 'development' })), []);
    }
  });

  it('accepts a key of root that only the group can read, as container platforms mount it', () => {
    const owned = (mode: number, uid: number): boolean => isReadableByOthers({ mode, uid }, 1000);
    assert.deepEqual([owned(0o100440, 0), owned(0o100440, 1000), owned(0o100440, 1001)], [false, true, true]);
    assert.deepEqual([owned(0o100444, 0), owned(0o100460, 0), owned(0o100400, 0)], [true, true, false]);
    assert.equal(isReadableByOthers({ mode: 0o100440, uid: 0 }, 0), true);
  });

  it('rejects in production hash costs below the OWASP minimum', () => {
    const hashes = (memory: number, passes: number): string =>
      reasons(load({ KINPASS_HASH_MEMORY_KIB: String(memory), KINPASS_HASH_PASSES: String(passes) })).join();
    for (const [memory, passes] of [
      [47_104, 1],
      [19_456, 2],
      [12_288, 3],
      [9_216, 4],
      [7_168, 5],
      [65_536, 3],
    ] as const) {
      assert.equal(hashes(memory, passes), '');
    }
    for (const [memory, passes] of [
      [47_103, 1],
      [19_455, 2],
      [12_287, 3],
      [9_215, 4],
      [7_168, 4],
    ] as const) {
      assert.match(hashes(memory, passes), /^KINPASS_HASH_MEMORY_KIB: too low with KINPASS_HASH_PASSES=\d/);
    }
  });

  it('requires TLS for mail in production, except on the same machine', () => {
    const requires = (url: string, profile = 'production'): boolean =>
      load({ KINPASS_SMTP_URL: url, KINPASS_PROFILE: profile }).mail.requireTls;
    for (const host of [
      'mail.city.test',
      '10.0.0.1:587',
      '127.0.0.1.city.test',
      'localhost.city.test',
      '[2001:db8::1]',
    ]) {
      assert.equal(requires(`smtp://${host}`), true, host);
    }
    for (const host of ['localhost', '127.0.0.1:25', '[::1]:25']) assert.equal(requires(`smtp://${host}`), false, host);
    assert.equal(requires('smtp://mail.city.test', 'development'), false);
  });

  it('rejects pending migrations in every profile, and demo data in production only', () => {
    const relaxed = load({
      KINPASS_PROFILE: 'development',
      KINPASS_ISSUER: 'http://localhost:3000',
      KINPASS_MAIL_FROM: 'no-reply@kinpass.example',
    });
    assertSafeToStart(relaxed, { ...whole, demoSchools: 5 });
    for (const config of [relaxed, load()]) {
      assert.throws(() => {
        assertSafeToStart(config, { ...whole, pendingMigrations: ['0007_more'] });
      }, /^ConfigError: KINPASS_MIGRATIONS=check: migrations are pending: 0007_more$/);
    }
  });
});
