/** The staff console finds and changes people within the scope of the member of staff only. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import type { NamedKey } from '../../demo/city/fixtures.ts';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import type { PersonActionName } from '../../src/domain/access/person-actions.ts';
import type { StaffActor } from '../../src/services/console/authorization.ts';
import type { ConsoleServices } from '../../src/services/console/index.ts';
import type { PersonActionResult } from '../../src/services/console/person-actions.ts';
import { listPeopleByName, listPersonIdsByStudentNumber } from '../../src/store/console/search.ts';
import { deletePendingContact, upsertPendingContact } from '../../src/store/people/contacts.ts';
import { findPerson } from '../../src/store/people/people.ts';
import { demoId, openTestConsole } from '../helpers/console-services.ts';
import { explainLastStatement } from '../helpers/query-plan.ts';
import type { TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';
import { storeSession } from '../helpers/stored-sessions.ts';

const id = demoId;

eachStore('the staff console', (on) => {
  let services: TestServices;
  let staff: ConsoleServices;
  before(async () => {
    ({ services, staff } = await openTestConsole(on.store, { people: 300 }));
  });

  const actor = async (key: NamedKey): Promise<StaffActor> => {
    const found = await staff.authorization.findActor(id(key));
    assert.ok(found, key);
    return found;
  };
  const find = async (key: NamedKey, query: string): Promise<string[]> =>
    (await staff.search.find(await actor(key), query, undefined)).people.map((person) => person.id);
  const act = async (
    actorKey: NamedKey,
    action: PersonActionName,
    targetKey: NamedKey,
    more: { version?: number } = {},
  ): Promise<PersonActionResult> => {
    const person = await on.store.read((tx) => findPerson(tx, id(targetKey)));
    return staff.personActions.perform({
      actorId: id(actorKey),
      personId: id(targetKey),
      action,
      reason: 'asked by phone',
      version: more.version ?? person?.staffVersion ?? 0,
      address: '192.0.2.1',
    });
  };
  const canSignIn = async (login: string, password: string): Promise<string> =>
    (await services.signIn.attempt({ login, password, address: '192.0.2.2', clientId: undefined })).kind;

  it('knows the capacities of staff and no one else', async () => {
    const capacities = async (key: NamedKey): Promise<string[]> =>
      ((await staff.authorization.findActor(id(key)))?.capacities ?? []).map(({ capacity }) => capacity);
    assert.deepEqual(await capacities('A1'), ['it_desk']);
    assert.deepEqual(await capacities('A2'), ['registrar']);
    assert.deepEqual(await capacities('T2'), ['homeroom_teacher']);
    assert.deepEqual(await capacities('B1'), ['bureau_admin']);
    for (const key of ['G1', 'S1', 'T1'] as const) assert.deepEqual(await capacities(key), [], key);
  });

  for (const [kind, query, expected] of [
    ['name', '王小安', ['S1', 'H1']],
    ['part of a name', '小安', ['S1', 'H1']],
    ['email', 'daming.wang@parents.example', ['G1']],
    ['mobile number', '0900-000-102', ['G2']],
    ['custom account name', 'an.wang', ['S1']],
    ['student number', '11330001', ['S1', 'H1']],
    ['school account', 'P11330003', ['S4', 'H4']],
    ['national ID', 'Y100100201', ['G1']],
    ['national ID in full width', 'ｙ１００１００２０１', ['G1']],
  ] as const) {
    it(`finds people of the own school by ${kind}`, async () => {
      const found = await find('A1', query);
      assert.deepEqual(found.slice().sort(), expected.map(id).sort());
    });
  }

  it('finds the pupils of a class by its number', async () => {
    const found = await find('A1', '203');
    for (const key of ['S1', 'S3', 'S4'] as const) assert.ok(found.includes(id(key)), key);
  });

  it('does not find people of another school', async () => {
    for (const query of ['林可欣', 'Y200300203', 'lan.nguyen@parents.example', '陳淑芬x', '周子晴']) {
      assert.deepEqual(await find('A1', query), [], query);
    }
  });

  it('finds the whole city for the bureau, by the beginning of a name', async () => {
    assert.deepEqual((await find('B1', '林可欣')).sort(), [id('S6'), id('H6')].sort());
    assert.deepEqual(await find('B1', 'nguyen thi'), [id('G5')]);
    assert.deepEqual(await find('B1', '小安'), []);
  });

  it('finds the own class only for a homeroom teacher', async () => {
    assert.deepEqual((await find('T2', '王小安')).sort(), [id('S1'), id('H1')].sort());
    assert.deepEqual(await find('T2', '周子晴'), []);
    assert.deepEqual(await find('T2', '張立人'), []);
  });

  it('takes wildcards and empty text literally', async () => {
    for (const query of ['%', '_', '*', '', ' ', "' or 1=1 --"]) assert.deepEqual(await find('B1', query), [], query);
  });

  it('pages by name without repeating a person', async () => {
    const bureau = await actor('B1');
    const seen: string[] = [];
    let after: Parameters<typeof staff.search.find>[2];
    do {
      const page = await staff.search.find(bureau, '王', after);
      seen.push(...page.people.map((person) => person.id));
      after = page.next;
    } while (after !== undefined);
    assert.ok(seen.length > 0);
    assert.equal(new Set(seen).size, seen.length);
  });

  it('searches by index', async () => {
    const search = { name: '王', scope: { kind: 'city' } as const, today: '2026-11-23', after: undefined, limit: 26 };
    const byName = await explainLastStatement(on.store, (tx) => listPeopleByName(tx, search));
    assert.match(byName, /persons_name_search_idx/);
    const byNumber = await explainLastStatement(on.store, (tx) => listPersonIdsByStudentNumber(tx, 'none', 100));
    assert.match(byNumber, /enrolments_number_idx/);
  });

  it('shows a person to staff of the school and records the view', async () => {
    await services.newEntries();
    const page = await staff.personPages.view(await actor('A1'), id('G1'), '192.0.2.1');
    assert.equal(page?.summary.name, '王大明');
    assert.equal(page.state.kind, 'first_password');
    assert.deepEqual(
      page.actions.map(({ name }) => name),
      [
        'reset-link',
        'one-time-code',
        'first-password',
        'unlock',
        'disable',
        'revoke-sessions',
        'change-email',
        'change-mobile',
      ],
    );
    const [entry] = await services.newEntries();
    assert.deepEqual([entry?.event, entry?.actorId, entry?.subjectId], ['staff.view', id('A1'), id('G1')]);
  });

  it('shows the mobile number that a person entered until staff confirm it', async () => {
    const load = async () => staff.personPages.load(await actor('A1'), id('G2'));
    assert.equal((await load())?.pendingMobile, undefined);
    const number = { personId: id('G2'), kind: 'mobile', value: '+886922000777' } as const;
    const row = { ...number, tokenHash: null, expiresAt: null, createdAt: 1 };
    await on.store.write((tx) => upsertPendingContact(tx, row));
    assert.equal((await load())?.pendingMobile, number.value);
    await on.store.write((tx) => deletePendingContact(tx, id('G2'), 'mobile'));
  });

  it('shows people out of scope as it shows unknown ids', async () => {
    assert.equal(await staff.personPages.view(await actor('A1'), id('S6'), '192.0.2.1'), undefined);
    assert.equal(await staff.personPages.view(await actor('A1'), 'unknown', '192.0.2.1'), undefined);
    assert.deepEqual(await act('A1', 'disable', 'S6'), { kind: 'denied', reason: 'not_found' });
  });

  it('issues a one-time code that opens the forced change only, and ends the old password', async () => {
    await services.newEntries();
    await storeSession(services, { sessionHash: 'device', personId: id('G2') });
    const result = await act('A1', 'one-time-code', 'G2');
    assert.ok(result.kind === 'done' && result.oneTimeCode !== undefined);
    const { code } = result.oneTimeCode;
    assert.match(code, /^[3479ACDEFGHJKMNPQRTWXY6]{10}$/);
    assert.equal(await services.access.findSession('device').then((session) => session?.endedAt === null), false);
    assert.equal(await canSignIn('meiling.li@parents.example', DEMO_PASSWORD), 'failed');
    const typed = `${code.slice(0, 5)} ${code.slice(5)}`.toLowerCase();
    assert.equal(await canSignIn('meiling.li@parents.example', typed), 'password_change_required');
    const entries = await services.newEntries();
    const entry = entries.find(({ event }) => event === 'staff.issue_one_time_code');
    assert.deepEqual(entry?.detail, {
      capacity: 'it_desk',
      school: '993301',
      reason: 'asked by phone',
      before: 'own password',
      after: 'one-time code',
    });
    assert.equal(JSON.stringify(entries).includes(code), false);
  });

  it('closes a one-time code after five wrong attempts', async () => {
    const result = await act('A1', 'one-time-code', 'G2');
    assert.ok(result.kind === 'done' && result.oneTimeCode !== undefined);
    for (let i = 0; i < 5; i += 1) assert.equal(await canSignIn('0900000102', 'AAAAA AAAAA'), 'failed');
    services.advance(60_000);
    assert.equal(await canSignIn('0900000102', result.oneTimeCode.code), 'failed');
    const page = await staff.personPages.load(await actor('A1'), id('G2'));
    assert.equal(page?.state.kind === 'one_time_code' && page.state.validity, 'closed');
  });

  it('restores the first password of a parent and of a school account', async () => {
    assert.equal((await act('A1', 'first-password', 'G2')).kind, 'done');
    assert.equal(await canSignIn('meiling.li@parents.example', '100301'), 'password_change_required');
    assert.equal((await act('A1', 'first-password', 'H4')).kind, 'done');
  });

  it('disables and enables an account', async () => {
    assert.equal((await act('A1', 'disable', 'S1')).kind, 'done');
    assert.equal(await canSignIn('an.wang', DEMO_PASSWORD), 'failed');
    assert.deepEqual(await act('A1', 'one-time-code', 'S1'), { kind: 'impossible', why: 'disabled' });
    assert.equal((await act('A1', 'enable', 'S1')).kind, 'done');
    assert.equal(await canSignIn('an.wang', DEMO_PASSWORD), 'succeeded');
  });

  it('does one of two actions that were prepared for the same state', async () => {
    const version = (await on.store.read((tx) => findPerson(tx, id('S3'))))?.staffVersion ?? 0;
    const results = await Promise.all([
      act('A1', 'disable', 'S3', { version }),
      act('B1', 'revoke-sessions', 'S3', { version }),
    ]);
    assert.deepEqual(results.map(({ kind }) => kind).sort(), ['changed_meanwhile', 'done']);
  });

  it('denies what the capacity does not include, oneself, and colleagues of equal rank', async () => {
    assert.deepEqual(await act('A2', 'one-time-code', 'S4'), { kind: 'denied', reason: 'capacity' });
    assert.deepEqual(await act('A1', 'unlock', 'A1'), { kind: 'denied', reason: 'self' });
    assert.deepEqual(await act('T2', 'reset-link', 'A1'), { kind: 'denied', reason: 'not_found' });
    assert.equal((await act('T2', 'reset-link', 'G1')).kind, 'done');
    assert.equal((await act('B1', 'unlock', 'A1')).kind, 'done');
  });

  it('denies everything to people whose capacity has ended', async () => {
    await services.people.setStatus(id('A1'), 'disabled', undefined);
    assert.deepEqual(await act('A1', 'unlock', 'S4'), { kind: 'denied', reason: 'not_found' });
    await services.people.setStatus(id('A1'), 'active', undefined);
  });
});
