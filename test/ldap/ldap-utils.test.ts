import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { eq } from 'drizzle-orm';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { startApache } from '../helpers/apache-ldap.ts';
import { listActiveSessionsByPerson } from '../../src/store/auth/sessions.ts';
import { idClaims, LOGIN, signInWithNewBrowser } from '../helpers/authorization-flow.ts';
import { personId, setStatus, signInToAccount } from '../helpers/city.ts';
import {
  BASE,
  DIRECTORY_CLIENTS,
  runTool,
  SERVICE_SECRET,
  serviceName,
  startDirectory,
  valuesOf,
  type TestDirectory,
  type ToolResult,
} from '../helpers/directory.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';
import { createParty } from '../helpers/relying-party.ts';

const EMAIL = 'shufen.chen@school.example';

for (const dialect of ['sqlite', 'postgres'] as const)
  describe(`directory with the clients of OpenLDAP (${dialect})`, () => {
    let directory: TestDirectory;
    before(async () => {
      directory = await startDirectory({
        ...(dialect === 'postgres' && { databaseUrl: await testDatabaseUrl() }),
        clients: [...DIRECTORY_CLIENTS],
      });
    });
    after(() => directory.stop());

    const connection = (): string[] => ['-x', '-H', directory.url, '-ZZ'];
    const asService = (id = 'radius'): string[] => [...connection(), '-D', serviceName(id), '-w', SERVICE_SECRET];
    const search = (args: readonly string[], id?: string): Promise<ToolResult> =>
      runTool(directory, 'ldapsearch', [...asService(id), '-LLL', '-b', BASE, ...args]);
    const nameOf = async (uid: string, id?: string): Promise<string> => {
      const { stdout } = await search([`(uid=${uid})`, '1.1'], id);
      const [name] = valuesOf(stdout, 'dn');
      assert.ok(name, stdout);
      return name;
    };
    const whoAmI = (name: string, password: string): Promise<ToolResult> =>
      runTool(directory, 'ldapwhoami', [...connection(), '-D', name, '-w', password, '-e', 'ppolicy']);

    it('describes itself without a bind', async () => {
      const args = ['-x', '-H', directory.tlsUrl, '-LLL', '-s', 'base'];
      const rootDse = await runTool(directory, 'ldapsearch', [...args, '-b', '', '+']);
      assert.deepEqual(valuesOf(rootDse.stdout, 'namingContexts'), [BASE]);
      const subschema = await runTool(directory, 'ldapsearch', [...args, '-b', 'cn=subschema', 'attributeTypes']);
      assert.match(valuesOf(subschema.stdout, 'attributeTypes').join('\n'), /'kinpassSubject'/);
      const anonymous = await runTool(directory, 'ldapsearch', ['-x', '-H', directory.url, '-b', BASE]);
      assert.equal(anonymous.code, 50);
    });

    it('gives another name in another sector, which the first cannot read', async () => {
      const [own, foreign] = [await nameOf(EMAIL), await nameOf('shufen.chen', 'other')];
      assert.notEqual(own, foreign);
      const base = await runTool(directory, 'ldapsearch', [...asService(), '-LLL', '-s', 'base', '-b', own, 'CN']);
      assert.deepEqual(valuesOf(base.stdout, 'cn'), ['陳淑芬']);
      const other = await runTool(directory, 'ldapsearch', [...asService(), '-LLL', '-s', 'base', '-b', foreign]);
      assert.equal(other.code, 32);
    });

    it('names a person like the ID token, and otherwise in another sector', async () => {
      const names = ['uniqueIdentifier', 'kinpassSubject', 'entryUUID'];
      const read = async (id: string): Promise<string[]> => {
        const { stdout } = await search([`(uid=${LOGIN.T2})`, ...names], id);
        return names.map((name) => valuesOf(stdout, name).join());
      };
      const [own, foreign] = [await read('radius'), await read('other')];
      for (const [at, name] of names.entries()) assert.ok(own[at] && foreign[at] && own[at] !== foreign[at], name);
      const party = await createParty(directory.service.issuer, {
        id: 'other',
        scope: 'openid',
        secret: SERVICE_SECRET,
      });
      const { tokens } = await signInWithNewBrowser(party, { login: LOGIN.T2 });
      assert.equal(idClaims(tokens)['sub'], foreign[1]);
    });

    it('lists people by pages, and refuses a filter without an index otherwise', async () => {
      const all = await search(['-E', 'pr=3/noprompt', '(objectClass=person)', 'uniqueIdentifier']);
      const once = await search(['-E', 'pr=500/noprompt', '(objectClass=person)', 'uniqueIdentifier']);
      assert.equal(all.code, 0, all.stderr);
      const handles = valuesOf(all.stdout, 'uniqueIdentifier');
      assert.deepEqual(handles, valuesOf(once.stdout, 'uniqueIdentifier'));
      assert.ok(handles.length > 6);
      assert.equal(new Set(handles).size, handles.length);
      assert.equal((await search(['(objectClass=person)'])).code, 53);
    });

    it('accepts a person with the password of the web, who sees only the own entry', async () => {
      const name = await nameOf(EMAIL);
      assert.deepEqual(await whoAmI(name, DEMO_PASSWORD), { code: 0, stdout: `dn:${name}\n`, stderr: '' });
      assert.equal((await whoAmI(name, 'wrong')).code, 49);
      const person = [...connection(), '-D', name, '-w', DEMO_PASSWORD, '-LLL', '-b', BASE];
      const own = await runTool(directory, 'ldapsearch', [...person, '(objectClass=person)', 'cn']);
      assert.deepEqual(valuesOf(own.stdout, 'cn'), ['陳淑芬']);
      const others = await runTool(directory, 'ldapsearch', [...person, '(uid=meiling.li@parents.example)', 'cn']);
      assert.deepEqual(valuesOf(others.stdout, 'cn'), []);
    });

    it('shows a person who is bound only what every client of the sector may see', async () => {
      const name = await nameOf(EMAIL, 'library');
      assert.equal(await nameOf('shufen.chen', 'lab'), name);
      const person = [...connection(), '-D', name, '-w', DEMO_PASSWORD, '-LLL', '-b', BASE];
      const { stdout } = await runTool(directory, 'ldapsearch', [...person, '(objectClass=person)']);
      assert.deepEqual(valuesOf(stdout, 'cn'), ['陳淑芬']);
      assert.deepEqual(valuesOf(stdout, 'mail'), []);
      assert.deepEqual(valuesOf(stdout, 'memberOf'), []);
    });

    it('refuses a first password with changeAfterReset', async () => {
      const name = await nameOf('daming.wang@parents.example');
      const refused = await whoAmI(name, '100201');
      assert.equal(refused.code, 49);
      assert.match(refused.stderr + refused.stdout, /[Pp]assword must be changed|set your own password/);
    });

    it('refuses a disabled person, an empty password and an unknown service', async () => {
      const name = await nameOf('xiu.lin@parents.example');
      await setStatus(directory.service, 'G4', 'disabled');
      assert.equal((await whoAmI(name, DEMO_PASSWORD)).code, 49);
      assert.equal((await search(['-s', 'base', '-b', name])).code, 32);
      assert.equal((await runTool(directory, 'ldapwhoami', [...connection(), '-D', name, '-w', ''])).code, 53);
      assert.equal((await search(['(uid=x)'], 'mail')).code, 49);
    });

    it('says what to change in a bind name, a base, a control and a filter', async () => {
      const names = ['radius', `cn=radius,${BASE}`, `uid=${EMAIL},ou=people,${BASE}`];
      for (const name of names) {
        const { code, stderr } = await whoAmI(name, DEMO_PASSWORD);
        assert.deepEqual([code, stderr.includes('bind as cn=<client_id>,ou=services,dc=city,dc=example')], [49, true]);
      }
      for (const base of ['dc=wrong,dc=example', '']) {
        assert.match((await search(['-b', base, '(uid=x)'])).stderr, /the search base is dc=city,dc=example/);
      }
      const ofUsers = (await search(['-b', `ou=users,${BASE}`, '(uid=x)'])).stderr;
      assert.match(ofUsers, /has ou=people, ou=schools, ou=groups, ou=services/);
      const byUid = (await search(['-b', `uid=x,ou=people,${BASE}`, '(uid=x)'])).stderr;
      assert.match(
        byUid,
        /entries of ou=people,dc=city,dc=example are named uniqueIdentifier=<handle>; search for uid or mail/,
      );
      assert.match((await search(['-E', '!sss=uid', '(uid=x)'])).stderr, /no control 1\.2\.840\.113556\.1\.4\.473/);
      assert.match((await search(['(objectClass=person)'])).stderr, /no index serves this filter; only paged results/);
    });

    it('compares members of a group', async () => {
      const member = await nameOf(EMAIL);
      const compare = async (group: string): Promise<number> => {
        const name = `cn=${group},ou=groups,${BASE}`;
        return (await runTool(directory, 'ldapcompare', [...asService(), name, `member:${member}`])).code;
      };
      assert.equal(await compare('993302-teachers'), 6);
      assert.equal(await compare('students'), 5);
      assert.equal(await compare('unknown'), 32);
    });

    it('protects a page of Apache by a group', async (t) => {
      const apache = await startApache(directory, '993302-teachers');
      t.after(() => apache.stop());
      const statusOf = async (login: string, password: string): Promise<number> => {
        const authorization = `Basic ${Buffer.from(`${login}:${password}`).toString('base64')}`;
        return (await fetch(apache.url, { headers: { authorization } })).status;
      };
      assert.equal(await statusOf('shufen.chen', DEMO_PASSWORD), 200);
      assert.equal(await statusOf('shufen.chen', 'wrong'), 401);
      assert.equal(await statusOf('meiling.li@parents.example', DEMO_PASSWORD), 401);
    });

    it('changes the own password, with the policy and the effects of the account page', async () => {
      const { service } = directory;
      const [name, other] = [await nameOf('meiling.li@parents.example'), await nameOf(EMAIL)];
      await signInToAccount(service, 'G2');
      const next = 'seven paper boats on the pond';
      /** Returns the output, which has the result code and the text of a refusal. */
      const change = async (bind: string, ...args: string[]): Promise<string> => {
        const password = bind === name ? DEMO_PASSWORD : SERVICE_SECRET;
        const result = await runTool(directory, 'ldappasswd', [...connection(), '-D', bind, '-w', password, ...args]);
        return result.stdout + result.stderr;
      };
      const refusals: [args: string[], text: RegExp][] = [
        [['-a', 'wrong', '-s', next], /\(49\)\s.*the old password is wrong/],
        [['-a', DEMO_PASSWORD, '-s', 'short'], /\(19\)\s.*too short/],
        [['-a', DEMO_PASSWORD, '-s', 'meiling.li@parents.example'], /\(19\)\s.*an email address/],
        [['-s', next], /\(53\)\s.*send the old password too/],
        [['-a', DEMO_PASSWORD], /\(53\)\s.*send a new password/],
        [['-a', DEMO_PASSWORD, '-s', next, other], /\(50\)\s.*only your own password/],
      ];
      for (const [args, text] of refusals) assert.match(await change(name, ...args), text);
      assert.match(await change(serviceName('radius'), '-a', DEMO_PASSWORD, '-s', next, name), /\(50\)/);
      assert.equal(await change(name, '-a', DEMO_PASSWORD, '-s', next, name), '');
      assert.equal((await whoAmI(name, DEMO_PASSWORD)).code, 49);
      assert.equal((await whoAmI(name, next)).code, 0);
      const { sessions, entries } = await service.container.store.read(async (tx) => ({
        sessions: await listActiveSessionsByPerson(tx, personId('G2'), Date.now()),
        entries: await tx.db.select().from(tx.tables.audit).where(eq(tx.tables.audit.event, 'password.changed')),
      }));
      assert.deepEqual(sessions, []);
      const [{ subjectId, clientId, detail } = {}] = entries;
      assert.deepEqual([subjectId, clientId, detail?.['protocol']], [personId('G2'), 'radius', 'ldap']);
    });

    it('compares, and refuses writes', async () => {
      const name = await nameOf(EMAIL);
      const compare = (assertion: string): Promise<ToolResult> =>
        runTool(directory, 'ldapcompare', [...asService(), name, assertion]);
      assert.equal((await compare('kinpassRole:teacher')).code, 6);
      assert.equal((await compare('kinpassRole:student')).code, 5);
      assert.equal((await compare('mobile:0900000102')).code, 16);
      assert.equal((await runTool(directory, 'ldapdelete', [...asService(), name])).code, 53);
    });
  });
