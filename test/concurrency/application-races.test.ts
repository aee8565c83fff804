/** Two decisions about applications, or two reminders, at the same moment: one counts, and one person has one account. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { randomUUID } from 'node:crypto';
import { asc, eq } from 'drizzle-orm';
import { systemClock } from '../../src/domain/clock.ts';
import type { RegisterEntry } from '../../src/domain/binding/register.ts';
import { createPasswordHasher } from '../../src/platform/hashing/password-hasher.ts';
import { createAppend } from '../../src/services/audit/audit.ts';
import { DEFAULT_NOTICE } from '../../src/services/binding/default-notice.ts';
import { importRegister } from '../../src/services/binding/register-import.ts';
import { insertNoticeAnswer } from '../../src/store/binding/notices.ts';
import { setRegisterChecked } from '../../src/store/people/schools.ts';
import { signInFamily } from '../helpers/binding.ts';
import { findApplication, updateApplication } from '../../src/store/binding/applications.ts';
import { sealApplicant } from '../../src/services/binding/applicant-data.ts';
import { NEW_FATHER, storeApplication } from '../helpers/applications.ts';
import { personId } from '../helpers/city.ts';
import type { Answer, HttpBrowser } from '../helpers/http-browser.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';
import type { ServiceDatabase } from '../helpers/service.ts';
import { signInStaff, type StaffBrowser } from '../helpers/staff.ts';
import { openDatabase, startNodes, type Nodes } from './nodes.ts';

const ROUNDS = 3;
const ID = 'Y100500309';

for (const [name, count] of [
  ['one node on SQLite', 1],
  ['two nodes on PostgreSQL', 2],
] as const) {
  describe(`decisions about applications at the same moment (${name})`, () => {
    let nodes: Nodes;
    let database: ServiceDatabase;
    let registrar: StaffBrowser;
    let bureau: StaffBrowser;
    before(async () => {
      nodes = await startNodes({ count, ...(count > 1 ? { databaseUrl: await testDatabaseUrl() } : {}) });
      database = await openDatabase(nodes);
      ({ browser: registrar } = await signInStaff(database, 'A2'));
      ({ browser: bureau } = await signInStaff(database, 'B1'));
    });
    after(async () => {
      await database.container.store.close();
      await nodes.stop();
    });

    const open = (browser: HttpBrowser, id: string): Promise<Answer> => browser.open(`/console/applications/${id}`);
    const stateOf = async (id: string): Promise<string | undefined> =>
      (await database.container.store.read((tx) => findApplication(tx, id)))?.state;
    const guardiansOf = (student: 'S4' | 'S6'): Promise<{ guardianId: string }[]> =>
      database.container.store.read((tx) => {
        const { guardianships } = tx.tables;
        return tx.db
          .select()
          .from(guardianships)
          .where(eq(guardianships.studentId, personId(student)));
      });
    const findPersons = (nationalId: string): Promise<{ id: string }[]> => {
      const { store, secrets } = database.container;
      const key = { applicationId: 'x', position: 1 };
      const { nationalIdLookup } = sealApplicant(secrets, key, { ...NEW_FATHER, nationalId });
      return store.read((tx) => {
        const { persons } = tx.tables;
        return tx.db.select().from(persons).where(eq(persons.nationalIdLookup, nationalIdLookup));
      });
    };
    const reset = async (nationalId: string): Promise<void> => {
      for (const { id } of await findPersons(nationalId)) {
        await database.container.store.write((tx) =>
          tx.db.delete(tx.tables.persons).where(eq(tx.tables.persons.id, id)),
        );
      }
    };

    it('let one of two reviewers decide', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const id = await storeApplication(database);
        const forms = [await open(registrar, id), await open(bureau, id)] as const;
        const answers = await Promise.all([
          registrar.submit(forms[0], { decision: 'approve', reason: '' }),
          bureau.submit(forms[1], { decision: 'reject', reason: 'the order is missing' }),
        ]);
        assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
        const isApproved = answers[0].status === 200;
        assert.equal(await stateOf(id), isApproved ? 'approved' : 'rejected');
        assert.equal((await guardiansOf('S4')).length, isApproved ? 1 : 0);
        assert.equal((await findPersons(NEW_FATHER.nationalId)).length, isApproved ? 1 : 0);
        await reset(NEW_FATHER.nationalId);
      }
    });

    it('make no guardianship of an application that the family withdraws', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const id = await storeApplication(database);
        const form = await open(registrar, id);
        const withdraw = database.container.store.write(async (tx) =>
          updateApplication(tx, { id, version: 3 }, { state: 'withdrawn' }, Date.now()),
        );
        const [answer, isWithdrawn] = await Promise.all([
          registrar.submit(form, { decision: 'approve', reason: '' }),
          withdraw,
        ]);
        assert.equal(answer.status, isWithdrawn ? 409 : 200);
        assert.equal(await stateOf(id), isWithdrawn ? 'withdrawn' : 'approved');
        assert.equal((await guardiansOf('S4')).length, isWithdrawn ? 0 : 1);
        await reset(NEW_FATHER.nationalId);
      }
    });

    it('create one person for two applications with one national ID', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const before = (await guardiansOf('S6')).length;
        const father = { ...NEW_FATHER, nationalId: ID };
        const ids = [
          await storeApplication(database, { applicants: [father] }),
          await storeApplication(database, {
            ...{ student: 'S6', account: 'H6', schoolCode: '993302', applicants: [father] },
          }),
        ] as const;
        const forms = [await open(registrar, ids[0]), await open(bureau, ids[1])] as const;
        const answers = await Promise.all([
          registrar.submit(forms[0], { decision: 'approve', reason: '' }),
          bureau.submit(forms[1], { decision: 'approve', reason: '' }),
        ]);
        assert.deepEqual(
          answers.map(({ status }) => status),
          [200, 200],
        );
        assert.equal((await findPersons(ID)).length, 1);
        assert.equal((await guardiansOf('S4')).length, 1);
        assert.equal((await guardiansOf('S6')).length, before + 1);
        await reset(ID);
      }
    });

    it('remind a family once when two members of staff send reminders', async () => {
      const { store } = database.container;
      const school = await registrar.open('/console/binding/schools/993301');
      const classPath = /\/console\/binding\/classes\/[\w-]+/.exec(school.body)?.[0] ?? '';
      for (let round = 1; round <= ROUNDS; round += 1) {
        const id = await storeApplication(database, { state: 'draft', submittedAt: null });
        const forms = [
          await registrar.open('/console/binding/schools/993301/reminders'),
          await bureau.open(`${classPath}/reminders`),
        ] as const;
        for (const { body } of forms) assert.match(body, /data-mails="1"/);
        const sent = await Promise.all([registrar.submit(forms[0], {}), bureau.submit(forms[1], {})]);
        assert.deepEqual(sent.map(({ status }) => status).sort(), [200, 409]);
        const entries = await store.read((tx) => {
          const { audit } = tx.tables;
          return tx.db.select().from(audit).where(eq(audit.event, 'staff.remind_families'));
        });
        assert.equal(entries.length, round);
        assert.equal(entries.at(-1)?.detail['mails'], 1);
        await store.write(async (tx) => {
          const { bindingApplications, familyReminders } = tx.tables;
          await tx.db.delete(familyReminders);
          await tx.db.delete(bindingApplications).where(eq(bindingApplications.id, id));
        });
      }
    });

    describe('with the register check', () => {
      const father = { ...NEW_FATHER, nationalId: ID };
      const entry = { studentId: 'Y200200404', guardianId: ID, name: father.name, relation: father.relation };
      const fill = (entries: readonly RegisterEntry[]): Promise<void> => {
        const deps = { ...database.container, clock: systemClock };
        return importRegister({ ...deps, audit: { append: createAppend(deps) } }, (add) => add(entries));
      };
      let families: HttpBrowser;
      before(async () => {
        const hasher = await createPasswordHasher({ memoryKib: 7_168, passes: 1, threads: 1, queueLimit: 10 });
        ({ browser: families } = await signInFamily(
          { ...database, container: { ...database.container, hasher } },
          'H4',
        ));
        await database.container.store.write((tx) => setRegisterChecked(tx, '993301', true));
      });
      /** Stores a complete draft of the family of S4. @returns it and its last page */
      const draft = async (): Promise<{ id: string; summary: Answer }> => {
        const id = await storeApplication(database, { state: 'draft', submittedAt: null, applicants: [father] });
        await database.container.store.write(async (tx) => {
          await insertNoticeAnswer(tx, {
            ...{ id: randomUUID(), studentId: personId('S4'), accountId: personId('H4'), schoolCode: '993301' },
            ...{ noticeVersion: DEFAULT_NOTICE.version, answer: 'agree', answeredAt: Date.now() },
          });
        });
        return { id, summary: await families.open('/binding/summary') };
      };

      it('create one person for a review and an approval by the register', async () => {
        for (let round = 0; round < ROUNDS; round += 1) {
          await database.container.store.write((tx) => tx.db.delete(tx.tables.bindingApplications));
          await fill([entry]);
          const before = (await guardiansOf('S6')).length;
          const other = await storeApplication(database, {
            ...{ student: 'S6', account: 'H6', schoolCode: '993302', applicants: [father] },
          });
          const { id, summary } = await draft();
          const form = await open(bureau, other);
          const [submitted, reviewed] = await Promise.all([
            families.submit(summary, {}),
            bureau.submit(form, { decision: 'approve', reason: '' }),
          ]);
          assert.deepEqual([submitted.status, reviewed.status], [200, 200]);
          assert.equal((await findPersons(ID)).length, 1);
          // The account of the other review is a flag, unless the register was first.
          const isApproved = (await stateOf(id)) === 'approved';
          assert.equal((await guardiansOf('S4')).length, isApproved ? 1 : 0);
          assert.equal((await guardiansOf('S6')).length, before + 1);
          await reset(ID);
        }
      });

      it('approve by the former register or wait for a person when an import removes the entry', async () => {
        for (let round = 0; round < ROUNDS; round += 1) {
          await database.container.store.write((tx) => tx.db.delete(tx.tables.bindingApplications));
          await fill([entry]);
          const { id, summary } = await draft();
          const [submitted] = await Promise.all([families.submit(summary, {}), fill([])]);
          assert.equal(submitted.status, 200);
          const state = await stateOf(id);
          assert.ok(state === 'approved' || state === 'submitted', state);
          assert.equal((await guardiansOf('S4')).length, state === 'approved' ? 1 : 0);
          assert.equal((await findPersons(ID)).length, state === 'approved' ? 1 : 0);
          const events = await database.container.store.read((tx) =>
            tx.db.select().from(tx.tables.audit).orderBy(asc(tx.tables.audit.seq)),
          );
          const [last, former] = events
            .filter(({ event }) => event === 'register.imported' || event === 'register.approved')
            .map(({ event }) => event)
            .reverse();
          // No approval follows the import that removed the entry.
          assert.equal(last, 'register.imported');
          assert.equal(former, state === 'approved' ? 'register.approved' : 'register.imported');
          await reset(ID);
        }
      });
    });
  });
}
