import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';

import { environmentSchema } from '../../src/config/environment.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { startSeries } from '../../src/ldap/server/observation.ts';
import { addNodeMetrics } from '../../src/platform/node-metrics.ts';
import { createTrustedCertificate } from '../helpers/certificate.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { createNginxFolder } from '../helpers/nginx.ts';
import { freePort } from '../helpers/ports.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const run = promisify(execFile);

const nginx = read('deploy/nginx.conf').replaceAll(/^\s*#.*$/gm, '');

describe('deploy/nginx.conf', () => {
  it('writes no query (tokens, user codes, hints) into the access log', () => {
    const formats = [...nginx.matchAll(/log_format (\w+) ([^;]*);/g)];
    assert.equal(formats.length, 1);
    const [, name, format = ''] = formats[0] ?? [];
    const variables = [...format.matchAll(/\$(\w+)/g)].map(([, variable]) => variable);
    // $request, $request_uri, $args, $query_string and $http_referer would hold it.
    const allowed = ['remote_addr', 'time_iso8601', 'request_method', 'uri', 'server_protocol', 'status'];
    assert.deepEqual(variables, [...allowed, 'body_bytes_sent', 'request_time', 'request_id', 'http_user_agent']);
    const logs = [...nginx.matchAll(/access_log ([^;]*);/g)].map(([, log]) => log);
    assert.deepEqual(logs, ['off', `/var/log/nginx/access.log ${name ?? ''}`]);
  });

  it('writes no request line into the error log when no node answers', () => {
    const servers = [...nginx.matchAll(/^server \{(.*?)^\}/gms)].map(([, server = '']) => server);
    assert.equal(servers.length, 2);
    for (const server of servers) {
      const common = server.replaceAll(/location [^{]*\{[^}]*\}/g, '');
      assert.match(common, /error_log \/var\/log\/nginx\/error\.log crit;/, 'for all locations');
    }
    assert.equal([...nginx.matchAll(/error_log/g)].length, 2);
  });

  for (const nodes of ['nginx-upstream.conf', 'compose-upstream.conf']) {
    it(`loads with ${nodes} in the nginx of this system`, async () => {
      const certificate = createTrustedCertificate();
      const ports = { http: await freePort(), https: await freePort() };
      const folder = createNginxFolder({ ...certificate, ports, upstream: read(`deploy/${nodes}`) });
      assert.match(await folder.check(), /test is successful/);
      folder.remove();
      certificate.remove();
    });
  }
});

describe('deploy/kinpass.service', () => {
  let folder: string;
  let unit: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'kinpass-unit-'));
    unit = join(folder, 'kinpass.service');
    // The program of the test is elsewhere, and the check looks for it.
    writeFileSync(unit, read('deploy/kinpass.service').replaceAll('/opt/kinpass', ROOT));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  it('passes systemd-analyze verify without a warning', async () => {
    const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', unit]);
    assert.equal(stdout + stderr, '');
  });

  it('has an exposure of at most 2.0 of 10', async () => {
    await run('systemd-analyze', ['security', '--offline=true', '--threshold=20', '--no-pager', unit]);
  });

  it('waits longer for the end than the service needs', () => {
    const seconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(read('deploy/kinpass.service'))?.[1]);
    assert.ok(seconds >= 5 + 15);
  });
});

describe('examples of settings', () => {
  const settings: Record<string, [string, string][]> = {
    'deploy/kinpass.env': [...read('deploy/kinpass.env').matchAll(/^#?(KINPASS_\w+|DATABASE_URL)=(.*)$/gm)].map(pairOf),
    'deploy/compose.yaml': [
      ...read('deploy/compose.yaml').matchAll(/^ {6}(KINPASS_\w+|DATABASE_URL): '?(.*?)'?$/gm),
      ...read('deploy/compose.yaml').matchAll(/echo (KINPASS_\w+)=(\S+) >/g),
    ].map(pairOf),
    'deploy/kubernetes/kinpass.yaml': [
      ...read('deploy/kubernetes/kinpass.yaml').matchAll(/\{ name: (KINPASS_\w+), value: '?(.*?)'? \}/g),
    ].map(pairOf),
  };
  for (const [file, pairs] of Object.entries(settings)) {
    it(`${file} has valid settings, with a proxy`, () => {
      const names = pairs.map(([name]) => name);
      assert.ok(names.includes('KINPASS_TRUSTED_PROXIES'));
      for (const name of names) assert.ok(name in environmentSchema.shape, name);
      // The unit and secrets set these.
      const others = { KINPASS_MASTER_KEY_FILE: 'key', KINPASS_SMTP_URL: 'smtp://mail.city.example' };
      environmentSchema.parse({ ...others, ...Object.fromEntries(pairs) });
    });
  }

  it('all start Node with the flags of npm start', () => {
    const [, flags = ''] = /exec node (.*) bin\/kinpass\.js start"/.exec(read('package.json')) ?? [];
    assert.match(flags, /^--disable-sigusr1 /);
    assert.ok(read('deploy/kinpass.service').includes(`/node ${flags} bin/kinpass.js start\n`));
    const words = ['node', ...flags.split(' '), 'bin/kinpass.js', 'start'].map((word) => JSON.stringify(word));
    assert.ok(read('Dockerfile').includes(`CMD [${words.join(', ')}]\n`));
  });
});

function pairOf([, name = '', value = '']: RegExpExecArray): [string, string] {
  return [name, value];
}

describe('deploy/compose.yaml', () => {
  it('passes docker compose config', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kinpass-compose-'));
    writeFileSync(join(folder, 'compose.yaml'), read('deploy/compose.yaml'));
    writeFileSync(join(folder, 'smtp.env'), '');
    await run('docker-compose', ['-f', join(folder, 'compose.yaml'), 'config', '-q']);
    rmSync(folder, { recursive: true });
  });

  it('trusts only the address of the proxy', () => {
    const compose = read('deploy/compose.yaml');
    const [, trusted] = /KINPASS_TRUSTED_PROXIES: (\S+)/.exec(compose) ?? [];
    const [, proxy = ''] = /^ {2}proxy:\n(.*?)^\S/ms.exec(compose) ?? [];
    assert.equal(/ipv4_address: (\S+)/.exec(proxy)?.[1], trusted);
    const [, node = ''] = /^ {2}kinpass:\n(.*?)^ {2}postgres:/ms.exec(compose) ?? [];
    const address = /ipv4_address: (\S+)/.exec(node)?.[1] ?? '';
    assert.ok(read('deploy/compose-upstream.conf').includes(`server ${address}:3000;`));
  });
});

describe('alerts and dashboard', () => {
  it('the alert rules pass promtool', async () => {
    await run('promtool', ['check', 'rules', join(ROOT, 'deploy/prometheus/alerts.yaml')]);
  });

  it('use only metrics and label values that exist from the start', async () => {
    const { log } = createCapturedLog();
    const metrics = createMetrics({ queueLength: () => 0 }, log);
    const { registry } = metrics;
    startSeries(metrics);
    const pool = { pool: 'read', busy: 0, idle: 0, waiting: 0, max: 10 };
    const state = { version: '0', database: 'postgres', isReady: () => Promise.resolve(true) } as const;
    addNodeMetrics(registry, { ...state, poolUse: () => [pool] });
    const text = await registry.metrics();
    for (const file of ['deploy/prometheus/alerts.yaml', 'deploy/grafana/kinpass.json', 'docs/operators.md']) {
      const content = read(file).replaceAll('\\"', '"');
      const uses = [...content.matchAll(/\b((?:kinpass|process|nodejs)_[a-z0-9_]*[a-z0-9])(?:\{(\w+)="([^"]*)"\})?/g)];
      assert.ok(uses.length > 10, file);
      for (const [use, name = '', label, value] of uses) {
        const base = name.replace(/_(bucket|sum|count)$/, '');
        assert.ok(text.includes(`# TYPE ${base} `) || text.includes(`# TYPE ${name} `), `${file}: ${name}`);
        const isListed = label === undefined || ['job', 'route'].includes(label);
        assert.ok(isListed || text.includes(`${label}="${value ?? ''}"`), `${file}: ${use}`);
      }
    }
  });

  it('every first-party counter and gauge is on the dashboard or in an alert', async () => {
    const { registry } = createMetrics({ queueLength: () => 0 }, createCapturedLog().log);
    const used = read('deploy/prometheus/alerts.yaml') + read('deploy/grafana/kinpass.json');
    const names = [...(await registry.metrics()).matchAll(/^# TYPE (kinpass_\w+) /gm)].map(([, name = '']) => name);
    assert.deepEqual(
      names.filter((name) => !used.includes(name)),
      [],
    );
  });
});

describe('the license', () => {
  it('is the one that package.json names', () => {
    assert.match(read('package.json'), /"license": "Apache-2\.0"/);
    assert.match(read('LICENSE'), /Apache License\s+Version 2\.0, January 2004/);
    assert.ok(existsSync(join(ROOT, 'SECURITY.md')));
  });
});
