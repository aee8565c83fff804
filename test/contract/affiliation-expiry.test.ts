import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import { listEndedAffiliations, type EndedAffiliation } from '../../src/store/people/affiliations.ts';
import { insertPerson } from '../../src/store/people/people.ts';
import { eachStore } from '../helpers/store.ts';

const TODAY = '2027-02-01';
const LAST_DAYS: Record<string, string | null> = {
  open: null,
  today: TODAY,
  later: '2027-07-31',
  b: '2027-01-31',
  a: '2027-01-31',
  c: '2027-01-31',
  d: '2027-01-30',
  old: '2026-07-31',
};

eachStore('ended affiliations', (on) => {
  before(() =>
    on.store.write(async (tx) => {
      await insertPerson(tx, { id: 'p', kind: 'person', name: '林志豪', status: 'active', createdAt: 1, updatedAt: 1 });
      for (const [id, validTo] of Object.entries(LAST_DAYS)) {
        const membership = {
          id,
          personId: 'p',
          schoolCode: null,
          role: 'staff',
          duty: null,
          isPrimary: false,
        } as const;
        await tx.db.insert(tx.tables.memberships).values({ ...membership, validFrom: null, validTo });
      }
    }),
  );

  it('are listed once each after their last day, from a cursor, with any page size', async () => {
    for (const limit of [1, 2, 3, 10]) {
      const found: EndedAffiliation[] = [];
      let after = { lastDay: '2026-11-01', id: '' };
      for (;;) {
        const page = await on.store.read((tx) => listEndedAffiliations(tx, 'membership', after, TODAY, limit));
        found.push(...page);
        after = page.at(-1) ?? after;
        if (page.length < limit) break;
      }
      assert.deepEqual(
        found.map(({ id, lastDay, personId }) => `${lastDay} ${id} ${personId}`),
        ['2027-01-30 d p', '2027-01-31 a p', '2027-01-31 b p', '2027-01-31 c p'],
      );
    }
  });
});
