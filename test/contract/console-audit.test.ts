/** Searches of the audit log: bounded by the primary key or the index of a person. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import type { NamedKey } from '../../demo/city/fixtures.ts';
import type { ChainedEntry } from '../../src/domain/audit-chain.ts';
import type { AuditEvent } from '../../src/services/audit/audit.ts';
import type { AuditFilter } from '../../src/services/console/audit-log.ts';
import { createAuditVerification } from '../../src/services/console/audit-verification.ts';
import type { ConsoleServices } from '../../src/services/console/index.ts';
import type { StaffActor } from '../../src/services/console/authorization.ts';
import * as auditLog from '../../src/store/console/audit-log.ts';
import { triggersOff } from '../helpers/audit-chain.ts';
import { demoId, openTestConsole } from '../helpers/console-services.ts';
import { pollUntil } from '../helpers/poll.ts';
import { explainLastStatement } from '../helpers/query-plan.ts';
import type { TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';

const id = demoId;
const HOUR = 3_600_000;
const EVERYTHING: AuditFilter = {
  ...{ subjectId: undefined, actorId: undefined, event: undefined, clientId: undefined },
  ...{ schoolCode: undefined, requestId: undefined, from: undefined, to: undefined },
};

eachStore('the audit log of the console', (on) => {
  let services: TestServices;
  let staff: ConsoleServices;
  let start: number;
  before(async () => {
    ({ services, staff } = await openTestConsole(on.store));
    services.advance(HOUR);
    start = services.clock.now();
    await services.audit.record({
      event: 'sign_in.failed',
      outcome: 'refused',
      subjectId: id('S1'),
      clientId: 'portfolio',
    });
    await services.audit.record({
      event: 'sign_in.succeeded',
      outcome: 'ok',
      subjectId: id('S6'),
      detail: { requestId: 'r-1' },
    });
    await services.audit.record({ event: 'session.revoked', outcome: 'ok', subjectId: id('A1') });
    services.advance(HOUR);
    await services.audit.record({
      event: 'staff.unlock',
      outcome: 'ok',
      actorId: id('A1'),
      subjectId: id('G1'),
      detail: { school: '993301', reason: '"school":"993302"', requestId: 'r-2', signInId: 'r-0' },
    });
    services.advance(HOUR);
    // More than one search reads.
    for (let done = 0; done < 21_000; done += 500) {
      await on.store.write(async (tx) => {
        for (let at = 0; at < 500; at += 1) {
          await services.audit.append(tx, {
            event: 'session.logged_out',
            outcome: 'ok',
            subjectId: `other-${String(at)}`,
          });
        }
      });
      services.advance(1_000);
    }
  });

  const search = async (filter: Partial<AuditFilter>): Promise<readonly ChainedEntry[]> => {
    const found: ChainedEntry[] = [];
    let before: number | undefined;
    do {
      const page = await staff.auditLog.find({ ...EVERYTHING, ...filter }, before);
      found.push(...page.entries);
      before = page.next;
    } while (before !== undefined);
    return found;
  };
  const events = async (filter: Partial<AuditFilter>): Promise<string[]> =>
    (await search(filter)).map(({ event }) => event);
  const actor = async (key: NamedKey): Promise<StaffActor> => {
    const found = await staff.authorization.findActor(id(key));
    assert.ok(found, key);
    return found;
  };

  it('is filtered by person, actor, event, client, school and request', async () => {
    assert.deepEqual(await events({ subjectId: id('S1') }), ['sign_in.failed']);
    assert.deepEqual(await events({ actorId: id('A1') }), ['staff.unlock']);
    assert.deepEqual(await events({ event: 'sign_in.failed' }), ['sign_in.failed']);
    assert.deepEqual(await events({ event: 'sign_in' }), ['sign_in.succeeded', 'sign_in.failed']);
    assert.deepEqual(await events({ event: 'sign' }), []);
    assert.deepEqual(await events({ clientId: 'portfolio' }), ['sign_in.failed']);
    assert.deepEqual(await events({ schoolCode: '993301' }), ['staff.unlock', 'session.revoked', 'sign_in.failed']);
    assert.deepEqual(await events({ schoolCode: '993302' }), ['sign_in.succeeded'], 'a reason is no school');
    assert.deepEqual(await events({ requestId: 'r-2' }), ['staff.unlock']);
    assert.deepEqual(await events({ requestId: 'r-0' }), ['staff.unlock']);
    assert.deepEqual(await events({ event: 'sign_in', clientId: 'portfolio' }), ['sign_in.failed']);
  });

  it('is filtered by time', async () => {
    assert.deepEqual(await events({ from: start, to: start + 1, event: 'sign_in' }), [
      'sign_in.succeeded',
      'sign_in.failed',
    ]);
    assert.deepEqual(await events({ from: start + 1, to: start + HOUR + 1 }), ['staff.unlock']);
    assert.deepEqual(await events({ from: services.clock.now() + HOUR }), []);
    assert.deepEqual(await events({ to: start - 365 * 24 * HOUR }), []);
  });

  it('stops after 20,000 entries and continues from there', async () => {
    const first = await staff.auditLog.find({ ...EVERYTHING, event: 'sign_in.failed' }, undefined);
    assert.deepEqual(first.entries, []);
    assert.ok(first.next !== undefined && first.searchedTo !== undefined && first.searchedTo > start);
    const second = await staff.auditLog.find({ ...EVERYTHING, event: 'sign_in.failed' }, first.next);
    assert.deepEqual(
      second.entries.map(({ event }) => event),
      ['sign_in.failed'],
    );
    assert.equal(second.next, undefined);
    assert.equal(second.names.get(id('S1')), '王小安');
  });

  it('pages without gaps', async () => {
    const range = await on.store.read((tx) => auditLog.findSequenceRange(tx));
    assert.ok(range);
    const first = await staff.auditLog.find(EVERYTHING, undefined);
    const second = await staff.auditLog.find(EVERYTHING, first.next);
    assert.deepEqual(
      [...first.entries, ...second.entries].map(({ seq }) => seq),
      Array.from({ length: 100 }, (_, at) => range.last - at),
    );
  });

  it('reads by the primary key, and the history of a person by its index', async () => {
    const window = { fromSeq: 1, beforeSeq: 2_000, limit: 51, schoolPeople: [id('S1')] };
    const plan = (filter: Partial<AuditFilter>): Promise<string> =>
      explainLastStatement(on.store, (tx) => auditLog.listMatchingEntries(tx, { ...EVERYTHING, ...filter }, window));
    const byKey = on.dialect === 'sqlite' ? /USING INTEGER PRIMARY KEY/ : /Index Scan.*audit_pkey/;
    for (const filter of [{}, { event: 'sign_in' }, { actorId: 'x' }, { requestId: 'x' }, { schoolCode: '993301' }]) {
      const text = await plan(filter);
      assert.match(text, byKey, JSON.stringify(filter));
      assert.doesNotMatch(text, /SCAN audit|Seq Scan on audit/);
    }
    assert.match(await plan({ subjectId: id('S1') }), /audit_subject_idx/);
    assert.match(await explainLastStatement(on.store, (tx) => auditLog.findTimeFrom(tx, 100)), byKey);
  });

  it('shows the history of a person to staff of the scope only, and records the view', async () => {
    const history = await staff.auditLog.listHistory(await actor('A1'), id('G1'), undefined, '203.0.113.7');
    assert.deepEqual(
      history?.entries.map(({ event }) => event),
      ['staff.unlock'],
    );
    assert.equal(history.names.get(id('A1')), '張立人');
    const [view] = await search({ event: 'staff.view' });
    assert.deepEqual(view?.detail, { capacity: 'it_desk', page: 'history' });
    assert.equal(await staff.auditLog.listHistory(await actor('A1'), id('S6'), undefined, '203.0.113.7'), undefined);
    assert.equal(await staff.auditLog.listHistory(await actor('A1'), 'unknown', undefined, '203.0.113.7'), undefined);
  });

  it('pages the history of a person, and offers no page after the last entry', async () => {
    const append = (count: number): Promise<void> =>
      on.store.write(async (tx) => {
        for (let at = 0; at < count; at += 1) {
          await services.audit.append(tx, { event: 'session.logged_out', outcome: 'ok', subjectId: id('S3') });
        }
      });
    const by = await actor('B1');
    const countOn = async (before: number | undefined): Promise<[number, number | undefined]> => {
      const page = await staff.auditLog.listHistory(by, id('S3'), before, '203.0.113.7');
      assert.ok(page);
      return [page.entries.length, page.next];
    };
    await append(50);
    const [count, next] = await countOn(undefined);
    assert.deepEqual([count, next], [50, undefined]);
    // The first view is an entry about the person too.
    const [, second] = await countOn(undefined);
    assert.ok(second !== undefined);
    assert.deepEqual(await countOn(second), [1, undefined]);
  });

  it('exports every matching entry and records the export with its filter', async () => {
    const filter = { ...EVERYTHING, event: 'sign_in' };
    const by = { actorId: id('B1'), address: '203.0.113.7', format: 'csv' };
    const exported: string[] = [];
    for await (const entry of await staff.auditLog.export(filter, by)) exported.push(entry.event);
    assert.deepEqual(exported, ['sign_in.succeeded', 'sign_in.failed']);
    const [entry] = await search({ event: 'audit.exported' });
    assert.equal(entry?.actorId, id('B1'));
    assert.deepEqual(entry.detail, { format: 'csv', filter: '{"event":"sign_in"}' });
    let count = 0;
    for await (const { seq } of await staff.auditLog.export(EVERYTHING, by)) count += seq > 0 ? 1 : 0;
    const range = await on.store.read((tx) => auditLog.findSequenceRange(tx));
    assert.equal(count, (range?.last ?? 0) - 1, 'all but the entry of this export');
  });

  it('finds a person by id and by login name', async () => {
    assert.equal(await staff.auditLog.findPersonId(id('S1')), id('S1'));
    assert.equal(await staff.auditLog.findPersonId('An.Wang'), id('S1'));
    assert.equal(await staff.auditLog.findPersonId('no.such.name'), undefined);
  });

  it('is verified in steps, once at a time, and the result names a changed entry', async () => {
    const by = { actorId: id('B1'), address: '203.0.113.7' };
    const { auditVerification } = staff;
    const ended = () =>
      pollUntil('the end of the verification', () => {
        const state = auditVerification.state();
        return state.kind !== 'running' && state;
      });
    assert.deepEqual(auditVerification.state(), { kind: 'none' });
    assert.equal(auditVerification.start(by), true);
    assert.equal(auditVerification.start(by), false);
    const running = await pollUntil('progress', () => {
      const state = auditVerification.state();
      return state.kind === 'running' && state.verified > 0 && state;
    });
    assert.ok(running.verified < running.total);
    assert.equal(running.verified % 250, 0, 'a pause after every 250 entries');
    assert.equal((await ended()).kind, 'intact');
    const [entry] = await pollUntil('the entry', async () => {
      const found = await search({ event: 'audit.verified' });
      return found.length > 0 && found;
    });
    assert.deepEqual([entry?.detail['result'], entry?.outcome], ['intact', 'ok']);
    for (const statement of [
      ...triggersOff(on.dialect),
      "update audit set outcome = 'ok' where event = 'sign_in.failed'",
    ]) {
      await on.store.runExclusively((run) => run(statement));
    }
    auditVerification.start(by);
    const broken = await ended();
    assert.equal(broken.kind, 'broken');
    assert.match(broken.problem, /entry \d+ does not fit \(hash\)/);
    const outcomes = await pollUntil('the entry of the broken log', async () => {
      const found = await search({ event: 'audit.verified' });
      return found.length > 1 && found.map(({ outcome, detail }) => [outcome, detail['result'], detail['problem']]);
    });
    assert.deepEqual(outcomes, [
      ['refused', 'broken', broken.problem],
      ['ok', 'intact', undefined],
    ]);
  });

  it('reports a verification that the database interrupts, and can be started again', async () => {
    const recorded: AuditEvent[] = [];
    const auditVerification = createAuditVerification({
      ...services,
      store: { ...on.store, read: () => Promise.reject(new Error('down')) },
      audit: {
        ...services.audit,
        record: (event) => {
          recorded.push(event);
          return Promise.reject(new Error('no room'));
        },
      },
    });
    const by = { actorId: id('B1'), address: '203.0.113.7' };
    const now = services.clock.now();
    assert.equal(auditVerification.start(by), true);
    assert.deepEqual(auditVerification.state(), { kind: 'running', startedAt: now, verified: 0, total: 0 });
    await pollUntil('the log line', () => services.capturedLog.text().includes('no room'));
    assert.deepEqual(auditVerification.state(), { kind: 'interrupted', startedAt: now, endedAt: now });
    assert.deepEqual(recorded, [
      { event: 'audit.verified', outcome: 'refused', ...by, detail: { result: 'interrupted' } },
    ]);
    assert.match(services.capturedLog.text(), /failed to verify the audit log/);
    assert.match(services.capturedLog.text(), /failed to record the verification of the audit log/);
    assert.equal(auditVerification.start(by), true);
  });
});
