/** What the staff of a closed school can do, over HTTP. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { eq } from 'drizzle-orm';
import { personId } from '../helpers/city.ts';
import { textOf } from '../helpers/http-browser.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff } from '../helpers/staff.ts';

eachService(
  'a closed school',
  () => ({ clients: [] }),
  (running) => {
    it('lets the staff of a closed school see people, and change nothing', async () => {
      const { browser: desk } = await signInStaff(running(), 'A1');
      const { store } = running().container;
      const setClosed = (closedAt: number | null): Promise<unknown> =>
        store.write((tx) =>
          tx.db.update(tx.tables.schools).set({ closedAt }).where(eq(tx.tables.schools.code, '993301')),
        );
      const path = `/console/people/${personId('G2')}/action?action=unlock`;
      const form = await desk.open(path);
      await setClosed(Date.now());
      const refused = await desk.submit(form, { action: 'unlock', reason: 'phoned' });
      assert.equal(refused.status, 403);
      assert.match(textOf(refused.body), /學校已停用/);
      const page = await desk.open(`/console/people/${personId('G2')}`);
      assert.equal(page.status, 200);
      assert.doesNotMatch(page.body, /action=unlock/);
      const { browser: bureau } = await signInStaff(running(), 'B1');
      const own = await bureau.open(path);
      assert.equal((await bureau.submit(own, { action: 'unlock', reason: 'phoned' })).status, 200);
      await setClosed(null);
    });
  },
);
