/** Two members of staff, or staff and the person, at the same moment: one wins, the other is told, and nothing is done twice. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher.ts';
import { interactionOf, LOGIN } from '../helpers/authorization-flow.ts';
import { personId } from '../helpers/city.ts';
import { alertOf, createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { requestResetLink } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';
import { enrollTotp } from '../helpers/second-factors.ts';
import type { ServiceDatabase } from '../helpers/service.ts';
import { signInStaff, type StaffBrowser } from '../helpers/staff.ts';
import { openDatabase, startNodes, type Nodes } from './nodes.ts';

const REASON = 'phoned, named class and seat';
const ROUNDS = 4;
type Key = Parameters<typeof personId>[0];

for (const [name, count] of [
  ['one node on SQLite', 1],
  ['two nodes on PostgreSQL', 2],
] as const) {
  describe(`actions at the same moment (${name})`, () => {
    let nodes: Nodes;
    let mail: MailCatcher;
    let database: ServiceDatabase;
    let desk: StaffBrowser;
    let registrar: StaffBrowser;
    let bureau: StaffBrowser;
    let otherBureau: StaffBrowser;
    before(async () => {
      mail = await startMailCatcher({ smtpPort: 0, webPort: 0 });
      nodes = await startNodes({
        count,
        smtpUrl: mail.smtpUrl,
        ...(count > 1 ? { databaseUrl: await testDatabaseUrl() } : {}),
      });
      database = await openDatabase(nodes);
      ({ browser: desk } = await signInStaff(database, 'A1'));
      ({ browser: registrar } = await signInStaff(database, 'A2'));
      ({ browser: bureau } = await signInStaff(database, 'B1'));
      ({ browser: otherBureau } = await signInStaff(database, 'B1'));
    });
    after(async () => {
      await database.container.store.close();
      await nodes.stop();
      await mail.close();
    });

    const countEvents = async (event: string): Promise<number> => {
      const { store } = database.container;
      return (await store.read((tx) => tx.db.select().from(tx.tables.audit))).filter((row) => row.event === event)
        .length;
    };
    const openForm = (browser: HttpBrowser, key: Key, action: string, value = ''): Promise<Answer> =>
      browser.open(`/console/people/${personId(key)}/action?action=${action}&value=${value}`);
    const statusesOf = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status).sort();
    const newBrowser = (): HttpBrowser => createHttpBrowser(nodes.issuer);
    const isSignedIn = async (browser: HttpBrowser): Promise<boolean> =>
      interactionOf(await browser.open('/account')) === undefined;
    const signIn = async (browser: HttpBrowser, login: string, password: string): Promise<Answer> =>
      browser.submit(await browser.open('/account'), { login, password });
    const password = (word: string): Record<string, string> => {
      const chosen = `four small boats at anchor ${word}`;
      return { new_password: chosen, confirm_password: chosen };
    };

    it('issue one code when two desks press at once, and tell the other desk', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const before = await countEvents('staff.issue_one_time_code');
        const desks = [desk, bureau];
        const forms = await Promise.all(desks.map((browser) => openForm(browser, 'G2', 'one-time-code')));
        const answers = await Promise.all(
          desks.map((browser, at) => {
            const form = forms[at];
            assert.ok(form);
            return browser.submit(form, { action: 'one-time-code', reason: REASON });
          }),
        );
        assert.deepEqual(statusesOf(answers), [200, 409]);
        const [won, lost] = answers.toSorted((a, b) => a.status - b.status);
        assert.match(alertOf(lost?.body ?? ''), /已有其他同仁變更/);
        assert.equal(await countEvents('staff.issue_one_time_code'), before + 1);
        const code = /data-one-time-code="([^"]+)"/.exec(won?.body ?? '')?.[1] ?? '';
        // Two browsers use the code at once: one of them sets the password.
        const browsers = [newBrowser(), newBrowser()];
        const pages = await Promise.all(browsers.map((browser) => signIn(browser, LOGIN.G2, code)));
        const changed = await Promise.all(
          browsers.map((browser, at) => {
            const page = pages[at];
            assert.ok(page);
            assert.equal(interactionOf(page), 'new_password');
            return browser.submit(page, { current_password: code, ...password(`${String(round)} ${String(at)}`) });
          }),
        );
        const winners = await Promise.all(browsers.map(isSignedIn));
        assert.equal(winners.filter(Boolean).length, 1, String(statusesOf(changed)));
        for (const [at, isWinner] of winners.entries()) {
          const chosen = password(`${String(round)} ${String(at)}`)['new_password'] ?? '';
          const later = newBrowser();
          await signIn(later, LOGIN.G2, chosen);
          assert.equal(await isSignedIn(later), isWinner);
        }
      }
    });

    it('answer a request about personal data once, with one effect and one mail', async () => {
      const browser = newBrowser();
      await signIn(browser, LOGIN.G5, DEMO_PASSWORD);
      const form = await browser.open('/account/data/requests/new?kind=stop_processing');
      const confirmation = await browser.submit(form, { what: 'all', why: '' });
      const receipt = await browser.submit(confirmation, { confirmed: 'yes' });
      const requestId = /\/requests\/([^?/]+)/.exec(receipt.url)?.[1] ?? '';
      const deciders = [bureau, otherBureau];
      const pages = await Promise.all(deciders.map((one) => one.open(`/console/subject-requests/${requestId}`)));
      const answers = await Promise.all(
        deciders.map((one, at) => {
          const page = pages[at];
          assert.ok(page);
          return one.submit(page, { answer: at === 0 ? 'approve' : 'decline', reason: REASON });
        }),
      );
      assert.deepEqual(statusesOf(answers), [200, 409]);
      const isApproved = answers[0]?.status === 200;
      assert.equal(await countEvents('subject_request.approved'), isApproved ? 1 : 0);
      assert.equal(await countEvents('subject_request.declined'), isApproved ? 0 : 1);
      assert.equal(await countEvents('personal_data.sharing_stopped'), isApproved ? 1 : 0);
      const results = (): number =>
        mail
          .messages()
          .filter(({ subject }) => /^Your personal data request has been (approved|declined)/.test(subject)).length;
      await pollUntil('a mail about the result', () => results() > 0);
      assert.equal(results(), 1);
    });

    it('let a reset link set one of two passwords that are sent at once', async () => {
      const link = await requestResetLink(nodes, mail, LOGIN.G4);
      const browsers = [newBrowser(), newBrowser()];
      const pages = await Promise.all(browsers.map((browser) => browser.open(link)));
      const answers = await Promise.all(
        browsers.map((browser, at) => {
          const page = pages[at];
          assert.ok(page);
          return browser.submit(page, password(`reset ${String(at)}`));
        }),
      );
      assert.deepEqual(statusesOf(answers), [200, 410]);
      for (const [at, { status }] of answers.entries()) {
        const later = newBrowser();
        await signIn(later, LOGIN.G4, password(`reset ${String(at)}`)['new_password'] ?? '');
        assert.equal(await isSignedIn(later), status === 200);
      }
    });

    it('open no session after an account is disabled, also with the page of the second factor open', async () => {
      const authenticator = await enrollTotp(database, 'G5');
      for (let round = 0; round < ROUNDS; round += 1) {
        const withPassword = [newBrowser(), newBrowser()];
        const withPage = newBrowser();
        const page = await signIn(withPage, LOGIN.G5, DEMO_PASSWORD);
        assert.equal(interactionOf(page), 'second_factor');
        const form = await openForm(bureau, 'G5', 'disable');
        await Promise.all([
          ...withPassword.map(async (browser) => {
            const asked = await signIn(browser, LOGIN.G5, DEMO_PASSWORD);
            if (interactionOf(asked) === 'second_factor') await browser.submit(asked, { code: authenticator.code() });
          }),
          withPage.submit(page, { code: authenticator.code() }),
          bureau.submit(form, { action: 'disable', reason: REASON }),
        ]);
        for (const browser of [...withPassword, withPage]) assert.equal(await isSignedIn(browser), false);
        const enable = await openForm(bureau, 'G5', 'enable');
        assert.equal((await bureau.submit(enable, { action: 'enable', reason: REASON })).status, 200);
      }
    });

    it('confirm a request once, or withdraw it, never both', async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        const value = `meiling.${String(round)}@parents.example`;
        const form = await openForm(desk, 'G2', 'change-email', value);
        const sent = await desk.submit(form, { action: 'change-email', value, reason: REASON });
        const path = new URL(sent.url).pathname;
        assert.match(path, /^\/console\/requests\//);
        const before = await countEvents('staff.change_contact');
        const [first, second] = await Promise.all([registrar.open(path), bureau.open(path)]);
        const answers = await Promise.all([
          registrar.submit(first, { answer: 'confirm', reason: REASON }),
          round % 2 === 0
            ? bureau.submit(second, { answer: 'confirm', reason: REASON })
            : desk.submit(sent, { answer: 'withdraw', reason: REASON }),
        ]);
        assert.deepEqual(statusesOf(answers), [200, 409]);
        const lost = answers.find(({ status }) => status === 409);
        assert.match(textOf(lost?.body ?? ''), /已由其他同仁處理/);
        const state = /data-request-state="([^"]+)"/.exec((await desk.open(path)).body)?.[1];
        const isConfirmed = state === 'confirmed';
        assert.ok(isConfirmed || (round % 2 === 1 && state === 'withdrawn'), state);
        assert.equal((await countEvents('staff.change_contact')) - before, isConfirmed ? 1 : 0);
        const person = await bureau.open(`/console/people/${personId('G2')}`);
        assert.equal(person.body.includes(value), isConfirmed);
      }
    });

    it('do a bulk run once that is started twice at once, and print its codes once', async () => {
      const [id = ''] = /(?<=data-class=")[^"]+/.exec((await desk.open('/console/classes')).body) ?? [];
      const page = await desk.open(`/console/classes/${id}`);
      const draft = await desk.submit(page, { action: 'slips', reason: REASON, scope: 'class' });
      const pending = [...draft.body.matchAll(/會執行/g)].length;
      assert.ok(pending > 1);
      const before = await countEvents('staff.issue_one_time_code');
      const started = await Promise.all([desk.submit(draft, {}), desk.submit(draft, {})]);
      assert.deepEqual(statusesOf(started), [200, 200]);
      const report = await pollUntil('the run is finished', async () => {
        const current = await desk.open(draft.url);
        return current.body.includes('data-bulk-state="finished"') ? current : undefined;
      });
      assert.equal(await countEvents('staff.issue_one_time_code'), before + pending);
      const sheets = await Promise.all([desk.submit(report, { layout: 'a6' }), desk.submit(report, { layout: 'a6' })]);
      const codes = sheets.map(({ body }) => [...body.matchAll(/data-one-time-code=/g)].length).sort((a, b) => a - b);
      assert.deepEqual(codes, [0, pending]);
    });

    it('close a school and change the policies once when two administrators press at once', async () => {
      const page = await bureau.open('/console/schools/993401');
      const shown = /name="shown" value="([^"]*)"/.exec(page.body)?.[1]?.replaceAll('&#34;', '"') ?? '';
      const close = new URLSearchParams({ shown, close: 'yes', confirmed: 'yes', reason: REASON });
      const admins = [bureau, otherBureau];
      const closed = await Promise.all(admins.map((browser) => browser.post('/console/schools/993401/close', close)));
      assert.deepEqual(statusesOf(closed), [200, 409]);
      assert.equal(await countEvents('school.closed'), 1);
      const settings = await bureau.open('/console/settings');
      const version = /name="version" value="(\d+)"/.exec(settings.body)?.[1] ?? '';
      const saved = await Promise.all(
        admins.map((browser, at) =>
          browser.post(
            '/console/settings',
            new URLSearchParams({
              ...{ version, passwordMinLength: String(13 + at), firstPasswordDays: '31' },
              ...{ applicationDays: '365', evidenceDays: '30', reminderDays: '7' },
              ...{ isFirstPasswordRestorable: 'yes', confirmed: 'yes', reason: REASON },
            }),
          ),
        ),
      );
      assert.deepEqual(statusesOf(saved), [200, 409]);
      assert.equal(await countEvents('settings.changed'), 1);
      for (const { body } of [...closed, ...saved].filter(({ status }) => status === 409)) {
        assert.notEqual(alertOf(body), '');
      }
    });
  });
}
