/** Changes that wait for a colleague, and the actions with a value. */
import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';
import { eq, sql } from 'drizzle-orm';
import type { NamedKey } from '../../demo/city/fixtures.ts';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import type { PersonActionName } from '../../src/domain/access/person-actions.ts';
import { DUTY_MEMBERSHIPS } from '../../src/domain/access/duties.ts';
import { DAY_MS } from '../../src/domain/duration.ts';
import type { StaffActor } from '../../src/services/console/authorization.ts';
import type { ConsoleServices } from '../../src/services/console/index.ts';
import type { PersonActionResult } from '../../src/services/console/person-actions.ts';
import type { AnswerResult, RequestAnswer } from '../../src/services/console/staff-requests.ts';
import { expireStaffRequests, listStaffRequests } from '../../src/store/console/staff-requests.ts';
import { findPerson, listIdentifiers } from '../../src/store/people/people.ts';
import { insertMembership } from '../../src/store/people/schools.ts';
import { demoId, openTestConsole } from '../helpers/console-services.ts';
import { pollUntil } from '../helpers/poll.ts';
import { explainLastStatement } from '../helpers/query-plan.ts';
import type { TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';

const id = demoId;
const ADDRESS = '192.0.2.1';

eachStore('requests of staff', (on) => {
  let services: TestServices;
  let staff: ConsoleServices;
  const OTHER_ADMINISTRATOR = id('T1');
  before(async () => {
    ({ services, staff } = await openTestConsole(on.store));
    const administrator = {
      id: 'm-admin',
      personId: OTHER_ADMINISTRATOR,
      schoolCode: null,
      role: 'bureau_admin',
    } as const;
    await on.store.write((tx) => insertMembership(tx, { ...administrator, isPrimary: false }));
  });
  beforeEach(async () => {
    await services.takeJobs();
    await services.newEntries();
  });

  const actorOf = async (personId: string): Promise<StaffActor> => {
    const found = await staff.authorization.findActor(personId);
    assert.ok(found, personId);
    return found;
  };
  const versionOf = async (personId: string): Promise<number> =>
    (await on.store.read((tx) => findPerson(tx, personId)))?.staffVersion ?? 0;
  const act = async (
    actor: NamedKey,
    action: PersonActionName,
    target: NamedKey,
    input = '',
  ): Promise<PersonActionResult> =>
    staff.personActions.perform({
      ...{ actorId: id(actor), personId: id(target), action, input, reason: 'asked by phone', address: ADDRESS },
      version: await versionOf(id(target)),
    });
  const request = async (actor: NamedKey, action: PersonActionName, target: NamedKey, input = ''): Promise<string> => {
    const result = await act(actor, action, target, input);
    assert.ok(result.kind === 'requested', JSON.stringify(result));
    return result.requestId;
  };
  const answer = async (
    actorId: string,
    requestId: string,
    target: NamedKey,
    given: RequestAnswer = 'confirm',
  ): Promise<AnswerResult> =>
    staff.requests.answer({
      ...{ actorId, requestId, answer: given, reason: 'checked by phone', address: ADDRESS },
      version: await versionOf(id(target)),
    });
  const loginsOf = async (key: NamedKey): Promise<string[]> =>
    (await on.store.read((tx) => listIdentifiers(tx, id(key)))).map(({ value }) => value);
  const mailsTo = async (): Promise<string[]> =>
    (await services.takeJobs()).flatMap((job) => (job.kind === 'mail' ? [job.to] : []));
  /** Waits until this many transactions of the PostgreSQL database wait for a lock. */
  const waitForLocks = (count: number): Promise<unknown> =>
    pollUntil('waiting transactions', async () => {
      const waiting = `select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
      const [row] = await on.store.read((tx) => tx.execute(waiting, []));
      return Number(row?.[0]) >= count;
    });
  const canSignIn = async (login: string, password = DEMO_PASSWORD): Promise<string> =>
    (await services.signIn.attempt({ login, password, address: '192.0.2.2', clientId: undefined })).kind;

  it('changes the email of a guardian after a colleague has confirmed, and tells both addresses', async () => {
    const requestId = await request('A1', 'change-email', 'G2', 'New.Meiling@parents.example');
    assert.ok((await loginsOf('G2')).includes('meiling.li@parents.example'));
    assert.deepEqual(await mailsTo(), []);
    const page = await staff.requests.load(await actorOf(id('A2')), requestId);
    assert.deepEqual(
      [page?.before, page?.after, page?.requestedBy, page?.canConfirm],
      ['meiling.li@parents.example', 'new.meiling@parents.example', '張立人', true],
    );
    const result = await answer(id('A2'), requestId, 'G2');
    assert.equal(result.kind, 'done');
    assert.ok(!(await loginsOf('G2')).includes('meiling.li@parents.example'));
    assert.deepEqual((await mailsTo()).sort(), ['meiling.li@parents.example', 'new.meiling@parents.example']);
    assert.equal(await canSignIn('new.meiling@parents.example'), 'succeeded');
    const entries = await services.newEntries();
    const entry = entries.find(({ event }) => event === 'staff.change_contact');
    assert.equal(entry?.actorId, id('A2'));
    assert.deepEqual(
      [entry.detail['requested_by'], entry.detail['capacity'], entry.detail['before'], entry.detail['after']],
      [id('A1'), 'registrar', 'm•••@parents.example', 'n•••@parents.example'],
    );
    assert.deepEqual(
      [entry.detail['request'], entry.detail['reason'], entry.detail['confirmation_reason']],
      [requestId, 'asked by phone', 'checked by phone'],
    );
    assert.equal(JSON.stringify(entries).includes('meiling@'), false);
    const closed = await staff.requests.list(await actorOf(id('A1')), { isOpen: false, after: undefined });
    assert.deepEqual(
      closed.requests.map(({ state, decidedBy }) => [state, decidedBy]),
      [['confirmed', '許雅文']],
    );
  });

  it('does not let the requester confirm, nor staff of another scope see it', async () => {
    const version = await versionOf(id('G2'));
    const requestId = await request('A1', 'change-mobile', 'G2', '0911222333');
    assert.equal(await versionOf(id('G2')), version + 1, 'forms that were opened before are outdated');
    assert.deepEqual(await answer(id('A1'), requestId, 'G2'), { kind: 'denied', reason: 'own_request' });
    const registrar = { id: 'm-other', personId: id('G5'), schoolCode: '993302', ...DUTY_MEMBERSHIPS.registrar };
    await on.store.write((tx) => insertMembership(tx, { ...registrar, isPrimary: false }));
    assert.equal(await staff.requests.load(await actorOf(id('G5')), requestId), undefined);
    assert.deepEqual(await answer(id('G5'), requestId, 'G2'), { kind: 'denied', reason: 'not_found' });
    await on.store.write((tx) => tx.db.delete(tx.tables.memberships).where(eq(tx.tables.memberships.id, 'm-other')));
    assert.deepEqual(await answer(id('T2'), requestId, 'G2'), { kind: 'denied', reason: 'not_found' });
    assert.deepEqual(await answer(id('G1'), requestId, 'G2'), { kind: 'denied', reason: 'not_found' });
    assert.equal(await staff.requests.load(await actorOf(id('T2')), requestId), undefined);
    assert.deepEqual(await act('A1', 'change-mobile', 'G2', '0911222334'), {
      kind: 'impossible',
      why: 'already_requested',
    });
    const notOwn = await answer(id('A2'), requestId, 'G2', 'withdraw');
    assert.deepEqual(notOwn, { kind: 'denied', reason: 'capacity' });
    assert.equal((await staff.requests.load(await actorOf(id('A2')), requestId))?.canWithdraw, false);
    assert.equal((await staff.requests.load(await actorOf(id('A1')), requestId))?.canWithdraw, true);
    assert.deepEqual(await answer(id('A1'), requestId, 'G2', 'withdraw'), { kind: 'withdrawn', why: undefined });
    assert.deepEqual(await answer(id('A2'), requestId, 'G2'), { kind: 'closed' });
    assert.ok((await loginsOf('G2')).includes('+886900000102'));
  });

  it('lets one of two confirming colleagues win and tells the other', async () => {
    const requestId = await request('A1', 'change-mobile', 'G2', '0911222333');
    const results = await Promise.all([answer(id('A2'), requestId, 'G2'), answer(id('B1'), requestId, 'G2')]);
    assert.deepEqual(results.map(({ kind }) => kind).sort(), ['closed', 'done']);
    assert.ok((await loginsOf('G2')).includes('+886911222333'));
    const events = (await services.newEntries()).filter(({ event }) => event === 'staff.change_contact');
    assert.equal(events.length, 1);
  });

  it('records capacity, school and reason of every answer', async () => {
    const closing = async (actor: NamedKey, given: RequestAnswer): Promise<unknown> => {
      const requestId = await request('A1', 'change-mobile', 'G2', '0911222334');
      if (given === 'confirm') await services.people.setStatus(id('A1'), 'disabled', undefined);
      await answer(id(actor), requestId, 'G2', given);
      await services.people.setStatus(id('A1'), 'active', undefined);
      const entry = (await services.newEntries()).findLast(({ event }) => event.startsWith('staff_request.'));
      assert.equal(entry?.detail['request'], requestId);
      const { capacity, school, reason } = entry.detail;
      return [entry.event, capacity, school, reason];
    };
    assert.deepEqual(
      [await closing('A1', 'withdraw'), await closing('A2', 'decline'), await closing('A2', 'confirm')],
      [
        ['staff_request.withdrawn', 'it_desk', '993301', 'checked by phone'],
        ['staff_request.declined', 'registrar', '993301', 'checked by phone'],
        ['staff_request.void', 'registrar', '993301', 'checked by phone'],
      ],
    );
  });

  // SQLite has one writer, so the job waits.
  if (on.dialect === 'postgres') {
    it('is not closed by the expiry job while a colleague confirms it', async () => {
      const requestId = await request('A1', 'change-mobile', 'G2', '0911222335');
      const [locked, release] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
      const holder = on.store.write(async (tx) => {
        const { identifiers } = tx.tables;
        const isOfTarget = eq(identifiers.personId, id('G2'));
        await tx.db
          .update(identifiers)
          .set({ createdAt: sql`${identifiers.createdAt}` })
          .where(isOfTarget);
        locked.resolve(undefined);
        await release.promise;
      });
      await locked.promise;
      // The confirmation has checked the request, and waits for the identifier.
      const confirmed = answer(id('A2'), requestId, 'G2');
      await waitForLocks(1);
      const later = services.clock.now() + 14 * DAY_MS;
      const expired = on.store.write((tx) => expireStaffRequests(tx, later, 100));
      await Promise.race([expired, waitForLocks(2)]);
      release.resolve(undefined);
      await holder;
      assert.equal(await expired, 0);
      assert.equal((await confirmed).kind, 'done');
      assert.equal((await staff.requests.load(await actorOf(id('A1')), requestId))?.state, 'confirmed');
    });
  }

  it('voids a request if the requester lost the capacity', async () => {
    const requestId = await request('A1', 'change-mobile', 'G2', '0911222444');
    await services.people.setStatus(id('A1'), 'disabled', undefined);
    const result = await answer(id('A2'), requestId, 'G2');
    await services.people.setStatus(id('A1'), 'active', undefined);
    assert.deepEqual(result, { kind: 'void', why: undefined });
    assert.deepEqual(await answer(id('A2'), requestId, 'G2'), { kind: 'closed' });
  });

  it('voids a request if the new address was taken or the old one was changed meanwhile', async () => {
    const requestId = await request('A1', 'change-mobile', 'G2', '0911222555');
    assert.equal((await act('B1', 'change-mobile', 'G2', '0911222666')).kind, 'done');
    assert.deepEqual(await answer(id('A2'), requestId, 'G2'), { kind: 'void', why: 'outdated' });
    const other = await request('A1', 'change-mobile', 'G2', '0911222777');
    assert.equal((await act('B1', 'change-mobile', 'T2', '0911222777')).kind, 'done');
    assert.deepEqual(await answer(id('A2'), other, 'G2'), { kind: 'void', why: 'taken' });
  });

  it('does nothing if the account was changed after the form of the answer was shown', async () => {
    const requestId = await request('A1', 'change-mobile', 'G2', '0911222888');
    const version = await versionOf(id('G2'));
    assert.equal((await act('A1', 'unlock', 'G2')).kind, 'done');
    const given = { actorId: id('A2'), requestId, answer: 'confirm', reason: 'x', address: ADDRESS } as const;
    assert.deepEqual(await staff.requests.answer({ ...given, version }), { kind: 'changed_meanwhile' });
    assert.equal((await answer(id('A2'), requestId, 'G2', 'decline')).kind, 'declined');
  });

  it('expires requests after 14 days', async () => {
    const requestId = await request('A1', 'change-mobile', 'G2', '0911222999');
    services.advance(14 * DAY_MS);
    assert.deepEqual(await answer(id('A2'), requestId, 'G2'), { kind: 'closed' });
    assert.equal(await staff.requests.expire(100), 1);
    assert.equal((await staff.requests.load(await actorOf(id('A2')), requestId))?.state, 'expired');
  });

  it('needs a second bureau administrator for an action on another one', async () => {
    const requestId = await request('B1', 'disable', 'T1');
    assert.deepEqual(await answer(id('B1'), requestId, 'T1'), { kind: 'denied', reason: 'own_request' });
    assert.deepEqual(await answer(id('A2'), requestId, 'T1'), { kind: 'denied', reason: 'capacity' });
    // The target does not answer a request about themselves.
    assert.deepEqual(await answer(id('T1'), requestId, 'T1'), { kind: 'denied', reason: 'self' });
    const third = {
      id: 'm-third',
      personId: id('G5'),
      schoolCode: null,
      role: 'bureau_admin',
      isPrimary: false,
    } as const;
    await on.store.write((tx) => insertMembership(tx, third));
    assert.equal((await answer(id('G5'), requestId, 'T1')).kind, 'done');
    assert.equal((await on.store.read((tx) => findPerson(tx, id('T1'))))?.status, 'disabled');
    await on.store.write((tx) => tx.db.delete(tx.tables.memberships).where(eq(tx.tables.memberships.id, 'm-third')));
    await services.people.setStatus(id('T1'), 'active', undefined);
  });

  it('belongs to the school whose duty allows it when staff serve several schools', async () => {
    for (const [at, schoolCode] of ['993302', '993301'].entries()) {
      const desk = { id: `m-${String(at)}`, personId: id('G5'), schoolCode, ...DUTY_MEMBERSHIPS.it_desk };
      await on.store.write((tx) => insertMembership(tx, { ...desk, isPrimary: false }));
    }
    const requestId = await request('G5', 'change-mobile', 'G2', '0911222336');
    const [entry] = (await services.newEntries()).filter(({ event }) => event === 'staff_request.created');
    assert.equal(entry?.detail['school'], '993301');
    const open = await staff.requests.list(await actorOf(id('A2')), { isOpen: true, after: undefined });
    assert.ok(open.requests.some((row) => row.id === requestId));
    assert.equal((await answer(id('G5'), requestId, 'G2', 'withdraw')).kind, 'withdrawn');
  });

  it('stores the values of a request sealed', async () => {
    const requestId = await request('A1', 'change-email', 'G1', 'secret.address@parents.example');
    const rows = await on.store.read((tx) => tx.db.select().from(tx.tables.staffRequests));
    assert.ok(rows.some((row) => row.id === requestId));
    assert.equal(/parents\.example|09112|asked by phone/.test(JSON.stringify(rows)), false);
  });

  it('lists requests by index', async () => {
    const search = { isOpen: true, after: { at: 1, id: 'x' }, limit: 26 };
    const ofSchool = await explainLastStatement(on.store, (tx) =>
      listStaffRequests(tx, { ...search, schoolCodes: ['993301'] }),
    );
    const ofCity = await explainLastStatement(on.store, (tx) =>
      listStaffRequests(tx, { ...search, schoolCodes: undefined }),
    );
    assert.match(ofSchool, /staff_requests_(school|city)_idx/);
    assert.match(ofCity, /staff_requests_city_idx/);
  });
});
