/** The pages of the bureau: policies, announcement, schools and duties. */
import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { SCOPES } from '../../src/domain/claims/scopes.ts';
import { insertMembership } from '../../src/store/people/schools.ts';
import {
  interactionOf,
  LOGIN,
  refresh,
  runAuthorization,
  signInWithNewBrowser,
  userinfo,
} from '../helpers/authorization-flow.ts';
import { errorAt, personId, setPassword, signInToAccount } from '../helpers/city.ts';
import { DAY, HOUR, useFrozenTime } from '../helpers/frozen-time.ts';
import { alertOf, createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { mailsTo, useMailCatcher } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { removeSecondFactors } from '../helpers/second-factors.ts';
import { eachService } from '../helpers/service-matrix.ts';
import type { TestService } from '../helpers/service.ts';
import { signInStaff } from '../helpers/staff.ts';

const SECRET = newSecret();
const REASON = 'decided by the board';
const POLICY = {
  passwordMinLength: '12',
  firstPasswordDays: '30',
  applicationDays: '365',
  evidenceDays: '30',
  reminderDays: '7',
  isGuardianContactConfirmed: 'yes',
  isFirstPasswordRestorable: 'yes',
};
const time = useFrozenTime();
const mail = useMailCatcher();

interface Entry {
  event: string;
  detail: Record<string, string | number | boolean>;
}

eachService(
  'the bureau',
  () => ({
    smtpUrl: mail.smtpUrl,
    clients: [
      createRegistration('app', SECRET, {
        scopes: SCOPES,
        first_party: true,
      }),
    ],
  }),
  (running) => {
    let bureau: HttpBrowser;
    let app: TestParty;
    const signInBureau = async (): Promise<HttpBrowser> => {
      await removeSecondFactors(running(), 'B1');
      return (await signInStaff(running(), 'B1')).browser;
    };
    before(async () => {
      app = await createParty(running().issuer, { id: 'app', scope: 'openid roles children', secret: SECRET });
    });
    beforeEach(async () => {
      time.advance(HOUR);
      bureau = await signInBureau();
    });

    const entries = async ({ container: { store } }: TestService, event: string): Promise<Entry[]> => {
      const rows = await store.read((tx) => tx.db.select().from(tx.tables.audit).orderBy(tx.tables.audit.seq));
      return rows.filter((row) => row.event === event);
    };
    /** Submits a form and confirms the change. */
    const change = async (page: Answer, fields: Record<string, string>, browser = bureau): Promise<Answer> => {
      const review = await browser.submit(page, fields);
      assert.equal(review.status, 200, textOf(review.body));
      return browser.submit(review, { confirmed: 'yes', reason: REASON });
    };
    const setPolicy = async (fields: Record<string, string>): Promise<Answer> =>
      change(await bureau.open('/console/settings'), fields);

    it('changes the policies with a confirmation, and records before and after', async () => {
      const form = await bureau.open('/console/settings');
      const review = await bureau.submit(form, { ...POLICY, passwordMinLength: '16' });
      assert.match(textOf(review.body), /密碼最短長度（字元） 12 16/);
      assert.equal((await entries(running(), 'settings.changed')).length, 0, 'the review changes nothing');
      const unexplained = await bureau.submit(review, { confirmed: 'yes', reason: ' ' });
      assert.equal(unexplained.status, 422);
      const saved = await bureau.submit(unexplained, { confirmed: 'yes', reason: REASON });
      assert.ok(textOf(saved.body).includes('已儲存，立即生效。'));
      const [entry] = await entries(running(), 'settings.changed');
      assert.ok(entry);
      assert.equal(entry.detail['reason'], REASON);
      assert.match(String(entry.detail['before']), /"passwordMinLength":12/);
      assert.match(String(entry.detail['after']), /"passwordMinLength":16/);
    });

    it('sets the minimum length of new passwords at the next request', async () => {
      await setPassword(running(), 'G2', DEMO_PASSWORD);
      const { httpBrowser } = await signInToAccount(running(), LOGIN.G2);
      const fields = (next: string): Record<string, string> => ({
        ...{ current_password: DEMO_PASSWORD, new_password: next, confirm_password: next },
      });
      const page = await httpBrowser.open('/account/password');
      assert.match(page.body, /data-min="16"/);
      const short = await httpBrowser.submit(page, fields('quiet lanterns'));
      assert.equal(errorAt(short, 'new_password'), '新密碼太短，至少要 16 個字元。');
      await setPolicy({ ...POLICY, passwordMinLength: '12' });
      assert.equal((await httpBrowser.submit(short, fields('quiet lanterns'))).status, 200);
      await setPassword(running(), 'G2', DEMO_PASSWORD);
    });

    it('rejects numbers out of range, and a form that changes nothing', async () => {
      const form = await bureau.open('/console/settings');
      for (const passwordMinLength of ['11', '65', '', '-1', '1e1', 'x']) {
        const answer = await bureau.submit(form, { ...POLICY, passwordMinLength });
        assert.equal(answer.status, 422, passwordMinLength);
        assert.equal(errorAt(answer, 'passwordMinLength'), '請輸入 12 到 64 的整數。');
      }
      const same = await bureau.submit(form, POLICY);
      assert.equal(same.status, 422);
      assert.match(alertOf(same.body), /內容沒有變更/);
    });

    it('does nothing when another administrator has changed the policies meanwhile', async () => {
      const review = await bureau.submit(await bureau.open('/console/settings'), { ...POLICY, firstPasswordDays: '7' });
      await setPolicy({ ...POLICY, firstPasswordDays: '14' });
      const late = await bureau.submit(review, { confirmed: 'yes', reason: REASON });
      assert.equal(late.status, 409);
      assert.match(alertOf(late.body), /內容已被變更，因此沒有執行/);
      await setPolicy(POLICY);
    });

    it('decides if the IT desk may restore first passwords', async () => {
      const { isFirstPasswordRestorable, ...unchecked } = POLICY;
      assert.equal(isFirstPasswordRestorable, 'yes');
      await setPolicy(unchecked);
      await removeSecondFactors(running(), 'A1');
      const { browser: desk } = await signInStaff(running(), 'A1');
      const path = `/console/people/${personId('G1')}`;
      assert.doesNotMatch((await desk.open(path)).body, /value="first-password"/);
      await setPolicy(POLICY);
      assert.match((await desk.open(path)).body, /value="first-password"/);
    });

    it('can require a second factor of all staff at every app, and of no one else', async () => {
      await setPolicy({ ...POLICY, isSecondFactorRequiredForStaff: 'yes' });
      const signIn = async (login: string): Promise<Answer> =>
        (await runAuthorization(app, createHttpBrowser(running().issuer), { login })).answer;
      assert.equal(interactionOf(await signIn(LOGIN.T1)), 'second_factor');
      assert.notEqual(interactionOf(await signIn(LOGIN.G2)), 'second_factor');
      await setPolicy(POLICY);
      assert.notEqual(interactionOf(await signIn(LOGIN.T1)), 'second_factor');
    });

    it('shows an announcement in both languages on sign-in and account pages between start and end', async () => {
      const start = Date.now() + HOUR;
      const local = (instant: number): string => new Date(instant + 8 * HOUR).toISOString().slice(0, 16);
      const text = { chinese: '週六<b>停機</b>維護', english: 'Maintenance on Saturday' };
      const form = await bureau.open('/console/announcement');
      const empty = await bureau.submit(form, { ...text, english: '', from: local(start), until: local(start) });
      assert.equal(empty.status, 422);
      assert.equal(errorAt(empty, 'until'), '結束時間必須晚於開始時間。');
      await change(form, { ...text, from: local(start), until: local(start + DAY) });
      const pages = async (language: string): Promise<string[]> => {
        const browser = createHttpBrowser(running().issuer, language);
        const signInPage = await browser.open('/account');
        return [signInPage, await browser.submit(signInPage, { login: LOGIN.G2, password: DEMO_PASSWORD })].map(
          ({ body }) => body,
        );
      };
      for (const body of await pages('zh-TW')) assert.doesNotMatch(body, /停機/);
      time.advance(HOUR + 60_000);
      for (const body of await pages('zh-TW')) assert.ok(body.includes('週六&lt;b&gt;停機&lt;/b&gt;維護'));
      for (const body of await pages('en')) assert.ok(body.includes('Maintenance on Saturday'));
      time.advance(DAY);
      for (const body of await pages('zh-TW')) assert.doesNotMatch(body, /停機/);
    });

    it('removes an announcement', async () => {
      const form = await bureau.open('/console/announcement');
      const done = await change(form, { chinese: '', english: '', from: '', until: '' });
      assert.ok(textOf(done.body).includes('已儲存'));
      const again = await bureau.submit(done, { chinese: '', english: '', from: '', until: '' });
      assert.equal(again.status, 422);
      assert.match(errorAt(again, 'chinese'), /目前沒有公告/);
    });

    it('adds a school, edits it and closes it; a closed school takes no new duties', async () => {
      const add = await bureau.open('/console/schools/new');
      const wrong = await bureau.submit(add, { code: '12', name: '', nameEn: 'x', type: 'special' });
      assert.equal(errorAt(wrong, 'code'), '請輸入六位數字。');
      assert.notEqual(errorAt(wrong, 'name'), '');
      const school = { code: '993999', name: '示範特教', nameEn: 'Demo Special', type: 'special' };
      const list = await change(add, school);
      assert.match(textOf(list.body), /993999 示範特教 特殊教育學校/);
      const again = await change(add, school);
      assert.equal(again.status, 422);
      assert.match(alertOf(again.body), /已經存在/);

      const edit = await bureau.open('/console/schools/993999');
      await change(edit, { ...school, name: '示範特殊教育學校' });
      const stale = await change(edit, { ...school, name: '另一個名字' });
      assert.equal(stale.status, 409);

      const page = await bureau.open('/console/schools/993999');
      const shown = /name="shown" value="([^"]*)"/.exec(page.body)?.[1]?.replaceAll('&#34;', '"') ?? '';
      const review = await bureau.post('/console/schools/993999/close', new URLSearchParams({ shown, close: 'yes' }));
      assert.match(textOf(review.body), /不能再新增這所學校的職務和學籍.*都會保留/);
      assert.equal((await bureau.submit(review, { confirmed: 'yes', reason: REASON })).status, 200);
      const grant = await bureau.open(`/console/people/${personId('G2')}/memberships/new`);
      assert.doesNotMatch(grant.body, /value="993999"/);
      const refused = await bureau.submit(grant, { duty: 'teacher', school: '993999', from: '2026-11-01', until: '' });
      assert.equal(refused.status, 422);
      assert.equal(errorAt(refused, 'school'), '請選擇學校。');
      const events = ['school.added', 'school.changed', 'school.closed'];
      for (const event of events) assert.equal((await entries(running(), event)).length, 1, event);
    });

    it('grants a duty with a notice, and ends it at once for every app', async () => {
      const path = `/console/people/${personId('T1')}/memberships`;
      const granted = await change(await bureau.open(`${path}/new`), {
        ...{ duty: 'registrar', school: '993401', from: '2026-11-01', until: '' },
      });
      assert.match(textOf(granted.body), /註冊組/);
      // Both databases send to the same mailbox.
      await pollUntil('the notice', () =>
        mailsTo(mail, 'shufen.chen@school.example', '變更了您的帳號').some(
          ({ text }) => text.includes('新增了一項職務') && text.includes(running().issuer),
        ),
      );
      const choice = ['示範高工'];
      const parameters = { scope: 'openid roles children offline_access', prompt: 'consent' };
      const { tokens } = await signInWithNewBrowser(app, { login: LOGIN.T1, choice, parameters });
      assert.equal((await userinfo(app, tokens.access_token)).status, 200);

      const list = await bureau.open(path);
      const membership = /data-membership="([^"]+)"(?:(?!data-membership)[\s\S])*?註冊組/.exec(list.body)?.[1] ?? '';
      const version = /name="version" value="(\d+)"/.exec(list.body)?.[1] ?? '';
      const review = await bureau.post(`${path}/end`, new URLSearchParams({ membership, version }));
      assert.match(textOf(review.body), /立即生效/);
      const ended = await bureau.submit(review, { confirmed: 'yes', reason: REASON });
      assert.match(textOf(ended.body), /已結束/);
      assert.equal((await userinfo(app, tokens.access_token)).status, 401);
      assert.equal((await refresh(app, tokens.refresh_token)).status, 400);
      const replayed = await bureau.submit(review, { confirmed: 'yes', reason: REASON });
      assert.equal(replayed.status, 409);
      const changes = await entries(running(), 'staff.change_membership');
      assert.deepEqual(
        changes.map(({ detail }) => [detail['before'], detail['after']]),
        [
          ['', 'registrar 993401 2026-11-01..'],
          [
            'registrar 993401 2026-11-01..',
            `registrar 993401 2026-11-01..${new Date(Date.now() - DAY + 8 * HOUR).toISOString().slice(0, 10)}`,
          ],
        ],
      );
    });

    it('ends the console of a member of staff together with the duty', async () => {
      await removeSecondFactors(running(), 'A2');
      const { browser: registrar } = await signInStaff(running(), 'A2');
      assert.equal((await registrar.open('/console')).status, 200);
      const path = `/console/people/${personId('A2')}/memberships`;
      const list = await bureau.open(path);
      const membership = /data-membership="([^"]+)"/.exec(list.body)?.[1] ?? '';
      await change(await bureau.open(path), { membership });
      assert.equal((await registrar.open('/console')).status, 403);
    });

    it('does not change bureau administrators, or make one, without a second administrator', async () => {
      const make = await bureau.open(`/console/people/${personId('T1')}/memberships/new`);
      const made = await change(make, { duty: 'bureau_admin', school: '', from: '2026-11-01', until: '' });
      assert.match(made.body, /data-request-state="pending"[\s\S]*局端管理者/);
      const peer = { id: 'peer', personId: personId('T2'), role: 'bureau_admin', isPrimary: false } as const;
      await running().container.store.write((tx) => insertMembership(tx, peer));
      const { browser: second } = await signInStaff(running(), 'T2');
      const request = await second.open(new URL(made.url).pathname);
      assert.match((await second.submit(request, { answer: 'confirm', reason: REASON })).body, /已新增職務/);
      const list = await second.open(`/console/people/${personId('T1')}/memberships`);
      const membership =
        /data-membership="([^"]+)"(?:(?!data-membership)[\s\S])*?局端管理者/.exec(list.body)?.[1] ?? '';
      const ending = await second.submit(list, { membership });
      const requested = await second.submit(ending, { confirmed: 'yes', reason: REASON });
      assert.equal((await second.submit(requested, { answer: 'confirm', reason: REASON })).status, 403);
      const answer = await bureau.open(new URL(requested.url).pathname);
      assert.match(textOf((await bureau.submit(answer, { answer: 'confirm', reason: REASON })).body), /職務已結束/);
      const self = await bureau.open(`/console/people/${personId('B1')}/memberships/new`);
      const duty = { duty: 'teacher', school: '993301', from: '2026-11-01', until: '' };
      assert.equal((await change(self, duty)).status, 403);
    });

    it('has pages that other staff do not find', async () => {
      await removeSecondFactors(running(), 'A1');
      const { browser: desk } = await signInStaff(running(), 'A1');
      const person = `/console/people/${personId('G2')}`;
      for (const path of [
        ...['/console/settings', '/console/announcement', '/console/schools', '/console/schools/new'],
        ...['/console/schools/993301', `${person}/memberships`, `${person}/memberships/new`],
      ]) {
        assert.equal((await desk.open(path)).status, 404, path);
      }
      for (const path of ['/console/settings', '/console/schools/993301/close', `${person}/memberships/end`]) {
        assert.equal((await desk.post(path, new URLSearchParams({ confirmed: 'yes' }))).status, 404, path);
      }
      assert.doesNotMatch((await desk.open('/console')).body, /\/console\/settings/);
    });
  },
);
