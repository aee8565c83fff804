import assert from 'node:assert/strict';
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { banner } from '../../demo/banner.ts';
import { writeSelfSignedCertificate } from '../../demo/certificate.ts';
import { loadClientSecrets, prepareDemoFiles, removeFiles, writeClients } from '../../demo/files.ts';
import { readSettings } from '../../demo/settings.ts';
import { checkClientsFile, loadClientsFile } from '../../src/config/clients-file.ts';
import { requiresPkce } from '../../src/config/clients.ts';
import { DEMO_DIRECTORY_HASH } from '../../src/config/public-secrets.ts';

const folder = mkdtempSync(join(tmpdir(), 'kinpass-demo-'));
const settings = readSettings({}, { KINPASS_DEMO_DIR: folder, KINPASS_DEMO_PORT: '4100' });

after(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('demo settings', () => {
  it('default to ports 3000 to 3003, 60 people and the data folder of the repository', () => {
    const { ports, people, folder: usual, fresh } = readSettings({}, {});
    assert.deepEqual(ports, { service: 3000, portfolio: 3001, payment: 3002, mail: 3003, smtp: 3025, directory: 3389 });
    assert.equal(people, 60);
    assert.equal(fresh, false);
    assert.match(usual, /data[\\/]demo$/);
  });

  it('take the options of the command line', () => {
    const { fresh, people } = readSettings({ fresh: true, people: 5_000 }, {});
    assert.deepEqual([fresh, people], [true, 5_000]);
  });

  it('reject an invalid port', () => {
    assert.throws(() => readSettings({}, { KINPASS_DEMO_PORT: '70000' }), /KINPASS_DEMO_PORT must be/);
  });
});

describe('demo files', () => {
  it('keep the secrets over a restart, readable by the owner only', () => {
    const files = prepareDemoFiles(settings);
    const secrets = loadClientSecrets(files);
    assert.deepEqual(loadClientSecrets(files), secrets);
    assert.notEqual(secrets.portfolio, secrets.payment);
    assert.equal(statSync(files.secrets).mode & 0o777, 0o600);
  });

  it('register the relying parties with hashes of their secrets', () => {
    const files = prepareDemoFiles(settings);
    const secrets = loadClientSecrets(files);
    writeClients(settings, files, secrets);
    const [portfolio, payment, app] = loadClientsFile(files.clients, {
      isProduction: false,
      acceptsPrivateAddresses: true,
    }).clients;
    assert.deepEqual([portfolio?.client_id, payment?.client_id, app?.client_id], ['portfolio', 'payment', 'city-app']);
    assert.deepEqual(portfolio?.school_types, ['senior_high', 'vocational_high']);
    assert.deepEqual(portfolio.redirect_uris, ['http://localhost:4101/callback']);
    const hash = createHash('sha256').update(secrets.portfolio).digest('hex');
    assert.deepEqual(portfolio.client_secret_sha256, [hash]);
    assert.deepEqual(payment?.permissions, ['fees:read', 'fees:pay']);
    assert.ok(!payment.scopes.includes('email'));
    assert.equal(app?.token_endpoint_auth_method, 'none');
    assert.ok(requiresPkce(app) && app.scopes.includes('offline_access'));
  });

  it('register the service account of the directory, which production refuses', () => {
    const files = prepareDemoFiles(settings);
    writeClients(settings, files, loadClientSecrets(files));
    const { problems } = checkClientsFile(files.clients, { isProduction: true, acceptsPrivateAddresses: true });
    const ofDirectory = problems.filter((line) => line.includes('(directory-demo)'));
    assert.equal(ofDirectory.length, 2);
    for (const line of ofDirectory)
      assert.match(line, /is a secret that everyone knows, from the demo or an example; create another one$/);
  });

  it('hold a certificate for localhost that its key signed', () => {
    const files = prepareDemoFiles(settings);
    writeSelfSignedCertificate(files, Date.now());
    const certificate = new X509Certificate(readFileSync(files.certFile));
    assert.ok(certificate.verify(certificate.publicKey));
    assert.ok(certificate.checkPrivateKey(createPrivateKey(readFileSync(files.keyFile))));
    assert.equal(certificate.checkHost('localhost'), 'localhost');
    assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1');
    assert.equal(statSync(files.keyFile).mode & 0o777, 0o600);
  });

  it('are removed one by one, and other files in the folder stay', () => {
    const files = prepareDemoFiles(settings);
    loadClientSecrets(files);
    const foreign = join(folder, 'letter.txt');
    for (const file of [foreign, files.key, files.database, files.log('service')]) writeFileSync(file, 'x');
    removeFiles(settings, files, ['service']);
    assert.ok(existsSync(foreign));
    for (const file of [files.key, files.database, files.secrets, files.log('service')]) assert.ok(!existsSync(file));
  });

  it('stay when the database is on PostgreSQL, because it needs its key', () => {
    const elsewhere = { ...settings, databaseUrl: 'postgres://localhost/demo' };
    assert.throws(() => {
      removeFiles(elsewhere, prepareDemoFiles(elsewhere), []);
    }, /--fresh cannot empty/);
  });

  it('fail with one line when the folder cannot be created', () => {
    const impossible = { ...settings, folder: '/proc/nope/demo' };
    assert.throws(() => prepareDemoFiles(impossible), {
      name: 'DemoError',
      message: /^cannot create the folder \/proc/,
    });
  });
});

describe('demo banner', () => {
  it('lists every address and the accounts to try', () => {
    const text = banner(settings);
    for (const port of [4100, 4101, 4102, 4103]) assert.match(text, new RegExp(`http://localhost:${port}`));
    assert.match(text, /daming\.wang@parents\.example {2,}100201/);
    assert.match(text, /http:\/\/localhost:\d+\/console/);
    for (const login of ['it.993301', 'reg.993301', 'zhihao.lin', 'bureau']) assert.ok(text.includes(login), login);
  });

  it('shows the service account of the directory as docs/directory.md does', () => {
    const page = readFileSync(new URL('../../docs/directory.md', import.meta.url), 'utf8');
    const [, name = '', secret = ''] = /-D (cn=directory-demo,\S+) -w (\S+)/.exec(page) ?? [];
    assert.match(banner(settings), new RegExp(`${name} {2,}${secret}\n`));
    assert.equal(createHash('sha256').update(secret).digest('hex'), DEMO_DIRECTORY_HASH);
  });
});

describe('config/clients.example.json', () => {
  it('is accepted in production', () => {
    const file = fileURLToPath(new URL('../../config/clients.example.json', import.meta.url));
    assert.equal(loadClientsFile(file, { isProduction: true, acceptsPrivateAddresses: false }).clients.length, 2);
  });
});
