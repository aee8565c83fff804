/** The context of a sign-in: rules 7 and 8 of docs/claims.md. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import {
  actingOf,
  choiceOf,
  choicesOf,
  runAuthorization,
  errorOf,
  idClaims,
  LOGIN,
  refresh,
  signInWithNewBrowser,
  interactionOf,
  tokensFor,
  userinfo,
} from '../helpers/authorization-flow.ts';
import { childrenOf, startCityApps, readReleasedClaims, type CityApps } from '../helpers/city-apps.ts';
import { createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { getGuardianshipId } from '../helpers/people.ts';
import type { TestParty, Tokens } from '../helpers/relying-party.ts';

let apps: CityApps;
before(async () => {
  apps = await startCityApps();
});
after(() => apps.service.stop());

const visit = (): HttpBrowser => createHttpBrowser(apps.service.issuer);
const requestActing = (acting: unknown, more: Record<string, string> = { prompt: 'none' }): Record<string, string> => ({
  claims: JSON.stringify({ id_token: { acting: { value: acting } } }),
  ...more,
});
const elder = { login: LOGIN.G2, choice: ['王小安'] };

/** Returns the ids of both children of G2 at an app. */
async function childIds(party: TestParty): Promise<[string, string]> {
  const [first, second] = childrenOf(await readReleasedClaims(party, elder));
  assert.ok(first && second);
  return [first.sub, second.sub];
}

describe('rule 7: the context selection page', () => {
  it('is skipped for one role with at most one child', async () => {
    for (const login of [LOGIN.G2, LOGIN.T2, LOGIN.S1, LOGIN.B1]) {
      const { answer } = await runAuthorization(apps.portfolio, visit(), { login });
      assert.ok(answer.leavesTo?.searchParams.has('code'), login);
    }
  });

  it('shows role, child and school of each context if there are several', async () => {
    const parent = await runAuthorization(apps.payment, visit(), { login: LOGIN.G2 });
    assert.deepEqual(
      choicesOf(parent.answer).map((text) => text.replace(/（.*/, '')),
      ['家長：王小安', '家長：王小樂'],
    );
    assert.match(choicesOf(parent.answer)[0] ?? '', /家長：王小安（示範高中 .+）/);
    const teacher = await runAuthorization(apps.portfolio, visit(), { login: LOGIN.T1 });
    assert.match(choicesOf(teacher.answer)[0] ?? '', /教師：明德高中/);
    assert.match(choicesOf(teacher.answer)[1] ?? '', /家長：陳以恩（示範高中 .+）/);
  });

  it('names the person, and marks the last selected context without moving it', async () => {
    const party = apps.all;
    const fresh = await runAuthorization(party, visit(), { login: LOGIN.T1 });
    assert.equal(fresh.answer.body.includes('上次使用'), false, 'nothing was chosen here before');
    await signInWithNewBrowser(party, { login: LOGIN.T1, choice: ['家長'] });
    const again = choicesOf((await runAuthorization(party, visit(), { login: LOGIN.T1 })).answer);
    assert.match(textOf(fresh.answer.body), /換人登入 取消/);
    assert.deepEqual(
      again.map((text) => text.replace(/ ?上次使用/, '')),
      choicesOf(fresh.answer),
    );
    assert.match(again.at(-1) ?? '', /家長：陳以恩.*上次使用/);
    assert.equal(again.filter((text) => text.includes('上次使用')).length, 1);
    const elsewhere = await runAuthorization(apps.payment, visit(), { login: LOGIN.T1 });
    assert.equal(elsewhere.answer.body.includes('上次使用'), false);
  });

  it('is shown again for prompt=select_account, without a password', async () => {
    const { httpBrowser } = await signInWithNewBrowser(apps.payment, elder);
    const asked = await runAuthorization(apps.payment, httpBrowser, { parameters: { prompt: 'select_account' } });
    assert.equal(interactionOf(asked.answer), 'select_account');
    const done = await httpBrowser.submit(asked.answer, { choice: choiceOf(asked.answer, ['王小樂']) });
    assert.equal(actingOf(idClaims(await asked.finish(done))).child, (await childIds(apps.payment))[1]);
    const single = await signInWithNewBrowser(apps.portfolio, { login: LOGIN.G2 });
    const one = await runAuthorization(apps.portfolio, single.httpBrowser, {
      parameters: { prompt: 'select_account' },
    });
    assert.deepEqual(choicesOf(one.answer).length, 1);
  });

  it('rejects contexts of other people and apps, and changes nothing', async () => {
    const { httpBrowser } = await signInWithNewBrowser(apps.payment, elder);
    const foreign = actingOf((await readReleasedClaims(apps.all, elder)).id).ctx;
    const { answer } = await runAuthorization(apps.payment, httpBrowser, { parameters: { prompt: 'select_account' } });
    for (const choice of [foreign, 'x', '../..', '']) {
      const refused = await httpBrowser.submit(answer, { choice });
      assert.ok(refused.status === 409 || refused.status === 400, `${choice}: ${String(refused.status)}`);
      assert.equal(refused.leavesTo, undefined);
    }
    const still = await httpBrowser.submit(answer, { choice: choiceOf(answer, ['王小樂']) });
    assert.ok(still.leavesTo?.searchParams.has('code'));
  });

  it('offers only access_denied to a person without a context', async () => {
    const httpBrowser = visit();
    const { answer } = await runAuthorization(apps.payment, httpBrowser, { login: LOGIN.G3 });
    assert.match(textOf(answer.body), /目前沒有可在「測試 payment」查看的學生資料/);
    assert.ok(textOf(answer.body).includes(LOGIN.G3), 'names the person who is signed in');
    const declined = await httpBrowser.submit(answer, {});
    assert.equal(errorOf(declined), 'access_denied');
    const description = declined.leavesTo?.searchParams.get('error_description') ?? '';
    assert.match(description, /check permissions and school_types of its registration$/);
    const silent = await runAuthorization(apps.payment, httpBrowser, { parameters: { prompt: 'none' } });
    assert.equal(errorOf(silent.answer), 'account_selection_required');
    assert.match(silent.answer.leavesTo?.searchParams.get('error_description') ?? '', /id_token_hint or claims$/);
  });

  it('says why a caregiver has no context at the portfolio', async () => {
    const { answer } = await runAuthorization(apps.portfolio, visit(), { login: LOGIN.G4 });
    assert.match(textOf(answer.body), /您與.+的綁定不包含「測試 portfolio」的項目。 若您認為有誤，請洽學校。/);
  });

  it('offers only the roles that the app serves, and another account to everyone else', async () => {
    const parent = await signInWithNewBrowser(apps.families, { login: LOGIN.G2, choice: ['王小樂'] });
    const asked = await runAuthorization(apps.families, parent.httpBrowser, {
      parameters: { prompt: 'select_account' },
    });
    assert.ok(choicesOf(asked.answer).every((choice) => choice.includes('家長')));
    const httpBrowser = visit();
    const { answer } = await runAuthorization(apps.families, httpBrowser, { login: LOGIN.T2 });
    assert.match(textOf(answer.body), /「測試 families」僅供家長使用，您登入的帳號是教師身分。/);
    assert.ok(textOf(answer.body).includes(LOGIN.T2), 'names the person who is signed in');
    const target = /formaction="([^"]*)"[^>]*>以其他帳號登入/.exec(answer.body)?.[1] ?? '';
    const page = await httpBrowser.post(target, '');
    assert.equal(interactionOf(page), 'login');
    assert.match(textOf(page.body), /前往：\s*測試 families/);
  });
});

describe('rule 7: a switch by the claims parameter', () => {
  it('needs no password and no page', async () => {
    const { httpBrowser, tokens } = await signInWithNewBrowser(apps.payment, elder);
    const [an, le] = await childIds(apps.payment);
    assert.equal(actingOf(idClaims(tokens)).child, an);
    const switched = await tokensFor(apps.payment, httpBrowser, {
      parameters: requestActing({ role: 'parent', child: le }),
    });
    assert.deepEqual([actingOf(idClaims(switched)).role, actingOf(idClaims(switched)).child], ['parent', le]);
    assert.equal(idClaims(switched)['auth_time'], idClaims(tokens)['auth_time']);
  });

  it('finds the teacher context by role and school', async () => {
    const { httpBrowser } = await signInWithNewBrowser(apps.portfolio, { login: LOGIN.T1, choice: ['家長'] });
    for (const teacher of [{ role: 'teacher' }, { role: 'teacher', school_code: '993302' }]) {
      const tokens = await tokensFor(apps.portfolio, httpBrowser, { parameters: requestActing(teacher) });
      assert.equal(actingOf(idClaims(tokens)).role, 'teacher');
    }
  });

  it('to an unavailable context fails without a page, and otherwise shows the page', async () => {
    const { httpBrowser } = await signInWithNewBrowser(apps.payment, elder);
    const [atAll] = await childIds(apps.all);
    const [stranger] = childrenOf(await readReleasedClaims(apps.payment, { login: LOGIN.T1, choice: ['家長'] }));
    const [own] = await childIds(apps.payment);
    const wishes = {
      'another family’s child': { role: 'parent', child: stranger?.sub },
      'the id that the child has at another app': { role: 'parent', child: atAll },
      'the own child, but as teacher': { role: 'teacher', child: own },
      'a role that she does not have': { role: 'teacher' },
      'an invented role': { role: 'mayor' },
      'parent, of which child is left open': { role: 'parent' },
      'an invented child': { role: 'parent', child: 'x'.repeat(43) },
      'a school that is not hers': { role: 'parent', school_code: '993401' },
    };
    for (const [what, acting] of Object.entries(wishes)) {
      const silent = await runAuthorization(apps.payment, httpBrowser, { parameters: requestActing(acting) });
      assert.equal(errorOf(silent.answer), 'account_selection_required', what);
      const asked = await runAuthorization(apps.payment, httpBrowser, { parameters: requestActing(acting, {}) });
      assert.equal(interactionOf(asked.answer), 'select_account', what);
      assert.deepEqual(choicesOf(asked.answer).length, 2, what);
    }
  });

  it('to a suspended child fails like one to an unknown child', async () => {
    const [child] = childrenOf(await readReleasedClaims(apps.payment, { login: LOGIN.G4 }));
    const httpBrowser = visit();
    await runAuthorization(apps.payment, httpBrowser, { login: LOGIN.G3 });
    const { answer } = await runAuthorization(apps.payment, httpBrowser, {
      parameters: requestActing({ role: 'parent', child: child?.sub }),
    });
    assert.equal(errorOf(answer), 'account_selection_required');
  });

  it('ignores malformed values', async () => {
    const { httpBrowser } = await signInWithNewBrowser(apps.portfolio, { login: LOGIN.G2 });
    for (const malformed of ['parent', 7, [], { child: 1 }, null, { role: 'parent', child: {} }]) {
      const { answer } = await runAuthorization(apps.portfolio, httpBrowser, { parameters: requestActing(malformed) });
      assert.ok(answer.leavesTo?.searchParams.has('code'), JSON.stringify(malformed));
    }
  });

  it('without a session shows the sign-in page first, then no other page', async () => {
    const [, le] = await childIds(apps.payment);
    const silent = await runAuthorization(apps.payment, visit(), {
      parameters: requestActing({ role: 'parent', child: le }),
    });
    assert.equal(errorOf(silent.answer), 'login_required');
    const parameters = requestActing({ role: 'parent', child: le }, {});
    const { tokens } = await signInWithNewBrowser(apps.payment, { login: LOGIN.G2, parameters });
    assert.equal(actingOf(idClaims(tokens)).child, le);
  });
});

describe('rule 7: an id_token_hint', () => {
  const hint = (tokens: Tokens, more: Record<string, string> = { prompt: 'none' }): Record<string, string> => ({
    id_token_hint: tokens.id_token ?? '',
    ...more,
  });

  it('keeps its own child in each tab, with and without prompt=none', async () => {
    const { httpBrowser, tokens: an } = await signInWithNewBrowser(apps.payment, elder);
    const [, child] = await childIds(apps.payment);
    const le = await tokensFor(apps.payment, httpBrowser, { parameters: requestActing({ role: 'parent', child }) });
    for (const tokens of [an, le]) {
      for (const more of [{ prompt: 'none' }, {}]) {
        const next = await tokensFor(apps.payment, httpBrowser, { parameters: hint(tokens, more) });
        assert.deepEqual(idClaims(next)['acting'], idClaims(tokens)['acting']);
      }
    }
    const asked = await runAuthorization(apps.payment, httpBrowser, {
      parameters: hint(an, { prompt: 'select_account' }),
    });
    assert.equal(interactionOf(asked.answer), 'select_account');
  });

  it('keeps its child when the person signs in again', async () => {
    const { tokens } = await signInWithNewBrowser(apps.payment, elder);
    const again = await signInWithNewBrowser(apps.payment, { login: LOGIN.G2, parameters: hint(tokens, {}) });
    assert.deepEqual(idClaims(again.tokens)['acting'], idClaims(tokens)['acting']);
  });

  it('of a context that is no longer available does not switch to another one', async () => {
    const { tokens } = await signInWithNewBrowser(apps.portfolio, { login: LOGIN.T1, choice: ['家長'] });
    const httpBrowser = visit();
    await runAuthorization(apps.portfolio, httpBrowser, { login: LOGIN.T1, choice: ['家長'] });
    const { guardianships } = apps.service.container;
    const id = await getGuardianshipId(apps.service, LOGIN.T1, '陳以恩');
    const change = (action: 'suspend' | 'resume'): Promise<boolean> =>
      guardianships.applyAction({ id, action, reason: 'court order 7', actorId: undefined });
    await change('suspend');
    const silent = await runAuthorization(apps.portfolio, httpBrowser, { parameters: hint(tokens) });
    assert.equal(errorOf(silent.answer), 'account_selection_required');
    await change('resume');
  });

  it('of another person gets login_required, also after another person signed in', async () => {
    const { tokens } = await signInWithNewBrowser(apps.payment, elder);
    const { httpBrowser } = await signInWithNewBrowser(apps.payment, { login: LOGIN.G4 });
    const silent = await runAuthorization(apps.payment, httpBrowser, { parameters: hint(tokens) });
    assert.equal(errorOf(silent.answer), 'login_required');
    const shown = await runAuthorization(apps.payment, httpBrowser, { parameters: hint(tokens, {}) });
    assert.equal(interactionOf(shown.answer), 'login');
    const other = await runAuthorization(apps.payment, visit(), { login: LOGIN.G4, parameters: hint(tokens, {}) });
    assert.equal(errorOf(other.answer), 'login_required');
  });
});

describe('rule 8: two concurrent requests in one browser', () => {
  /** Opens two context selection pages and submits them in reverse order. */
  async function twoTabs(party: TestParty, parameters: Record<string, string>): Promise<[Tokens, Tokens]> {
    const httpBrowser = visit();
    const first = await runAuthorization(party, httpBrowser, { login: LOGIN.G2, parameters });
    const second = await runAuthorization(party, httpBrowser, { parameters });
    const press = (page: Answer, child: string): Promise<Answer> =>
      httpBrowser.submit(page, { choice: choiceOf(page, [child]) });
    const secondDone = await press(second.answer, '王小樂');
    const firstDone = await press(first.answer, '王小安');
    return [await first.finish(firstDone), await second.finish(secondDone)];
  }
  const childAt = async (party: TestParty, token: string): Promise<string | undefined> => {
    const { status, body } = await userinfo(party, token);
    assert.equal(status, 200, JSON.stringify(body));
    return actingOf(body).child;
  };

  it('keep their own child', async () => {
    const ids = await childIds(apps.payment);
    const [first, second] = await twoTabs(apps.payment, {});
    assert.deepEqual([actingOf(idClaims(first)).child, actingOf(idClaims(second)).child], ids);
    assert.equal(await childAt(apps.payment, first.access_token), ids[0]);
    assert.equal(await childAt(apps.payment, second.access_token), ids[1]);
  });

  it('keep their own child after a refresh', async () => {
    const ids = await childIds(apps.all);
    const parameters = { scope: 'openid children offline_access', prompt: 'consent' };
    const tabs = await twoTabs(apps.all, parameters);
    for (const [at, tab] of tabs.entries()) {
      let token: unknown = tab.refresh_token;
      for (let round = 0; round < 3; round += 1) {
        const { body } = await refresh(apps.all, String(token));
        token = body['refresh_token'];
        assert.equal(actingOf(idClaims(body)).child, ids[at]);
        assert.equal(await childAt(apps.all, String(body['access_token'])), ids[at]);
      }
    }
  });

  it('keep their own child when one tab switches', async () => {
    const [an, le] = await childIds(apps.payment);
    const { httpBrowser, tokens } = await signInWithNewBrowser(apps.payment, elder);
    const switched = await tokensFor(apps.payment, httpBrowser, {
      parameters: requestActing({ role: 'parent', child: le }),
    });
    assert.equal(await childAt(apps.payment, tokens.access_token), an);
    assert.equal(await childAt(apps.payment, switched.access_token), le);
  });
});
