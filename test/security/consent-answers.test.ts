/** A consent page takes one answer, and an answer in progress does not undo the removal of the app. */
import assert from 'node:assert/strict';
import { before, it, mock } from 'node:test';

import Provider from 'oidc-provider';

import { listConsents } from '../../src/store/oidc/consents.ts';
import { codeOf, runAuthorization, errorOf, LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { personId } from '../helpers/city.ts';
import { createHttpBrowser, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { formHeaders, send, type RawResponse } from '../helpers/raw-http.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
const options = () => ({
  clients: [createRegistration('vendor', secret, { scopes: ['openid', 'profile'], first_party: false })],
});
type Name = 'G2' | 'G5' | 'T1' | 'T2' | 'G4' | 'G3' | 'A1';

eachService('consent page', options, (running) => {
  let vendor: TestParty;
  before(async () => {
    vendor = await createParty(running().issuer, { id: 'vendor', secret, scope: 'openid profile' });
  });

  const ask = async (httpBrowser: HttpBrowser, name: Name): Promise<Answer> => {
    const { answer } = await runAuthorization(vendor, httpBrowser, { login: LOGIN[name] });
    assert.equal(interactionOf(answer), 'consent');
    return answer;
  };
  /** Sends an answer and does not follow the redirect, so that the page can be answered again. */
  const sendAnswer = async (httpBrowser: HttpBrowser, page: Answer, consent: string): Promise<RawResponse> => {
    const { issuer } = running();
    const path = new URL(page.url).pathname;
    const cookie = await httpBrowser.jar.getCookieString(issuer + path);
    const init = { method: 'POST', headers: formHeaders(issuer, cookie), body: `consent=${consent}` };
    return send(issuer, `${path}/consent`, init);
  };
  const events = async (name: Name): Promise<string[]> => {
    const rows = await running().container.store.read((tx) =>
      tx.db.select().from(tx.tables.audit).orderBy(tx.tables.audit.seq),
    );
    return rows
      .filter(({ event, subjectId }) => event.startsWith('consent.') && subjectId === personId(name))
      .map(({ event }) => event);
  };
  const consentsOf = async (name: Name): Promise<number> =>
    (await running().container.store.read((tx) => listConsents(tx, personId(name)))).length;

  for (const [consent, event, name] of [
    ['deny', 'consent.denied', 'G5'],
    ['accept', 'consent.granted', 'T1'],
  ] as const) {
    it(`writes one audit row when "${consent}" is sent repeatedly`, async () => {
      const httpBrowser = createHttpBrowser(running().issuer);
      const page = await ask(httpBrowser, name);
      const answers = await Promise.all(Array.from({ length: 6 }, () => sendAnswer(httpBrowser, page, consent)));
      answers.push(await sendAnswer(httpBrowser, page, consent));
      assert.deepEqual([...new Set(answers.map(({ status }) => status))], [303]);
      assert.deepEqual(await events(name), [event]);
      const end = await httpBrowser.open(String(answers[0]?.headers.location));
      if (consent === 'deny') assert.equal(errorOf(end), 'access_denied');
      else assert.ok(codeOf(end));
    });
  }

  it('keeps its first answer', async () => {
    for (const [first, second, name] of [
      ['deny', 'accept', 'T2'],
      ['accept', 'deny', 'G4'],
    ] as const) {
      const httpBrowser = createHttpBrowser(running().issuer);
      const page = await ask(httpBrowser, name);
      assert.equal((await sendAnswer(httpBrowser, page, first)).status, 303);
      const stored = await consentsOf(name);
      assert.equal(stored > 0, first === 'accept');
      assert.equal((await sendAnswer(httpBrowser, page, second)).status, 410);
      assert.deepEqual([(await events(name)).length, await consentsOf(name)], [1, stored]);
    }
  });

  it('grants no consent after "use another account"', async () => {
    const { issuer } = running();
    const httpBrowser = createHttpBrowser(issuer);
    const page = await ask(httpBrowser, 'G2');
    const path = new URL(page.url).pathname;
    const cookie = await httpBrowser.jar.getCookieString(issuer + path);
    const init = { method: 'POST', headers: formHeaders(issuer, cookie), body: '' };
    assert.equal((await send(issuer, `${path}/other-account`, init)).status, 303);
    assert.equal((await sendAnswer(httpBrowser, page, 'accept')).status, 410);
    assert.deepEqual([await events('G2'), await consentsOf('G2')], [[], 0]);
  });

  it('grants no consent when the person removes the app while the answer is stored', async () => {
    const httpBrowser = createHttpBrowser(running().issuer);
    codeOf(await httpBrowser.submit(await ask(httpBrowser, 'G3'), { consent: 'accept' }));
    const asked = await runAuthorization(vendor, httpBrowser, { parameters: { prompt: 'consent' } });
    const [reached, gate] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const held = mock.method(
      Provider.prototype,
      'interactionResult',
      async function hold(this: Provider, ...args: Parameters<Provider['interactionResult']>): Promise<string> {
        held.mock.restore();
        const returnTo = await this.interactionResult(...args);
        reached.resolve(undefined);
        await gate.promise;
        return returnTo;
      },
    );
    const accepted = httpBrowser.submit(asked.answer, { consent: 'accept' });
    await reached.promise;
    await httpBrowser.post('/account/apps/revoke', new URLSearchParams({ app: 'vendor' }));
    gate.resolve(undefined);
    assert.equal((await accepted).status, 410);
    assert.equal(await consentsOf('G3'), 0);
    assert.equal(
      errorOf((await runAuthorization(vendor, httpBrowser, { parameters: { prompt: 'none' } })).answer),
      'consent_required',
    );
  });

  it('issues no code when the person removes the app after the answer', async () => {
    const httpBrowser = createHttpBrowser(running().issuer);
    const page = await ask(httpBrowser, 'A1');
    const { headers } = await sendAnswer(httpBrowser, page, 'accept');
    await httpBrowser.post('/account/apps/revoke', new URLSearchParams({ app: 'vendor' }));
    const end = await httpBrowser.open(String(headers.location));
    assert.deepEqual([end.status, end.leavesTo], [410, undefined]);
    assert.equal(await consentsOf('A1'), 0);
  });
});
