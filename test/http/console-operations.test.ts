/** Signing keys and undelivered messages in the console. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import { eq } from 'drizzle-orm';
import { z } from 'zod';

import { MIN_PUBLICATION_MS } from '../../src/services/keys/key-ring.ts';
import * as auditStore from '../../src/store/audit.ts';
import { listDeadJobs } from '../../src/store/console/dead-letters.ts';
import { openConsole } from '../helpers/console.ts';
import { insertDeadMail } from '../helpers/dead-letters.ts';
import { alertOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { explainLastStatement } from '../helpers/query-plan.ts';
import { eachService } from '../helpers/service-matrix.ts';

const REASON = '年度例行作業';
const ADDRESS = 'daming.wang@parents.example';

eachService(
  'the bureau in the console',
  () => ({ clients: [], intervals: { keys: 50 } }),
  (running) => {
    let bureau: HttpBrowser;
    before(async () => {
      bureau = await openConsole(running(), 'B1');
    });

    const listEntries = async (event: string) =>
      (await running().container.store.read((tx) => auditStore.listEntries(tx, 0, 10_000))).filter(
        (entry) => entry.event === event,
      );
    const publishedKids = async (): Promise<string[]> => {
      const jwks = z.object({ keys: z.array(z.object({ kid: z.string() })) });
      const response = await fetch(`${running().issuer}/jwks`);
      return jwks.parse(await response.json()).keys.map(({ kid }) => kid);
    };
    const shownKids = async (): Promise<string[]> =>
      [...(await bureau.open('/console/keys')).body.matchAll(/<td class="lines"[^>]*>([\w-]{43})<\/td>/g)].map(
        ([, kid = '']) => kid,
      );
    /** Makes the keys older than the minimum time of publication. */
    const ageKeys = (): Promise<void> =>
      running().container.store.write(async (tx) => {
        for (const { id, createdAt } of await tx.db.select().from(tx.tables.keys)) {
          const { keys } = tx.tables;
          await tx.db
            .update(keys)
            .set({ createdAt: createdAt - MIN_PUBLICATION_MS })
            .where(eq(keys.id, id));
        }
      });
    const rotate = (page: Answer): Promise<Answer> => bureau.submit(page, { reason: REASON });

    it('sees the state of each key, and rotates them once with a reason', async () => {
      assert.deepEqual((await shownKids()).sort(), (await publishedKids()).sort());
      const early = await rotate(await bureau.open('/console/keys/rotate'));
      assert.equal(early.status, 409);
      assert.match(alertOf(early.body) || textOf(early.body), /還不到 10 分鐘/);
      await ageKeys();
      const [first, second] = [await bureau.open('/console/keys/rotate'), await bureau.open('/console/keys/rotate')];
      assert.equal((await bureau.submit(first, { reason: ' ' })).status, 422);
      const done = await rotate(first);
      assert.match(textOf(done.body), /已輪替金鑰/);
      assert.equal(done.body.match(/data-key-state="previous"/g)?.length, 3);
      await ageKeys();
      const late = await rotate(second);
      assert.equal(late.status, 409);
      assert.match(textOf(late.body), /金鑰已經輪替過/);
      const entries = await listEntries('keys.rotated');
      assert.equal(entries.length, 1);
      assert.equal(entries[0]?.detail['reason'], REASON);
      assert.ok(entries[0].actorId);
    });

    const insertDead = (deadAt: number): Promise<string> => insertDeadMail(running(), ADDRESS, deadAt);
    const idsOn = ({ body }: Answer): string[] =>
      [...body.matchAll(/data-dead-letter="([^"]+)"/g)].map(([, id = '']) => id);
    const act = async (action: string, job = ''): Promise<Answer> =>
      bureau.submit(await bureau.open(`/console/dead-letters/action?action=${action}&job=${job}`), {
        action,
        reason: REASON,
      });

    it('sees undelivered messages without the address, by pages and by index', async () => {
      const now = Date.now();
      const ids = [];
      for (let i = 0; i < 60; i += 1) ids.unshift(await insertDead(now - 60 + Math.floor(i / 7)));
      const first = await bureau.open('/console/dead-letters');
      assert.ok(first.body.includes('ECONNREFUSED') && first.body.includes('d•••@parents.example'));
      assert.ok(!first.body.includes(ADDRESS));
      const next = /rel="next" href="([^"]+)"/.exec(first.body)?.[1]?.replaceAll('&amp;', '&') ?? '';
      const second = await bureau.open(next);
      assert.deepEqual([...idsOn(first), ...idsOn(second)].sort(), ids.sort());
      assert.equal(idsOn(first).length, 50);
      const plan = await explainLastStatement(running().container.store, (tx) =>
        listDeadJobs(tx, { deadAt: now, id: 'x' }, 50),
      );
      assert.match(plan, /outbox_dead_idx/);
      assert.doesNotMatch(plan, /TEMP B-TREE/);
    });

    it('sends undelivered messages again or drops them, each once and with a reason', async () => {
      const [kept, dropped] = [await insertDead(Date.now()), await insertDead(Date.now())];
      const form = await bureau.open(`/console/dead-letters/action?action=retry&job=${kept}`);
      assert.equal((await bureau.submit(form, { action: 'retry', reason: '' })).status, 422);
      assert.match(textOf((await act('retry', kept)).body), /已排入寄送（1 筆）/);
      const again = await bureau.submit(form, { action: 'retry', reason: REASON });
      assert.equal(again.status, 409);
      assert.match(textOf(again.body), /已由其他管理員處理/);
      await act('drop', dropped);
      const { store } = running().container;
      const rows = await store.read((tx) => tx.db.select().from(tx.tables.outbox));
      assert.equal(rows.find(({ id }) => id === kept)?.deadAt, null);
      assert.equal(
        rows.find(({ id }) => id === dropped),
        undefined,
      );
      assert.match(textOf((await act('retry-all')).body), /已排入寄送（60 筆）/);
      assert.match(textOf((await bureau.open('/console/dead-letters')).body), /沒有未送達的通知/);
      assert.equal((await listEntries('outbox.retried')).length, 2);
      const [entry] = await listEntries('outbox.dropped');
      assert.equal(entry?.detail['job'], dropped);
      assert.equal((await bureau.open('/console/dead-letters/action?action=drop&job=x')).status, 404);
    });

    it('keeps keys and undelivered messages from staff of a school', async () => {
      const desk = await openConsole(running(), 'A1');
      for (const path of ['/console/keys', '/console/keys/rotate', '/console/dead-letters']) {
        assert.equal((await desk.open(path)).status, 404, path);
      }
      assert.equal((await desk.post('/console/keys/rotate', 'version=x&reason=y')).status, 404);
      const drop = await desk.post('/console/dead-letters/action', 'action=retry-all&reason=y');
      assert.equal(drop.status, 404);
    });
  },
);
