/** The staff console over HTTP: who may open it, and the way of a one-time code from the desk to the parent. */
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { interactionOf, LOGIN } from '../helpers/authorization-flow.ts';
import { listAuditEvents, personId, setPassword, signInToAccount } from '../helpers/city.ts';
import { freezeTime, HOUR, MINUTE, type FrozenTime } from '../helpers/frozen-time.ts';
import {
  alertOf,
  createHttpBrowser,
  textOf,
  textWithoutErrorCode,
  type Answer,
  type HttpBrowser,
} from '../helpers/http-browser.ts';
import { send } from '../helpers/raw-http.ts';
import { completeSetup, removeSecondFactors } from '../helpers/second-factors.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff, STAFF_LOGIN, type StaffBrowser } from '../helpers/staff.ts';

let time: FrozenTime;
before(() => {
  time = freezeTime();
});
after(() => {
  time.release();
});

const peopleOn = ({ body }: Answer): string[] => [...body.matchAll(/data-person="([^"]+)"/g)].map(([, id = '']) => id);
const stateOf = ({ body }: Answer): string | undefined => /data-person-state="([^"]+)"/.exec(body)?.[1];
const codeOn = ({ body }: Answer): string => /data-one-time-code="([^"]+)"/.exec(body)?.[1] ?? '';

eachService(
  'the staff console',
  () => ({ clients: [] }),
  (running) => {
    let desk: StaffBrowser;
    before(async () => {
      ({ browser: desk } = await signInStaff(running(), 'A1'));
    });

    const openForm = (browser: HttpBrowser, key: Parameters<typeof personId>[0], action: string): Promise<Answer> =>
      browser.open(`/console/people/${personId(key)}/action?action=${action}`);
    const act = async (browser: HttpBrowser, key: Parameters<typeof personId>[0], action: string): Promise<Answer> =>
      browser.submit(await openForm(browser, key, action), { action, reason: 'phoned, named class and seat' });

    it('leads a member of staff without a second factor to its enrollment, then to the console', async () => {
      await removeSecondFactors(running(), 'A2');
      const browser = createHttpBrowser(running().issuer);
      const login = { login: STAFF_LOGIN.A2, password: DEMO_PASSWORD };
      const setup = await browser.submit(await browser.open('/console'), login);
      assert.equal(interactionOf(setup), 'second_factor');
      const { answer } = await completeSetup(browser, setup);
      assert.equal(answer.status, 200);
      assert.match(textOf(answer.body), /註冊組.*示範高中/);
    });

    it('answers 403 to people without a capacity, names them and offers another account', async () => {
      const { httpBrowser } = await signInToAccount(running(), LOGIN.G2);
      const refused = await httpBrowser.open('/console/requests');
      assert.equal(refused.status, 403);
      assert.ok(textOf(refused.body).includes(LOGIN.G2));
      assert.match(refused.body, /href="tel:/);
      const link = /class="button" href="([^"]+)">以其他帳號登入/.exec(refused.body)?.[1]?.replaceAll('&amp;', '&');
      assert.ok(link);
      const staff = { login: STAFF_LOGIN.A1, password: DEMO_PASSWORD };
      const page = await httpBrowser.submit(await httpBrowser.open(link), staff);
      assert.equal(interactionOf(page), 'second_factor');
    });

    it('finds a parent of the own school and shows the state of the account', async () => {
      const results = await desk.open('/console/search?q=daming.wang%40parents.example');
      assert.deepEqual(peopleOn(results), [personId('G1')]);
      const page = await desk.open(`/console/people/${personId('G1')}`);
      assert.equal(stateOf(page), 'first-password');
      assert.match(textOf(page.body), /從未登入過/);
      assert.ok((await listAuditEvents(running(), 'G1')).includes('staff.view'));
    });

    it('answers for a person of another school as for an unknown id', async () => {
      const other = await desk.open(`/console/people/${personId('S6')}`);
      const unknown = await desk.open('/console/people/00000000-0000-4000-8000-000000000000');
      assert.deepEqual([other.status, unknown.status], [404, 404]);
      assert.equal(textWithoutErrorCode(other.body), textWithoutErrorCode(unknown.body));
      assert.match(other.body, /href="\/console"/);
      assert.equal((await openForm(desk, 'S6', 'disable')).status, 404);
    });

    it('issues a one-time code that the parent replaces by an own password', async () => {
      const slip = await act(desk, 'G2', 'one-time-code');
      assert.equal(slip.status, 200);
      assert.match(codeOn(slip), /^[A-Z0-9]{10}$/);
      assert.equal((await signInToAccount(running(), LOGIN.G2)).answer.status, 422);
      const { answer, httpBrowser } = await signInToAccount(running(), LOGIN.G2, codeOn(slip));
      assert.equal(interactionOf(answer), 'new_password');
      const next = 'seven quiet lanterns';
      const form = { current_password: codeOn(slip), new_password: next, confirm_password: next };
      assert.match(textOf((await httpBrowser.submit(answer, form)).body), /李美玲/);
      assert.equal((await signInToAccount(running(), LOGIN.G2, codeOn(slip))).answer.status, 422);
    });

    it('keeps a one-time code closed when the account is unlocked or enabled', async () => {
      const code = codeOn(await act(desk, 'S1', 'one-time-code'));
      for (let i = 0; i < 5; i += 1)
        assert.equal((await signInToAccount(running(), LOGIN.S1, 'wrong')).answer.status, 422);
      for (const action of ['unlock', 'disable', 'enable']) {
        assert.equal((await act(desk, 'S1', action)).status, 200);
        if (action !== 'disable') {
          const { answer } = await signInToAccount(running(), LOGIN.S1, code);
          assert.deepEqual([answer.status, interactionOf(answer)], [422, 'login'], action);
        }
      }
      await setPassword(running(), 'S1', DEMO_PASSWORD);
    });

    it('finds a class by its number and by its title', async () => {
      const ofNumber = peopleOn(await desk.open('/console/search?q=203'));
      assert.ok(ofNumber.includes(personId('S1')));
      assert.deepEqual(peopleOn(await desk.open(`/console/search?q=${encodeURIComponent('高二3班')}`)), ofNumber);
    });

    it('prints the accounts, the address and the school on a slip', async () => {
      const slip = await act(desk, 'H1', 'one-time-code');
      assert.match(textOf(slip.body), /您的帳號：P11330001/);
      assert.ok(textOf(slip.body).includes(`開啟 ${running().issuer}/account`));
    });

    it('requires a reason, and keeps what was typed', async () => {
      const form = await openForm(desk, 'S1', 'unlock');
      const empty = await desk.submit(form, { action: 'unlock', reason: ' ' });
      assert.equal(empty.status, 422);
      assert.match(alertOf(empty.body), /請填寫原因/);
      const long = await desk.submit(form, { action: 'unlock', reason: 'x'.repeat(10_000) });
      assert.equal(long.status, 422);
      assert.ok(long.body.includes('x'.repeat(10_000)));
    });

    it('does an action once, although its form is sent again from the history', async () => {
      const form = await openForm(desk, 'S1', 'disable');
      const typed = { action: 'disable', reason: 'left the school' };
      const done = await desk.submit(form, typed);
      assert.equal(stateOf(done), 'disabled');
      assert.match(textOf(done.body), /帳號已停用/);
      assert.equal(stateOf(await act(desk, 'S1', 'enable')), 'active');
      const replayed = await desk.submit(form, typed);
      assert.equal(replayed.status, 409);
      assert.match(alertOf(replayed.body), /已有其他同仁變更/);
      assert.equal(stateOf(await desk.open(`/console/people/${personId('S1')}`)), 'active');
    });

    it('records a view when an action form is opened, and no request of sibling hosts', async () => {
      const views = async (): Promise<number> =>
        (await listAuditEvents(running(), 'S3')).filter((event) => event === 'staff.view').length;
      await openForm(desk, 'S3', 'disable');
      assert.equal(await views(), 1);
      const cookie = await desk.jar.getCookieString(running().issuer);
      const headers = { cookie, 'sec-fetch-dest': 'image', 'sec-fetch-site': 'same-site' };
      const { status } = await send(running().issuer, `/console/people/${personId('S3')}`, { headers });
      assert.equal(status, 403);
      assert.equal(await views(), 1);
    });

    it('issues no code for an account without a login, because no one could sign in with it', async () => {
      for (const action of ['one-time-code', 'first-password']) {
        const page = await act(desk, 'S3', action);
        assert.equal(page.status, 422, action);
        assert.match(alertOf(page.body), /沒有登入帳號/);
      }
    });

    it('rejects actions on oneself and actions of other capacities', async () => {
      const self = await openForm(desk, 'A1', 'unlock');
      assert.match(textOf(self.body), /不能在管理後台變更自己/);
      const { browser: teacher } = await signInStaff(running(), 'T2');
      const page = await teacher.open(`/console/people/${personId('G1')}`);
      assert.deepEqual(
        [...page.body.matchAll(/name="action" value="([^"]+)"/g)].map(([, name]) => name),
        ['reset-link'],
      );
      assert.match(textOf((await openForm(teacher, 'S1', 'disable')).body), /職務無權執行/);
      const forged = await teacher.submit(await openForm(teacher, 'S1', 'reset-link'), {
        action: 'disable',
        reason: 'forged',
      });
      assert.equal(forged.status, 403);
    });

    it('offers unlock and links only where they do something', async () => {
      const offered = async (key: Parameters<typeof personId>[0]): Promise<string[]> => {
        const { body } = await desk.open(`/console/people/${personId(key)}`);
        const names = [...body.matchAll(/name="action" value="([^"]+)"/g)].map(([, name = '']) => name);
        return names.filter((name) => ['unlock', 'reset-link', 'one-time-code', 'first-password'].includes(name));
      };
      const codes = ['one-time-code', 'first-password'];
      assert.deepEqual(await offered('G1'), ['reset-link', ...codes]);
      assert.deepEqual(await offered('H1'), codes, 'a school account has no mailbox');
      assert.deepEqual(await offered('S3'), [], 'no login');
      assert.equal((await signInToAccount(running(), LOGIN.G1, 'wrong')).answer.status, 422);
      assert.deepEqual(await offered('G1'), ['reset-link', ...codes, 'unlock']);
      await act(desk, 'G1', 'unlock');
      assert.deepEqual(await offered('G1'), ['reset-link', ...codes]);
      await act(desk, 'G1', 'disable');
      assert.deepEqual(await offered('G1'), []);
      await act(desk, 'G1', 'enable');
    });

    it('marks an action that takes access away, and gives a fitting example of a reason', async () => {
      assert.match((await openForm(desk, 'G1', 'disable')).body, /class="button danger"[^>]*value="disable"/);
      const { browser: registrar } = await signInStaff(running(), 'A2');
      const revoke = await openForm(registrar, 'G1', 'revoke-guardianship');
      assert.match(revoke.body, /class="button danger"[^>]*value="revoke-guardianship"/);
      assert.match(textOf(revoke.body), /例如：家長持戶口名簿到校/);
      assert.doesNotMatch((await openForm(registrar, 'G1', 'resume-guardianship')).body, /class="button danger"/);
    });

    it('shows the duty of staff', async () => {
      assert.match(textOf((await desk.open(`/console/people/${personId('A2')}`)).body), /註冊組 · 示範高中/);
    });

    it('asks for the second factor again when idle, after 12 hours, and before a later action', async () => {
      const { browser } = await signInStaff(running(), 'B1');
      const isOpen = async (path: string): Promise<boolean> => interactionOf(await browser.open(path)) === undefined;
      time.advance(16 * MINUTE);
      assert.equal(await isOpen(`/console/people/${personId('S1')}/action?action=unlock`), false);
      assert.equal(await isOpen('/console'), true);
      for (let minutes = 16; minutes + 29 < 12 * 60; minutes += 29) {
        time.advance(29 * MINUTE);
        assert.equal(await isOpen('/console'), true, `${String(minutes)} minutes`);
      }
      time.advance(29 * MINUTE);
      assert.equal(await isOpen('/console'), false);
      const { browser: idle } = await signInStaff(running(), 'B1');
      time.advance(31 * MINUTE);
      assert.notEqual(interactionOf(await idle.open('/console')), undefined);
      time.advance(HOUR);
    });
  },
);
