import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_PEOPLE } from './city/generator.ts';

/** The folder of the repository. The processes of the demo run in it. */
export const PROJECT = fileURLToPath(new URL('../', import.meta.url));

/** Base of the directory. */
export const DIRECTORY_BASE = 'dc=city,dc=example';

const DEFAULT_PORT = 3000;
/** With base port 3000: service 3000, portfolio 3001, payment 3002, mailbox 3003, SMTP 3025, directory 3389. */
const OFFSETS = { service: 0, portfolio: 1, payment: 2, mail: 3, smtp: 25, directory: 389 } as const;

export type Place = keyof typeof OFFSETS;

/** Options of `kinpass demo`. */
export interface DemoOptions {
  fresh?: true;
  people?: number;
}

export interface DemoSettings {
  /** Start over: remove the files of an earlier demo. */
  fresh: boolean;
  people: number;
  folder: string;
  ports: Readonly<Record<Place, number>>;
  /** PostgreSQL instead of a SQLite file in the folder. */
  databaseUrl: string | undefined;
}

/** The demo cannot start or continue. The message is for the person who started it. */
export class DemoError extends Error {
  override name = 'DemoError';
}

/** @throws {DemoError} */
export function readSettings(options: DemoOptions, env: Record<string, string | undefined>): DemoSettings {
  const base = parseInteger('KINPASS_DEMO_PORT', env['KINPASS_DEMO_PORT'] ?? String(DEFAULT_PORT), 1, 65_100);
  const at = (place: Place): number => base + OFFSETS[place];
  const databaseUrl = env['DATABASE_URL'];
  const folder = env['KINPASS_DEMO_DIR'];
  return {
    fresh: options.fresh ?? false,
    people: options.people ?? DEFAULT_PEOPLE,
    folder: folder === undefined || folder === '' ? join(PROJECT, 'data', 'demo') : resolve(folder),
    ports: {
      service: at('service'),
      portfolio: at('portfolio'),
      payment: at('payment'),
      mail: at('mail'),
      smtp: at('smtp'),
      directory: at('directory'),
    },
    databaseUrl: databaseUrl === '' ? undefined : databaseUrl,
  };
}

function parseInteger(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  throw new DemoError(`${name} must be a whole number from ${min} to ${max}, not "${text}"`);
}

/** Returns the public URL of a process. Links and cookies use this host name. */
export function addressOf(settings: DemoSettings, place: Place): string {
  return `http://localhost:${settings.ports[place]}`;
}
