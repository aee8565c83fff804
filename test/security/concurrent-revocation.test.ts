/** Revocations also stop a sign-in whose password was already accepted. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import * as sessions from '../../src/store/auth/sessions.ts';
import type { Transaction } from '../../src/store/database/index.ts';
import { destroyByUid, destroyInteractionsOf } from '../../src/store/oidc/record-revocation.ts';
import { runAuthorization, LOGIN } from '../helpers/authorization-flow.ts';
import { listAuditEvents, personId } from '../helpers/city.ts';
import { createHttpBrowser, formOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { createParty, newSecret, createRegistration } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { startService, type TestService } from '../helpers/service.ts';

const NEXT = 'four purple umbrellas';

/** Submits the password and does not follow the redirect. @returns the target of the redirect */
async function signInAndWait(issuer: string, attacker: HttpBrowser, login: string): Promise<string> {
  const page = await attacker.open('/account');
  const action = new URL(formOf(page.body).action, issuer).href;
  const answer = await fetch(action, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ login, password: DEMO_PASSWORD }),
    headers: { cookie: await attacker.jar.getCookieString(action), origin: issuer, 'sec-fetch-site': 'same-origin' },
  });
  assert.equal(answer.status, 303);
  return new URL(answer.headers.get('location') ?? '', issuer).href;
}

eachService(
  'a sign-in that waits',
  () => ({ clients: [] }),
  (running) => {
    let issuer = '';
    before(() => {
      ({ issuer } = running());
    });

    const signIn = async (httpBrowser: HttpBrowser, login: string, password: string): Promise<Answer> =>
      httpBrowser.submit(await httpBrowser.open('/account'), { login, password });
    const assertSignedOut = (answer: Answer): void => {
      assert.notEqual(new URL(answer.url).pathname, '/account', textOf(answer.body));
    };

    it('"end all other sessions" stops it', async () => {
      const [attacker, owner] = [createHttpBrowser(issuer), createHttpBrowser(issuer)];
      const next = await signInAndWait(issuer, attacker, LOGIN.T2);
      assert.equal(new URL((await signIn(owner, LOGIN.T2, DEMO_PASSWORD)).url).pathname, '/account');
      await owner.post('/account/sessions/revoke-others', '');
      assertSignedOut(await attacker.open(next));
      assertSignedOut(await attacker.open('/account'));
    });

    it('a password change stops it, and one of four concurrent changes succeeds', async () => {
      const [attacker, owner] = [createHttpBrowser(issuer), createHttpBrowser(issuer)];
      const next = await signInAndWait(issuer, attacker, LOGIN.A2);
      await signIn(owner, LOGIN.A2, DEMO_PASSWORD);
      const change = (password: string): Promise<Answer> =>
        owner.post(
          '/account/password',
          new URLSearchParams({ current_password: DEMO_PASSWORD, new_password: password, confirm_password: password }),
        );
      await Promise.all([`${NEXT} 1`, `${NEXT} 2`, `${NEXT} 3`, `${NEXT} 4`].map(change));
      const events = await listAuditEvents(running(), 'A2');
      assert.equal(events.filter((event) => event === 'password.changed').length, 1);
      assertSignedOut(await attacker.open(next));
      assertSignedOut(await attacker.open('/account'));
    });
  },
);

describe('a request that starts before a revocation and writes after it', () => {
  const secret = newSecret();
  let service: TestService;
  before(async () => {
    service = await startService({
      clients: [createRegistration('app', secret, { scopes: ['openid', 'profile', 'offline_access'] })],
    });
  });
  after(() => service.stop());

  /** Starts the request while the revocation waits for its write, so that the request reads the state before it. */
  const revokeDuring = async (
    ending: (tx: Transaction) => Promise<unknown>,
    request: () => Promise<Answer>,
  ): Promise<Answer> => {
    const { store } = service.container;
    const gate = Promise.withResolvers<undefined>();
    const held = store.runExclusively(() => gate.promise);
    const ended = store.write(ending);
    const answer = request();
    const other = createHttpBrowser(service.issuer);
    // Each takes as long as a request. With too few, the request would start after the revocation.
    for (let i = 0; i < 30; i += 1) await other.open('/forgot-password');
    gate.resolve(undefined);
    await Promise.all([held, ended]);
    return answer;
  };

  it('does not complete a sign-in with the old password', async () => {
    const attacker = createHttpBrowser(service.issuer);
    const next = await signInAndWait(service.issuer, attacker, LOGIN.T2);
    const answer = await revokeDuring(
      (tx) => destroyInteractionsOf(tx, personId('T2')),
      () => attacker.open(next),
    );
    assert.equal(answer.status, 410);
    assert.deepEqual(answer.headers.getSetCookie(), []);
    assert.notEqual(new URL((await attacker.open('/account')).url).pathname, '/account');
  });

  it('gets no code for tokens that would outlive its session', async () => {
    const app = await createParty(service.issuer, { id: 'app', secret, scope: 'openid profile' });
    const attacker = createHttpBrowser(service.issuer);
    await runAuthorization(app, attacker, { login: LOGIN.A2 });
    const parameters = { scope: 'openid profile offline_access', prompt: 'consent' };
    const answer = await revokeDuring(
      async (tx) => {
        for (const { sessionHash } of await sessions.listActiveSessionsByPerson(tx, personId('A2'), Date.now())) {
          await destroyByUid(tx, 'Session', sessionHash);
          await sessions.markRevoked(tx, [sessionHash], Date.now());
        }
      },
      async () => (await runAuthorization(app, attacker, { parameters })).answer,
    );
    assert.equal(answer.leavesTo, undefined);
    assert.equal(answer.status, 410);
  });
});
