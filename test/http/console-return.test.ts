/** After a new sign-in or second factor, the console returns to the page that was asked for. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { interactionOf } from '../helpers/authorization-flow.ts';
import { personId } from '../helpers/city.ts';
import { freezeTime, MINUTE, type FrozenTime } from '../helpers/frozen-time.ts';
import { textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff, STAFF_LOGIN, type StaffBrowser } from '../helpers/staff.ts';

let time: FrozenTime;
before(() => {
  time = freezeTime();
});
after(() => {
  time.release();
});

const PERSON = `/console/people/${personId('G2')}`;

/** Each form of the console, and the page of its state. */
const FORMS: readonly [path: string, fields: Record<string, string>, page: string][] = [
  [`${PERSON}/action`, { action: 'unlock', reason: 'x' }, `${PERSON}/action?action=unlock`],
  ['/console/clients/new', {}, '/console/clients/new'],
  ['/console/clients/app/edit', {}, '/console/clients/app/edit'],
  ['/console/clients/app/action', { action: 'disable' }, '/console/clients/app/action?action=disable'],
  ['/console/classes/x', {}, '/console/classes/x'],
  ['/console/bulk/x', {}, '/console/bulk/x'],
  ['/console/bulk/x/slips', {}, '/console/bulk/x'],
  ['/console/requests/x', {}, '/console/requests/x'],
  ['/console/audit/verify', {}, '/console/audit/verify'],
  ['/console/keys/rotate', {}, '/console/keys/rotate'],
  [
    '/console/dead-letters/action',
    { action: 'drop', job: 'a&b' },
    '/console/dead-letters/action?action=drop&job=a%26b',
  ],
  ['/console/settings', {}, '/console/settings'],
  ['/console/announcement', {}, '/console/announcement'],
  ['/console/schools/new', {}, '/console/schools/new'],
  ['/console/schools/993301', {}, '/console/schools/993301'],
  ['/console/schools/993301/close', {}, '/console/schools/993301'],
  [`${PERSON}/memberships/new`, {}, `${PERSON}/memberships/new`],
  [`${PERSON}/memberships/end`, {}, `${PERSON}/memberships`],
];

eachService(
  'a new second factor in the console',
  () => ({ clients: [] }),
  (running) => {
    let bureau: StaffBrowser;
    before(async () => {
      ({ browser: bureau } = await signInStaff(running(), 'B1'));
    });
    const pathOf = ({ url }: Answer): string => new URL(url).pathname + new URL(url).search;
    /** Enters password and code where they are asked for. */
    const stepUp = async (browser: HttpBrowser, asked: Answer, code: () => string): Promise<Answer> => {
      assert.equal(interactionOf(asked), 'login', asked.url);
      const next = await browser.submit(asked, { login: STAFF_LOGIN.B1, password: DEMO_PASSWORD });
      return interactionOf(next) === 'second_factor' ? browser.submit(next, { code: code() }) : next;
    };

    it('names the page that its sign-in leads to', async () => {
      const { browser, answer } = await signInStaff(running(), 'A1', '/account');
      assert.match(answer.url, /\/account$/);
      assert.match(answer.body, /href="\/console"/);
      browser.jar.removeAllCookiesSync();
      const pages = {
        '/console': '管理後台',
        '/console/search?q=x': '管理後台',
        '/binding': '親子綁定申請',
        '/account': '我的帳號',
      };
      for (const [path, name] of Object.entries(pages)) {
        assert.ok(textOf((await browser.open(path)).body).includes(`前往：${name}`), path);
      }
      const asked = await browser.open('/console');
      const factor = await browser.submit(asked, { login: STAFF_LOGIN.A1, password: DEMO_PASSWORD });
      assert.ok(textOf(factor.body).includes('前往：管理後台'));
    });

    it('leads back to a page with its filter', async () => {
      for (const path of ['/console/audit?event=staff.view', '/console/search?q=%25', '/console/audit/verify']) {
        time.advance(31 * MINUTE);
        const page = await stepUp(bureau, await bureau.open(path), () => bureau.authenticator.code());
        assert.equal(pathOf(page), path);
      }
    });

    it('leads from each form back to its page', async () => {
      for (const [path, fields, page] of FORMS) {
        time.advance(31 * MINUTE);
        const asked = await bureau.post(path, new URLSearchParams(fields));
        assert.equal(pathOf(await stepUp(bureau, asked, () => bureau.authenticator.code())), page, path);
      }
    });

    it('keeps what was entered for a class during a new sign-in, and until it is sent', async () => {
      const classes = await bureau.open('/console/classes?school=993301');
      const [, path = ''] = /data-class="[^"]+" href="([^"]+)"/.exec(classes.body) ?? [];
      const sent = { action: 'disable', scope: 'chosen', person: personId('S1'), reason: '轉學離校' };
      time.advance(31 * MINUTE);
      const asked = await bureau.post(path, new URLSearchParams(sent));
      const page = await stepUp(bureau, asked, () => bureau.authenticator.code());
      assert.equal(pathOf(page), path);
      assert.match(textOf(page.body), /設定尚未變更，請再按一次按鈕.*轉學離校/);
      assert.match(page.body, new RegExp(`value="${personId('S1')}" checked`));
      const run = await bureau.post(path, new URLSearchParams(sent));
      assert.match(pathOf(run), /^\/console\/bulk\//);
      assert.doesNotMatch((await bureau.open(path)).body, /轉學離校/);
    });

    it('leads back to the page and its filter after a sign-in from nothing', async () => {
      const { browser, answer } = await signInStaff(running(), 'B1', '/console/audit?event=staff.view');
      assert.equal(pathOf(answer), '/console/audit?event=staff.view');
      browser.jar.removeAllCookiesSync();
      time.advance(MINUTE);
      const asked = await browser.post('/console/schools/993301/close', '');
      const page = await stepUp(browser, asked, () => browser.authenticator.code());
      assert.equal(pathOf(page), '/console/schools/993301');
    });
  },
);
