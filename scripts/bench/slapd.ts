import { execFileSync, spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { attributeTypes, objectClasses } from '../../src/ldap/directory/subschema.ts';
import { freePort } from '../../test/helpers/ports.ts';
import { pollUntil } from '../../test/helpers/poll.ts';
import { connectLdap, type LdapEntry } from './ldap-driver.ts';
import { stop, usageOf, type Usage } from './service.ts';

const SLAPD = '/usr/sbin/slapd';
const SLAPADD = '/usr/sbin/slapadd';
const SCHEMAS = ['core', 'cosine', 'inetorgperson', 'nis'].map((name) => `include /etc/ldap/schema/${name}.schema`);
/** Largest size of the database. The file is sparse. */
const MAX_DATABASE_BYTES = 16 * 1024 ** 3;

/** OpenLDAP with the same people. */
export interface Slapd {
  port: number;
  usage(): Usage;
  stop(): Promise<void>;
}

interface SlapdOptions {
  folder: string;
  base: string;
  /** The account that may read everything, and its password. */
  service: { name: string; secret: string };
}

/** @throws {Error} when slapd is not installed */
export function assertSlapd(): void {
  if (existsSync(SLAPD) && existsSync(SLAPADD)) return;
  throw new Error(
    'slapd is missing; install it with "apt-get install slapd", and stop the service that the package starts',
  );
}

/** Writes the entries of a directory as LDIF. */
export interface LdifWriter {
  file: string;
  add(entry: LdapEntry): Promise<void>;
  finish(): Promise<void>;
}

/** @param passwordHash the hash of the password of each person, which slapd verifies with its argon2 module */
export async function createLdif({ folder, base, service }: SlapdOptions, passwordHash: string): Promise<LdifWriter> {
  const file = join(folder, 'people.ldif');
  const stream = createWriteStream(file);
  const write = async (name: string, attributes: Iterable<readonly [string, readonly string[]]>): Promise<void> => {
    const lines = [`dn: ${name}`];
    for (const [type, values] of attributes) {
      for (const value of values) lines.push(`${type}:: ${Buffer.from(value).toString('base64')}`);
    }
    if (!stream.write(`${lines.join('\n')}\n\n`)) await once(stream, 'drain');
  };
  const [dc = ''] = /^dc=([^,]+)/.exec(base)?.slice(1) ?? [];
  await write(base, [
    ['objectClass', ['top', 'dcObject', 'organization']],
    ['dc', [dc]],
    ['o', [dc]],
  ]);
  for (const ou of ['people', 'services']) {
    await write(`ou=${ou},${base}`, [
      ['objectClass', ['top', 'organizationalUnit']],
      ['ou', [ou]],
    ]);
  }
  await write(service.name, [
    ['objectClass', ['top', 'organizationalRole', 'simpleSecurityObject']],
    ['userPassword', [service.secret]],
  ]);
  return {
    file,
    add: ({ name, attributes }) => write(name, [...attributes, ['userPassword', [`{ARGON2}${passwordHash}`]]]),
    finish: async () => {
      stream.end();
      await once(stream, 'finish');
    },
  };
}

/** The attributes and classes that the schemas of OpenLDAP do not have. */
function schemaLines(): string[] {
  const isOwn = (text: string): boolean => /NAME '(?:kinpass|eduPerson|memberOf')/.test(text);
  return [
    ...attributeTypes()
      .filter(isOwn)
      .map((text) => `attributetype ${text}`),
    ...objectClasses()
      .filter((text) => /NAME '(?:kinpassPerson|eduPerson)'/.test(text))
      .map((text) => `objectclass ${text}`),
  ];
}

function writeConfiguration({ folder, base, service }: SlapdOptions): string {
  const database = join(folder, 'slapd');
  mkdirSync(database);
  const file = join(folder, 'slapd.conf');
  const lines = [
    ...SCHEMAS,
    ...schemaLines(),
    'modulepath /usr/lib/ldap',
    'moduleload back_mdb',
    'moduleload argon2',
    'loglevel none',
    'tool-threads 2',
    'database mdb',
    `suffix "${base}"`,
    `directory ${database}`,
    `maxsize ${MAX_DATABASE_BYTES}`,
    'index objectClass,uid,memberOf,uniqueIdentifier eq',
    `limits dn.exact="${service.name}" size=unlimited time=unlimited`,
    'access to attrs=userPassword by anonymous auth by * none',
    `access to * by dn.exact="${service.name}" read by self read by * none`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

/** Loads the people into the MDB database of a new slapd, and starts it as a process of its own. */
export async function startSlapd(options: SlapdOptions, ldifFile: string): Promise<Slapd> {
  const configuration = writeConfiguration(options);
  execFileSync(SLAPADD, ['-q', '-s', '-f', configuration, '-l', ldifFile], { stdio: ['ignore', 'ignore', 'inherit'] });
  const port = await freePort();
  // With a debug level it stays in the foreground.
  const child = spawn(SLAPD, ['-f', configuration, '-h', `ldap://127.0.0.1:${port}`, '-d', '0'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await pollUntil('slapd is ready', async () => {
    if (child.exitCode !== null) throw new Error(`slapd exited with code ${child.exitCode}`);
    const connection = await connectLdap(port).catch(() => undefined);
    connection?.close();
    return connection !== undefined;
  });
  return { port, usage: () => usageOf(child), stop: () => stop(child) };
}
