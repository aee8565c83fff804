/** The audit log is append-only, and its head is sealed by a key outside of the database. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { it } from 'node:test';

import { GENESIS_HEAD } from '../../src/domain/audit-chain.ts';
import { systemClock } from '../../src/domain/clock.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { createAppend, createArchiveSeal, createHeadSeal } from '../../src/services/audit/audit.ts';
import * as auditStore from '../../src/store/audit.ts';
import type { Transaction } from '../../src/store/database/index.ts';
import { triggersOff } from '../helpers/audit-chain.ts';
import { eachStore } from '../helpers/store.ts';

eachStore('audit log', (on) => {
  const secrets = createSecrets(randomBytes(32), systemRandom);
  const isSealed = async (): Promise<boolean> =>
    auditStore.isAuthentic(await on.store.read(auditStore.getHead), createHeadSeal(secrets));
  const append = createAppend({ clock: systemClock, secrets });
  const add = (event: string): Promise<void> =>
    on.store.write((tx) => append(tx, { event, outcome: 'ok', actorId: 'p1' }));
  const byHand = (statement: string): Promise<unknown[][]> => on.store.runExclusively((run) => run(statement));

  it('seals its head with each entry, and seals the head of an empty log', async () => {
    assert.equal(await isSealed(), true);
    for (const event of ['one.done', 'two.done', 'three.done']) {
      await add(event);
      assert.equal(await isSealed(), true);
    }
    const head = await on.store.read(auditStore.getHead);
    assert.equal(head.seq, 3);
    assert.equal(auditStore.isAuthentic({ ...head, seq: 2 }, createHeadSeal(secrets)), false);
    const others = createHeadSeal(createSecrets(randomBytes(32), systemRandom));
    assert.equal(auditStore.isAuthentic(head, others), false);
  });

  it('rejects updates, replacements and deletions of entries', async () => {
    const rows = await byHand('select * from audit order by seq');
    const hands = [
      "update audit set outcome = 'refused' where seq = 1",
      'delete from audit where seq = 3',
      'delete from audit',
      on.dialect === 'sqlite' ? 'insert or replace into audit select * from audit where seq = 1' : 'truncate audit',
    ];
    for (const statement of hands) {
      await assert.rejects(byHand(statement), /audit_append_only/, statement);
    }
    assert.deepEqual(await byHand('select * from audit order by seq'), rows);
  });

  it('does not reseal a head that was reset by hand: later entries do not repair the log', async () => {
    for (const statement of triggersOff(on.dialect)) await byHand(statement);
    await byHand('delete from audit where seq = 3');
    await byHand('update audit_head set seq = 2, hash = (select hash from audit where seq = 2)');
    assert.equal(await isSealed(), false);
    await add('four.done');
    await add('five.done');
    const head = await on.store.read(auditStore.getHead);
    assert.equal(head.seq, 4, 'later writes succeed');
    assert.equal(await isSealed(), false);
  });
});

eachStore('the store of the audit log', (on) => {
  const secrets = createSecrets(randomBytes(32), systemRandom);
  const seal = createHeadSeal(secrets);
  const write = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => on.store.write(work);

  it('replaces characters that the databases do not store', async () => {
    const entry = {
      at: 1,
      event: 'one\0.done',
      outcome: 'ok',
      actorId: 'a\0',
      subjectId: null,
      clientId: null,
      address: '\uD800',
      detail: { 'key\0': 'agent\0 \uDC00', count: 2, isFirst: true },
    };
    const stored = await write((tx) => auditStore.appendEntry(tx, entry, seal));
    const [read] = await on.store.read((tx) => auditStore.listEntries(tx, 0, 1));
    assert.deepEqual(read, stored);
    const { event, actorId, subjectId, address, detail } = stored;
    assert.deepEqual([event, actorId, subjectId, address], ['one\uFFFD.done', 'a\uFFFD', null, '\uFFFD']);
    assert.deepEqual(detail, { 'key\uFFFD': 'agent\uFFFD \uFFFD', count: 2, isFirst: true });
  });

  it('accepts no head without a seal, except that of an empty log', () => {
    assert.equal(auditStore.isAuthentic({ ...GENESIS_HEAD, mac: '' }, seal), true);
    assert.equal(auditStore.isAuthentic({ ...GENESIS_HEAD, seq: 1, mac: '' }, seal), false);
    assert.equal(auditStore.isAuthentic({ ...GENESIS_HEAD, hash: 'other', mac: '' }, seal), false);
  });

  it('seals position and hash, for the log and for the archive with different keys', () => {
    const head = { seq: 3, hash: 'hash' };
    assert.equal(seal(head), secrets.mac('audit-head', '3\nhash'));
    assert.equal(createArchiveSeal(secrets)(head), secrets.mac('audit-archive', '3\nhash'));
    assert.notEqual(createArchiveSeal(secrets)(head), seal(head));
  });

  it('reads page after page from an entry on', async () => {
    const entry = { at: 1, event: 'more.done', outcome: 'ok', detail: {} };
    const noReferences = { actorId: null, subjectId: null, clientId: null, address: null };
    for (let i = 0; i < 4; i += 1) await write((tx) => auditStore.appendEntry(tx, { ...entry, ...noReferences }, seal));
    const read = async (after?: number): Promise<number[]> => {
      const seqs: number[] = [];
      for await (const { seq } of auditStore.readEntries(on.store, after, 2)) seqs.push(seq);
      return seqs;
    };
    assert.deepEqual(await read(), [1, 2, 3, 4, 5]);
    assert.deepEqual(await read(3), [4, 5]);
  });

  it('moves the anchor once from each position, and rejects one that was changed by hand', async () => {
    const anchor = (): ReturnType<typeof auditStore.getAnchor> => on.store.read((tx) => auditStore.getAnchor(tx, seal));
    const at = (seq: number): Awaited<ReturnType<typeof anchor>> => {
      const head = { seq, hash: `hash of ${String(seq)}` };
      return { ...head, mac: seal(head) };
    };
    const move = (from: { seq: number; hash: string }, seq: number): Promise<boolean> =>
      write((tx) => auditStore.updateAnchor(tx, from, at(seq)));
    assert.deepEqual(await anchor(), { ...GENESIS_HEAD, mac: '' });
    assert.deepEqual([await move(GENESIS_HEAD, 2), await move(GENESIS_HEAD, 3)], [true, false]);
    assert.deepEqual([await move(at(2), 4), await move(at(2), 5)], [true, false]);
    assert.deepEqual(await anchor(), at(4));
    await write((tx) => auditStore.updateAnchor(tx, at(4), { ...at(5), mac: at(4).mac }));
    await assert.rejects(anchor(), /changed by hand/);
    await write((tx) => auditStore.updateAnchor(tx, at(5), at(4)));
  });

  it('deletes the oldest entries up to a position, and at most the limit', async () => {
    const remove = (limit: number): Promise<number> => write((tx) => auditStore.deleteEntriesUpTo(tx, 4, limit));
    assert.deepEqual([await remove(3), await remove(3), await remove(3)], [3, 1, 0]);
    const left = await on.store.read((tx) => auditStore.listEntries(tx, 0, 9));
    assert.deepEqual(
      left.map(({ seq }) => seq),
      [5],
    );
    const from = { seq: 4, hash: '' };
    await write((tx) => auditStore.updateAnchor(tx, from, { seq: 5, hash: '', mac: '' }));
    const empty = async (tx: Transaction): Promise<number> => auditStore.deleteEntriesUpTo(tx, 9, 3);
    assert.deepEqual([await write(empty), await write(empty)], [1, 0]);
  });
});
