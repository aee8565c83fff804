/** Guardianships of adult students: the 18th birthday, the consent of the student, and what relying parties see. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, beforeEach, it } from 'node:test';
import { eq } from 'drizzle-orm';
import { STUDENTS } from '../../demo/city/fixtures.ts';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { SCOPES } from '../../src/domain/claims/scopes.ts';
import { localDate } from '../../src/domain/clock.ts';
import { DAY_MS } from '../../src/domain/duration.ts';
import { birthDateColumns } from '../../src/services/people/adult-days.ts';
import { holdApiToken, RECORDS_API, recordsApiRegistration } from '../helpers/api-tokens.ts';
import {
  codeOf,
  interactionOf,
  LOGIN,
  redeem,
  refresh,
  runAuthorization,
  textIn,
  tokensFor,
  userinfo,
  type Reply,
} from '../helpers/authorization-flow.ts';
import { listAuditEvents, personId, signInToAccount } from '../helpers/city.ts';
import { createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { useLogoutReceiver } from '../helpers/logout-receiver.ts';
import { mailsTo, useMailCatcher } from '../helpers/mail.ts';
import { getGuardianshipId, repeatChanges } from '../helpers/people.ts';
import { pollUntil } from '../helpers/poll.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
const OFFLINE = { scope: 'openid roles children offline_access', prompt: 'consent' };

const mail = useMailCatcher();
let issuer = '';
const receiver = useLogoutReceiver(() => issuer);

eachService(
  'the guardianships of an adult student',
  () => ({
    clients: [
      createRegistration('app', secret, {
        ...{ scopes: SCOPES, permissions: ['fees:read', 'portfolio:read'], backchannel_logout_uri: receiver.url },
        resources: [RECORDS_API.identifier],
      }),
      recordsApiRegistration(secret),
    ],
    resourceServers: [RECORDS_API],
    smtpUrl: mail.smtpUrl,
  }),
  (running) => {
    let app: TestParty;
    let guardianshipId: string;
    let student: HttpBrowser;
    before(async () => {
      issuer = running().issuer;
      app = await createParty(issuer, { id: 'app', scope: 'openid roles children', secret });
      guardianshipId = await getGuardianshipId(running(), LOGIN.G2, '王小安');
      ({ httpBrowser: student } = await signInToAccount(running(), LOGIN.S1, DEMO_PASSWORD));
    });
    beforeEach(() => {
      receiver.received.length = 0;
    });

    /** Moves the 18th birthday of S1 to a number of days after today. The job does not know it yet. */
    const turnAdult = async (inDays: number): Promise<void> => {
      const { store, secrets } = running().container;
      const [year = '', month = '', day = ''] = localDate(Date.now() + inDays * DAY_MS).split('-');
      const birthDate = `${String(Number(year) - 18)}-${month}-${day}`;
      const columns = birthDateColumns(secrets, personId('S1'), birthDate, '2000-01-01');
      await store.write(async (tx) => {
        const { persons, guardianships } = tx.tables;
        await tx.db
          .update(persons)
          .set({ ...columns, adultNoticeAt: null })
          .where(eq(persons.id, personId('S1')));
        const decided = { isConsentAwaited: false, consentDeclinedAt: null, stateReasonSealed: null };
        await tx.db
          .update(guardianships)
          .set({ state: 'active', ...decided })
          .where(eq(guardianships.studentId, personId('S1')));
      });
    };
    const signIn = async (): Promise<Reply> =>
      redeem(
        app,
        await runAuthorization(app, createHttpBrowser(issuer), {
          ...{ login: LOGIN.G2, choice: ['王小安'], parameters: OFFLINE },
        }),
      );
    const holdToken = (): Promise<() => Promise<boolean>> =>
      holdApiToken(app, secret, { login: LOGIN.G2, choice: ['王小安'], scope: OFFLINE.scope });
    const childrenOf = async (): Promise<number> => {
      const tokens = await tokensFor(app, createHttpBrowser(issuer), { login: LOGIN.G2, choice: ['王小樂'] });
      const { body } = await userinfo(app, tokens.access_token);
      const children: unknown = body['children'];
      return Array.isArray(children) ? children.length : 0;
    };
    const sentTo = (address: string, subject: string): number =>
      mailsTo(mail, address, subject).filter(({ text }) => text.includes(issuer)).length;
    /** Signs the student in at the app. @returns the page of the question, or the redirect to the app */
    const signInStudent = async (browser = createHttpBrowser(issuer), parameters = {}): Promise<Answer> =>
      (await runAuthorization(app, browser, { login: LOGIN.S1, parameters })).answer;
    /** Answers the question about each guardian. @returns the number of guardians */
    const answerAll = async (decision: 'consent' | 'decline'): Promise<number> => {
      const browser = createHttpBrowser(issuer);
      let page = await signInStudent(browser);
      for (let count = 0; ; count += 1) {
        const guardianship = /name="guardianship" value="([^"]*)"/.exec(page.body)?.[1];
        if (guardianship === undefined) {
          assert.ok(codeOf(page));
          return count;
        }
        page = await browser.submit(page, { decision, guardianship });
      }
    };
    const decide = async (decision: 'consent' | 'decline' | 'withdraw'): Promise<number> => {
      const page = await student.open(`/account/guardians/${guardianshipId}`);
      return (await student.submit(page, { decision })).status;
    };

    it('are suspended from the birthday on, also before the job has run', async () => {
      const tokens = await signIn();
      await turnAdult(1);
      assert.equal((await userinfo(app, textIn(tokens, 'access_token'))).status, 200, 'one day before');
      await turnAdult(0);
      const { body } = await userinfo(app, textIn(tokens, 'access_token'));
      assert.equal(JSON.stringify(body).includes('993301'), false);
      assert.equal((await refresh(app, textIn(tokens, 'refresh_token'))).body['error'], 'invalid_grant');
      assert.equal(await childrenOf(), 1, 'the other child remains');
    });

    it('are suspended once by concurrent jobs, which notify apps, the student and the guardians', async () => {
      const { adulthood } = running().container;
      await turnAdult(-1);
      const before = sentTo(LOGIN.G2, '學生已成年');
      await turnAdult(1);
      const isActive = await holdToken();
      assert.equal(await isActive(), true);
      receiver.received.length = 0;
      await turnAdult(0);
      const { adulthood: again } = running().container;
      await Promise.all([adulthood.suspendDue(10), again.suspendDue(10)]);
      assert.equal((await adulthood.suspendDue(10)) > 0, false);
      assert.equal(await isActive(), false);
      assert.ok((await receiver.take(1)).length > 0);
      await pollUntil('mail to the guardian', () => sentTo(LOGIN.G2, '學生已成年') > before || undefined);
      assert.equal(sentTo(LOGIN.G2, '學生已成年'), before + 1);
      const suspended = (await listAuditEvents(running(), 'G2')).filter((event) => event === 'guardianship.suspended');
      assert.equal(suspended.length, 1);
    });

    it('shows the student the guardians, and resumes one with the consent at once', async () => {
      const account = await student.open('/account');
      assert.match(textOf(account.body), /您已成年，請決定/);
      const page = await student.open('/account/guardians');
      assert.match(textOf(page.body), /李美玲 等待您的同意 母親/);
      assert.equal(await childrenOf(), 1);
      assert.equal(await decide('consent'), 200);
      assert.equal(await childrenOf(), 2);
      await pollUntil('mail to the guardian', () => sentTo(LOGIN.G2, '學生已同意') > 0 || undefined);
      assert.ok((await listAuditEvents(running(), 'G2')).includes('guardianship.consented'));
    });

    it('ends tokens at once and tells relying parties when the student withdraws the consent', async () => {
      const tokens = await signIn();
      const isActive = await holdToken();
      assert.equal(await isActive(), true);
      assert.equal(await decide('withdraw'), 200);
      assert.equal(await isActive(), false);
      assert.equal((await userinfo(app, textIn(tokens, 'access_token'))).status, 401);
      assert.equal((await refresh(app, textIn(tokens, 'refresh_token'))).body['error'], 'invalid_grant');
      assert.ok((await receiver.take(1)).length > 0);
      assert.equal(await childrenOf(), 1);
    });

    it('limits how often the consent is given, and never its withdrawal', async () => {
      assert.equal(await decide('withdraw'), 200);
      await repeatChanges(running(), 'consent', personId('S1'));
      assert.equal(await decide('consent'), 429);
      await running().container.store.write((tx) => tx.db.delete(tx.tables.throttles));
      assert.equal(await decide('consent'), 200);
      await repeatChanges(running(), 'consent', personId('S1'));
      assert.equal(await decide('withdraw'), 200);
      await running().container.store.write((tx) => tx.db.delete(tx.tables.throttles));
      assert.equal(await decide('consent'), 200);
    });

    it('keeps a suspension by the school after the consent, and the consent after a resumption', async () => {
      const { guardianships } = running().container;
      const change = (action: 'suspend' | 'resume'): Promise<boolean> =>
        guardianships.applyAction({ id: guardianshipId, action, reason: 'court order 9', actorId: undefined });
      assert.equal(await change('resume'), false, 'the school cannot replace the consent');
      await decide('consent');
      await change('suspend');
      await decide('withdraw');
      assert.equal(await change('resume'), true);
      assert.equal(await childrenOf(), 1, 'the consent is missing');
      await decide('consent');
      assert.equal(await childrenOf(), 2);
      await change('suspend');
      assert.equal(await childrenOf(), 1);
      assert.equal(await change('resume'), true);
      assert.equal(await childrenOf(), 2);
    });

    it('accepts the consent on the birthday before the job has run', async () => {
      await turnAdult(0);
      assert.equal(await childrenOf(), 1);
      await decide('consent');
      assert.equal(await childrenOf(), 2);
    });

    it('are decided at the next sign-in, and the question comes once in a session', async () => {
      await turnAdult(0);
      const browser = createHttpBrowser(issuer);
      const page = await signInStudent(browser);
      assert.equal(interactionOf(page), 'adulthood');
      assert.match(textOf(page.body), /您已成年：是否同意 李美玲 查看您的資料？.*同意 不同意 稍後再決定/);
      assert.equal((await browser.submit(page, { decision: 'consent', guardianship: randomUUID() })).status, 409);
      assert.equal((await browser.submit(page, { decision: 'other' })).status, 400);
      assert.ok(codeOf(await browser.submit(page, { decision: 'later' })));
      for (const parameters of [{}, { prompt: 'none' }, { prompt: 'login' }]) {
        assert.ok(codeOf(await signInStudent(browser, parameters)), JSON.stringify(parameters));
      }
      assert.ok((await answerAll('consent')) > 0);
      assert.equal(await childrenOf(), 2);
    });

    it('remain suspended without another question after the student has declined', async () => {
      await turnAdult(0);
      assert.ok((await answerAll('decline')) > 0);
      assert.equal(await answerAll('decline'), 0, 'the decision is stored');
      assert.ok((await listAuditEvents(running(), 'G2')).includes('guardianship.consent_declined'));
      assert.doesNotMatch(textOf((await student.open('/account')).body), /您已成年，請決定/);
      assert.match(textOf((await student.open('/account/guardians')).body), /李美玲 您不同意 母親/);
      for (const decision of ['consent', 'withdraw'] as const) {
        assert.equal(await decide(decision), 200);
        const guardians = await running().container.adulthood.listGuardians(personId('S1'));
        const mother = guardians?.find((one) => one.guardianshipId === guardianshipId);
        assert.deepEqual([mother?.isActive, mother?.isUndecided], [decision === 'consent', false]);
      }
    });

    it('are no question to staff and minors', async () => {
      await turnAdult(0);
      const duty = { id: randomUUID(), personId: personId('S1'), role: 'teacher' as const, schoolCode: '993301' };
      const change = running().container.store;
      await change.write((tx) => tx.db.insert(tx.tables.memberships).values({ ...duty, isPrimary: true }));
      assert.equal(interactionOf(await signInStudent()), 'select_account');
      await change.write((tx) => tx.db.delete(tx.tables.memberships).where(eq(tx.tables.memberships.id, duty.id)));
      await turnAdult(1);
      assert.ok(codeOf(await signInStudent()));
    });

    it('let the student and the guardian sign in although the stored birth date was changed', async () => {
      await turnAdult(1);
      const { store } = running().container;
      await store.write((tx) =>
        tx.db
          .update(tx.tables.persons)
          .set({ birthDateSealed: 'changed' })
          .where(eq(tx.tables.persons.id, personId('S1'))),
      );
      assert.ok(codeOf(await signInStudent()));
      assert.equal((await student.open('/account')).status, 200);
      assert.ok((await signIn()).body['access_token']);
      await turnAdult(1);
    });

    it('sends one notice within 30 days before the birthday', async () => {
      const { adulthood } = running().container;
      await turnAdult(31);
      assert.equal(await adulthood.sendNotices(10), 0);
      await turnAdult(30);
      await Promise.all([adulthood.sendNotices(10), adulthood.sendNotices(10)]);
      assert.equal(await adulthood.sendNotices(10), 0);
      await pollUntil('mail to the guardian', () => sentTo(LOGIN.G2, '學生即將成年') > 0 || undefined);
      assert.equal(sentTo(LOGIN.G2, '學生即將成年'), 1);
    });

    it('answers minors, guardians and other people with 404', async () => {
      const { httpBrowser: guardian } = await signInToAccount(running(), LOGIN.G2, DEMO_PASSWORD);
      assert.equal((await guardian.open('/account/guardians')).status, 404);
      assert.equal((await guardian.open(`/account/guardians/${guardianshipId}`)).status, 404);
      await turnAdult(2);
      assert.equal((await student.open('/account/guardians')).status, 404);
      assert.equal((await student.open('/account/guardians/%00')).status, 404);
      assert.equal(STUDENTS.S1.account, LOGIN.S1);
    });
  },
);
