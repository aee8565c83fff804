/** The register of families: which applications it approves at submission, what it shows, and who turns it on. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, it } from 'node:test';
import { and, eq, inArray } from 'drizzle-orm';

import { systemClock } from '../../src/domain/clock.ts';
import type { RegisterEntry } from '../../src/domain/binding/register.ts';
import { OPEN_STATES } from '../../src/domain/binding/application.ts';
import type { ApplicantData } from '../../src/services/binding/applicant-data.ts';
import { DEFAULT_NOTICE } from '../../src/services/binding/default-notice.ts';
import { importRegister } from '../../src/services/binding/register-import.ts';
import { MAX_SUBMISSIONS_PER_DAY } from '../../src/services/binding/submission.ts';
import { createAppend } from '../../src/services/audit/audit.ts';
import { upsertPassword } from '../../src/store/auth/credentials.ts';
import { findApplication } from '../../src/store/binding/applications.ts';
import { insertNoticeAnswer } from '../../src/store/binding/notices.ts';
import { listGuardiansOf } from '../../src/store/binding/review.ts';
import { insertPerson } from '../../src/store/people/people.ts';
import { setRegisterChecked } from '../../src/store/people/schools.ts';
import { NEW_FATHER, storeApplication } from '../helpers/applications.ts';
import { signInFamily } from '../helpers/binding.ts';
import { listAuditEvents, personId } from '../helpers/city.ts';
import { alertOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff } from '../helpers/staff.ts';

const SCHOOL = '993301';
const STUDENT_ID = 'Y200200404';
const MOTHER: ApplicantData = {
  ...{ name: 'Lin Mei-Hui', relation: 'mother', nationalId: 'Y200600002' },
  ...{ mobile: '+886900000612', email: 'meihui@register.example' },
};
const applicantOf = (nationalId: string, more: Partial<ApplicantData> = {}): ApplicantData => ({
  ...{ ...NEW_FATHER, nationalId, email: `${nationalId}@register.example`, mobile: `+886900${nationalId.slice(-6)}` },
  ...more,
});
const entryOf = ({ nationalId, name, relation }: ApplicantData, more: Partial<RegisterEntry> = {}): RegisterEntry => ({
  ...{ studentId: STUDENT_ID, guardianId: nationalId, name, relation },
  ...more,
});
const stateOf = ({ body }: Answer): string | undefined => /<body[^>]* data-application-state="([^"]*)"/.exec(body)?.[1];

eachService(
  'the register check',
  () => ({ clients: [] }),
  (running) => {
    let family: HttpBrowser;
    const fill = (entries: readonly RegisterEntry[]): Promise<void> =>
      importRegister(
        {
          ...running().container,
          clock: systemClock,
          audit: { append: createAppend({ ...running().container, clock: systemClock }) },
        },
        (add) => add(entries),
      );
    const turn = (isOn: boolean): Promise<unknown> =>
      running().container.store.write((tx) => setRegisterChecked(tx, SCHOOL, isOn));

    /** Withdraws what is open and stores a complete draft of the family of S4. @returns its id */
    const draft = async (
      applicants: readonly ApplicantData[],
      more: Parameters<typeof storeApplication>[1] = {},
    ): Promise<string> => {
      const now = Date.now();
      await running().container.store.write(async (tx) => {
        const { bindingApplications: table } = tx.tables;
        const isOpen = and(eq(table.studentId, personId('S4')), inArray(table.state, [...OPEN_STATES]));
        await tx.db.update(table).set({ state: 'withdrawn' }).where(isOpen);
      });
      const id = await storeApplication(running(), { state: 'draft', submittedAt: null, applicants, ...more });
      await running().container.store.write((tx) =>
        insertNoticeAnswer(tx, {
          ...{ id: randomUUID(), studentId: personId('S4'), accountId: personId('H4'), schoolCode: SCHOOL },
          ...{ noticeVersion: DEFAULT_NOTICE.version, answer: 'agree', answeredAt: now + 1_000 },
        }),
      );
      return id;
    };
    const submit = async (): Promise<Answer> => family.submit(await family.open('/binding/summary'), {});
    const find = (id: string) => running().container.store.read((tx) => findApplication(tx, id));
    const stateAfter = async (
      applicants: readonly ApplicantData[],
      more: Parameters<typeof storeApplication>[1] = {},
    ): Promise<string | undefined> => {
      const id = await draft(applicants, more);
      const shown = stateOf(await submit());
      const state = (await find(id))?.state;
      assert.equal(shown, state);
      // Another submission of the day; the limit has a test of its own.
      await running().container.store.write(async (tx) => {
        const { bindingApplications: table } = tx.tables;
        await tx.db.update(table).set({ submittedAt: 1 }).where(eq(table.id, id));
      });
      return state;
    };
    const guardians = () => running().container.store.read((tx) => listGuardiansOf(tx, personId('S4')));

    before(async () => {
      await turn(true);
      ({ browser: family } = await signInFamily(running(), 'H4'));
    });

    it('leaves every application to a person where the school did not turn it on', async () => {
      await turn(false);
      await fill([entryOf(NEW_FATHER)]);
      assert.equal(await stateAfter([NEW_FATHER]), 'submitted');
      await turn(true);
      assert.deepEqual(await guardians(), []);
    });

    it('leaves a difference, a flag, a caregiver and a guardian with an order to a person', async () => {
      const father = NEW_FATHER;
      const otherChild = entryOf(father, { studentId: 'Y200300203' });
      const cases: [RegisterEntry[], ApplicantData[], Parameters<typeof storeApplication>[1]?][] = [
        [[otherChild], [father]],
        [[entryOf(MOTHER)], [father]],
        [[entryOf(father, { name: '吳小偉' })], [father]],
        [[entryOf(father, { relation: 'mother' })], [father]],
        // Both applicants have to match.
        [[entryOf(father)], [father, MOTHER]],
        [
          [entryOf(father), entryOf(MOTHER, { name: '林美慧' })],
          [father, MOTHER],
        ],
      ];
      for (const [entries, applicants, more] of cases) {
        await fill(entries);
        assert.equal(await stateAfter(applicants, more), 'submitted', JSON.stringify(entries));
      }
      const caregiver = applicantOf('Y100600019', { relation: 'grandfather' });
      await fill([entryOf(caregiver)]);
      const files = [{ name: 'a.pdf', contentType: 'application/pdf', content: Buffer.from('%PDF') }];
      for (const kind of [
        { applicantKind: 'caregiver', validTo: '2099-01-20' },
        { applicantKind: 'guardian' },
      ] as const) {
        assert.equal(await stateAfter([caregiver], { ...kind, files }), 'submitted', kind.applicantKind);
      }
      const { secrets } = running().container;
      await fill([entryOf(father)]);
      const id = await draft([father]);
      const reportSealed = secrets.seal('binding-text', `report:${id}`, 'the seat is wrong');
      await running().container.store.write(async (tx) => {
        const { bindingApplications: table } = tx.tables;
        await tx.db.update(table).set({ reportSealed }).where(eq(table.id, id));
      });
      assert.equal(stateOf(await submit()), 'submitted');
      assert.equal((await find(id))?.state, 'submitted');
      // The mobile number of another person is a flag that a reviewer may accept.
      const taken = applicantOf('Y100600028', { mobile: '+886900000102' });
      await fill([entryOf(taken)]);
      assert.equal(await stateAfter([taken]), 'submitted');
      assert.deepEqual(await guardians(), []);
    });

    it('shows the reviewer which items are equal and nothing of the register', async () => {
      const { browser: registrar } = await signInStaff(running(), 'A2');
      await fill([entryOf(NEW_FATHER, { name: '王不同' })]);
      const id = await draft([NEW_FATHER]);
      await submit();
      const { body } = await registrar.open(`/console/applications/${id}`);
      const text = textOf(body);
      assert.match(text, /名冊比對 身分證統一編號 與名冊相同 名冊比對 姓名 與名冊不同 名冊比對 親屬關係 與名冊相同/);
      assert.ok(!text.includes('王不同') && !body.includes(NEW_FATHER.nationalId));
      await fill([entryOf(MOTHER)]);
      assert.match(textOf((await registrar.open(`/console/applications/${id}`)).body), /名冊中這位學生沒有此人/);
      await turn(false);
      assert.ok(!textOf((await registrar.open(`/console/applications/${id}`)).body).includes('與名冊'));
      await turn(true);
    });

    it('approves exact matches of all applicants at submission, in the name of the register', async () => {
      // Case and separators of a name in Latin letters do not count, as in the comparison with an account.
      await fill([entryOf(NEW_FATHER), entryOf(MOTHER, { name: 'LIN MEI HUI' })]);
      const id = await draft([NEW_FATHER, MOTHER]);
      const done = await submit();
      assert.equal(stateOf(done), 'approved');
      assert.match(done.body, /data-decided-by="register"/);
      assert.match(textOf(done.body), /系統已自動核准/);
      const row = await find(id);
      assert.deepEqual([row?.state, row?.decidedBy, row?.decidedAt === row?.submittedAt], ['approved', null, true]);
      const made = await guardians();
      assert.deepEqual(
        made.map(({ name, relationLabel, state }) => [name, relationLabel, state]),
        [
          [NEW_FATHER.name, '父', 'active'],
          [MOTHER.name, '母', 'active'],
        ],
      );
      const entries = await running().container.store.read((tx) =>
        tx.db.select().from(tx.tables.audit).where(eq(tx.tables.audit.event, 'register.approved')),
      );
      assert.deepEqual(
        entries.map(({ actorId, subjectId }) => [actorId, subjectId]),
        [[null, personId('S4')]],
      );
      assert.ok((await listAuditEvents(running(), 'S4')).includes('binding.submitted'));
      const { browser: registrar } = await signInStaff(running(), 'A2');
      assert.match(textOf((await registrar.open(`/console/applications/${id}`)).body), /名冊比對（自動核准）/);
    });

    it('leaves applications of bound people and after an ended guardianship to a reviewer', async () => {
      await fill([entryOf(NEW_FATHER), entryOf(applicantOf('Y100600037'))]);
      assert.equal(await stateAfter([NEW_FATHER]), 'submitted');
      const [first] = await guardians();
      assert.ok(first);
      await running().container.store.write(async (tx) => {
        const { guardianships: table } = tx.tables;
        await tx.db.update(table).set({ state: 'revoked' }).where(eq(table.id, first.id));
      });
      assert.equal(await stateAfter([applicantOf('Y100600037')]), 'submitted');
      await running().container.store.write(async (tx) => {
        const { guardianships: table } = tx.tables;
        await tx.db.delete(table).where(eq(table.id, first.id));
      });
    });

    it('leaves an application that would open the existing account of the applicant to a person', async () => {
      const { store, secrets } = running().container;
      const applicant = applicantOf('Y100600064');
      const id = randomUUID();
      await store.write((tx) =>
        insertPerson(tx, {
          ...{ id, kind: 'person', name: applicant.name, status: 'active', createdAt: 1, updatedAt: 1 },
          nationalIdLookup: secrets.mac('national-id-lookup', applicant.nationalId),
        }),
      );
      await fill([entryOf(applicant)]);
      const application = await draft([applicant]);
      assert.equal(stateOf(await submit()), 'submitted');
      const { browser: registrar } = await signInStaff(running(), 'A2');
      const page = await registrar.open(`/console/applications/${application}`);
      assert.match(textOf(page.body), /此身分證統一編號已有帳號，但尚未設定密碼/);
      await store.write((tx) => tx.db.update(tx.tables.bindingApplications).set({ submittedAt: 1 }));
      await store.write((tx) => upsertPassword(tx, id, 'no hash', 1));
      assert.equal(await stateAfter([applicant]), 'approved');
    });

    it('leaves the application to a person when the student is an adult or has no birth date', async () => {
      const { store, secrets } = running().container;
      const setBirthDate = (birthDate: string | undefined): Promise<unknown> =>
        store.write((tx) => {
          const { persons } = tx.tables;
          const birthDateSealed =
            birthDate === undefined ? null : secrets.seal('birth-date', personId('S4'), birthDate);
          return tx.db
            .update(persons)
            .set({ birthDateSealed })
            .where(eq(persons.id, personId('S4')));
        });
      const applicant = applicantOf('Y100600046');
      await fill([entryOf(applicant)]);
      for (const birthDate of ['2000-01-01', undefined]) {
        await setBirthDate(birthDate);
        assert.equal(await stateAfter([applicant]), 'submitted', birthDate);
      }
      await setBirthDate('2015-12-03');
      assert.equal(await stateAfter([applicant]), 'approved');
    });

    it('limits the applications that an account submits in 24 hours', async () => {
      await fill([]);
      await running().container.store.write((tx) =>
        tx.db.update(tx.tables.bindingApplications).set({ submittedAt: 1 }),
      );
      for (let i = 0; i < MAX_SUBMISSIONS_PER_DAY; i += 1) {
        await draft([applicantOf('Y100600055')]);
        const answer = await submit();
        assert.equal(stateOf(answer), 'submitted', textOf(answer.body));
      }
      const id = await draft([applicantOf('Y100600055')]);
      const answer = await submit();
      assert.match(alertOf(answer.body), /送出的申請太多/);
      assert.equal((await find(id))?.state, 'draft');
    });

    it('is turned on and off by the registrar of the school and the bureau, after a confirmation', async () => {
      const switchBy = async (browser: HttpBrowser, school: string, on: 'on' | 'off'): Promise<Answer> => {
        const list = await browser.open('/console/register-check');
        const fields = { school, turn: on };
        const confirm = await browser.submit(list, fields);
        return confirm.status === 200 ? browser.submit(confirm, { reason: '校務會議決議', confirmed: 'yes' }) : confirm;
      };
      const shown = ({ body }: Answer): string[] =>
        [...body.matchAll(/data-school="(\d+)"[\s\S]*?data-register-check="(on|off)"/g)].map(([, a, b]) => `${a} ${b}`);
      const { browser: registrar } = await signInStaff(running(), 'A2');
      const { browser: bureau } = await signInStaff(running(), 'B1');
      const { browser: desk } = await signInStaff(running(), 'A1');
      assert.deepEqual(shown(await registrar.open('/console/register-check')), [`${SCHOOL} on`]);
      assert.deepEqual(shown(await switchBy(registrar, SCHOOL, 'off')), [`${SCHOOL} off`]);
      assert.equal((await switchBy(registrar, SCHOOL, 'off')).status, 409);
      assert.equal((await switchBy(registrar, '993302', 'on')).status, 404);
      assert.equal((await desk.open('/console/register-check')).status, 404);
      assert.ok(shown(await switchBy(bureau, '993302', 'on')).includes('993302 on'));
      const entries = await running().container.store.read((tx) =>
        tx.db.select().from(tx.tables.audit).where(eq(tx.tables.audit.event, 'register.switched')),
      );
      assert.deepEqual(
        entries.map(({ actorId }) => actorId),
        [personId('A2'), personId('B1')],
      );
    });
  },
);
