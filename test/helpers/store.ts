import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';

import { openStore, type Dialect, type Store, type StoreOptions } from '../../src/store/database/index.ts';
import { migrate } from '../../src/store/migrate.ts';
import { testDatabaseUrl } from './postgres.ts';

export interface TestStore {
  readonly dialect: Dialect;
  /** An open, migrated store; inside of tests only, because it is opened by a `before`. */
  readonly store: Store;
  /** How another process opens the same database. */
  readonly location: StoreOptions;
}

/** The same tests on both databases: an empty SQLite file, and a database of a throwaway PostgreSQL cluster. */
export function eachStore(name: string, tests: (on: TestStore) => void, { migrated = true } = {}): void {
  for (const dialect of ['sqlite', 'postgres'] as const) {
    describe(`${name} (${dialect})`, () => {
      let opened: { store: Store; location: StoreOptions; remove: () => Promise<void> } | undefined;
      const current = (): { store: Store; location: StoreOptions } => {
        if (!opened) throw new Error('the store is there inside of tests only');
        return opened;
      };
      before(async () => {
        const { location, remove } = await createDatabaseLocation(dialect);
        opened = { store: await openStore(location), location, remove };
        if (migrated) await migrate(opened.store);
      });
      after(async () => {
        await opened?.store.close();
        await opened?.remove();
      });
      tests({
        dialect,
        get store() {
          return current().store;
        },
        get location() {
          return current().location;
        },
      });
    });
  }
}

/** A place for a new database; call `remove` when it is closed. */
export async function createDatabaseLocation(
  dialect: Dialect,
): Promise<{ location: StoreOptions; remove: () => Promise<void> }> {
  if (dialect === 'postgres') return { location: { url: await testDatabaseUrl() }, remove: () => Promise.resolve() };
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-sqlite-'));
  return { location: { file: join(folder, 'kinpass.db') }, remove: () => rm(folder, { recursive: true, force: true }) };
}
