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
  directoryClient,
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
        clients: [
          directoryClient('radius'),
          directoryClient('other', { scopes: ['openid'], first_party: true }),
          directoryClient('library', { redirect_uris: ['https://shared.example/a'] }),
          directoryClient('lab', { redirect_uris: ['https://shared.example/b'], scopes: ['openid', 'profile'] }),
          directoryClient('nursery', { school_types: ['special'] }),
          directoryClient('phones', { scopes: ['openid', 'phone'] }),
          directoryClient('mail', { ldap: { secret_sha256: ['0'.repeat(64)] } }),
        ],
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

    it('finds a person by each login, with the attributes of the scopes', async () => {
      const { stdout } = await search([`(uid=${EMAIL})`]);
      assert.deepEqual(valuesOf(stdout, 'cn'), ['陳淑芬']);
      assert.deepEqual(valuesOf(stdout, 'sn'), ['陳']);
      assert.deepEqual(valuesOf(stdout, 'mail'), [EMAIL]);
      assert.deepEqual(valuesOf(stdout, 'uid'), ['shufen.chen', EMAIL]);
      assert.deepEqual(valuesOf(stdout, 'kinpassRole'), ['parent', 'teacher']);
      assert.equal(await nameOf('Shufen.Chen'), await nameOf(EMAIL));
      const few = await search(['(uid=shufen.chen)'], 'other');
      assert.deepEqual(valuesOf(few.stdout, 'uid'), ['shufen.chen']);
      assert.deepEqual(valuesOf(few.stdout, 'cn'), []);
      assert.deepEqual(valuesOf(few.stdout, 'mail'), []);
      assert.deepEqual(valuesOf((await search([`(uid=${EMAIL})`], 'other')).stdout, 'dn'), []);
    });

    it('shows no person, school or group of other school types, and no service account', async () => {
      const searches = [
        ['(uid=shufen.chen)'],
        ['-b', `ou=schools,${BASE}`, '(ou=993302)'],
        ['-b', `ou=groups,${BASE}`, '(cn=993302-teachers)'],
      ];
      for (const args of searches) {
        const [own, other] = [await search([...args, '1.1']), await search([...args, '1.1'], 'nursery')];
        assert.deepEqual([valuesOf(own.stdout, 'dn').length, valuesOf(other.stdout, 'dn')], [1, []], args.join(' '));
      }
      const services = await search(['-b', `ou=services,${BASE}`, '-s', 'one', '(objectClass=*)']);
      assert.deepEqual([services.code, services.stdout], [0, '']);
    });

    it('returns names of attributes only, and no more entries than the client asks for', async () => {
      const [types] = (await search(['-A', '(uid=shufen.chen)', 'CN', 'mail', 'mobile'])).stdout.split('\n\n');
      assert.match(types ?? '', /\ncn:\nmail:$/);
      const few = await search(['-z', '1', `(memberOf=cn=students,ou=groups,${BASE})`, '1.1']);
      assert.deepEqual([few.code, valuesOf(few.stdout, 'dn').length], [4, 1]);
    });

    it('finds a person by a mobile number in each form', async () => {
      for (const number of ['0900000102', '+886900000102', '0900-000-102']) {
        const { stdout } = await search([`(mobile=${number})`, 'mobile'], 'phones');
        assert.deepEqual(valuesOf(stdout, 'mobile'), ['+886900000102'], number);
      }
      const other = await search(['(&(uid=shufen.chen)(mobile=0900000102))'], 'phones');
      assert.deepEqual(valuesOf(other.stdout, 'dn'), []);
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
      assert.match((await search(['-E', '!sss=uid', '(uid=x)'])).stderr, /no control 1\.2\.840\.113556\.1\.4\.473/);
      assert.match((await search(['(objectClass=person)'])).stderr, /no index serves this filter; only paged results/);
    });

    it('finds schools, groups and the members of a group by index', async () => {
      const schools = await search(['-b', `ou=schools,${BASE}`, '(kinpassSchoolCode=993302)', 'ou', 'o']);
      assert.deepEqual(valuesOf(schools.stdout, 'ou'), ['993302']);
      const teachers = `cn=993302-teachers,ou=groups,${BASE}`;
      const found = await search([`(&(objectClass=person)(memberOf=${teachers}))`, 'uid', 'memberOf']);
      assert.ok(valuesOf(found.stdout, 'uid').includes('shufen.chen'), found.stdout + found.stderr);
      assert.ok(valuesOf(found.stdout, 'memberOf').includes(teachers));
      const member = await nameOf(EMAIL);
      const groups = await search(['-b', `ou=groups,${BASE}`, `(&(objectClass=groupOfNames)(member=${member}))`, 'cn']);
      assert.deepEqual(valuesOf(groups.stdout, 'cn'), ['teachers', 'parents', '993302-teachers']);
      const ofCity = await search([`(memberOf=cn=teachers,ou=groups,${BASE})`, 'uid']);
      assert.ok(valuesOf(ofCity.stdout, 'uid').includes('shufen.chen'), ofCity.stdout + ofCity.stderr);
      assert.deepEqual(valuesOf((await search(['-b', `ou=groups,${BASE}`, '(cn=*)'], 'other')).stdout, 'cn'), [
        'people',
      ]);
    });

    it('finds people by index: UUID, times, names and beginnings, and refuses the rest', async () => {
      const entry = await search(['(uid=shufen.chen)', '+']);
      const [uuid, created, modified] = ['entryUUID', 'createTimestamp', 'modifyTimestamp'].map(
        (name) => valuesOf(entry.stdout, name)[0] ?? '',
      );
      for (const filter of [
        `(entryUUID=${String(uuid)})`,
        `(&(createTimestamp=${String(created)})(cn=陳*))`,
        `(&(modifyTimestamp>=${String(modified)})(modifyTimestamp<=${String(modified)})(uid=*))`,
        ...['(uid=SHUFEN.*)', '(mail=shufen.c*)', '(cn=陳淑芬)', '(displayName=陳淑*)', '(|(uid=nobody)(cn=陳淑芬))'],
        `(&(kinpassRole=teacher)(memberOf=CN=993302-Teachers,ou=groups,${BASE}))`,
      ]) {
        const { stdout, stderr } = await search([filter, 'uid']);
        assert.ok(valuesOf(stdout, 'uid').includes('shufen.chen'), filter + stdout + stderr);
      }
      for (const filter of ['(uid=*chen)', '(cn=*芬)', '(!(uid=x))', '(|(uid=x)(sn=陳))', '(cn:caseExactMatch:=x)']) {
        assert.equal((await search([filter])).code, 53, filter);
      }
    });

    it('finds the students of a class', async () => {
      const an = await search(['(uid=an.wang)', 'memberOf']);
      const name = valuesOf(an.stdout, 'memberOf').find((one) => one.includes('-class-'));
      assert.ok(name, an.stdout);
      const students = await search([`(memberOf=${name})`, 'uid']);
      assert.ok(valuesOf(students.stdout, 'uid').includes('an.wang'), students.stdout);
      const group = await search(['-s', 'base', '-b', name, 'cn']);
      assert.equal(group.code, 0);
      const absent = await search(['-s', 'base', '-b', name.replace('-class-', '-class-x'), 'cn']);
      assert.equal(absent.code, 32);
    });

    it('has a Unix account for each person, whose number differs between sectors', async () => {
      // As SSSD and nslcd ask.
      const bySssd = (uid: string): string =>
        `(&(${uid})(objectclass=posixAccount)(uid=*)(&(uidNumber=*)(!(uidNumber=0))))`;
      const { stdout } = await search([bySssd('uid=shufen.chen')]);
      const [number = ''] = valuesOf(stdout, 'uidNumber');
      assert.match(number, /^1\d{9}$/);
      assert.deepEqual(valuesOf(stdout, 'homeDirectory'), [`/home/${number}`]);
      const [gid = ''] = valuesOf(stdout, 'gidNumber');
      const byNumber = await search([bySssd(`uidNumber=${number}`), 'uid']);
      assert.ok(valuesOf(byNumber.stdout, 'uid').includes('shufen.chen'));
      const byNslcd = await search(['(&(objectClass=posixAccount)(uid=shufen.chen))', 'uidNumber'], 'other');
      const [ofOther = ''] = valuesOf(byNslcd.stdout, 'uidNumber');
      assert.match(ofOther, /^1\d{9}$/);
      assert.notEqual(ofOther, number);
      for (const unknown of [ofOther, '0', '-1', '1', '2147483648', '99999999999999999999', 'x'])
        assert.equal((await search([`(uidNumber=${unknown})`, '1.1'])).stdout, '', unknown);
      const group = await search([
        `(&(gidNumber=${gid})(objectClass=posixGroup)(cn=*)(&(gidNumber=*)(!(gidNumber=0))))`,
      ]);
      assert.deepEqual(valuesOf(group.stdout, 'cn'), ['people']);
      const groupsOf = await search(['(&(objectClass=posixGroup)(memberUid=shufen.chen))', '1.1']);
      assert.equal(groupsOf.stdout, '');
    });

    it('continues pages over containers, schools, groups and people', async () => {
      const small = await search(['-E', 'pr=2/noprompt', '(objectClass=*)', '1.1']);
      const large = await search(['-E', 'pr=900/noprompt', '(objectClass=*)', '1.1']);
      assert.equal(small.code, 0, small.stderr);
      const names = valuesOf(small.stdout, 'dn');
      assert.deepEqual(names, valuesOf(large.stdout, 'dn'));
      assert.equal(new Set(names).size, names.length);
      assert.ok(names.some((name) => name.includes('ou=groups')) && names.some((name) => name.includes('ou=people')));
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

    it('finds nothing by a NUL', async () => {
      const filter = `(|(cn=a\\00)(cn=a\\00*)(uid=a\\00*)(kinpassClass=a\\00-1)(memberOf=cn=a\\5c00-teachers,ou=groups,${BASE}))`;
      assert.deepEqual(await search([filter]), { code: 0, stdout: '', stderr: '' });
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
