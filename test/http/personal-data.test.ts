/** The rights of people to their data: copy, correction, stop of processing and deletion, over HTTP. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { eq, getTableColumns } from 'drizzle-orm';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import type { ChainedEntry } from '../../src/domain/audit-chain.ts';
import { SCOPES } from '../../src/domain/claims/scopes.ts';
import { readEntries } from '../../src/store/audit.ts';
import { verifyChain } from '../helpers/audit-chain.ts';
import { interactionOf, LOGIN, redeem, runAuthorization, textIn, userinfo } from '../helpers/authorization-flow.ts';
import { signInFamily } from '../helpers/binding.ts';
import { errorAt, listAuditEvents, personId, signInToAccount } from '../helpers/city.ts';
import { DAY, freezeTime, MINUTE, type FrozenTime } from '../helpers/frozen-time.ts';
import { alertOf, textOf, type Answer, type HttpBrowser, noticeOf } from '../helpers/http-browser.ts';
import { useLogoutReceiver } from '../helpers/logout-receiver.ts';
import { mailTo, useMailCatcher } from '../helpers/mail.ts';
import { createParty, createRegistration, newSecret } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff, type StaffBrowser } from '../helpers/staff.ts';

const mail = useMailCatcher();
let time: FrozenTime;
let issuer = '';
const receiver = useLogoutReceiver(() => issuer);
const secret = newSecret();
before(() => {
  time = freezeTime();
});
after(() => {
  time.release();
});

const stateOn = ({ body }: Answer): string | undefined => /data-request-state="([^"]+)"/.exec(body)?.[1];
const requestOn = ({ url }: Answer): string => /\/requests\/([^?/]+)/.exec(url)?.[1] ?? '';

/** Fills in the form and confirms it. @returns the receipt */
async function ask(browser: HttpBrowser, kind: string, what = 'what is wrong'): Promise<Answer> {
  const form = await browser.open(`/account/data/requests/new?kind=${kind}`);
  const confirmation = await browser.submit(form, { what, why: 'my reason' });
  assert.match(confirmation.body, /name="confirmed"/);
  return browser.submit(confirmation, { confirmed: 'yes' });
}

eachService(
  'the data of a person',
  () => ({
    clients: [
      createRegistration('app', secret, {
        ...{ scopes: SCOPES, permissions: ['portfolio:read'], backchannel_logout_uri: receiver.url },
      }),
    ],
    smtpUrl: mail.smtpUrl,
  }),
  (running) => {
    let registrar: StaffBrowser;
    let bureau: StaffBrowser;
    before(async () => {
      issuer = running().issuer;
      ({ browser: registrar } = await signInStaff(running(), 'A2'));
      ({ browser: bureau } = await signInStaff(running(), 'B1'));
    });
    const open = async (login: string): Promise<HttpBrowser> => (await signInToAccount(running(), login)).httpBrowser;
    const openRequest = (browser: HttpBrowser, receipt: Answer): Promise<Answer> =>
      browser.open(`/console/subject-requests/${requestOn(receipt)}`);
    const parent = { login: LOGIN.G2, choice: ['王小安'] };

    it('is shown on a page and downloaded as JSON, without secrets and other people', async () => {
      const browser = await open(LOGIN.G2);
      const page = await browser.open('/account/data');
      const text = textOf(page.body);
      assert.match(text, /李美玲/);
      assert.match(text, /王小安/);
      assert.match(text, /Y2•••••301/);
      const download = await browser.post('/account/data/download', '');
      assert.match(
        download.headers.get('content-disposition') ?? '',
        /^attachment; filename="kinpass-2026-11-23\.json"$/,
      );
      assert.equal(download.headers.get('cache-control'), 'no-store');
      const json = download.body;
      for (const part of ['meiling.li@parents.example', '王小安', '"createdAt": "20'])
        assert.ok(json.includes(part), part);
      const hidden = ['Y200100301', 'Y100200108', 'argon2', 'hash', 'Sealed', 'daming', 'stateReason'];
      for (const part of hidden) assert.equal(json.includes(part), false, part);
      assert.ok((await listAuditEvents(running(), 'G2')).includes('personal_data.downloaded'));
    });

    it('names schools in the language of the page', async () => {
      const browser = await open(LOGIN.S1);
      const enrollments = ({ body }: Answer): string =>
        textOf(/data-section="enrollments"[^]*?<\/section>/.exec(body)?.[0] ?? '');
      const shown = enrollments(await browser.open('/account/data'));
      assert.match(shown, /學校 示範高中 班級 高二3班/);
      const english = await browser.open('/language?to=en&back=/account/data');
      assert.match(enrollments(english), /Demo/);
      assert.match(textOf(english.body), /Relation Mother/);
      assert.match((await browser.post('/account/data/download', '')).body, /"code": "993301"/);
    });

    it('is downloaded after a recent sign-in only', async () => {
      const browser = await open(LOGIN.G2);
      time.advance(10 * MINUTE);
      const answer = await browser.post('/account/data/download', '');
      assert.match(answer.url, /\/interaction\//);
    });

    it('keeps what was typed into a request while the person signs in again, out of the URL', async () => {
      const browser = await open(LOGIN.G2);
      const typed = { what: '地址 <b>錯了</b>', why: 'my reason' };
      const form = await browser.open('/account/data/requests/new?kind=correction');
      const confirmation = await browser.open((await browser.submit(form, typed)).url);
      time.advance(6 * MINUTE);
      const late = await browser.submit(confirmation, { confirmed: 'yes' });
      assert.equal(interactionOf(late), 'login');
      assert.equal(decodeURIComponent(late.url).includes('錯了'), false);
      const again = await browser.submit(late, { login: LOGIN.G2, password: DEMO_PASSWORD });
      assert.match(textOf(again.body), /請再按一次按鈕/);
      assert.match(again.body, />地址 &lt;b&gt;錯了&lt;\/b&gt;<\/textarea>/);
      assert.match(again.body, />my reason<\/textarea>/);
      const other = await browser.open('/account/data/requests/new?kind=deletion');
      assert.equal(other.body.includes('錯了'), false, 'the form of another request');
      const second = await open(LOGIN.G2);
      const elsewhere = await second.open('/account/data/requests/new?kind=correction');
      assert.equal(elsewhere.body.includes('錯了'), false, 'another session');
      const { store } = running().container;
      const sealed = await store.read((tx) => tx.db.select().from(tx.tables.oidcRecords));
      assert.equal(JSON.stringify(sealed).includes('錯了'), false);
      const receipt = await browser.submit(await browser.submit(again, typed), { confirmed: 'yes' });
      assert.equal(stateOn(receipt), 'open');
      const next = await browser.open('/account/data/requests/new?kind=correction');
      assert.equal(next.body.includes('錯了'), false, 'after the request was sent');
      const own = await browser.open(`/account/data/requests/${requestOn(receipt)}`);
      assert.equal(stateOn(await browser.submit(own, {})), 'withdrawn');
    });

    it('is corrected by request: form, confirmation, receipt, decision with a reason, mail', async () => {
      ({ browser: registrar } = await signInStaff(running(), 'A2'));
      const browser = await open(LOGIN.G2);
      const form = await browser.open('/account/data/requests/new?kind=correction');
      const empty = await browser.submit(form, { what: ' ' });
      assert.equal(empty.status, 422);
      assert.notEqual(errorAt(await browser.open(empty.url), 'what'), '', 'also after a reload');
      const receipt = await ask(browser, 'correction', '<b>my name</b>');
      assert.equal(stateOn(receipt), 'open');
      assert.match(textOf(receipt.body), /2026年12月23日/);
      await mailTo(mail, 'meiling.li@parents.example', '已收到您的個資申請');
      const again = await ask(browser, 'correction');
      assert.match(textOf(again.body), /相同的申請正在處理/);
      assert.equal(requestOn(again), requestOn(receipt));
      const list = await registrar.open('/console/subject-requests');
      assert.match(list.body, new RegExp(`data-subject-request="${requestOn(receipt)}"`));
      assert.match((await registrar.open('/console/requests')).body, /href="\/console\/subject-requests"/);
      const page = await openRequest(registrar, receipt);
      assert.match(textOf(page.body), /<b>my name<\/b>|&lt;b&gt;my name/);
      assert.equal(page.body.includes('<b>my name'), false);
      assert.match(page.body, /action=correct-name/);
      assert.equal((await registrar.submit(page, { answer: 'decline', reason: '' })).status, 422);
      const declined = await registrar.submit(page, { answer: 'decline', reason: 'the card says so' });
      assert.equal(stateOn(declined), 'declined');
      const { text } = await mailTo(mail, 'meiling.li@parents.example', '未獲核准');
      assert.match(text, /the card says so/);
      const own = await browser.open(`/account/data/requests/${requestOn(receipt)}`);
      assert.match(textOf(own.body), /未核准.*the card says so/);
      const replayed = await registrar.submit(page, { answer: 'approve', reason: 'again' });
      assert.equal(replayed.status, 409);
    });

    it('has requests that only their person, the registrar of the school and the bureau see', async () => {
      const browser = await open(LOGIN.G2);
      const receipt = await ask(browser, 'correction');
      const stranger = await open(LOGIN.G5);
      assert.equal((await stranger.open(`/account/data/requests/${requestOn(receipt)}`)).status, 404);
      assert.equal((await stranger.post(`/account/data/requests/${requestOn(receipt)}/withdraw`, '')).status, 404);
      for (const key of ['A1', 'T2'] as const) {
        const { browser: colleague } = await signInStaff(running(), key);
        assert.equal((await openRequest(colleague, receipt)).status, 404, key);
        assert.equal((await colleague.open('/console/subject-requests')).status, 404, key);
      }
      assert.equal((await openRequest(bureau, receipt)).status, 200);
      const own = await browser.open(`/account/data/requests/${requestOn(receipt)}`);
      assert.equal(stateOn(await browser.submit(own, {})), 'withdrawn');
    });

    it('has a request of a member of staff that the bureau decides, and not the member', async () => {
      ({ browser: bureau } = await signInStaff(running(), 'B1'));
      const receipt = await ask(registrar, 'deletion');
      assert.equal(stateOn(receipt), 'open');
      assert.equal((await openRequest(registrar, receipt)).status, 404);
      const page = await openRequest(bureau, receipt);
      assert.match(textOf(page.body), /目前有職務，無法刪除/);
      assert.equal(page.body.includes('value="approve"'), false);
      const forged = await bureau.submit(page, { answer: 'approve', reason: 'x' });
      assert.equal(forged.status, 422);
      assert.match(alertOf(forged.body), /目前有職務/);
    });

    it('has a deadline that is extended once, and that the list marks by text', async () => {
      const pupil = await open(LOGIN.S1);
      const receipt = await ask(pupil, 'deletion');
      const page = await openRequest(registrar, receipt);
      assert.match(textOf(page.body), /目前在學/);
      const extended = await registrar.submit(page, { answer: 'extend', reason: 'the archive is closed' });
      assert.match(textOf(extended.body), /2027年1月22日/);
      assert.equal(extended.body.includes('value="extend"'), false);
      assert.equal((await registrar.submit(page, { answer: 'extend', reason: 'again' })).status, 409);
      const { store } = running().container;
      for (const [days, mark] of [
        [6, '即將到期'],
        [-1, '已逾期'],
      ] as const) {
        await store.write((tx) =>
          tx.db
            .update(tx.tables.subjectRequests)
            .set({ dueAt: Date.now() + days * DAY })
            .where(eq(tx.tables.subjectRequests.id, requestOn(receipt))),
        );
        assert.match(textOf((await registrar.open('/console/subject-requests')).body), new RegExp(mark));
      }
    });

    it('is not shared with relying parties after a stop, until the person resumes', async () => {
      const app = await createParty(issuer, { id: 'app', scope: 'openid roles children', secret });
      const browser = await open(LOGIN.G2);
      const reply = await redeem(app, await runAuthorization(app, browser, { choice: parent.choice }));
      receiver.received.length = 0;
      const receipt = await ask(browser, 'stop_processing');
      ({ browser: registrar } = await signInStaff(running(), 'A2'));
      const done = await registrar.submit(await openRequest(registrar, receipt), {
        answer: 'approve',
        reason: 'agreed',
      });
      assert.equal(stateOn(done), 'approved');
      assert.equal((await userinfo(app, textIn(reply, 'access_token'))).status, 401);
      assert.equal((await receiver.take(1)).length, 1);
      const refused = await runAuthorization(app, browser, parent);
      assert.match(textOf(refused.answer.body), /您已停止提供資料/);
      const page = await browser.open('/account/data');
      assert.match(textOf(page.body), /目前不會提供任何資料/);
      assert.match(noticeOf((await browser.post('/account/data/resume', '')).body), /已恢復提供資料/);
      const again = await redeem(app, await runAuthorization(app, browser, parent));
      assert.equal((await userinfo(app, textIn(again, 'access_token'))).status, 200);
    });

    it('of a guardian whom the school has suspended is not deleted, and only staff learn why', async () => {
      const browser = await open(LOGIN.G3);
      const receipt = await ask(browser, 'deletion');
      assert.doesNotMatch(textOf(receipt.body), /暫停/);
      ({ browser: bureau } = await signInStaff(running(), 'B1'));
      const page = await openRequest(bureau, receipt);
      assert.match(textOf(page.body), /學校暫停了這個人的親子關係/);
      assert.equal((await bureau.submit(page, { answer: 'approve', reason: 'x' })).status, 422);
      assert.equal((await browser.open('/account')).status, 200);
    });

    it('is deleted with everything that references the person, and the audit log stays valid', async () => {
      const app = await createParty(issuer, { id: 'app', scope: 'openid roles children', secret });
      const browser = await open(LOGIN.G2);
      const reply = await redeem(app, await runAuthorization(app, browser, { choice: parent.choice }));
      receiver.received.length = 0;
      const form = await browser.open('/account/data/requests/new?kind=deletion');
      assert.match(textOf((await browser.submit(form, { what: 'all' })).body), /刪除後無法復原/);
      const receipt = await ask(browser, 'deletion');
      ({ browser: registrar } = await signInStaff(running(), 'A2'));
      const shown = await openRequest(registrar, receipt);
      assert.match(textOf(shown.body), /孩子也在其他學校就讀/);
      assert.equal((await registrar.submit(shown, { answer: 'approve', reason: 'x' })).status, 422);
      ({ browser: bureau } = await signInStaff(running(), 'B1'));
      const page = await openRequest(bureau, receipt);
      assert.match(textOf(page.body), /無法復原/);
      const done = await bureau.submit(page, { answer: 'approve', reason: 'agreed' });
      assert.equal(stateOn(done), 'approved');
      assert.match(textOf(done.body), /帳號已刪除/);
      assert.equal(textOf(done.body).includes('李美玲'), false);
      assert.equal((await userinfo(app, textIn(reply, 'access_token'))).status, 401);
      // One for this session, and one for that of the test before.
      assert.equal((await receiver.take(2)).length, 2);
      assert.match((await browser.open('/account')).url, /\/interaction\//);
      assert.equal((await signInToAccount(running(), LOGIN.G2)).answer.status, 422);
      await mailTo(mail, 'meiling.li@parents.example', '您的個資申請已核准');
      assert.deepEqual(await tablesWith(personId('G2')), ['audit', 'oidcRecords', 'subjectRequests']);
      const events = await listAuditEvents(running(), 'G2');
      for (const event of ['guardianship.revoked', 'subject_request.approved', 'person.erased']) {
        assert.ok(events.includes(event), event);
      }
      const entries: ChainedEntry[] = [];
      for await (const entry of readEntries(running().container.store)) entries.push(entry);
      assert.equal(verifyChain(entries).ok, true);
    });

    it('of a school account has the state of its application, and no contacts, factors or apps', async () => {
      const { browser } = await signInFamily(running(), 'H4');
      await browser.open('/binding');
      const account = await browser.open('/account');
      assert.match(textOf(account.body), /親子綁定.*草稿|親子綁定/);
      for (const path of ['/account/contacts', '/account/second-factors', '/account/apps']) {
        assert.equal(account.body.includes(`"${path}`), false, path);
      }
      for (const path of ['/account/contacts', '/account/second-factors', '/account/second-factors/totp']) {
        assert.equal((await browser.open(path)).status, 404, path);
      }
      const data = await browser.open('/account/data');
      assert.equal(data.status, 200);
      assert.match(data.body, /data-section="applications"/);
      assert.match(textOf(data.body), /保存 365 天.*30 天刪除/);
    });

    /** Lists the tables in which any column holds the id. */
    async function tablesWith(id: string): Promise<string[]> {
      const { store } = running().container;
      const found: string[] = [];
      await store.read(async (tx) => {
        for (const [name, table] of Object.entries(tx.tables)) {
          const columns = Object.keys(getTableColumns(table));
          const rows: Record<string, unknown>[] = await tx.db.select().from(table);
          if (rows.some((row) => columns.some((column) => row[column] === id))) found.push(name);
        }
      });
      return found.sort();
    }
  },
);
