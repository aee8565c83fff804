import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { batchSizes, lookUp } from '../../src/ldap/operations/list-people.ts';
import type { Directory, DirectoryClient } from '../../src/services/directory/directory.ts';
import { directoryPerson } from '../helpers/directory-person.ts';

const client: DirectoryClient = {
  ...{ clientId: 'x', sector: 'x.example', shownSchoolTypes: [], canScan: false, secretHashes: [] },
  entitlements: { scopes: [], schoolTypes: [], permissions: [] },
};

const context = { pause: () => undefined };

describe('people of several lookups', () => {
  it('come each once, in the order of their ids, whatever the size of a batch', async () => {
    const letters = fc.constantFrom('a', 'c', 'e', 'g', 'i', 'k', 'm', 'o', 'q', 's', 'u');
    const lists = fc.array(fc.uniqueArray(letters), { maxLength: 4 });
    const check = async (sources: readonly string[][], batch: number, after: string): Promise<void> => {
      const listOf = (ids: readonly string[]) => (from: string, limit: number) =>
        Promise.resolve(
          ids
            .toSorted()
            .filter((id) => id > from)
            .slice(0, limit),
        );
      const directory: Pick<Directory, 'listPeopleOfIds' | 'listPeople'> = {
        listPeople: () => Promise.resolve({ people: [], next: undefined }),
        listPeopleOfIds: (_, ids) => Promise.resolve(ids.map((id) => directoryPerson(id))),
      };
      const lookups = sources.map((_, at) => ({ by: 'login', value: String(at) }) as const);
      const deps = {
        directory,
        lookups: {
          open: (_: DirectoryClient, lookup: object) =>
            Promise.resolve(listOf(sources[lookups.findIndex((one) => one === lookup)] ?? [])),
        },
      };
      const found: string[] = [];
      const open = lookUp({ deps, access: { client, onlyPersonId: undefined }, context }, lookups);
      const next = open(after, batchSizes(1_000, batch));
      for (let people = await next(); people !== undefined; people = await next()) {
        assert.ok(people.length <= batch);
        found.push(...people.map(({ handle }) => handle));
      }
      assert.deepEqual(found, [...new Set(sources.flat())].filter((id) => id > after).sort());
    };
    await fc.assert(fc.asyncProperty(lists, fc.integer({ min: 1, max: 6 }), fc.constantFrom('', 'k'), check));
  });

  it('are read in batches of up to 50, as many as a page wants, and then a few more', () => {
    const first = (wanted: number): number[] => batchSizes(wanted, 50).take(7).toArray();
    assert.deepEqual(first(101), [50, 50, 1, 25, 50, 50, 50]);
    assert.deepEqual(first(2), [2, 25, 50, 50, 50, 50, 50]);
  });
});
