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
  /** An open, migrated store. Available in tests only, because a `before` hook opens it. */
  readonly store: Store;
  /** Options with which another process opens the same database. */
  readonly location: StoreOptions;
}

/** Runs the tests on an empty SQLite file and on an empty PostgreSQL database. */
export function eachStore(name: string, tests: (on: TestStore) => void, { migrated = true } = {}): void {
  for (const dialect of ['sqlite', 'postgres'] as const) {
    describe(`${name} (${dialect})`, () => {
      let opened: { store: Store; location: StoreOptions; remove: () => Promise<void> } | undefined;
      const current = (): { store: Store; location: StoreOptions } => {
        if (!opened) throw new Error('the store is there inside of tests only');
        return opened;
      };
      before(async () => {
        const { location, remove } = await createDatabaseLocation(dialect, { isEmpty: !migrated });
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

/** Creates a location for a new database, empty by default; call `remove` after the store is closed. */
export async function createDatabaseLocation(
  dialect: Dialect,
  { isEmpty = true } = {},
): Promise<{ location: StoreOptions; remove: () => Promise<void> }> {
  if (dialect === 'postgres') {
    return { location: { url: await testDatabaseUrl({ isEmpty }) }, remove: () => Promise.resolve() };
  }
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-sqlite-'));
  return { location: { file: join(folder, 'kinpass.db') }, remove: () => rm(folder, { recursive: true, force: true }) };
}
