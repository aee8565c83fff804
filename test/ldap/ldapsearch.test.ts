import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { z } from 'zod';
import {
  BASE,
  DIRECTORY_CLIENTS,
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

const EMAIL = 'shufen.chen@school.example';
const PAGE = readFileSync(join(import.meta.dirname, '../../docs/directory.md'), 'utf8');

/** Returns the registration of docs/directory.md, with another id and the secret of the tests. */
function documentedClient(): object {
  const [, json = ''] = /```json\n([^`]+)```/.exec(PAGE) ?? [];
  const { scopes, school_types } = z.object({ scopes: z.unknown(), school_types: z.unknown() }).parse(JSON.parse(json));
  return directoryClient('documented', { scopes, school_types });
}

for (const dialect of ['sqlite', 'postgres'] as const)
  describe(`search of the directory with ldapsearch (${dialect})`, () => {
    let directory: TestDirectory;
    before(async () => {
      directory = await startDirectory({
        ...(dialect === 'postgres' && { databaseUrl: await testDatabaseUrl() }),
        clients: [...DIRECTORY_CLIENTS, documentedClient()],
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

    it('finds the person of the search in docs/directory.md with its registration', async () => {
      const [, filter = ''] = /-D cn=radius,.* '(\(uid=[^']+)'/.exec(PAGE) ?? [];
      assert.equal(valuesOf((await search([filter], 'documented')).stdout, 'dn').length, 1);
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
      const byNslcd = await search(['(&(objectClass=posixAccount)(uid=shufen.chen))', 'uidNumber'], 'lab');
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

    it('has no Unix account for a service account that may not see the name', async () => {
      const { stdout } = await search(['(uid=shufen.chen)', 'objectClass', 'cn', 'uidNumber'], 'other');
      assert.deepEqual(valuesOf(stdout, 'cn'), []);
      assert.match(valuesOf(stdout, 'uidNumber')[0] ?? '', /^1\d{9}$/);
      const classes = valuesOf(stdout, 'objectClass');
      assert.ok(classes.includes('inetOrgPerson') && !classes.includes('posixAccount'), stdout);
      for (const [id, count] of [
        ['radius', 1],
        ['other', 0],
      ] as const) {
        const found = await search(['(&(objectClass=posixAccount)(uid=shufen.chen))', '1.1'], id);
        assert.deepEqual([found.code, valuesOf(found.stdout, 'dn').length], [0, count]);
      }
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

    it('finds nothing by a NUL', async () => {
      const filter = `(|(cn=a\\00)(cn=a\\00*)(uid=a\\00*)(kinpassClass=a\\00-1)(memberOf=cn=a\\5c00-teachers,ou=groups,${BASE}))`;
      assert.deepEqual(await search([filter]), { code: 0, stdout: '', stderr: '' });
    });
  });
