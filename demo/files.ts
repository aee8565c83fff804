import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { DEMO_DIRECTORY_HASH } from '../src/config/public-secrets.ts';
import { createPrivateFolder } from '../src/config/private-folder.ts';
import { PERMISSIONS } from '../src/domain/model.ts';
import { addressOf, DemoError, type DemoSettings } from './settings.ts';

/** The files of the demo, all in one folder. */
export interface DemoFiles {
  key: string;
  database: string;
  clients: string;
  secrets: string;
  mails: string;
  /** Certificate and key of the directory. */
  certFile: string;
  keyFile: string;
  log(program: string): string;
}

const secretsSchema = z.object({ portfolio: z.string().min(32), payment: z.string().min(32) });

/** The client secrets of the relying parties. */
export type ClientSecrets = z.infer<typeof secretsSchema>;

/**
 * Creates the folder, and returns the paths of the files in it.
 *
 * @throws {DemoError} when the folder cannot be created
 */
export function prepareDemoFiles({ folder }: DemoSettings): DemoFiles {
  try {
    createPrivateFolder(folder);
  } catch (error) {
    throw new DemoError(`cannot create the folder ${folder}; set KINPASS_DEMO_DIR to a folder that you can write`, {
      cause: error,
    });
  }
  return {
    key: join(folder, 'master.key'),
    database: join(folder, 'kinpass.sqlite'),
    clients: join(folder, 'clients.json'),
    secrets: join(folder, 'secrets.json'),
    mails: join(folder, 'mail'),
    certFile: join(folder, 'directory.crt'),
    keyFile: join(folder, 'directory.key'),
    log: (program) => join(folder, `${program}.log`),
  };
}

/** Removes the SQLite database with its WAL files. */
export function removeDatabase({ database }: DemoFiles): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${database}${suffix}`, { force: true });
}

/**
 * Removes the files of an earlier demo one by one. The folder may contain other files.
 *
 * @throws {DemoError} on PostgreSQL: without its key the remaining database is unreadable
 */
export function removeFiles(settings: DemoSettings, files: DemoFiles, programs: readonly string[]): void {
  if (settings.databaseUrl !== undefined) {
    throw new DemoError('--fresh cannot empty a PostgreSQL database; create a new one and set DATABASE_URL to it');
  }
  removeDatabase(files);
  const { key, clients, secrets, certFile, keyFile } = files;
  for (const file of [key, clients, secrets, certFile, keyFile, ...programs.map((program) => files.log(program))]) {
    rmSync(file, { force: true });
  }
  rmSync(files.mails, { recursive: true, force: true });
}

/** Returns the stored client secrets, or creates new ones. */
export function loadClientSecrets({ secrets: file }: DemoFiles): ClientSecrets {
  const stored = readSecrets(file);
  if (stored !== undefined) return stored;
  const created = { portfolio: randomBytes(32).toString('base64url'), payment: randomBytes(32).toString('base64url') };
  writeFileSync(file, `${JSON.stringify(created, null, 2)}\n`, { mode: 0o600 });
  return created;
}

function readSecrets(file: string): ClientSecrets | undefined {
  try {
    return secretsSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

const SCOPES = ['openid', 'profile', 'roles', 'children', 'children.profile'];

/** Writes the client registrations of the demo, with hashes of the secrets. */
export function writeClients(settings: DemoSettings, { clients: file }: DemoFiles, secrets: ClientSecrets): void {
  const web = (id: 'portfolio' | 'payment'): object => {
    const base = addressOf(settings, id);
    return {
      client_id: id,
      client_uri: `${base}/`,
      client_secret_sha256: [createHash('sha256').update(secrets[id]).digest('hex')],
      redirect_uris: [`${base}/callback`],
      post_logout_redirect_uris: [`${base}/`],
      backchannel_logout_uri: `${base}/backchannel-logout`,
      scopes: SCOPES,
      first_party: true,
    };
  };
  const clients = [
    {
      ...web('portfolio'),
      client_name: { 'zh-TW': '學習歷程檔案', en: 'Learning portfolio' },
      sector_identifier_uri: 'https://e-portfolio.example/redirect-uris.json',
      school_types: ['senior_high', 'vocational_high'],
      permissions: ['portfolio:read'],
    },
    {
      ...web('payment'),
      client_name: { 'zh-TW': '校園繳費系統', en: 'Campus payment' },
      sector_identifier_uri: 'https://payment.example/redirect-uris.json',
      permissions: ['fees:read', 'fees:pay'],
      acting_roles: ['parent'],
    },
    {
      client_id: 'city-app',
      client_name: { 'zh-TW': '示範市校園 App', en: 'Demo City school app' },
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['http://127.0.0.1/callback', 'tw.example.city-app:/callback'],
      sector_identifier_uri: 'https://city-app.example/redirect-uris.json',
      scopes: [...SCOPES, 'offline_access'],
      permissions: PERMISSIONS,
      first_party: true,
    },
    {
      client_id: 'directory-demo',
      client_name: { 'zh-TW': '示範市目錄服務', en: 'Demo City directory' },
      client_secret_sha256: [DEMO_DIRECTORY_HASH],
      redirect_uris: ['https://directory.city.example/callback'],
      scopes: ['openid', 'profile', 'email', 'roles'],
      ldap: { secret_sha256: [DEMO_DIRECTORY_HASH], scan: true },
    },
  ];
  writeFileSync(file, `${JSON.stringify({ clients }, null, 2)}\n`, { mode: 0o600 });
}
