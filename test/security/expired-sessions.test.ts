/** Sessions that expire while a request uses them: the request does not renew them. */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';
import { before, it, mock } from 'node:test';

import { listActiveSessionsByPerson } from '../../src/store/auth/sessions.ts';
import type { Transaction } from '../../src/store/database/index.ts';
import { interactionOf, LOGIN, signInWithNewBrowser } from '../helpers/authorization-flow.ts';
import { personId } from '../helpers/city.ts';
import { HOUR, SECOND, useFrozenTime } from '../helpers/frozen-time.ts';
import type { Answer, HttpBrowser } from '../helpers/http-browser.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const IDLE_HOURS = 2;
const secret = newSecret();
const options = () => ({
  clients: [createRegistration('app', secret, { scopes: ['openid', 'profile'] })],
  env: { KINPASS_SESSION_IDLE_HOURS: String(IDLE_HOURS) },
});

interface Device {
  httpBrowser: HttpBrowser;
  sessionHash: string;
}

eachService('a session that expires during a request', options, (running) => {
  const time = useFrozenTime();
  const requestUrl = new AsyncLocalStorage<string>();
  let app: TestParty;
  before(async () => {
    running().container.server.prependListener('request', ({ url = '' }: IncomingMessage) => {
      requestUrl.enterWith(url);
    });
    app = await createParty(running().issuer, { id: 'app', scope: 'openid profile', secret });
  });

  const signIn = async (): Promise<Device> => {
    const { httpBrowser } = await signInWithNewBrowser(app, { login: LOGIN.T1 });
    const { store } = running().container;
    const [newest] = await store.read((tx) => listActiveSessionsByPerson(tx, personId('T1'), Date.now()));
    assert.ok(newest);
    return { httpBrowser, sessionHash: newest.sessionHash };
  };
  const revocations = {
    'is not renewed after the sign-out of all other devices': (_phone: Device, { httpBrowser }: Device) =>
      httpBrowser.post('/account/sessions/revoke-others', ''),
    'is not renewed after its revocation on another device': (
      { sessionHash: session }: Device,
      { httpBrowser }: Device,
    ) => httpBrowser.post('/account/sessions/revoke', new URLSearchParams({ session })),
    'is not renewed after a sign-out in another tab': (
      { httpBrowser }: Device,
      _computer: Device,
      signOutPage: Answer,
    ) => httpBrowser.submit(signOutPage, {}),
    'is not renewed after its expiry': () => Promise.resolve(undefined),
  };

  for (const [name, revoke] of Object.entries(revocations)) {
    it(name, async () => {
      const phone = await signIn();
      time.advance(IDLE_HOURS * HOUR - SECOND);
      const computer = await signIn();
      const signOutPage = await phone.httpBrowser.open('/session/end');
      const { store } = running().container;
      const write = store.write.bind(store);
      // The first write of this request is the renewal. It has read the session before. Background jobs write too.
      let done: Answer | undefined;
      const renewal = mock.method(store, 'write', async (work: (tx: Transaction) => Promise<unknown>) => {
        if (requestUrl.getStore()?.startsWith('/auth?') !== true) return write(work);
        renewal.mock.restore();
        time.advance(2 * SECOND);
        done = await revoke(phone, computer, signOutPage);
        return write(work);
      });
      const answer = await phone.httpBrowser.open((await app.begin({ prompt: 'none' })).url);
      assert.ok(done === undefined || done.status === 200, String(done?.status));
      assert.equal(answer.status, 410, 'refused at the commit; a session that had expired before gets login_required');
      assert.equal(interactionOf(await phone.httpBrowser.open('/account')), 'login');
    });
  }
});
