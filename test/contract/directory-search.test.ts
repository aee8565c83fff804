/** The filters of the directory on both databases: every way to find people gives the same result as an evaluation of each person. */
import assert from 'node:assert/strict';
import { createSecretKey, randomBytes, randomUUID } from 'node:crypto';
import { before, it } from 'node:test';

import { sql } from 'drizzle-orm';
import fc from 'fast-check';

import { loadDemoCity } from '../../demo/city/load.ts';
import { clientSchema } from '../../src/config/clients.ts';
import { foldText } from '../../src/domain/directory/folding.ts';
import { SCHOOL_TYPES, type ClientEntitlements } from '../../src/domain/model.ts';
import { createDirectory, type DirectoryClient } from '../../src/services/directory/directory.ts';
import { createDirectoryGroups } from '../../src/services/directory/groups.ts';
import { listThrottleKeys } from '../../src/store/auth/throttles.ts';
import type { Store, Transaction } from '../../src/store/database/index.ts';
import { listCityIds, listClassStudentIds, listStudentIds, listTeacherIds } from '../../src/store/directory/groups.ts';
import { findPersonIdByNumber, listIdsInOrder, listIdsOfRange, prefixRange } from '../../src/store/directory/people.ts';
import { insertIdentifier, insertPerson, loadFactsOfPeople } from '../../src/store/people/people.ts';
import { insertMembership } from '../../src/store/people/schools.ts';
import { directoryClient } from '../helpers/directory.ts';
import { ALL_ENTITLEMENTS, anyFilter, evaluate, type Build, type Values } from '../helpers/directory-filters.ts';
import { createTestSearch } from '../helpers/directory-search.ts';
import { explainLastStatement } from '../helpers/query-plan.ts';
import { createTestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';

const SCHOOL = '993301';
const BEGIN = Date.UTC(2026, 8, 1);

/** Case and width of other scripts, wildcards of SQL and LDAP, and names that differ in spaces, accents and case only. */
const NAMES = [
  ...['İpek Işık', 'ipek işik', 'IPEK ISIK', 'ıtır', 'ITIR', 'ΟΔΥΣΣΕΥΣ', 'οδυσσευς', 'οδυσσευσ', 'Σ', 'ς α'],
  ...['Ｗａｎｇ Ｄａ', 'wang  da', 'WangDa', 'Nguyễn Văn', 'nguyen van', 'STRASSE', 'straße', '陳大', '陳%大', '陳_大'],
  ...['a*b', '(x)', '\\2a', "O'Neil", '𠮷野家', 'e\u0301mile', 'Émile', 'K', 'ﬁne', '-', '陳淑芬'],
];
const ACCOUNTS = ['wang.da', 'wang-da', 'wang_da', 'wangda', 'z.last', 'aaaa'];

/** Inserts teachers with these names, each with other logins and times. */
async function insertTeachers(store: Store): Promise<void> {
  await store.write(async (tx) => {
    for (const [at, name] of NAMES.entries()) {
      const id = randomUUID();
      const [createdAt, updatedAt] = [BEGIN + at * 400, BEGIN + (at % 7) * 86_400_000];
      await insertPerson(tx, { id, kind: 'person', name, status: 'active', createdAt, updatedAt });
      const insert = (kind: 'account' | 'email' | 'mobile', value: string): Promise<void> =>
        insertIdentifier(tx, { id: randomUUID(), personId: id, kind, value, createdAt });
      const account = ACCOUNTS[at];
      if (account !== undefined) await insert('account', account);
      if (at % 2 === 0) await insert('email', `teacher${String(at)}@school.example`);
      if (at % 3 === 0) await insert('mobile', `+8869110000${String(at).padStart(2, '0')}`);
      const role = at % 4 === 0 ? 'staff' : 'teacher';
      await insertMembership(tx, { id: randomUUID(), personId: id, schoolCode: SCHOOL, role, isPrimary: true });
    }
    const { classes } = tx.tables;
    // Names of classes with letters, whose case a filter ignores.
    await tx.db.update(classes).set({ classno: sql`'Ａb' || ${classes.classno}` });
  });
}

const CLIENTS: readonly ClientEntitlements[] = [
  ALL_ENTITLEMENTS,
  { ...ALL_ENTITLEMENTS, scopes: ['openid', 'email'] },
  { ...ALL_ENTITLEMENTS, scopes: ['openid'] },
];

eachStore('the search of the directory', (on) => {
  before(async () => {
    await loadDemoCity({ ...createTestServices(on.store), seed: 'kinpass', people: 0 });
    await insertTeachers(on.store);
  });

  it('finds the same people by index, by pages and by evaluating each', async () => {
    const search = createTestSearch(on.store, { maxSmallRange: 3 });
    const known = new Map<ClientEntitlements, Map<string, Values>>();
    for (const client of CLIENTS) known.set(client, await search.listAll(client));
    let byIndex = 0;
    const check = async (build: Build, client: ClientEntitlements, size: number): Promise<void> => {
      const people = known.get(client) ?? new Map<string, Values>();
      const filter = build([...(known.get(ALL_ENTITLEMENTS) ?? []).values()]);
      const expected = [...people].filter(([, values]) => evaluate(filter, values, client.scopes) === true);
      const names = expected.map(([name]) => name);
      const text = JSON.stringify(filter);
      assert.deepEqual((await search.byPages(client, filter, size)).names, names, text);
      const once = await search.once(client, filter);
      if (once.result === 'success') assert.deepEqual(once.names, names, text);
      else assert.equal(once.result, 'unwillingToPerform', text);
      byIndex += Number(once.result === 'success');
    };
    const property = fc.asyncProperty(anyFilter, fc.constantFrom(...CLIENTS), fc.integer({ min: 1, max: 60 }), check);
    const numRuns = on.dialect === 'sqlite' ? 120 : 40;
    await fc.assert(property, { numRuns });
    assert.ok(byIndex > numRuns / 5, String(byIndex));
  });

  it('finds each person by the values that name one person', async () => {
    const search = createTestSearch(on.store, { maxSmallRange: 3 });
    const people = await search.listAll(ALL_ENTITLEMENTS);
    for (const attribute of ['uid', 'mail', 'mobile', 'uniqueidentifier', 'entryuuid', 'uidnumber']) {
      const known = [...people].flatMap(([name, values]) =>
        (values.get(attribute) ?? []).map((value) => ({ name, value })),
      );
      assert.ok(known.length > 3, attribute);
      for (const { name, value } of known) {
        const found = await search.once(ALL_ENTITLEMENTS, { kind: 'equality', attribute, value });
        assert.deepEqual(found, { result: 'success', names: [name] }, `${attribute}=${value}`);
      }
    }
  });

  it('reads an index for every lookup', async () => {
    const day = { from: BEGIN, to: BEGIN + 1 };
    const plans: [index: RegExp, work: (tx: Transaction) => Promise<unknown>][] = [
      [/persons_name_search_idx/, (tx) => listIdsOfRange(tx, { by: 'name', ...prefixRange('陳') }, 10)],
      [/identifiers_value_key/, (tx) => listIdsOfRange(tx, { by: 'login', ...prefixRange('wang') }, 10)],
      [/persons_created_idx/, (tx) => listIdsOfRange(tx, { by: 'created', ...day }, 10)],
      [/persons_updated_idx/, (tx) => listIdsOfRange(tx, { by: 'modified', ...day }, 10)],
      [
        /persons_name_search_idx/,
        (tx) => listIdsInOrder(tx, { by: 'name', ...prefixRange('陳') }, { after: '', limit: 10, size: 'small' }),
      ],
      [/directory_numbers_pkey|INTEGER PRIMARY KEY/, (tx) => findPersonIdByNumber(tx, 7)],
      [/throttles_pkey|sqlite_autoindex_throttles/, (tx) => listThrottleKeys(tx, `directory:${randomUUID()}:`)],
      [/memberships_person_idx/, (tx) => listCityIds(tx, 'teachers', '', 10)],
      [/enrolments_(student_idx|class_student_key)/, (tx) => listCityIds(tx, 'students', '', 10)],
      [/guardianships_pair_key/, (tx) => listCityIds(tx, 'parents', '', 10)],
      [/memberships_(school|person)_idx/, (tx) => listTeacherIds(tx, SCHOOL, '', 10)],
      [/enrolments_school_idx/, (tx) => listStudentIds(tx, SCHOOL, '', 10)],
      [/enrolments_class_student_key/, (tx) => listClassStudentIds(tx, { schoolCode: SCHOOL, classno: '203' }, '', 10)],
    ];
    // In the order of ids, unless PostgreSQL knows from its statistics that the range has few people.
    const ordered: typeof plans = [
      [
        /persons_pkey|sqlite_autoindex_persons|persons_updated_idx/,
        (tx) => listIdsInOrder(tx, { by: 'modified', ...day }, { after: '', limit: 10, size: 'large' }),
      ],
      [
        on.dialect === 'sqlite' ? /identifiers_person_idx/ : /identifiers_(person_idx|value_key)/,
        (tx) => listIdsInOrder(tx, { by: 'login', ...prefixRange('a') }, { after: '', limit: 10, size: 'large' }),
      ],
    ];
    for (const [index, work] of [...plans, ...ordered]) {
      const plan = await explainLastStatement(on.store, work);
      assert.match(plan, index);
      assert.doesNotMatch(plan, /Seq Scan|SCAN (?!.*USING)/);
    }
  });

  it('finds any number of groups in three reads, in any case', async () => {
    let reads = 0;
    const read: Store['read'] = (...args) => {
      reads += 1;
      return on.store.read(...args);
    };
    const groups = createDirectoryGroups({ store: { ...on.store, read } });
    const client: DirectoryClient = {
      ...{
        clientId: 'x',
        sector: 'x.example',
        entitlements: ALL_ENTITLEMENTS,
        canScan: false,
        secretHashes: [],
        shownSchoolTypes: SCHOOL_TYPES,
      },
    };
    const stored = await on.store.read(({ db, tables: { classes } }) => db.select().from(classes));
    const toGroup = (schoolCode: string, classno: string) => ({ kind: 'class', schoolCode, classno }) as const;
    const asked = stored.map(({ schoolCode, classno }) => toGroup(schoolCode, foldText(classno)));
    assert.ok(asked.length > 3);
    const found = await groups.findGroups(client, [...asked, toGroup('unknown', '203')]);
    assert.deepEqual(
      found,
      stored.map(({ schoolCode, classno }) => toGroup(schoolCode, classno)),
    );
    assert.equal(reads, 3);
    const special = { ...client, entitlements: { ...ALL_ENTITLEMENTS, schoolTypes: [] } };
    assert.deepEqual(await groups.findGroups(special, asked), []);
  });

  it('does not combine a sector with a client of the file that has the id of another one', async () => {
    const register = (id: string, host: string, scopes: readonly string[]) =>
      clientSchema.parse(directoryClient(id, { redirect_uris: [`https://${host}/callback`], scopes }));
    const stored = [register('wifi', 'a.example', ['openid', 'profile']), register('mail', 'a.example', ['openid'])];
    const ofFile = [register('mail', 'b.example', ['openid'])];
    const directory = createDirectory({
      ...createTestServices(on.store),
      pairwiseKey: createSecretKey(randomBytes(32)),
      clients: {
        list: () => ofFile,
        refresh: (id) => Promise.resolve([...ofFile, ...stored].find((one) => one.client_id === id)),
      },
      storedClients: { list: () => stored, refreshAll: () => Promise.resolve() },
    });
    const wifi = await directory.findClient('wifi');
    assert.ok(wifi);
    const handle = directory.handleOf(wifi, randomUUID());
    assert.deepEqual(await directory.findClientOfHandle(handle), wifi);
  });

  it('loads the facts of a page in at most four statements', async () => {
    const ids = await on.store.read((tx) => listCityIds(tx, 'teachers', '', 50));
    assert.ok(ids.length > 20);
    let statements = 0;
    const facts = await on.store.read((tx) => {
      const execute: typeof tx.execute = (...args) => {
        statements += 1;
        return tx.execute(...args);
      };
      const dates = { reached: new Set<string>(), open: () => undefined };
      return loadFactsOfPeople({ ...tx, execute }, ids, '2026-11-23', dates);
    });
    assert.equal(facts.size, ids.length);
    assert.ok(statements <= 4, String(statements));
  });
});
