/** The numbers of the dashboards: counted once, and shown within the scope of the member of staff. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import { eq } from 'drizzle-orm';

import type { NamedKey } from '../../demo/city/fixtures.ts';
import { loadDemoCity } from '../../demo/city/load.ts';
import { namedId } from '../../demo/city/named-people.ts';
import { localDate } from '../../src/domain/clock.ts';
import { hourOf } from '../../src/domain/usage.ts';
import type { AuditEvent } from '../../src/services/audit/audit.ts';
import { createAuthorization } from '../../src/services/console/authorization.ts';
import { createDashboards, type Dashboard } from '../../src/services/console/dashboard.ts';
import { createAccountCounts } from '../../src/services/statistics/account-counts.ts';
import { createUsageCounts, type UsageCounts } from '../../src/services/statistics/usage-counts.ts';
import { codeCounterKey } from '../../src/services/authentication/second-factor-verification.ts';
import { insertSecondFactor } from '../../src/store/auth/second-factors.ts';
import * as throttles from '../../src/store/auth/throttles.ts';
import { markDeadLettered } from '../../src/store/outbox.ts';
import { listPersonSummaries } from '../../src/store/console/person-summaries.ts';
import * as statistics from '../../src/store/console/statistics.ts';
import type { GuardianshipRow } from '../../src/store/people/guardianships.ts';
import { explainLastStatement } from '../helpers/query-plan.ts';
import { createTestServices, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';

const SEED = 'kinpass';
const DAY = 86_400_000;
const id = (key: NamedKey): string => namedId(SEED, key);

eachStore('the dashboards', (on) => {
  let services: TestServices;
  let usage: UsageCounts;
  before(async () => {
    services = createTestServices(on.store);
    await loadDemoCity({ ...services, seed: SEED, people: 0 });
    usage = createUsageCounts({ store: on.store, clock: services.clock });
    const events: AuditEvent[] = [
      { event: 'sign_in.succeeded', outcome: 'ok', subjectId: id('S1') },
      { event: 'sign_in.succeeded', outcome: 'ok', subjectId: id('G2') },
      { event: 'sign_in.failed', outcome: 'refused', subjectId: id('S6') },
      { event: 'sign_in.failed', outcome: 'refused' },
      { event: 'sign_in.throttled', outcome: 'refused', subjectId: id('S1'), detail: { attempts: 7 } },
      { event: 'second_factor.failed', outcome: 'refused', subjectId: id('T2') },
      { event: 'authorization.granted', outcome: 'ok', subjectId: id('G2'), clientId: 'portfolio' },
      { event: 'authorization.granted', outcome: 'ok', subjectId: id('A1'), clientId: 'kinpass-account' },
      { event: 'session.revoked', outcome: 'ok', subjectId: id('S1') },
    ];
    for (const event of events) usage.add(event);
    await usage.flush();
  });

  const load = async (key: NamedKey): Promise<Dashboard[]> => {
    const actor = await createAuthorization(services).findActor(id(key));
    assert.ok(actor, key);
    return createDashboards({ store: on.store, clock: services.clock }).load(actor);
  };
  const only = async (key: NamedKey): Promise<Dashboard> => {
    const [dashboard, ...others] = await load(key);
    assert.ok(dashboard);
    assert.deepEqual(others, []);
    return dashboard;
  };
  const causesOf = ({ usage: numbers }: Dashboard): Record<string, number> =>
    Object.fromEntries(numbers?.causes.map(({ cause, count }) => [cause, count]) ?? []);

  it('count the city, and each school of a person once', async () => {
    const city = await only('B1');
    assert.deepEqual(causesOf(city), { wrong_password: 1, unknown_account: 1, throttled: 7, second_factor: 1 });
    const today = city.usage?.days.at(-1);
    assert.deepEqual([today?.succeeded, today?.failed], [2, 10]);
    assert.deepEqual(city.usage?.hours.at(-1)?.succeeded, 2);
    assert.deepEqual(city.usage.clients, [{ clientId: 'portfolio', count: 1 }]);
    const school = await only('A1');
    assert.deepEqual(school.scope.kind === 'school' && school.scope.school.code, '993301');
    assert.deepEqual(causesOf(school), { wrong_password: 0, unknown_account: 0, throttled: 7, second_factor: 1 });
    const elementary = await on.store.read((tx) => statistics.listSignInCounts(tx, '993601', 0));
    assert.deepEqual(
      elementary.map(({ outcome, count }) => [outcome, count]),
      [['succeeded', 1]],
      'the mother of S2',
    );
  });

  it('count a guardian at the school while the guardianship is active or suspended only', async () => {
    const today = localDate(services.clock.now());
    const yesterday = localDate(services.clock.now() - DAY);
    const schoolsWith = (change: Partial<GuardianshipRow>): Promise<number> =>
      on.store.write(async (tx) => {
        const { guardianships } = tx.tables;
        await tx.db
          .update(guardianships)
          .set(change)
          .where(eq(guardianships.guardianId, id('G3')));
        const schools = await statistics.listSchoolsOfPeople(tx, [id('G3')], today);
        const [summary] = await listPersonSummaries(tx, [id('G3')], today);
        assert.equal(summary?.children.length === 0, schools.length === 0, 'the children in a list');
        return schools.length;
      });
    const active = await schoolsWith({ state: 'active', validTo: null });
    assert.ok(active > 0);
    assert.equal(await schoolsWith({ state: 'suspended' }), active);
    assert.equal(await schoolsWith({ state: 'revoked' }), 0);
    assert.equal(await schoolsWith({ state: 'active', validTo: yesterday }), 0);
    assert.equal(await schoolsWith({ state: 'active', validTo: null }), active);
  });

  it('add up the counts of several writes and nodes, and lose none', async () => {
    const other = createUsageCounts({ store: on.store, clock: services.clock });
    for (let round = 0; round < 5; round += 1) {
      for (const counts of [usage, other])
        counts.add({ event: 'sign_in.succeeded', outcome: 'ok', subjectId: id('S1') });
      await Promise.all([usage.flush(), other.flush()]);
    }
    assert.equal((await only('B1')).usage?.days.at(-1)?.succeeded, 12);
    assert.equal((await only('A1')).usage?.days.at(-1)?.succeeded, 12);
  });

  it('keep counts in memory until the database takes them', async () => {
    let isDown = true;
    const store = {
      ...on.store,
      write: <T>(fn: Parameters<typeof on.store.write<T>>[0]) =>
        isDown ? Promise.reject(new Error('down')) : on.store.write(fn),
    };
    const counts = createUsageCounts({ store, clock: services.clock });
    counts.add({ event: 'sign_in.failed', outcome: 'refused' });
    await assert.rejects(counts.flush(), /down/);
    isDown = false;
    await counts.flush();
    assert.equal(causesOf(await only('B1'))['unknown_account'], 2);
  });

  it('count own passwords once a day, and delete old numbers', async () => {
    const { clock } = services;
    const counts = createAccountCounts({ store: on.store, clock });
    assert.equal((await only('A1')).accounts, undefined);
    const old = { schoolCode: statistics.CITY, hour: hourOf(clock.now() - 30 * DAY), outcome: 'succeeded', count: 1 };
    await on.store.write((tx) => statistics.addSignInCounts(tx, [old]));
    await counts.countToday();
    const city = (await only('B1')).accounts;
    const school = (await only('A1')).accounts;
    assert.ok(city && school);
    assert.ok(school.people > 5 && school.people < city.people);
    assert.ok(school.withPassword > 0 && school.withPassword < school.people, 'G1 never signed in');
    const before = await on.store.read((tx) => statistics.listSignInCounts(tx, statistics.CITY, 0));
    assert.ok(before.every(({ hour }) => hour > old.hour));
    await on.store.write((tx) => tx.db.delete(tx.tables.passwords));
    await counts.countToday();
    assert.equal((await only('A1')).accounts?.withPassword, school.withPassword, 'once a day');
  });

  it('count locked accounts of the scope, also for classes', async () => {
    const locked = { failures: 50, blockedUntil: 0, updatedAt: services.clock.now() };
    await on.store.write(async (tx) => {
      for (const key of ['S1', 'S6'] as const) await throttles.upsertThrottle(tx, `person:${id(key)}`, locked);
      await throttles.upsertThrottle(tx, `person:${id('S3')}`, { ...locked, failures: 49 });
      await throttles.upsertThrottle(tx, 'login:x', locked);
    });
    assert.equal((await only('B1')).locked, 2);
    assert.equal((await only('A1')).locked, 1);
    const teacher = await only('T2');
    assert.equal(teacher.scope.kind, 'classes');
    assert.equal(teacher.locked, 1);
    assert.equal(teacher.usage, undefined);
    assert.ok((teacher.accounts?.people ?? 0) >= 3);
  });

  it('count locked authenticator apps, and a person with two locks once', async () => {
    const before = (await only('B1')).locked;
    const schoolBefore = (await only('A1')).locked;
    const state = { failures: 50, blockedUntil: 0, updatedAt: services.clock.now() };
    await on.store.write(async (tx) => {
      for (const key of ['S1', 'S3', 'S6', 'T2'] as const) {
        await throttles.upsertThrottle(tx, codeCounterKey('totp', id(key)), state);
        const factor = { id: `app of ${key}`, personId: id(key), kind: 'totp' as const, name: '', key: '', counter: 0 };
        if (key === 'T2') continue;
        assert.ok(await insertSecondFactor(tx, { ...factor, createdAt: state.updatedAt }));
      }
      await throttles.upsertThrottle(tx, codeCounterKey('recovery_code', id('G2')), state);
    });
    assert.equal((await only('B1')).locked, before + 1, 'S3; S1 and S6 are locked already, T2 has no app');
    assert.equal((await only('A1')).locked, schoolBefore + 1);
  });

  it('count waiting and undeliverable mails for the bureau only, and no logout notice', async () => {
    await on.store.write((tx) => tx.db.delete(tx.tables.outbox));
    assert.deepEqual((await only('B1')).mailQueue, { pending: 0, dead: 0 });
    await on.store.write(async (tx) => {
      const logout = { kind: 'backchannel_logout' as const, clientId: 'portfolio', personId: id('S1') };
      const mail = {
        kind: 'mail' as const,
        to: 'a@city.test',
        template: 'reset-link' as const,
        lang: 'en',
        locals: {},
      };
      const ids = await services.outbox.enqueueAll(tx, [logout, mail, mail, mail]);
      await markDeadLettered(tx, ids[1] ?? '', services.clock.now(), 'refused');
    });
    assert.deepEqual((await only('B1')).mailQueue, { pending: 2, dead: 1 });
    for (const key of ['A1', 'T2'] as const) assert.equal((await only(key)).mailQueue, undefined);
  });

  it('show fourteen days, and the hours of today up to now', async () => {
    const { usage: numbers } = await only('B1');
    assert.deepEqual(
      numbers?.days.map(({ day }) => day),
      Array.from({ length: 14 }, (_, at) => `2026-11-${String(at + 10)}`),
    );
    assert.deepEqual(
      numbers.hours.map(({ hour }) => hour),
      Array.from({ length: 13 }, (_, hour) => hour),
    );
    const [past, now] = [numbers.days.slice(0, -1), numbers.days.at(-1)];
    assert.ok(past.every(({ succeeded, failed }) => succeeded === 0 && failed === 0));
    assert.ok(numbers.hours.slice(0, -1).every(({ succeeded, failed }) => succeeded === 0 && failed === 0));
    assert.deepEqual({ ...numbers.hours.at(-1), hour: 0 }, { succeeded: now?.succeeded, failed: now?.failed, hour: 0 });
  });

  it('read by index', async () => {
    const today = localDate(services.clock.now());
    const plans = [
      explainLastStatement(on.store, (tx) => statistics.listSignInCounts(tx, '993301', 0)),
      explainLastStatement(on.store, (tx) => statistics.listClientTotals(tx, '993301', today, 10)),
      explainLastStatement(on.store, (tx) => statistics.listAccountCounts(tx, '993301', today)),
      explainLastStatement(on.store, (tx) => statistics.countAccountsAfter(tx, '', 10)),
    ];
    for (const plan of await Promise.all(plans)) {
      assert.doesNotMatch(plan, /SCAN (sign_in_counts|client_counts|account_counts)|Seq Scan/, plan);
    }
    const locked = await explainLastStatement(on.store, (tx) =>
      statistics.listLockedPersonIds(tx, { passwords: 'person:', codes: 'none:' }, 10),
    );
    assert.match(locked, /throttles_locked_idx/);
  });

  it('write the counts in the order of their keys, and nothing without counts', async () => {
    services.advance(DAY);
    const counts = createUsageCounts({ store: on.store, clock: services.clock });
    for (const key of ['S6', 'G2', 'S1', 'A1'] as const) {
      for (const event of ['sign_in.succeeded', 'sign_in.failed'] as const)
        counts.add({ event, outcome: 'ok', subjectId: id(key) });
      for (const clientId of ['portfolio', 'library'])
        counts.add({ event: 'authorization.granted', outcome: 'ok', subjectId: id(key), clientId });
    }
    await counts.flush();
    const position = on.dialect === 'sqlite' ? 'rowid' : 'ctid';
    const hour = String(hourOf(services.clock.now()));
    const written = (statement: string): Promise<string[]> =>
      on.store.runExclusively(async (run) =>
        (await run(`${statement} order by ${position}`)).map((row) => row.join(' ')),
      );
    for (const rows of [
      await written(`select school_code, outcome from sign_in_counts where hour = ${hour}`),
      await written(`select school_code, client_id from client_counts where day = '2026-11-24'`),
    ]) {
      assert.ok(rows.length > 4);
      assert.deepEqual(rows, [...rows].sort());
    }
    const down = { ...on.store, read: () => Promise.reject(new Error('down')) };
    await createUsageCounts({ store: down, clock: services.clock }).flush();
  });
});
