/** Clients of other makers, with the recipes of docs/directory-recipes.md. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { Client, type Entry, type SearchOptions } from 'ldapts';
import { z } from 'zod';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { listTeachers, signIn } from '../../docs/directory-clients/ldapts.ts';
import { createApplicationPassword, passwordOn } from '../helpers/application-passwords.ts';
import { signInToAccount } from '../helpers/city.ts';
import { BASE, SERVICE_SECRET, serviceName, startDirectory, type TestDirectory } from '../helpers/directory.ts';
import { endProgram, startForeignProgram, type ForeignProgram } from '../helpers/foreign-program.ts';
import { freePort } from '../helpers/ports.ts';
import { createRecipeFolder, readRecipe, recipeClients, type RecipeFolder } from '../helpers/directory-recipes.ts';

const TEACHER = { account: 'shufen.chen', email: 'shufen.chen@school.example', name: '陳淑芬' };
const PARENT = 'meiling.li@parents.example';
const RADIUS_SECRET = 'testing123';

let directory: TestDirectory;
let recipes: RecipeFolder;
const daemons: ForeignProgram[] = [];

before(async () => {
  directory = await startDirectory({ clients: recipeClients() });
  recipes = createRecipeFolder(directory);
});
after(async () => {
  for (const daemon of daemons) endProgram(daemon);
  await Promise.all(daemons.map(({ ended }) => ended));
  recipes.remove();
  await directory.stop();
});

interface Run {
  code: number;
  /** What the program printed. */
  out: string;
}

function run([command = '', ...args]: readonly string[], env: Record<string, string> = {}): Promise<Run> {
  const options = { env: { PATH: process.env['PATH'], ...env }, timeout: 60_000 };
  return new Promise((resolve) => {
    const child = execFile(command, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, out: `${stdout}${stderr}` });
    });
  });
}

function startDaemon(command: readonly string[]): ForeignProgram {
  const daemon = startForeignProgram(command, recipes.path, {});
  daemons.push(daemon);
  return daemon;
}

/** Creates an application password of the teacher. */
async function createPassword(service: string): Promise<string> {
  const { httpBrowser } = await signInToAccount(directory.service, TEACHER.account);
  return passwordOn(await createApplicationPassword(httpBrowser, service, 'phone'));
}

/** Starts FreeRADIUS, and returns its port. */
async function startFreeRadius(): Promise<string> {
  const port = String(await freePort());
  const ldap = recipes.write('freeradius-ldap.conf');
  const eap = recipes.write('freeradius-eap.conf');
  const site = recipes.write('freeradius-site.conf', {
    'ipaddr = *': 'ipaddr = 127.0.0.1',
    'port = 1812': `port = ${port}`,
  });
  recipes.create(
    'radiusd.conf',
    `
prefix = /usr
libdir = /usr/lib/freeradius
logdir = ${recipes.path}
run_dir = ${recipes.path}
proxy_requests = no
security {
  reject_delay = 0
}
client test {
  ipaddr = 127.0.0.1
  secret = ${RADIUS_SECRET}
}
modules {
  $INCLUDE ${ldap}
  $INCLUDE ${eap}
}
$INCLUDE ${site}
`,
  );
  const daemon = startDaemon(['freeradius', '-f', '-x', '-l', 'stdout', '-d', recipes.path]);
  await daemon.waitFor('FreeRADIUS', (output) => output.includes('Ready to process requests'));
  return port;
}

/** Returns the settings of a script with lines such as `set_config name 'value'`. */
function readSettings(file: string): (name: string) => string {
  const lines = readRecipe(file).matchAll(/^set_config (\w+) '?(.*?)'?$/gm);
  const settings = new Map([...lines].map(([, name = '', value = '']) => [name, value]));
  return (name) => settings.get(name) ?? assert.fail(`${file} has no ${name}`);
}

async function asPortal(use: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ url: directory.url });
  await client.startTLS({ ca: [readFileSync(recipes.caFile)] });
  await client.bind(serviceName('portal'), SERVICE_SECRET);
  await use(client).finally(() => client.unbind());
}

async function find(client: Client, base: string, options: SearchOptions): Promise<Entry[]> {
  return (await client.search(base, options)).searchEntries;
}

describe('directory with clients of other makers', { concurrency: true }, () => {
  it('FreeRADIUS: accepts PAP, also inside EAP-TTLS, and decides by groups', async () => {
    const port = await startFreeRadius();
    const pap = (login: string, password: string): Promise<Run> =>
      run(['radtest', login, password, `127.0.0.1:${port}`, '0', RADIUS_SECRET]);
    const ttls = async (login: string, password: string): Promise<Run> => {
      const names = { 'shufen.chen': login, 'the-password': password, 'radius.city.example': 'localhost' };
      const file = recipes.write('eapol-test.conf', names);
      return run(['eapol_test', '-c', file, '-a', '127.0.0.1', '-p', port, '-s', RADIUS_SECRET]);
    };
    assert.match((await pap(TEACHER.account, DEMO_PASSWORD)).out, /Received Access-Accept/);
    assert.match((await pap(TEACHER.account, await createPassword('radius'))).out, /Received Access-Accept/);
    assert.match((await pap(TEACHER.account, await createPassword('mail'))).out, /Received Access-Reject/);
    for (const [login, password] of [
      [TEACHER.account, 'wrong'],
      ['unknown', DEMO_PASSWORD],
      ['*', DEMO_PASSWORD],
    ] as const) {
      assert.match((await pap(login, password)).out, /Received Access-Reject/, login);
    }
    const teacher = await ttls(TEACHER.account, DEMO_PASSWORD);
    assert.match(teacher.out, /\nSUCCESS\n/);
    assert.match(teacher.out, /Attribute 81 \(Tunnel-Private-Group-Id\) length=4\s+Value: 3230/);
    const parent = await ttls(PARENT, DEMO_PASSWORD);
    assert.match(parent.out, /\nSUCCESS\n/);
    assert.doesNotMatch(parent.out, /Tunnel-Private-Group-Id/);
    assert.match((await ttls(TEACHER.account, 'wrong')).out, /\nFAILURE\n/);
  });

  it('Dovecot: checks passwords, and has one mailbox for all logins of a person', async () => {
    const lookup = recipes.write('dovecot-ldap.conf.ext');
    const config = recipes.write('dovecot.conf', {
      '/etc/dovecot/dovecot-ldap.conf.ext': lookup,
      'uid=vmail gid=vmail home=/var/vmail': `uid=nobody gid=nogroup home=${recipes.path}`,
    });
    const own = ['base_dir = run', 'state_dir = state', 'log_path = /dev/stderr', 'protocols =', 'ssl = no'];
    const main = recipes.create(
      'dovecot-main.conf',
      `${own.join('\n').replaceAll(/= (run|state)/g, `= ${recipes.path}/$1`)}\n!include ${config}\n`,
    );
    await startDaemon(['dovecot', '-F', '-c', main]).waitFor('Dovecot', (output) => output.includes('starting up'));
    const test = (login: string, password: string): Promise<Run> =>
      run(['doveadm', '-c', main, 'auth', 'test', login, password]);
    const [byAccount, byEmail, wrong, unknown] = await Promise.all([
      test(TEACHER.account, DEMO_PASSWORD),
      test(TEACHER.email.toUpperCase(), DEMO_PASSWORD),
      test(TEACHER.account, 'wrong'),
      test('sh*', DEMO_PASSWORD),
    ]);
    assert.match(byAccount.out, /auth succeeded/);
    const mailbox = /user=(\w{64})\n/.exec(byAccount.out)?.[1];
    assert.ok(mailbox, byAccount.out);
    assert.match(byEmail.out, /auth succeeded/);
    assert.equal(/user=(\w{64})\n/.exec(byEmail.out)?.[1], mailbox);
    assert.match(wrong.out, /auth failed/);
    assert.match(unknown.out, /auth failed/);
    const { out: delivery } = await run(['doveadm', '-c', main, 'user', '-f', 'home', TEACHER.email]);
    assert.equal(delivery, `${recipes.path}/${mailbox}\n`);
  });

  it('Postfix: finds recipients by email address, and the members of a group', async () => {
    recipes.create('main.cf', 'compatibility_level = 3.6\n');
    const query = (key: string, file: string): Promise<Run> =>
      run(['postmap', '-c', recipes.path, '-q', key, `ldap:${file}`]);
    const accounts = recipes.write('postfix-accounts.cf');
    assert.match((await query(TEACHER.email, accounts)).out, /^\w{64}\n$/);
    assert.deepEqual(await query('nobody@school.example', accounts), { code: 1, out: '' });
    const groups = recipes.write('postfix-groups.cf');
    const members = await query('993302-teachers@lists.city.example', groups);
    assert.equal(members.out, `${TEACHER.email}\n`);
    const untrusted = recipes.write('postfix-accounts.cf', { '/etc/ssl/certs/city.pem': '/dev/null' });
    assert.match((await query(TEACHER.email, untrusted)).out, /TLS/);
  });

  it('ldap3 of Python: signs in, and lists a group in pages', async () => {
    const script = recipes.write('python-ldap3.py');
    const env = { DIRECTORY_URL: directory.url, DIRECTORY_CA: recipes.caFile, DIRECTORY_SECRET: SERVICE_SECRET };
    const program = `
import json, runpy, sys
recipe = runpy.run_path(sys.argv[1])
logins = [(sys.argv[2], sys.argv[3]), (sys.argv[2], 'wrong'), (sys.argv[2], ''), ('*', sys.argv[3])]
print(json.dumps([[recipe['sign_in'](*one) for one in logins], recipe['list_teachers']()]))
`;
    const { out } = await run(['/usr/bin/python3', '-c', program, script, TEACHER.account, DEMO_PASSWORD], env);
    const [[person, ...refused], teachers] = z
      .tuple([z.array(z.record(z.string(), z.array(z.string())).nullable()), z.array(z.tuple([z.string()]))])
      .parse(JSON.parse(out));
    assert.deepEqual(person?.['cn'], [TEACHER.name]);
    assert.ok(person['memberOf']?.includes(`cn=993302-teachers,ou=groups,${BASE}`));
    assert.deepEqual(refused, [null, null, null]);
    assert.ok(teachers.flat().includes(TEACHER.name));
  });

  it('ldapts: signs in, and lists a group in pages', async () => {
    const settings = { DIRECTORY_URL: directory.url, DIRECTORY_CA: recipes.caFile, DIRECTORY_SECRET: SERVICE_SECRET };
    Object.assign(process.env, settings);
    const person = await signIn(TEACHER.account, DEMO_PASSWORD);
    assert.equal(person?.['cn'], TEACHER.name);
    assert.equal(await signIn(TEACHER.email, 'wrong'), undefined);
    assert.equal(await signIn(TEACHER.account, ''), undefined);
    assert.equal(await signIn('*', DEMO_PASSWORD), undefined);
    assert.ok((await listTeachers()).includes(TEACHER.name));
  });

  it('ldapts: refuses a certificate of another authority', async () => {
    const client = new Client({ url: directory.url });
    await assert.rejects(client.startTLS({ ca: [] }), /self-signed certificate/);
  });

  it('Nextcloud: finds logins, lists people in pages, and reads their groups', async () => {
    const settings = readSettings('nextcloud.sh');
    const all = `(&${settings('ldapUserFilter')}(${settings('ldapUserDisplayName')}=*))`;
    await asPortal(async (client) => {
      // User_LDAP requests these attributes together, and reads an entry again with a base search.
      const attributes = [
        'entryuuid',
        'nsuniqueid',
        'objectguid',
        'guid',
        'dn',
        'uid',
        'memberof',
        'mail',
        'displayname',
      ];
      const login = settings('ldapLoginFilter').replace('%uid', TEACHER.account);
      const [person] = await find(client, settings('ldapBaseUsers'), {
        filter: login,
        attributes,
        paged: { pageSize: 500 },
      });
      assert.equal(person?.['displayName'], TEACHER.name);
      assert.equal(person['mail'], TEACHER.email);
      const uuid = String(person[settings('ldapExpertUUIDUserAttr')]);
      assert.match(uuid, /^[\da-f-]{36}$/);
      const people = await find(client, settings('ldapBaseUsers'), { filter: all, attributes, paged: { pageSize: 1 } });
      assert.deepEqual(
        people.map(({ uid }) => uid),
        [[TEACHER.account, TEACHER.email]],
      );
      const parent = settings('ldapLoginFilter').replace('%uid', PARENT);
      assert.deepEqual(await find(client, settings('ldapBaseUsers'), { filter: parent }), []);
      const again = await find(client, person.dn, {
        scope: 'base',
        filter: '(objectClass=*)',
        attributes: ['memberOf'],
      });
      const groups = await find(client, settings('ldapBaseGroups'), {
        filter: settings('ldapGroupFilter'),
        attributes: ['cn'],
      });
      assert.deepEqual(groups.map(({ cn }) => cn).sort(), ['993302-teachers', 'teachers']);
      for (const { dn } of groups) assert.ok(JSON.stringify(again).includes(dn), dn);
      const own = `(&${settings('ldapGroupFilter')}(${settings('ldapGroupMemberAssocAttr')}=${person.dn}))`;
      assert.equal((await find(client, settings('ldapBaseGroups'), { filter: own })).length, 2);
    });
  });

  it('Moodle: finds a login below one container, reads the fields, and lists people in pages', async () => {
    const settings = readSettings('moodle.sh');
    const [base, filter] = [settings('contexts'), settings('objectclass')];
    await asPortal(async (client) => {
      const login = `(&${filter}(${settings('user_attribute')}=${TEACHER.account}))`;
      const [found] = await find(client, base, { scope: 'one', filter: login, attributes: ['uid'] });
      assert.ok(found);
      const fields = ['firstname', 'lastname', 'email'].map((name) => settings(`field_map_${name}`));
      const [person] = await find(client, found.dn, { scope: 'base', filter, attributes: fields });
      assert.deepEqual(person, { dn: found.dn, givenName: '淑芬', sn: '陳', mail: TEACHER.email });
      const all = `(&(${settings('user_attribute')}=*)${filter})`;
      const people = await find(client, base, {
        scope: 'one',
        filter: all,
        attributes: ['uid'],
        paged: { pageSize: 250 },
      });
      assert.deepEqual(
        people.map(({ dn }) => dn),
        [found.dn],
      );
    });
  });

  /** Runs a script that starts the service of accounts of a machine, asks it for the teacher, and then for a parent. */
  const checkAccounts = async (script: string, configuration: string, service: 'sss' | 'ldap'): Promise<void> => {
    const check = `
for password; do echo "$password" | pamtester city "$0" authenticate acct_mgmt; done
number=$(getent -s ${service} passwd "$0" | cut -d: -f3)
getent -s ${service} passwd "$number"
getent -s ${service} group 2000000000
getent -s ${service} passwd ${PARENT}`;
    const path = join(import.meta.dirname, script);
    const program = ['bash', '-c', check, TEACHER.account, 'wrong', DEMO_PASSWORD];
    const { out } = await run(['unshare', '--mount', 'bash', path, configuration, TEACHER.account, ...program]);
    assert.match(out, /Authentication failure/);
    assert.equal(out.match(/successfully authenticated/g)?.length, 1, out);
    assert.match(out, /^shufen\.chen:\*:(1\d{9}):2000000000:陳淑芬:\/home\/\1:\/bin\/bash$/m);
    assert.match(out, /^people:\*:2000000000:$/m);
    assert.match(out, new RegExp(`^${PARENT}:\\*:1\\d{9}:`, 'm'));
  };

  it('SSSD: has accounts by name and number, and checks their passwords', () =>
    checkAccounts('sssd.sh', recipes.write('sssd.conf'), 'sss'));

  it('nslcd: has accounts by name and number, and checks their passwords', () =>
    checkAccounts('nslcd.sh', recipes.write('nslcd.conf', { 'ldaps://id.city.example': directory.tlsUrl }), 'ldap'));
});
