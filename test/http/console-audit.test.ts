/** The audit log in the staff console. */
import assert from 'node:assert/strict';
import { afterEach, it } from 'node:test';

import { z } from 'zod';

import { personId } from '../helpers/city.ts';
import { alertOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { pollUntil } from '../helpers/poll.ts';
import { removeSecondFactors } from '../helpers/second-factors.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff } from '../helpers/staff.ts';

const exportedEntry = z.object({ seq: z.number(), event: z.string(), detail: z.record(z.string(), z.unknown()) });

eachService(
  'the audit log in the console',
  () => ({ clients: [] }),
  (running) => {
    afterEach(async () => {
      for (const key of ['A1', 'A2', 'B1', 'T2'] as const) await removeSecondFactors(running(), key);
    });
    const open = async (
      key: 'A1' | 'B1' | 'T2',
    ): Promise<{ browser: HttpBrowser; get: (path: string) => Promise<Answer> }> => {
      const { browser, answer: home } = await signInStaff(running(), key);
      assert.equal(home.status, 200, textOf(home.body));
      return { browser, get: (path) => browser.open(path) };
    };
    const eventsOn = ({ body }: Answer): string[] =>
      [...body.matchAll(/<code class="event-name">([^<]+)</g)].map(([, event = '']) => event);

    it('is a page of the bureau; other staff see entries about people of their scope only', async () => {
      const desk = await open('A1');
      for (const path of ['/console/audit', '/console/audit/export?format=csv', '/console/audit/verify']) {
        assert.equal((await desk.get(path)).status, 404, path);
      }
      const history = await desk.get(`/console/people/${personId('A1')}/history`);
      assert.equal(history.status, 200);
      assert.ok(eventsOn(history).includes('sign_in.succeeded'), textOf(history.body));
      assert.doesNotMatch(history.body, /console\/audit/);
      const foreign = await desk.get(`/console/people/${personId('S6')}/history`);
      const unknown = await desk.get('/console/people/unknown/history');
      assert.deepEqual([foreign.status, unknown.status], [404, 404]);
      const teacher = await open('T2');
      assert.equal((await teacher.get(`/console/people/${personId('S1')}/history`)).status, 200);
      assert.equal((await teacher.get(`/console/people/${personId('A1')}/history`)).status, 404);
    });

    it('is filtered, and links the entries of one sign-in', async () => {
      const { get } = await open('B1');
      assert.match((await get('/console/audit')).body, /<details class="help filter-box">/);
      const page = await get('/console/audit?person=bureau&event=sign_in.succeeded');
      assert.match(page.body, /<details class="help filter-box" open>/);
      assert.equal(page.status, 200);
      assert.deepEqual([...new Set(eventsOn(page))], ['sign_in.succeeded']);
      const link = /href="(\/console\/audit\?request=[^"]+)"/.exec(page.body)?.[1]?.replaceAll('&amp;', '&');
      assert.ok(link, 'no link to the request');
      const request = await get(link);
      assert.deepEqual(eventsOn(request), [
        'authorization.granted',
        'sign_in.succeeded',
        'sign_in.second_factor_required',
      ]);
      assert.match(request.body, /value="\d{4}-\d\d-\d\dT\d\d:\d\d"/);
    });

    it('names each value of a filter that cannot match', async () => {
      const { get } = await open('B1');
      const page = await get('/console/audit?person=no.such.name&event=%25&from=yesterday&request=1');
      assert.equal(page.status, 422);
      assert.match(alertOf(page.body), /查無此人/);
      assert.deepEqual(
        [...page.body.matchAll(/id="(\w+)-error"/g)].map(([, name]) => name),
        ['person', 'event', 'request', 'from'],
      );
      assert.match(page.body, /value="no.such.name"/);
    });

    it('is exported as CSV and as JSON lines with the request id of each entry', async () => {
      const { get } = await open('B1');
      const csv = await get('/console/audit/export?format=csv&event=sign_in');
      assert.equal(csv.headers.get('content-type'), 'text/csv; charset=utf-8');
      assert.match(csv.headers.get('content-disposition') ?? '', /attachment; filename="audit.csv"/);
      assert.match(csv.body, /^\uFEFF?"seq","at","event",/);
      const lines = (await get('/console/audit/export?format=jsonl&event=sign_in')).body.trim().split('\n');
      const entries = lines.map((line) => exportedEntry.parse(JSON.parse(line)));
      assert.ok(entries.length > 0);
      for (const { event, detail } of entries) {
        assert.match(event, /^sign_in\./);
        assert.match(String(detail['requestId']), /^[0-9a-f-]{36}$/);
      }
      assert.equal((await get('/console/audit/export?format=exe')).status, 400);
    });

    it('is verified from the page, which follows the progress and shows the head', async () => {
      const { browser, get } = await open('B1');
      const before = await get('/console/audit/verify');
      assert.match(before.body, /data-verification="none"/);
      const started = await browser.submit(before, {});
      assert.match(started.body, /data-verification="(running|intact)"/);
      const done = await pollUntil('the end of the verification', async () => {
        const page = await get('/console/audit/verify');
        const isRunning = page.body.includes('data-verification="running"');
        assert.equal(page.body.includes('http-equiv="refresh"'), isRunning);
        return !isRunning && page;
      });
      assert.match(done.body, /data-verification="intact"/);
      assert.match(done.body, /<code>\d+:[0-9a-f]{64}<\/code>/);
    });
  },
);
