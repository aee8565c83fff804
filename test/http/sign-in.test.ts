import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import {
  listAuditEvents,
  closeFirstPassword,
  readCredential,
  errorAt,
  countFailures,
  setFirstPassword,
  setStatus,
  normalizePage,
} from '../helpers/city.ts';
import { DAY, freezeTime, MINUTE, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { alertOf, createHttpBrowser, textOf, type Answer } from '../helpers/http-browser.ts';
import { startService, type TestService } from '../helpers/service.ts';

const FAILED = '帳號或密碼不正確。第一次登入時，密碼是您本人身分證統一編號的最後六碼。';
const LOCKED = '嘗試次數過多，請使用「忘記密碼」，或洽學校資訊組。';
const tooMany = (time: string): string => `嘗試次數過多，請於 ${time} 後再試，或使用「忘記密碼」。`;

describe('sign-in', () => {
  let time: FrozenTime;
  let service: TestService;
  before(async () => {
    time = freezeTime();
    service = await startService({ clients: [] });
  });
  after(async () => {
    await service.stop();
    time.release();
  });

  /** Makes one attempt in a new browser. */
  const tryOnce = async (login: string, password: string, language?: string): Promise<Answer> => {
    const httpBrowser = createHttpBrowser(service.issuer, language);
    return httpBrowser.submit(await httpBrowser.open('/account'), { login, password });
  };
  const tryWrong = async (login: string, times: number): Promise<Answer[]> => {
    const answers: Answer[] = [];
    for (let i = 0; i < times; i += 1) answers.push(await tryOnce(login, `wrong ${String(i)}`));
    return answers;
  };
  const statuses = (answers: readonly Answer[]): number[] => answers.map(({ status }) => status);

  it('accepts e-mail, custom account name and mobile number in their usual spellings', async () => {
    const writings: [string, string][] = [
      ['shufen.chen', '陳淑芬'],
      ['  Shufen.Chen ', '陳淑芬'],
      ['ｓｈｕｆｅｎ．ｃｈｅｎ', '陳淑芬'],
      ['Shufen.Chen@School.Example', '陳淑芬'],
      ['0900000102', '李美玲'],
      ['0900-000-102', '李美玲'],
      ['+886 900 000 102', '李美玲'],
      ['００８８６９０００００１０２', '李美玲'],
    ];
    for (const [login, name] of writings) {
      const answer = await tryOnce(login, DEMO_PASSWORD);
      assert.equal(new URL(answer.url).pathname, '/account', login);
      assert.ok(textOf(answer.body).includes(name), login);
    }
  });

  it('accepts a password in any letter width (NFKC), and no part of it', async () => {
    const wide = DEMO_PASSWORD.replaceAll(/[!-~]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) + 0xfee0));
    assert.equal((await tryOnce(LOGIN.T1, wide)).status, 200);
    assert.equal((await tryOnce(LOGIN.T1, DEMO_PASSWORD.slice(0, -1))).status, 422);
    assert.equal((await tryOnce(LOGIN.T1, `${DEMO_PASSWORD} `)).status, 422);
    assert.equal((await tryOnce(LOGIN.T1, DEMO_PASSWORD.toLowerCase())).status, 422);
    assert.equal((await tryOnce(LOGIN.T1, DEMO_PASSWORD)).status, 200);
  });

  it('shows an error at each empty field and counts no attempt', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const page = await httpBrowser.open('/account');
    const empty = await httpBrowser.submit(page, { login: ' ', password: '' });
    assert.equal(empty.status, 422);
    assert.equal(errorAt(empty, 'login'), '請輸入帳號。');
    assert.equal(errorAt(empty, 'password'), '請輸入密碼。');
    const anonymous = await httpBrowser.submit(page, { login: ' ', password: 'typed without login' });
    assert.equal(errorAt(anonymous, 'login'), '請輸入帳號。');
    assert.doesNotMatch(anonymous.body, /typed without login/);
    const half = await httpBrowser.submit(page, { login: LOGIN.G4, password: '' });
    assert.equal(errorAt(half, 'login'), '');
    assert.equal(errorAt(half, 'password'), '請輸入密碼。');
    assert.equal(await countFailures(service, 'G4'), 0);
  });

  it('keeps the entered login after a failure, and not the password', async () => {
    const answer = await tryOnce('Xiu.Lin@parents.example', 'a wrong password');
    assert.equal(answer.status, 422);
    assert.ok(answer.body.includes('value="Xiu.Lin@parents.example"'));
    assert.ok(!answer.body.includes('a wrong password'));
    assert.equal(interactionOf(answer), 'login');
  });

  it('has one response for unknown, wrong, disabled, closed, expired and passwordless accounts', async () => {
    await setFirstPassword(service, 'T2', '100407', DAY);
    await setFirstPassword(service, 'A1', '300103');
    await closeFirstPassword(service, 'A1');
    await setStatus(service, 'A2', 'disabled');
    time.advance(2 * DAY);
    const tries: [string, string, string][] = [
      ['unknown e-mail', 'unknown@parents.example', DEMO_PASSWORD],
      ['unknown mobile', '0911111111', DEMO_PASSWORD],
      ['no login at all', '王大明', '100201'],
      ['wrong', LOGIN.G3, 'not the password'],
      ['wrong first password', LOGIN.G1, '100202'],
      ['disabled, right password', 'reg.993301', DEMO_PASSWORD],
      ['expired first password', LOGIN.T2, '100407'],
      ['own password from before the reset', LOGIN.T2, DEMO_PASSWORD],
      ['closed first password', LOGIN.A1, '300103'],
      ['school account', 'P11330003', 'Y200200404'],
    ];
    const shape = (answer: Answer, login: string): unknown => ({
      status: answer.status,
      page: normalizePage(answer, login),
      headers: [...answer.headers.keys()],
      alert: alertOf(answer.body),
    });
    const expected = shape(await tryOnce('no.such.person', DEMO_PASSWORD), 'no.such.person');
    assert.match(JSON.stringify(expected), new RegExp(`"status":422.*"alert":"${FAILED}"`));
    for (const [what, login, password] of tries) {
      assert.deepEqual(shape(await tryOnce(login, password), login), expected, what);
    }
    assert.equal((await readCredential(service, 'G1')).first?.failures, 1);
  });

  it('throttles the sixth failed attempt with Retry-After, for known and unknown accounts', async () => {
    const logins = [LOGIN.G2, 'unregistered@parents.example', '0922222222', 'not a login ﷽'];
    const pages: string[] = [];
    for (const login of logins) {
      assert.deepEqual(statuses(await tryWrong(login, 5)), [422, 422, 422, 422, 422], login);
      const sixth = await tryOnce(login, DEMO_PASSWORD);
      assert.equal(sixth.status, 429, login);
      assert.equal(sixth.headers.get('retry-after'), '30');
      // It is 9:00:00 in the city; half a minute later rounds up to 9:01.
      assert.equal(alertOf(sixth.body), tooMany('09:01'));
      pages.push(normalizePage(sixth, login));
    }
    assert.equal(new Set(pages).size, 1);
  });

  it('throttles the entered login only, so other logins of the person reveal nothing', async () => {
    const [mobile, free] = ['0900000102', '0933333333'];
    const seen = async (login: string): Promise<unknown[][]> =>
      (await tryWrong(login, 6)).map((answer) => [answer.status, alertOf(answer.body), normalizePage(answer, login)]);
    const ofTheSame = await seen(mobile);
    assert.deepEqual(ofTheSame, await seen(free));
    assert.deepEqual(
      ofTheSame.map(([status]) => status),
      [422, 422, 422, 422, 422, 429],
    );
  });

  it('accepts one login while another is throttled, and resets the failures of the person', async () => {
    await tryWrong(LOGIN.T1, 5);
    assert.equal((await tryOnce(LOGIN.T1, DEMO_PASSWORD)).status, 429);
    assert.equal((await tryOnce('shufen.chen@school.example', 'wrong')).status, 422);
    assert.equal(await countFailures(service, 'T1'), 6);
    assert.equal((await tryOnce('shufen.chen@school.example', DEMO_PASSWORD)).status, 200);
    assert.equal(await countFailures(service, 'T1'), 0);
  });

  it('does not count throttled attempts, and doubles the next wait', async () => {
    // Five with this login and five with the mobile number.
    assert.equal(await countFailures(service, 'G2'), 10);
    assert.deepEqual(new Set(statuses(await tryWrong(LOGIN.G2, 10))), new Set([429]));
    assert.equal(await countFailures(service, 'G2'), 10);
    time.advance(29 * SECOND);
    const early = await tryOnce(LOGIN.G2, 'wrong');
    assert.equal(early.headers.get('retry-after'), '1');
    time.advance(SECOND);
    assert.equal((await tryOnce(LOGIN.G2, 'wrong')).status, 422);
    assert.equal((await tryOnce(LOGIN.G2, DEMO_PASSWORD)).headers.get('retry-after'), '60');
    time.advance(MINUTE);
    assert.equal((await tryOnce(LOGIN.G2, DEMO_PASSWORD)).status, 200);
  });

  it('resets the failures after a success', async () => {
    assert.equal(await countFailures(service, 'G2'), 0);
    await tryWrong(LOGIN.G2, 4);
    assert.equal((await tryOnce(LOGIN.G2, DEMO_PASSWORD)).status, 200);
    assert.deepEqual(statuses(await tryWrong(LOGIN.G2, 6)), [422, 422, 422, 422, 422, 429]);
    time.advance(MINUTE);
    assert.equal((await tryOnce(LOGIN.G2, DEMO_PASSWORD)).status, 200);
  });

  it('throttles for at most 15 minutes and locks after fifty consecutive failures', async () => {
    for (const login of [LOGIN.B1, 'unknown.at.all']) {
      assert.deepEqual(new Set(statuses(await tryWrong(login, 5))), new Set([422]));
      for (let failures = 5; failures < 50; failures += 1) {
        const wait = Number((await tryOnce(login, 'wrong')).headers.get('retry-after'));
        assert.equal(wait, Math.min(900, 30 * 2 ** (failures - 5)), `after ${String(failures)}`);
        time.advance(wait * SECOND);
        assert.equal((await tryOnce(login, 'wrong')).status, 422, `try ${String(failures + 1)}`);
      }
      time.advance(30 * DAY);
      const locked = await tryOnce(login, DEMO_PASSWORD);
      assert.equal(locked.status, 429);
      assert.equal(locked.headers.get('retry-after'), null);
      assert.equal(alertOf(locked.body), LOCKED);
    }
  });

  it('counts wrong current passwords: on the device if known, otherwise on the person', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    await httpBrowser.submit(await httpBrowser.open('/account'), { login: LOGIN.G5, password: DEMO_PASSWORD });
    const page = await httpBrowser.open('/account/password');
    const change = (current: string): Promise<Answer> =>
      httpBrowser.submit(page, {
        current_password: current,
        new_password: 'four small boats',
        confirm_password: 'four small boats',
      });
    const isHeldUp = async (): Promise<void> => {
      const warnings = [/^$/, /^$/, /^$/, /^再輸入錯誤一次，須等候 30 秒才能再試。$/, /^請於 \d\d:\d\d 後再試。$/];
      for (const [i, warning] of warnings.entries()) {
        const refused = await change(`wrong ${String(i)}`);
        assert.equal(refused.status, 422);
        const [, added = ''] = errorAt(refused, 'current_password').split('原密碼不正確。');
        assert.match(added, warning, String(i));
      }
      const blocked = await change(DEMO_PASSWORD);
      assert.equal(blocked.status, 429);
      assert.equal(blocked.headers.get('retry-after'), '30');
      assert.match(alertOf(blocked.body), /^嘗試次數過多，請於 \d\d:\d\d 後再試/);
    };
    await isHeldUp();
    assert.equal((await tryOnce(LOGIN.G5, DEMO_PASSWORD)).status, 200, 'other devices can still sign in');
    await httpBrowser.jar.setCookie('kinpass_device=none; Path=/', service.issuer);
    await isHeldUp();
    assert.equal(await countFailures(service, 'G5'), 5);
    time.advance(30 * SECOND);
    assert.equal((await tryOnce(LOGIN.G5, DEMO_PASSWORD)).status, 200);
  });

  it('is in English for an English browser', async () => {
    const failed = await tryOnce('unknown@parents.example', 'x', 'en-GB,en;q=0.8');
    assert.equal(
      alertOf(failed.body),
      'Incorrect account or password. On your first visit, your password is the last six characters of your own ID number.',
    );
    await tryWrong('unknown@parents.example', 5);
    const blocked = await tryOnce('unknown@parents.example', 'x', 'en');
    assert.match(
      alertOf(blocked.body),
      /^Too many attempts\. Try again after \d\d:\d\d, or use "Forgot password\?"\.$/,
    );
  });

  it('writes every attempt to the audit log', async () => {
    const before = (await listAuditEvents(service, 'G4')).length;
    await tryOnce(LOGIN.G4, 'wrong');
    await tryOnce(LOGIN.G4, DEMO_PASSWORD);
    for (let i = 0; i < 6; i += 1) await tryOnce(LOGIN.G4, 'wrong');
    const events = (await listAuditEvents(service, 'G4')).slice(before);
    assert.deepEqual(
      events.filter((event) => event.startsWith('sign_in.')),
      ['failed', 'succeeded', ...Array.from({ length: 5 }, () => 'failed'), 'throttled'].map(
        (kind) => `sign_in.${kind}`,
      ),
    );
  });
});
