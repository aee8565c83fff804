/** The limits of a search of the directory on both databases. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import { loadDemoCity } from '../../demo/city/load.ts';
import { SCHOOL_TYPES, type ClientEntitlements } from '../../src/domain/model.ts';
import type { Filter } from '../../src/ldap/protocol.ts';
import { createTestSearch, type Found } from '../helpers/directory-search.ts';
import { createTestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';

const CLIENT: ClientEntitlements = { scopes: ['openid', 'roles'], schoolTypes: SCHOOL_TYPES, permissions: [] };
const TEACHERS: Filter = { kind: 'equality', attribute: 'kinpassrole', value: 'teacher' };
/** An index finds the teachers. None of them matches. */
const NO_TEACHERS: Filter = { kind: 'and', filters: [TEACHERS, { kind: 'not', filter: TEACHERS }] };

eachStore('the limits of a search', (on) => {
  before(() => loadDemoCity({ ...createTestServices(on.store), seed: 'kinpass', people: 100 }));

  it('end a search when the index finds too many people, unless it scans in pages', async () => {
    const withLimit = (maxRead: number) => createTestSearch(on.store, { maxSmallRange: 3, limits: { maxRead } });
    const count = ({ result, names }: Found): object => ({ result, people: names.length });
    const { names } = await withLimit(1_000).once(CLIENT, TEACHERS);
    const all = names.length;
    assert.ok(all > 5);
    const [enough, few] = [withLimit(all), withLimit(all - 1)];
    assert.deepEqual(count(await enough.once(CLIENT, TEACHERS)), { result: 'success', people: all });
    assert.deepEqual(count(await enough.once(CLIENT, NO_TEACHERS)), { result: 'success', people: 0 });
    const refused = { result: 'adminLimitExceeded', people: 0 };
    for (const canScan of [false, true]) {
      assert.deepEqual(count(await few.once(CLIENT, NO_TEACHERS, { canScan })), refused);
      assert.deepEqual(count(await few.once(CLIENT, TEACHERS, { canScan })), { ...refused, people: all - 1 });
    }
    assert.deepEqual(count(await few.byPages(CLIENT, TEACHERS, all)), { result: 'success', people: all });
    assert.deepEqual(count(await few.byPages(CLIENT, NO_TEACHERS, 1)), { result: 'success', people: 0 });
  });

  it('end a search at the time limit of the client, and after 30 seconds', async () => {
    const countEntries = async (timeLimitSeconds: number, entryMs: number): Promise<[string, number]> => {
      let time = 0;
      const search = createTestSearch(on.store, {
        ...{ maxSmallRange: 3, limits: { now: () => time } },
        onEntry: () => {
          time += entryMs;
        },
      });
      const { result, names } = await search.once(CLIENT, TEACHERS, { timeLimitSeconds });
      return [result, names.length];
    };
    assert.deepEqual(await countEntries(1, 400), ['timeLimitExceeded', 3]);
    assert.deepEqual(await countEntries(1, 500), ['timeLimitExceeded', 3]);
    for (const limit of [0, 60]) assert.deepEqual(await countEntries(limit, 10_001), ['timeLimitExceeded', 3]);
    assert.equal((await countEntries(30, 100))[0], 'success');
  });
});
