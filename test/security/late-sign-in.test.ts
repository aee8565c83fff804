/** Evicting a thief works against one who has given the password already and waits with the last redirect. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named.ts';
import { eachService } from '../helpers/each-service.ts';
import { LOGIN } from '../helpers/flow.ts';
import { createVisitor, formOf, textOf, type Answer, type Visitor } from '../helpers/visitor.ts';

const NEXT = 'four purple umbrellas';

eachService(
  'a sign-in that waits',
  () => ({ clients: [] }),
  (running) => {
    let issuer = '';
    before(() => {
      ({ issuer } = running());
    });

    /** Gives the password and does not follow the redirect. @returns where the browser would go on */
    const waitAtTheDoor = async (thief: Visitor, login: string): Promise<string> => {
      const page = await thief.open('/account');
      const action = new URL(formOf(page.body).action, issuer).href;
      const answer = await fetch(action, {
        method: 'POST',
        redirect: 'manual',
        body: new URLSearchParams({ login, password: DEMO_PASSWORD }),
        headers: { cookie: await thief.jar.getCookieString(action), origin: issuer, 'sec-fetch-site': 'same-origin' },
      });
      assert.equal(answer.status, 303);
      return new URL(answer.headers.get('location') ?? '', issuer).href;
    };
    const signIn = async (visitor: Visitor, login: string, password: string): Promise<Answer> =>
      visitor.submit(await visitor.open('/account'), { login, password });
    const isOut = (answer: Answer): void => {
      assert.notEqual(new URL(answer.url).pathname, '/account', textOf(answer.body));
    };

    it('"end all other sessions" ends it', async () => {
      const [thief, owner] = [createVisitor(issuer), createVisitor(issuer)];
      const next = await waitAtTheDoor(thief, LOGIN.T2);
      assert.equal(new URL((await signIn(owner, LOGIN.T2, DEMO_PASSWORD)).url).pathname, '/account');
      await owner.post('/account/sessions/end-others', '');
      isOut(await thief.open(next));
      isOut(await thief.open('/account'));
    });

    it('a changed password ends it, and of four changes with the same old password one succeeds', async () => {
      const [thief, owner] = [createVisitor(issuer), createVisitor(issuer)];
      const next = await waitAtTheDoor(thief, LOGIN.A2);
      await signIn(owner, LOGIN.A2, DEMO_PASSWORD);
      const change = (password: string): Promise<Answer> =>
        owner.post(
          '/account/password',
          new URLSearchParams({ current_password: DEMO_PASSWORD, new_password: password, confirm_password: password }),
        );
      const answers = await Promise.all([`${NEXT} 1`, `${NEXT} 2`, `${NEXT} 3`, `${NEXT} 4`].map(change));
      assert.equal(answers.filter(({ url }) => url.includes('passwordChanged')).length, 1);
      isOut(await thief.open(next));
      isOut(await thief.open('/account'));
    });
  },
);
