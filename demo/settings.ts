import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_PEOPLE } from './city/generator.ts';

/** The folder of the whole project; the programs of the demo run in it. */
export const PROJECT = fileURLToPath(new URL('../', import.meta.url));

const DEFAULT_PORT = 3000;
/** 3000 → service 3000, portfolio 3001, payment 3002, mail inbox 3003, SMTP 3025. */
const OFFSETS = { service: 0, portfolio: 1, payment: 2, mail: 3, smtp: 25 } as const;

export type Place = keyof typeof OFFSETS;

/** Options of `kinpass demo`. */
export interface DemoOptions {
  fresh?: true;
  people?: number;
}

export interface DemoSettings {
  /** Begin anew: everything that an earlier demo left is removed. */
  fresh: boolean;
  people: number;
  folder: string;
  ports: Readonly<Record<Place, number>>;
  /** PostgreSQL instead of a SQLite file in the folder. */
  databaseUrl: string | undefined;
}

/** The demo cannot start or continue; the message is one line for the person who started it. */
export class DemoError extends Error {
  override name = 'DemoError';
}

/** @throws {DemoError} */
export function readSettings(options: DemoOptions, env: Record<string, string | undefined>): DemoSettings {
  const base = wholeNumber('KINPASS_DEMO_PORT', env['KINPASS_DEMO_PORT'] ?? String(DEFAULT_PORT), 1, 65_500);
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
    },
    databaseUrl: databaseUrl === '' ? undefined : databaseUrl,
  };
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new DemoError(`${name} must be a whole number from ${least} to ${most}, not "${text}"`);
}

/** Where people find a program. Links and cookies are made for this name. */
export function addressOf(settings: DemoSettings, place: Place): string {
  return `http://localhost:${settings.ports[place]}`;
}
