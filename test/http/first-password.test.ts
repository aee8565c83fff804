import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';

import type { NamedKey } from '../../demo/city/fixtures.ts';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { errorOf, LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import {
  actionOf,
  listAuditEvents,
  readCredential,
  errorAt,
  countFailures,
  setFirstPassword,
  setPassword,
  personId,
  setStatus,
  signInToAccount,
} from '../helpers/city.ts';
import { freezeTime, MINUTE } from '../helpers/frozen-time.ts';
import { alertOf, createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const FIRST = '100301';
const NEXT = '四艘小船在港口 four';

describe('the first sign-in', () => {
  let service: TestService;
  let party: TestParty;
  before(async () => {
    const secret = newSecret();
    service = await startService({ clients: [createRegistration('club', secret, { scopes: ['openid', 'profile'] })] });
    party = await createParty(service.issuer, { id: 'club', secret, scope: 'openid profile' });
  });
  after(() => service.stop());
  afterEach(() => setPassword(service, 'G2', DEMO_PASSWORD));

  /** Opens the new-password page in an authorization request of the club. */
  const openPasswordChange = async (key: 'G1' | 'G2' = 'G2'): Promise<{ httpBrowser: HttpBrowser; page: Answer }> => {
    if (key === 'G2') await setFirstPassword(service, key, FIRST);
    const httpBrowser = createHttpBrowser(service.issuer);
    const signIn = await httpBrowser.open((await party.begin()).url);
    const page = await httpBrowser.submit(signIn, { login: LOGIN[key], password: key === 'G1' ? '100201' : FIRST });
    assert.equal(interactionOf(page), 'new_password');
    return { httpBrowser, page };
  };
  const change = (
    httpBrowser: HttpBrowser,
    page: Answer,
    next: string,
    more: Record<string, string> = {},
  ): Promise<Answer> =>
    httpBrowser.submit(page, { current_password: FIRST, new_password: next, confirm_password: next, ...more });
  const signIn = async (key: 'G1' | 'G2', password: string): Promise<Answer> =>
    (await signInToAccount(service, LOGIN[key], password)).answer;
  const sessionsOf = (key: NamedKey): Promise<unknown[]> =>
    service.container.store.read(async (tx) => {
      const sessions = await tx.db.select().from(tx.tables.sessions);
      const records = await tx.db.select().from(tx.tables.oidcRecords);
      return [
        ...sessions.filter(({ personId: id, endedAt }) => id === personId(key) && endedAt === null),
        ...records.filter(({ accountId, destroyed }) => accountId === personId(key) && !destroyed),
      ];
    });

  it('shows the required change with its reason, the person and the app', async () => {
    const { page } = await openPasswordChange();
    const text = textOf(page.body);
    assert.equal(page.status, 200);
    for (const words of [
      '請設定您自己的密碼',
      '預設密碼別人可能知道。設定新密碼後，預設密碼立即失效。',
      '李美玲，您好',
      '前往：測試 club',
      '至少 12 個字元',
    ]) {
      assert.ok(text.includes(words), words);
    }
  });

  it('accepts a login name with invisible characters and Chinese punctuation around it', async () => {
    await setFirstPassword(service, 'G2', FIRST);
    const typed = `「${LOGIN.G2.replaceAll('.', '。').replace('@', '\u200b＠')}\ufeff」。`;
    assert.equal(interactionOf((await signInToAccount(service, typed, FIRST)).answer), 'new_password');
  });

  it('creates no session before the change, and every page asks to sign in', async () => {
    await service.container.store.write((tx) => tx.db.delete(tx.tables.sessions));
    const { httpBrowser, page } = await openPasswordChange();
    const cookies = await httpBrowser.jar.getCookies(service.issuer);
    assert.deepEqual(
      cookies.map(({ key }) => key).filter((key) => key.includes('session')),
      [],
    );
    assert.deepEqual(await sessionsOf('G2'), []);
    for (const path of ['/account', '/account/password', '/', '/account?x=1']) {
      assert.equal(interactionOf(await httpBrowser.open(path)), 'login', path);
    }
    assert.equal(interactionOf(await httpBrowser.open((await party.begin()).url)), 'login');
    assert.equal(errorOf(await httpBrowser.open((await party.begin({ prompt: 'none' })).url)), 'login_required');
    for (const path of ['/account/password', '/account/sessions/revoke-others', '/account/apps/revoke']) {
      const answer = await httpBrowser.post(path, new URLSearchParams({ current_password: FIRST, new_password: NEXT }));
      assert.equal(interactionOf(answer), 'login', path);
    }
    // The interaction is still valid.
    assert.equal(interactionOf(await httpBrowser.open(page.url)), 'new_password');
  });

  it('shows each reason against a new password at its field and changes nothing', async () => {
    const { httpBrowser, page } = await openPasswordChange();
    const refusals: [string, string[]][] = [
      ['小船四艘', ['新密碼太短，至少要 12 個字元。']],
      ['x'.repeat(300), ['新密碼太長，最多 256 個字元。']],
      ['四艘小船\u0007在港口靠岸休息一晚', ['新密碼包含無法輸入的特殊字元。請換一個。']],
      ['Password1234', ['這個密碼太常見，很容易被猜到。請換一個。']],
      ['aabbaabbaabbaabb', ['這個密碼有太多重複或連續的字元。請換一個。']],
      ['我的名字是李美玲，很高興認識你', ['新密碼不可包含您或孩子的姓名（您用了「李美玲」）。']],
      ['ship meiling.li harbour', ['新密碼不可包含電子郵件地址。']],
      ['ship 0900000102 harbour', ['新密碼不可包含電話號碼。']],
      ['ship Y200100301 harbour', ['新密碼不可包含身分證統一編號的任何一段。']],
      [`ship ${FIRST} harbour`, ['新密碼不可包含身分證統一編號的任何一段。']],
      [FIRST, ['新密碼太短，至少要 12 個字元。']],
      ['小樂週末帶弟弟去河邊騎腳踏車', ['請不要使用頁面上的例句，請換一句您自己的話。']],
    ];
    for (const [password, sentences] of refusals) {
      const answer = await change(httpBrowser, page, password);
      assert.equal(answer.status, 422, password);
      for (const sentence of sentences) {
        assert.ok(
          errorAt(answer, 'new_password').includes(sentence),
          `${password}: ${errorAt(answer, 'new_password')}`,
        );
        assert.ok(alertOf(answer.body).includes(sentence));
      }
      assert.equal(errorAt(answer, 'current_password'), '');
      assert.ok(!answer.body.includes(password.slice(0, 12)), 'no password comes back');
    }
    assert.ok((await readCredential(service, 'G2')).first);
    assert.equal((await change(httpBrowser, page, NEXT)).leavesTo?.host, 'club.example');
  });

  it('requires the same new password twice', async () => {
    const { httpBrowser, page } = await openPasswordChange();
    const mismatch = await change(httpBrowser, page, NEXT, { confirm_password: `${NEXT} ` });
    assert.equal(mismatch.status, 422);
    assert.equal(errorAt(mismatch, 'confirm_password'), '兩次輸入的新密碼不一樣。');
    const empty = await httpBrowser.submit(page, {});
    assert.equal(empty.status, 422);
    assert.equal(errorAt(empty, 'new_password'), '請輸入新密碼。');
    assert.equal(errorAt(empty, 'confirm_password'), '請再輸入一次新密碼。');
    assert.ok((await readCredential(service, 'G2')).first);
    assert.equal(await countFailures(service, 'G2'), 0);
  });

  it('does not ask for the first password again for a quarter of an hour, then it does', async () => {
    const time = freezeTime();
    try {
      const { httpBrowser, page } = await openPasswordChange();
      assert.doesNotMatch(page.body, /current_password/);
      time.advance(15 * MINUTE);
      const stale = await httpBrowser.submit(page, { new_password: NEXT, confirm_password: NEXT });
      assert.equal(stale.status, 422);
      assert.equal(errorAt(stale, 'current_password'), '請輸入原密碼。');
      const wrong = await change(httpBrowser, stale, NEXT, { current_password: '100302' });
      assert.equal(wrong.status, 422);
      assert.equal(errorAt(wrong, 'current_password'), '原密碼不正確。');
      assert.equal((await readCredential(service, 'G2')).first?.failures, 1);
      assert.equal((await change(httpBrowser, stale, NEXT)).leavesTo?.host, 'club.example');
    } finally {
      time.release();
    }
  });

  it('accepts no proof after the first password was replaced, even by the same one', async () => {
    const { httpBrowser, page } = await openPasswordChange();
    await setFirstPassword(service, 'G2', FIRST);
    const answer = await httpBrowser.submit(page, { new_password: NEXT, confirm_password: NEXT });
    assert.equal(answer.status, 410);
    assert.ok((await readCredential(service, 'G2')).first);
    assert.equal((await signIn('G2', NEXT)).status, 422);
  });

  it('continues to the app after the change, and the first password is no longer valid', async () => {
    const { httpBrowser, page } = await openPasswordChange('G1');
    const done = await change(httpBrowser, page, NEXT, { current_password: '100201' });
    assert.equal(done.leavesTo?.host, 'club.example');
    assert.ok(done.leavesTo.searchParams.get('code'));
    const credential = await readCredential(service, 'G1');
    assert.equal(credential.first, undefined);
    assert.match(credential.hash ?? '', /^\$argon2id\$v=19\$/);
    assert.equal(interactionOf(await httpBrowser.open('/account')), undefined);
    assert.equal((await signIn('G1', '100201')).status, 422);
    assert.equal((await signIn('G1', NEXT)).status, 200);
    assert.deepEqual((await listAuditEvents(service, 'G1')).slice(0, 3), [
      'sign_in.password_change_required',
      'password.set',
      'authorization.granted',
    ]);
  });

  it('accepts a form that is submitted twice at once or once more later', async () => {
    const { httpBrowser, page } = await openPasswordChange();
    const twice = await Promise.all([change(httpBrowser, page, NEXT), change(httpBrowser, page, NEXT)]);
    // Both responses redirect; a browser shows the last one.
    for (const answer of twice) {
      assert.ok(answer.leavesTo?.host === 'club.example' || answer.status === 410, textOf(answer.body).slice(0, 300));
    }
    assert.ok(twice.some(({ leavesTo }) => leavesTo?.host === 'club.example'));
    assert.equal((await signIn('G2', NEXT)).status, 200);
    const late = await change(httpBrowser, page, 'another password of mine');
    assert.equal(late.status, 410);
    assert.equal((await signIn('G2', NEXT)).status, 200);
  });

  it('redirects the second submission of a slow form and keeps the result of the first', async () => {
    const { httpBrowser, page } = await openPasswordChange();
    const body = new URLSearchParams({ current_password: FIRST, new_password: NEXT, confirm_password: NEXT });
    const press = async (): Promise<Response> =>
      fetch(new URL(actionOf(page), page.url), {
        method: 'POST',
        body,
        redirect: 'manual',
        headers: { cookie: await httpBrowser.jar.getCookieString(page.url), 'sec-fetch-site': 'same-origin' },
      });
    // The browser submits again before it follows the first redirect, or while the first submission is in progress.
    const answers = [...(await Promise.all([press(), press(), press()])), await press()];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [303, 303, 303, 303],
    );
    assert.equal(new Set(answers.map(({ headers }) => headers.get('location'))).size, 1);
    assert.equal(await countFailures(service, 'G2'), 0);
    const events = (await listAuditEvents(service, 'G2')).filter((event) => event === 'password.set');
    const other = await change(httpBrowser, page, 'another password of mine');
    assert.equal(other.leavesTo?.host, 'club.example');
    assert.equal((await signIn('G2', NEXT)).status, 200);
    assert.equal(
      (await listAuditEvents(service, 'G2')).filter((event) => event === 'password.set').length,
      events.length,
    );
  });

  it('continues from the page that the back button shows after the change', async () => {
    const { httpBrowser, page } = await openPasswordChange();
    await change(httpBrowser, page, NEXT);
    const back = await httpBrowser.open(page.url);
    assert.equal(back.status, 410);
    const text = textOf(back.body);
    assert.ok(text.includes('這個步驟已過期（可能開啟了太久或使用了上一頁）。請重新開始，不會有任何資料遺失。'));
    assert.match(back.body, /<a class="button" href="https:\/\/club\.example\/">返回/);
    assert.match(back.body, /<a class="button secondary" href="\/account">/);
    assert.equal(new URL((await httpBrowser.open('/account')).url).pathname, '/account');
  });

  it('rejects the form of another prompt with 409 and changes nothing', async () => {
    const { httpBrowser, page } = await openPasswordChange();
    const uid = new URL(page.url).pathname.split('/')[2] ?? '';
    const all = { login: LOGIN.T1, password: DEMO_PASSWORD, choice: 'x', consent: 'accept' };
    for (const step of ['login', 'select_account', 'consent', 'none', 'constructor']) {
      const answer = await httpBrowser.post(`/interaction/${uid}/${step}`, new URLSearchParams(all));
      assert.equal(answer.status, 409, step);
      assert.match(answer.body, /href="\/account"/);
    }
    assert.equal(interactionOf(await httpBrowser.open(page.url)), 'new_password');
    const fresh = createHttpBrowser(service.issuer);
    const signInPage = await fresh.open('/account');
    const other = `/interaction/${new URL(signInPage.url).pathname.split('/')[2] ?? ''}/new_password`;
    const fields = { current_password: DEMO_PASSWORD, new_password: NEXT, confirm_password: NEXT };
    assert.equal((await fresh.post(other, new URLSearchParams(fields))).status, 409);
    assert.equal(interactionOf(await fresh.open(signInPage.url)), 'login');
    assert.ok((await readCredential(service, 'G2')).first);
  });

  it('belongs to one browser: its URL has expired in another browser', async () => {
    const { page } = await openPasswordChange();
    const stranger = createHttpBrowser(service.issuer);
    assert.equal((await stranger.open(page.url)).status, 410);
    const fields = { current_password: FIRST, new_password: NEXT, confirm_password: NEXT };
    assert.equal((await stranger.post(actionOf(page), new URLSearchParams(fields))).status, 410);
    assert.ok((await readCredential(service, 'G2')).first);
  });

  it('ends if the person is disabled before the change', async () => {
    const { httpBrowser, page } = await openPasswordChange();
    await setStatus(service, 'G2', 'disabled');
    try {
      const answer = await change(httpBrowser, page, NEXT);
      assert.equal(answer.leavesTo, undefined);
      assert.ok((await readCredential(service, 'G2')).first, 'nothing was changed');
    } finally {
      await setStatus(service, 'G2', 'active');
    }
  });
});
