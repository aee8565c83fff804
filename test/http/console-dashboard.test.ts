/** The dashboards on the home page of the staff console. */
import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';
import { eq } from 'drizzle-orm';

import type { ApplicationRow } from '../../src/store/binding/applications.ts';
import { storeApplication } from '../helpers/applications.ts';
import type { Answer } from '../helpers/http-browser.ts';
import { pollUntil } from '../helpers/poll.ts';
import { removeSecondFactors } from '../helpers/second-factors.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff } from '../helpers/staff.ts';

eachService(
  'the dashboard of the console',
  () => ({ clients: [] }),
  (running) => {
    afterEach(async () => {
      for (const key of ['A1', 'A2', 'B1', 'T2'] as const) await removeSecondFactors(running(), key);
    });
    const scopesOn = (body: string): string[] =>
      [...body.matchAll(/data-dashboard="([^"]+)"/g)].map(([, scope = '']) => scope);
    const chartsOn = (body: string): string[] =>
      [...body.matchAll(/<table[^>]* data-chart="([^"]+)"/g)].map(([, name = '']) => name);

    it('shows the city to the bureau, a school to its desk, and classes to a homeroom teacher', async () => {
      const expected = {
        B1: ['city', ['hours', 'days', 'causes', 'locked', 'mail']],
        A1: ['school-993301', ['hours', 'days', 'causes', 'locked']],
        T2: ['classes', ['accounts', 'locked']],
      } as const;
      for (const key of ['B1', 'A1', 'T2'] as const) {
        const { answer: home } = await signInStaff(running(), key);
        const [scope, charts] = expected[key];
        assert.deepEqual(scopesOn(home.body), [scope]);
        // The daily numbers of accounts may exist already.
        assert.deepEqual(
          chartsOn(home.body).filter((name) => name !== 'accounts' || scope === 'classes'),
          charts,
        );
      }
    });

    it('shows the earlier decisions after a resubmission, and counts it on the home page', async () => {
      const countOn = ({ body }: Answer): string | undefined =>
        /data-waiting="applications" data-count="(\d+)"/.exec(body)?.[1];
      const earlierOn = ({ body }: Answer): string[] =>
        [...body.matchAll(/data-earlier="([^"]+)"/g)].map(([, state = '']) => state);
      const { store } = running().container;
      const { browser: teacher, answer: home } = await signInStaff(running(), 'T2');
      const { browser: registrar } = await signInStaff(running(), 'A2');
      const { answer: bureauHome } = await signInStaff(running(), 'B1');
      assert.equal(countOn(home), '0');
      assert.equal(countOn(bureauHome), undefined);
      const id = await storeApplication(running());
      const path = `/console/applications/${id}`;
      const update = (change: Partial<ApplicationRow>): Promise<unknown> =>
        store.write(({ db, tables: { bindingApplications } }) =>
          db.update(bindingApplications).set(change).where(eq(bindingApplications.id, id)),
        );
      assert.equal(countOn(await teacher.open('/console')), '1');
      const queue = await teacher.open('/console/applications', { 'accept-language': 'en' });
      assert.match(queue.body, /<td[^>]*>[^<]+, Grade \d+, Class \d+, seat 21<\/td>/);
      const returned = await teacher.submit(await teacher.open(path), {
        decision: 'return',
        reason: 'the <i>stamp</i> is missing',
      });
      assert.deepEqual(earlierOn(returned), []);
      assert.equal(countOn(await teacher.open('/console')), '0');
      await update({ state: 'submitted', decidedAt: null, decidedBy: null, reasonSealed: null });
      for (const reviewer of [teacher, registrar]) {
        const page = await reviewer.open(path);
        assert.deepEqual(earlierOn(page), ['returned']);
        assert.match(page.body, /林志豪 · [^<]+<br \/><span class="lines">the &lt;i&gt;stamp&lt;\/i&gt; is missing</);
        assert.equal(countOn(await reviewer.open('/console')), '1');
      }
      await update({ state: 'withdrawn' });
    });

    it('counts a sign-in within seconds, next to a chart with a title and a summary', async () => {
      const { browser } = await signInStaff(running(), 'A1');
      const body = await pollUntil('the counts', async () => {
        const page = await browser.open('/console');
        return /<desc[^>]*>成功 [1-9]/.test(page.body) && page.body;
      });
      assert.match(body, /<svg class="chart"[^>]* role="img" aria-labelledby="school-993301-hours-title/);
      assert.match(body, /<title id="school-993301-hours-title">今天各時段登入<\/title>/);
      assert.match(body, /<rect class="chart-series-0"/);
      assert.doesNotMatch(body, / style="/);
    });
  },
);
