/** Mistakes in the environment and the key file, each with the advice for it. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { draftConfig, loadConfig } from '../../src/config/load.ts';

describe('mistakes in the settings', () => {
  let folder: string;
  let env: Record<string, string>;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'kinpass-mistakes-'));
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

  const refusal = (more: Record<string, string>): string[] => {
    try {
      loadConfig({ ...env, ...more });
    } catch (error) {
      assert.ok(error instanceof Error);
      return error.message.split('\n');
    }
    return assert.fail(`accepted: ${JSON.stringify(more)}`);
  };

  it('rejects a name that is no setting, with the nearest one', () => {
    for (const [name, nearest] of [
      ['KINPASS_TRUSTED_PROXY', 'KINPASS_TRUSTED_PROXIES'],
      ['KINPASS_DATABASE', 'KINPASS_DATABASE_FILE'],
      ['kinpass_port', 'KINPASS_PORT'],
      ['KINPASS_SMTP', 'KINPASS_SMTP_URL'],
    ] as const) {
      const expected = `${name}: is not a setting; did you mean ${nearest}? If not, remove it`;
      assert.deepEqual(refusal({ [name]: 'x' }), [expected]);
    }
    // Settings of the demo, and those that Kubernetes adds for a Service.
    const others = ['DEMO_PORT', 'DEMO_DIR', 'SERVICE_HOST', 'SERVICE_PORT_HTTP', 'METRICS_PORT_9090_TCP_ADDR'];
    loadConfig({ ...env, ...Object.fromEntries(others.map((name) => [`KINPASS_${name}`, '1'])) });
  });

  it('show the form of a server address, and name no other database', () => {
    const advice = 'in the password write # / ? @ as %23 %2F %3F %40';
    const database = `DATABASE_URL: must be like postgres://user:password@host/database; ${advice}`;
    const mail = `KINPASS_SMTP_URL: must be like smtps://user:password@host; ${advice}`;
    const missingKey = { KINPASS_MASTER_KEY_FILE: join(folder, 'none'), KINPASS_DATABASE_FILE: join(folder, 'none') };
    for (const url of ['mysql://kinpass:x@db/kinpass', 'postgres://kinpass:a#b@db/kinpass', 'db']) {
      const [first = '', second = ''] = refusal({ ...missingKey, DATABASE_URL: url });
      assert.ok(first.startsWith(`${database} (`), first);
      assert.match(second, /^KINPASS_MASTER_KEY_FILE: .* restore the key from its copy$/);
      assert.equal(draftConfig({ ...env, DATABASE_URL: url }).parts.database, undefined);
    }
    for (const url of ['mail.city.test', 'https://mail.city.test', 'smtp://kinpass:a#b@mail.city.test'])
      assert.ok(refusal({ KINPASS_SMTP_URL: url })[0]?.startsWith(`${mail} (`), url);
  });

  it('suggest no new master key while the database needs the old one', () => {
    const existing = { KINPASS_DATABASE_FILE: join(folder, 'key'), KINPASS_PROFILE: 'development' };
    for (const [changes, advice] of [
      [{ KINPASS_MASTER_KEY_FILE: folder }, '(EISDIR); it is a folder; set the path of the key file'],
      [
        { KINPASS_MASTER_KEY_FILE: join(folder, 'key', 'x') },
        '(ENOTDIR); check the path, or restore the key from its copy',
      ],
      [{ KINPASS_MASTER_KEY_FILE: join(folder, 'gone') }, '(ENOENT); check the path, or restore the key from its copy'],
    ] as const) {
      const [line = ''] = refusal({ ...existing, ...changes });
      assert.ok(line.startsWith('KINPASS_MASTER_KEY_FILE: cannot read ') && line.endsWith(advice), line);
    }
    assert.ok(!existsSync(join(folder, 'gone')), 'a new key does not open an existing database');
  });
});
