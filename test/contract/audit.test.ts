/** The audit log is append-only, and its head is sealed by a key outside of the database. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { it } from 'node:test';

import { systemClock } from '../../src/domain/clock.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createSecrets } from '../../src/platform/crypto/secrets.ts';
import { createAppend, createHeadSeal } from '../../src/services/audit/audit.ts';
import * as auditStore from '../../src/store/audit.ts';
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

function triggersOff(dialect: 'sqlite' | 'postgres'): string[] {
  if (dialect === 'postgres') return ['alter table audit disable trigger user'];
  return ['update', 'delete', 'replace'].map((name) => `drop trigger audit_no_${name}`);
}
