/** Changes of a guardianship after the binding: suspension, transfer to another school, end date, and leaving the city. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { eq } from 'drizzle-orm';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { localDate } from '../../src/domain/clock.ts';
import { DAY_MS } from '../../src/domain/duration.ts';
import { findApplication } from '../../src/store/binding/applications.ts';
import { storeApplication } from '../helpers/applications.ts';
import {
  LOGIN,
  redeem,
  refresh,
  runAuthorization,
  textIn,
  tokensFor,
  userinfo,
  type Reply,
} from '../helpers/authorization-flow.ts';
import { signInFamily } from '../helpers/binding.ts';
import { listAuditEvents, personId, signInToAccount } from '../helpers/city.ts';
import { createHttpBrowser, textOf, type HttpBrowser } from '../helpers/http-browser.ts';
import { useLogoutReceiver } from '../helpers/logout-receiver.ts';
import { mailsTo, useMailCatcher } from '../helpers/mail.ts';
import { getGuardianshipId } from '../helpers/people.ts';
import { pollUntil } from '../helpers/poll.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff } from '../helpers/staff.ts';

const secret = newSecret();
const SCOPES = ['openid', 'roles', 'children', 'offline_access'];
const REASON = 'court order 115-9';
const [FORMER_SCHOOL, NEW_SCHOOL] = ['993301', '993302'];

const mail = useMailCatcher();
let issuer = '';
const receiver = useLogoutReceiver(() => issuer);

eachService(
  'a guardianship',
  () => ({
    clients: [
      createRegistration('app', secret, {
        ...{ scopes: SCOPES, permissions: ['fees:read'], backchannel_logout_uri: receiver.url },
      }),
    ],
    smtpUrl: mail.smtpUrl,
  }),
  (running) => {
    let app: TestParty;
    /** The registrar of the former school, and a member of its IT desk who is the registrar of the new school. */
    let registrar: HttpBrowser;
    let newRegistrar: HttpBrowser;
    let guardianshipId: string;
    const yesterday = (): string => localDate(Date.now() - DAY_MS);
    before(async () => {
      issuer = running().issuer;
      app = await createParty(issuer, { id: 'app', scope: 'openid roles children', secret });
      guardianshipId = await getGuardianshipId(running(), LOGIN.G2, '王小安');
      await running().container.store.write(async ({ db, tables }) => {
        const duty = { role: 'staff', duty: 'registrar', isPrimary: false } as const;
        await db
          .insert(tables.memberships)
          .values({ ...duty, id: 'new-registrar', personId: personId('A1'), schoolCode: NEW_SCHOOL });
      });
      ({ browser: registrar } = await signInStaff(running(), 'A2'));
      ({ browser: newRegistrar } = await signInStaff(running(), 'A1'));
    });
    /** Opens the application of S1 with a school account of the new school, before the job has moved it there. */
    const openAtNewSchool = async (id: string): Promise<void> => {
      const { store } = running().container;
      const read = async () => store.read((tx) => findApplication(tx, id));
      await store.write(async ({ db, tables: { bindingApplications: applications, schoolAccounts: accounts } }) => {
        await db.update(applications).set({ schoolCode: FORMER_SCHOOL }).where(eq(applications.id, id));
        await db
          .update(accounts)
          .set({ studentId: personId('S1') })
          .where(eq(accounts.personId, personId('H6')));
      });
      for (const state of ['submitted', 'returned'] as const) {
        await store.write(async ({ db, tables: { bindingApplications: applications } }) => {
          await db
            .update(applications)
            .set({ state, accountId: personId('H1') })
            .where(eq(applications.id, id));
        });
        const { page } = await signInFamily(running(), 'H6');
        assert.match(page.body, new RegExp(`data-application-state="${state}"`));
        const { accountId, schoolCode, state: stored } = (await read()) ?? {};
        assert.deepEqual([accountId, schoolCode, stored], [personId('H6'), NEW_SCHOOL, state]);
      }
    };
    const signIn = async (): Promise<Reply> => {
      const parameters = { scope: SCOPES.join(' '), prompt: 'consent' };
      const entry = { login: LOGIN.G2, choice: ['王小安'], parameters };
      return redeem(app, await runAuthorization(app, createHttpBrowser(issuer), entry));
    };
    const childrenOf = async (choice: string): Promise<string> => {
      const tokens = await tokensFor(app, createHttpBrowser(issuer), { login: LOGIN.G2, choice: [choice] });
      const { body } = await userinfo(app, tokens.access_token);
      return JSON.stringify(body['children']);
    };
    const act = async (action: string): Promise<void> => {
      const form = await registrar.open(
        `/console/people/${personId('G2')}/action?action=${action}&value=${guardianshipId}`,
      );
      const done = await registrar.submit(form, { action, reason: REASON });
      assert.equal(done.status, 200);
    };

    it('shows why it is suspended to staff who may change it, and to no one else', async () => {
      await act('suspend-guardianship');
      const { browser: bureau } = await signInStaff(running(), 'B1');
      const { browser: teacher } = await signInStaff(running(), 'T2');
      for (const key of ['G2', 'S1'] as const) {
        const path = `/console/people/${personId(key)}`;
        for (const browser of [registrar, bureau]) {
          assert.match(textOf((await browser.open(path)).body), new RegExp(`原因.*${REASON}`));
        }
        for (const browser of [teacher, newRegistrar]) {
          const page = await browser.open(path);
          assert.equal(page.status, 200);
          assert.match(textOf(page.body), /暫停/);
          assert.equal(page.body.includes(REASON), false);
        }
      }
      for (const login of [LOGIN.G2, LOGIN.S1]) {
        const { httpBrowser } = await signInToAccount(running(), login, DEMO_PASSWORD);
        for (const path of ['/account', '/account/data']) {
          assert.equal((await httpBrowser.open(path)).body.includes(REASON), false, path);
        }
      }
      await act('resume-guardianship');
      assert.equal((await registrar.open(`/console/people/${personId('G2')}`)).body.includes(REASON), false);
    });

    it('stays after a transfer, and an application follows the student to the new school', async () => {
      const { store, applicationTransfers } = running().container;
      const id = await storeApplication(running(), { student: 'S1', account: 'H1' });
      const path = `/console/applications/${id}`;
      const queueOf = async (browser: HttpBrowser): Promise<boolean> =>
        (await browser.open('/console/applications')).body.includes(`data-application="${id}"`);
      assert.equal(await applicationTransfers.followStudents(10), 0);
      assert.deepEqual([await queueOf(registrar), await queueOf(newRegistrar)], [true, false]);
      const tokens = await signIn();
      await store.write(async ({ db, tables: { enrollments, classes } }) => {
        const isStudent = eq(enrollments.studentId, personId('S1'));
        await db.update(enrollments).set({ validTo: yesterday() }).where(isStudent);
        const [schoolClass] = await db.select().from(classes).where(eq(classes.schoolCode, NEW_SCHOOL));
        assert.ok(schoolClass);
        const enrollment = { schoolCode: NEW_SCHOOL, classId: schoolClass.id, studentNumber: '11330099', seat: 40 };
        await db
          .insert(enrollments)
          .values({ ...enrollment, id: 'transfer', studentId: personId('S1'), validFrom: localDate(Date.now()) });
      });
      assert.equal(await queueOf(registrar), false, 'also before the job');
      assert.equal((await registrar.open(path)).status, 404);
      const moved = await Promise.all([1, 2].map(() => applicationTransfers.followStudents(10)));
      assert.deepEqual(moved.sort(), [0, 1]);
      assert.deepEqual([await queueOf(registrar), await queueOf(newRegistrar)], [false, true]);
      assert.equal((await newRegistrar.open(path)).status, 200);
      assert.equal((await registrar.open(path)).status, 404);
      assert.ok((await listAuditEvents(running(), 'S1')).includes('binding.transferred'));
      await openAtNewSchool(id);
      await running().container.affiliationExpiry.revokeExpired();
      assert.equal((await refresh(app, textIn(tokens, 'refresh_token'))).status, 200);
      const children = await childrenOf('王小安');
      assert.deepEqual([children.includes(NEW_SCHOOL), children.includes(FORMER_SCHOOL)], [true, false]);
    });

    it('ends after its last day, also while it is suspended, with one mail each', async () => {
      const { store, guardianships } = running().container;
      const other = await getGuardianshipId(running(), LOGIN.G1, '王小樂');
      await guardianships.applyAction({ id: other, action: 'suspend', reason: REASON, actorId: undefined });
      await store.write(async ({ db, tables }) => {
        const isChild = eq(tables.guardianships.studentId, personId('S2'));
        await db.update(tables.guardianships).set({ validTo: yesterday() }).where(isChild);
      });
      await Promise.all([1, 2].map(() => guardianships.expirePastEndDate(10)));
      const states = await store.read(({ db, tables }) =>
        db
          .select({ state: tables.guardianships.state })
          .from(tables.guardianships)
          .where(eq(tables.guardianships.studentId, personId('S2'))),
      );
      assert.ok(states.length >= 2);
      assert.ok(states.every(({ state }) => state === 'expired'));
      for (const login of [LOGIN.G1, LOGIN.G2]) {
        const sent = () =>
          mailsTo(mail, login, '').filter(({ text }) => text.includes(issuer) && text.includes('王小樂'));
        const [first] = await pollUntil(`mail to ${login}`, () => (sent().length > 0 ? sent() : undefined));
        assert.equal(sent().length, 1);
        assert.equal(first?.text.includes(REASON), false);
      }
    });

    it('gives no access after the student has left the city, and relying parties are told', async () => {
      const { store, affiliationExpiry } = running().container;
      const tokens = await signIn();
      receiver.received.length = 0;
      await store.write(async ({ db, tables: { enrollments } }) => {
        const ended = { validFrom: yesterday(), validTo: yesterday() };
        await db
          .update(enrollments)
          .set(ended)
          .where(eq(enrollments.studentId, personId('S1')));
      });
      assert.equal((await refresh(app, textIn(tokens, 'refresh_token'))).body['error'], 'invalid_grant');
      assert.ok((await affiliationExpiry.revokeExpired()) > 0);
      assert.equal((await userinfo(app, textIn(tokens, 'access_token'))).status, 401);
      assert.ok((await receiver.take(1)).length > 0);
    });
  },
);
