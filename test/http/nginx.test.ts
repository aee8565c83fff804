import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { LOGIN } from '../helpers/authorization-flow.ts';
import { createTrustedCertificate, type TestCertificate } from '../helpers/certificate.ts';
import { listAuditAddresses } from '../helpers/city.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { createNginxFolder, type NginxFolder } from '../helpers/nginx.ts';
import { freePort } from '../helpers/ports.ts';
import { startService, type TestService } from '../helpers/service.ts';

const SECRET = 'a-secret-of-a-link';

describe('deploy/nginx.conf in front of a node', () => {
  let service: TestService;
  let certificate: TestCertificate;
  let folder: NginxFolder;
  let nginx: Awaited<ReturnType<NginxFolder['start']>>;
  let issuer: string;
  let httpPort: number;
  before(async () => {
    const [port, stopped, https, http] = [await freePort(), await freePort(), await freePort(), await freePort()];
    issuer = `https://localhost:${String(https)}`;
    httpPort = http;
    certificate = createTrustedCertificate();
    const nodes = [stopped, port].map((node) => `server localhost:${String(node)};`).join(' ');
    const upstream = `upstream kinpass { ${nodes} keepalive 32; }`;
    folder = createNginxFolder({ ...certificate, ports: { http, https }, upstream });
    const env = { KINPASS_ISSUER: issuer, KINPASS_TRUSTED_PROXIES: '127.0.0.1,::1' };
    service = await startService({ clients: [], port, env });
    nginx = await folder.start();
  });
  after(async () => {
    await nginx.stop();
    await service.stop();
    folder.remove();
    certificate.remove();
  });

  it('passes the own address of a client that sends another one, while a node is stopped', async () => {
    const browser = createHttpBrowser(issuer, 'en', { 'x-forwarded-for': '203.0.113.9' });
    const answer = await browser.submit(await browser.open('/account'), { login: LOGIN.G2, password: 'wrong' });
    assert.equal(answer.status, 422);
    assert.deepEqual(await listAuditAddresses(service, 'sign_in.failed'), ['127.0.0.1']);
  });

  it('keeps tokens of links and the Referer out of both logs', async () => {
    const referer = `${issuer}/reset-password?token=${SECRET}`;
    for (const path of [
      `/reset-password?token=${SECRET}`,
      `/device?user_code=${SECRET}`,
      `/auth?id_token_hint=${SECRET}`,
    ]) {
      assert.notEqual((await fetch(issuer + path, { headers: { referer }, redirect: 'manual' })).status, 502);
    }
    const access = folder.readLog('access');
    assert.match(access, /"GET \/reset-password HTTP\/1\.1" \d+ \d+ [\d.]+ [0-9a-f]{32} /);
    assert.ok(!access.includes(SECRET));
    assert.ok(!folder.readLog('error').includes(SECRET));
  });

  it('accepts the longest request heads of the service, and redirects http to https', async () => {
    const answer = await fetch(`${issuer}/health/live`, { headers: { cookie: `x=${'y'.repeat(12_000)}` } });
    assert.equal(answer.status, 200);
    const redirect = await fetch(`http://127.0.0.1:${String(httpPort)}/account`, { redirect: 'manual' });
    assert.deepEqual([redirect.status, redirect.headers.get('location')], [301, 'https://id.city.example/account']);
  });
});
