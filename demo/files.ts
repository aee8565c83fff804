import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { PERMISSIONS } from '../src/domain/model.ts';
import { addressOf, DemoError, type DemoSettings } from './settings.ts';

/** Everything that the demo keeps, all of it in one folder. */
export interface DemoFiles {
  key: string;
  database: string;
  clients: string;
  secrets: string;
  mails: string;
  log(program: string): string;
}

const secretsSchema = z.object({ portfolio: z.string().min(32), payment: z.string().min(32) });

/** Secrets of the relying parties, which only they and this file know. */
export type ClientSecrets = z.infer<typeof secretsSchema>;

/** Names the files, and makes the folder. */
export function demoFiles({ folder }: DemoSettings): DemoFiles {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return {
    key: join(folder, 'master.key'),
    database: join(folder, 'kinpass.sqlite'),
    clients: join(folder, 'clients.json'),
    secrets: join(folder, 'secrets.json'),
    mails: join(folder, 'mail'),
    log: (program) => join(folder, `${program}.log`),
  };
}

/** Removes the SQLite file with its companions. */
export function removeDatabase({ database }: DemoFiles): void {
  for (const end of ['', '-wal', '-shm']) rmSync(`${database}${end}`, { force: true });
}

/**
 * Removes what an earlier demo left, file by file: the folder may be anybody's.
 *
 * @throws {DemoError} on PostgreSQL, where the key must not go without the database
 */
export function removeFiles(settings: DemoSettings, files: DemoFiles, programs: readonly string[]): void {
  if (settings.databaseUrl !== undefined) {
    throw new DemoError('--fresh does not empty a PostgreSQL database: make a new one and point DATABASE_URL at it');
  }
  removeDatabase(files);
  for (const file of [files.key, files.clients, files.secrets, ...programs.map((program) => files.log(program))]) {
    rmSync(file, { force: true });
  }
  rmSync(files.mails, { recursive: true, force: true });
}

/** The secrets of an earlier start, otherwise new ones. */
export function clientSecrets({ secrets: file }: DemoFiles): ClientSecrets {
  const known = readSecrets(file);
  if (known !== undefined) return known;
  const fresh = { portfolio: randomBytes(32).toString('base64url'), payment: randomBytes(32).toString('base64url') };
  writeFileSync(file, `${JSON.stringify(fresh, null, 2)}\n`, { mode: 0o600 });
  return fresh;
}

function readSecrets(file: string): ClientSecrets | undefined {
  try {
    return secretsSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

const SCOPES = ['openid', 'profile', 'roles', 'children', 'children.profile'];

/** Registers the relying parties of the demo. The service gets hashes only. */
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
  ];
  writeFileSync(file, `${JSON.stringify({ clients }, null, 2)}\n`, { mode: 0o600 });
}
