/** Claims about people: rules 1 to 6 of docs/claims.md. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ADULTS, STUDENTS } from '../../demo/city/fixtures.ts';
import { actingOf, runAuthorization, errorOf, LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { childrenOf, useCityApps, readReleasedClaims, type ReleasedClaims } from '../helpers/city-apps.ts';
import { createHttpBrowser, textOf } from '../helpers/http-browser.ts';

const running = useCityApps();

const G2 = { login: LOGIN.G2, choice: ['王小安'] };

describe('rules of docs/claims.md', () => {
  it('1: sub is the signed-in person for each selected child', async () => {
    const withAn = await readReleasedClaims(running().payment, G2);
    const withLe = await readReleasedClaims(running().payment, { ...G2, choice: ['王小樂'] });
    assert.equal(withAn.id['sub'], withLe.id['sub']);
    assert.equal(withAn.info['sub'], withAn.id['sub']);
    const ids = childrenOf(withAn).map(({ sub }) => sub);
    assert.equal(ids.includes(String(withAn.id['sub'])), false);
    assert.deepEqual([actingOf(withAn.id).child, actingOf(withLe.id).child], ids);
  });

  it('2: the id of a child at an app equals the sub of the child there', async () => {
    const mother = await readReleasedClaims(running().portfolio, { login: LOGIN.G2 });
    const student = await readReleasedClaims(running().portfolio, { login: LOGIN.S1 });
    assert.equal(childrenOf(mother)[0]?.sub, student.id['sub']);
    assert.deepEqual(actingOf(student.id), { ...actingOf(student.id), role: 'student' });
    assert.match(String(student.id['sub']), /^[A-Za-z0-9_-]{43}$/);
  });

  it('2: two guardians get the same id for a child', async () => {
    const mother = await readReleasedClaims(running().payment, G2);
    const httpBrowser = createHttpBrowser(running().service.issuer);
    const begun = await runAuthorization(running().payment, httpBrowser, { login: LOGIN.G1, password: '100201' });
    assert.equal(interactionOf(begun.answer), 'new_password');
    const password = 'Der Tee ist noch warm 8';
    const fields = { current_password: '100201', new_password: password, confirm_password: password };
    const chooser = await httpBrowser.submit(begun.answer, fields);
    assert.equal(interactionOf(chooser), 'select_account', textOf(chooser.body).slice(0, 200));
    const father = await readReleasedClaims(running().payment, { login: LOGIN.G1, password, choice: ['王小樂'] });
    assert.deepEqual(
      childrenOf(father).map(({ sub }) => sub),
      childrenOf(mother).map(({ sub }) => sub),
    );
    assert.notEqual(father.id['sub'], mother.id['sub']);
  });

  it('2: apps of one sector get the same ids, apps of other sectors different ones', async () => {
    const entry = { ...G2, parameters: { scope: 'openid' } };
    const [here, sibling, elsewhere] = [
      await readReleasedClaims(running().all, entry),
      await readReleasedClaims(running().twin, entry),
      await readReleasedClaims(running().payment, G2),
    ];
    assert.equal(here.id['sub'], sibling.id['sub']);
    assert.notEqual(here.id['sub'], elsewhere.id['sub']);
    const [atAll, atPayment] = [await readReleasedClaims(running().all, G2), elsewhere];
    const ids = (one: ReleasedClaims): string[] => [String(one.id['sub']), ...childrenOf(one).map(({ sub }) => sub)];
    assert.equal(
      ids(atAll).some((id) => ids(atPayment).includes(id)),
      false,
    );
    assert.notEqual(actingOf(atAll.id).ctx, actingOf(atPayment.id).ctx, 'ctx differs by sector too');
  });

  it('3: roles and acting are the same in the ID token and in UserInfo', async () => {
    const { id, info } = await readReleasedClaims(running().payment, G2);
    assert.deepEqual(id['roles'], ['parent']);
    assert.deepEqual(info['roles'], id['roles']);
    assert.deepEqual(info['acting'], id['acting']);
    const [child] = childrenOf({ id, info });
    assert.deepEqual(id['acting'], {
      role: 'parent',
      child: child?.sub,
      school_code: '993301',
      relation: 'parent',
      authority: 'statutory',
      permissions: ['fees:read', 'fees:pay'],
      ctx: actingOf(id).ctx,
    });
    const teacher = await readReleasedClaims(running().portfolio, { login: LOGIN.T1, choice: ['教師'] });
    const { ctx } = actingOf(teacher.id);
    assert.deepEqual(teacher.id['acting'], { role: 'teacher', school_code: '993302', ctx });
  });

  it('3: children is in the ID token only if the claims parameter requests it', async () => {
    assert.equal('children' in (await readReleasedClaims(running().payment, G2)).id, false);
    const claims = JSON.stringify({ id_token: { children: null } });
    const { id, info } = await readReleasedClaims(running().payment, { ...G2, parameters: { claims } });
    assert.deepEqual(id['children'], info['children']);
  });

  it('4: the portfolio gets only senior-high children and its own permissions', async () => {
    const shown = await readReleasedClaims(running().portfolio, { login: LOGIN.G2 });
    assert.deepEqual(
      childrenOf(shown).map((child) => [child.name, child['permissions']]),
      [['王小安', ['portfolio:read']]],
    );
    assert.equal(JSON.stringify(shown).includes('993601'), false);
    const paying = await readReleasedClaims(running().payment, G2);
    assert.deepEqual(
      childrenOf(paying).map((child) => [child.name, child['permissions']]),
      [
        ['王小安', ['fees:read', 'fees:pay']],
        ['王小樂', ['fees:read', 'fees:pay']],
      ],
    );
  });

  it('4: the portfolio gets no e-mail by scope or claims parameter', async () => {
    const asked = await runAuthorization(running().portfolio, createHttpBrowser(running().service.issuer), {
      parameters: { scope: 'openid email' },
    });
    assert.equal(errorOf(asked.answer), 'invalid_scope');
    const claims = JSON.stringify({
      userinfo: { email: { essential: true } },
      id_token: { email: null, phone_number: null },
    });
    const shown = await readReleasedClaims(running().portfolio, { login: LOGIN.G2, parameters: { claims } });
    assert.equal(JSON.stringify(shown).includes('@'), false);
    assert.equal(JSON.stringify(shown).includes('9000001'), false);
    assert.equal(shown.info['preferred_username'], shown.info['sub']);
  });

  it('5: claims do not reveal a suspended guardianship', async () => {
    const roles = { login: LOGIN.G3, parameters: { scope: 'openid profile roles' } };
    const { info } = await readReleasedClaims(running().all, roles);
    assert.deepEqual(info['roles'], []);
    const { answer } = await runAuthorization(running().payment, createHttpBrowser(running().service.issuer), {
      login: LOGIN.G3,
    });
    assert.equal(interactionOf(answer), 'select_account');
    const words = textOf(answer.body);
    assert.match(words, /目前沒有可在「測試 payment」查看的學生資料。若您認為有誤，請洽學校。/);
    for (const hint of ['周子晴', '示範高工', '停', '法院', 'suspend', 'court']) {
      assert.equal(answer.body.includes(hint), false, hint);
    }
  });

  it('5: a delegated caregiver has no portfolio and no payment permission', async () => {
    const { answer } = await runAuthorization(running().portfolio, createHttpBrowser(running().service.issuer), {
      login: LOGIN.G4,
    });
    assert.match(textOf(answer.body), /您與周子晴的綁定不包含「測試 portfolio」的項目。/);
    assert.equal(answer.leavesTo, undefined);
    const [child] = childrenOf(await readReleasedClaims(running().payment, { login: LOGIN.G4 }));
    assert.deepEqual(
      [child?.name, child?.['authority'], child?.['permissions']],
      ['周子晴', 'delegated', ['fees:read']],
    );
  });

  it('6: no token contains a national ID, birth date or student number', async () => {
    const claims = JSON.stringify({ id_token: { children: null, name: null, email: null, affiliationExpiry: null } });
    const people = [...Object.values(ADULTS), ...Object.values(STUDENTS)];
    const forbidden = people.flatMap(({ nationalId, born }) => [
      nationalId,
      nationalId.slice(-6),
      born,
      born.replaceAll('-', ''),
    ]);
    const numbers = Object.values(STUDENTS).map(({ number }) => number);
    const choices = new Map<string, string[]>([
      [LOGIN.G2, ['王小安']],
      [LOGIN.T1, ['家長']],
    ]);
    for (const login of [LOGIN.G2, LOGIN.T1, LOGIN.S1, LOGIN.T2, LOGIN.G4, LOGIN.G5, LOGIN.A1, LOGIN.B1]) {
      const shown = await readReleasedClaims(running().all, {
        login,
        choice: choices.get(login) ?? [],
        parameters: { claims },
      });
      const text = JSON.stringify(shown);
      for (const secretText of [...forbidden, ...numbers])
        assert.equal(text.includes(secretText), false, `${login}: ${secretText}`);
      assert.equal(/birthdate|national|student_number|seat/.test(text), false);
    }
  });
});
