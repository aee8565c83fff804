/** Clients of Debian, with the registrations, configurations and programs of docs/known-clients.md. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { z } from 'zod';
import { interactionOf } from '../helpers/authorization-flow.ts';
import { formOf, type Answer } from '../helpers/http-browser.ts';
import { freePort } from '../helpers/ports.ts';
import { startDebianApps, type DebianApps } from './debian-apps.ts';
import { createVisitor, PERSON, type Visitor } from './visitor.ts';

const PROGRAMS = join(import.meta.dirname, 'programs');
const NAMES = ['apache', 'authlib', 'requests', 'social', 'omniauth', 'lemonldap'];

const person = z.object({ sub: z.string(), name: z.string(), roles: z.array(z.string()) });
const settings = z.record(z.string(), z.unknown());

let clients: DebianApps;
before(async () => {
  clients = await startDebianApps('debian.json', NAMES);
});
after(() => clients.stop());

const ROLES = ['teacher'];

function personOf({ status, body }: Answer): z.infer<typeof person> {
  assert.equal(status, 200, body);
  const found = person.parse(JSON.parse(body));
  assert.deepEqual(found, { sub: found.sub, name: PERSON.name, roles: ROLES });
  return found;
}

/** Signs in with the password, and returns the page of the app. */
async function signIn(visitor: Visitor, page: Answer): Promise<Answer> {
  assert.equal(interactionOf(page), 'login', `${String(page.status)} ${page.body}`);
  return visitor.completeSignIn(page);
}

/** Signs out at the service, and returns the address to which it redirects. */
async function signOut(visitor: Visitor, page: Answer): Promise<string> {
  return (await visitor.completeSignOut(page)).url;
}

describe('clients of Debian', { concurrency: true }, () => {
  const python = [
    { file: 'authlib-app.py', clientId: 'authlib', name: 'authlib', login: '/login' },
    { file: 'requests-oauthlib-app.py', clientId: 'requests-oauthlib', name: 'requests', login: '/login' },
    { file: 'social-auth-app.py', clientId: 'social-auth', name: 'social', login: '/login/oidc/' },
  ];
  for (const { file, clientId, name, login } of python) {
    it(`${file}: signs in, reads claims, refreshes and signs out`, async () => {
      const address = clients.addressOf(name);
      const server = ['/usr/bin/python3', join(PROGRAMS, 'serve.py'), clients.write(file), new URL(address).port];
      // The test serves the apps over http.
      await clients.serve(address, server, { REQUESTS_CA_BUNDLE: clients.certFile, OAUTHLIB_INSECURE_TRANSPORT: '1' });
      const visitor = createVisitor(clients.issuer);
      const first = personOf(await signIn(visitor, await visitor.open(`${address}${login}`)));
      await visitor.open(`${address}/clock-ahead`);
      assert.deepEqual(personOf(await visitor.open(`${address}/me`)), first);
      assert.deepEqual(clients.refreshesOf(clientId), [200]);
      assert.equal(await signOut(visitor, await visitor.open(`${address}/logout`)), `${address}/`);
      assert.equal(interactionOf(await visitor.open(`${address}${login}`)), 'login');
    });
  }

  it('OmniAuth: signs in, reads claims, refreshes and signs out', async () => {
    const address = clients.addressOf('omniauth');
    const server = ['rackup', '-q', '-s', 'webrick', '-o', 'localhost', '-p', new URL(address).port];
    await clients.serve(address, [...server, clients.write('omniauth.ru')], { SSL_CERT_FILE: clients.certFile });
    const visitor = createVisitor(clients.issuer);
    const request = async (): Promise<Answer> => {
      const { action, hidden } = formOf((await visitor.open(`${address}/`)).body);
      return visitor.post(`${address}${action}`, hidden);
    };
    const first = personOf(await signIn(visitor, await request()));
    assert.deepEqual(personOf(await visitor.open(`${address}/refresh`)), first);
    assert.deepEqual(clients.refreshesOf('omniauth'), [200]);
    assert.equal(await signOut(visitor, await visitor.open(`${address}/logout`)), `${address}/`);
    assert.equal(interactionOf(await request()), 'login');
  });

  it('mod_auth_openidc: signs in, passes claims, refreshes in parallel and signs out', async (t) => {
    const address = clients.addressOf('apache');
    const app = createServer((request, response) => response.end(JSON.stringify(request.headers)));
    t.after(() => app.close());
    const port = await freePort();
    app.listen(port, 'localhost');
    await once(app, 'listening');
    await startApache(address, `http://localhost:${String(port)}`);
    const visitor = createVisitor(clients.issuer);
    const headers = z.object({
      oidc_claim_sub: z.string(),
      oidc_claim_name: z.string(),
      oidc_claim_roles: z.string(),
      oidc_userinfo_json: z.string(),
    });
    const { body } = await signIn(visitor, await visitor.open(`${address}/app/`));
    const { oidc_claim_name: name, oidc_claim_roles: roles } = headers.parse(JSON.parse(body));
    // Node reads headers as Latin-1, and the module sends UTF-8.
    assert.deepEqual([Buffer.from(name, 'latin1').toString(), roles], [PERSON.name, ...ROLES]);
    const userinfo = z.object({ affiliations: z.array(z.object({ role: z.string() })) });
    const { affiliations } = userinfo.parse(JSON.parse(headers.parse(JSON.parse(body)).oidc_userinfo_json));
    assert.deepEqual(
      affiliations.map(({ role }) => role),
      ROLES,
    );
    const parallel = Array.from({ length: 8 }, () => visitor.open(`${address}/app/expiring/`));
    assert.deepEqual(
      (await Promise.all(parallel)).map(({ status }) => status),
      Array(8).fill(200),
    );
    assert.equal((await visitor.open(`${address}/app/expiring/`)).status, 200);
    assert.deepEqual(clients.refreshesOf('apache'), Array(9).fill(200));
    const logout = `/app/callback?logout=${encodeURIComponent(`${address}/`)}`;
    assert.equal(await signOut(visitor, await visitor.open(`${address}${logout}`)), `${address}/`);
    assert.equal(interactionOf(await visitor.open(`${address}/app/`)), 'login');
  });

  it('LemonLDAP::NG: signs in, reads claims, refreshes and signs out', async () => {
    const address = clients.addressOf('lemonldap');
    await startPortal(address);
    const visitor = createVisitor(clients.issuer);
    await signIn(visitor, await visitor.open(`${address}/`));
    assert.deepEqual(portalPeople(), [{ cn: PERSON.name, roles: ROLES }]);
    await visitor.open(`${address}/clock-ahead`);
    assert.equal((await visitor.open(`${address}/refresh`)).status, 200);
    assert.deepEqual(clients.refreshesOf('lemonldap'), [200]);
    assert.equal(await signOut(visitor, await visitor.open(`${address}/?logout=1`)), `${address}/?logout=1`);
    assert.equal(interactionOf(await visitor.open(`${address}/`)), 'login');
  });

  it('oidc-agent: signs in, reads claims, refreshes and revokes', async () => {
    const port = String(await freePort());
    const shell = startAgent(port);
    const url = await shell.waitFor('the address', (output) => /https:\S*\/auth\S+/.exec(output)?.[0]);
    const visitor = createVisitor(clients.issuer);
    assert.match((await signIn(visitor, await visitor.open(url))).body, /Successfully performed code exchange/);
    const tokens = await shell.waitFor('two access tokens', (output) => {
      const found = output.match(/^[\w-]{43}$/gm);
      return found?.length === 2 && found;
    });
    const statuses = async (): Promise<number[]> => Promise.all(tokens.map((token) => userinfoStatus(token)));
    assert.deepEqual(await statuses(), [200, 200]);
    assert.deepEqual(clients.refreshesOf('oidc-agent'), [200]);
    writeFileSync(join(clients.folder, 'continue'), '');
    await shell.ended;
    assert.match(shell.output(), /Successfully deleted account configuration/);
    assert.deepEqual(await statuses(), [401, 401]);
  });
});

async function startApache(address: string, app: string): Promise<void> {
  const { folder } = clients;
  const modules = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'headers', 'proxy', 'proxy_http'];
  const lines = [
    'ServerName localhost',
    `Listen localhost:${new URL(address).port}`,
    `DefaultRuntimeDir ${folder}`,
    `PidFile ${folder}/apache.pid`,
    `ErrorLog ${folder}/apache.log`,
    ...[...modules, 'auth_openidc'].map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
    `OIDCCABundlePath ${clients.certFile}`,
    `Include ${clients.write('apache.conf')}`,
    // Each request refreshes: an access token lives ten minutes.
    '<Location /app/expiring/>',
    'OIDCRefreshAccessTokenBeforeExpiry 3600',
    '</Location>',
    // The module redirects navigations only, and fetch() of Node sends the mode "cors".
    'RequestHeader unset Sec-Fetch-Mode early',
    `ProxyPass /app/ ${app}/`,
  ];
  const file = join(folder, 'httpd.conf');
  writeFileSync(file, lines.join('\n'));
  await clients.serve(address, ['/usr/sbin/apache2', '-f', file, '-DFOREGROUND']);
}

/** Starts the portal with the default configuration of Debian and the settings of the documents. */
async function startPortal(address: string): Promise<void> {
  const { folder, issuer } = clients;
  const [metadata, keys] = await Promise.all(
    ['/.well-known/openid-configuration', '/jwks'].map(async (path) => (await fetch(`${issuer}${path}`)).text()),
  );
  const sessions = join(folder, 'sessions');
  const configuration = {
    ...settings.parse(JSON.parse(readFileSync('/var/lib/lemonldap-ng/conf/lmConf-1.json', 'utf8'))),
    ...settings.parse(JSON.parse(clients.render('lemonldap.json'))),
    oidcOPMetaDataJSON: { kinpass: metadata },
    oidcOPMetaDataJWKS: { kinpass: keys },
    domain: 'localhost',
    securedCookie: 0,
    localSessionStorage: '',
    globalStorageOptions: { Directory: sessions, LockDirectory: sessions },
  };
  mkdirSync(sessions);
  writeFileSync(join(folder, 'lmConf-1.json'), JSON.stringify(configuration));
  const ini = join(folder, 'lemonldap-ng.ini');
  const templates = '/usr/share/lemonldap-ng/portal/templates';
  writeFileSync(
    ini,
    `[all]\nlogLevel = warn\n[configuration]\ntype = File\ndirName = ${folder}\n[portal]\ntemplateDir = ${templates}\n`,
  );
  const server = ['plackup', '-s', 'HTTP::Server::PSGI', '-o', 'localhost', '-p', new URL(address).port];
  await clients.serve(address, [...server, join(PROGRAMS, 'lemonldap.psgi')], {
    LLNG_DEFAULTCONFFILE: ini,
    PERL_LWP_SSL_CA_FILE: clients.certFile,
  });
}

/** Reads the people in the sessions of the portal. Other sessions store the state of a sign-in. */
function portalPeople(): unknown[] {
  const session = z.object({ cn: z.string(), roles: z.array(z.string()) });
  const sessions = join(clients.folder, 'sessions');
  return readdirSync(sessions)
    .filter((name) => !name.endsWith('.lock'))
    .flatMap((name) => session.safeParse(JSON.parse(readFileSync(join(sessions, name), 'utf8'))).data ?? []);
}

/** Runs the commands of the documents. They wait for the file "continue" before the last one. */
function startAgent(port: string): ReturnType<DebianApps['start']> {
  const commands = clients
    .render('oidc-agent.sh')
    // The agent prints its address before it listens, and oidc-gen connects only once.
    .replace('"$(oidc-agent)"\n', '$&until oidc-agent --status >status 2>&1; do sleep 0.05; done\n')
    .replace('http://localhost:4242', `http://localhost:${port}`)
    .replace('oidc-gen kinpass', `oidc-gen kinpass --cert-path=${clients.certFile} --no-url-call`)
    .replace('# Revokes', 'until [ -e continue ]; do sleep 0.05; done\n#');
  writeFileSync(join(clients.folder, 'password-file'), 'a long random text');
  const file = join(clients.folder, 'oidc-agent.sh');
  writeFileSync(file, `set -e\ntrap 'oidc-agent -k' EXIT\ntrap 'exit 1' TERM\n${commands}`);
  return clients.start(['sh', file]);
}

async function userinfoStatus(token: string): Promise<number> {
  return (await fetch(`${clients.issuer}/me`, { headers: { authorization: `Bearer ${token}` } })).status;
}
