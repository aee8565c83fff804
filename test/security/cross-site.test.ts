import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher.ts';
import { choiceOf, LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { setFirstPassword, setPassword, personId } from '../helpers/city.ts';
import { createHttpBrowser, formOf, textOf, type HttpBrowser } from '../helpers/http-browser.ts';
import { linkIn, mailTo } from '../helpers/mail.ts';
import { send, type RawResponse } from '../helpers/raw-http.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const NEXT = 'four small boats at anchor';

/** A form that is valid except for its origin. */
interface PreparedForm {
  httpBrowser: HttpBrowser;
  /** The path of its action. */
  path: string;
  fields: Record<string, string>;
}

describe('a cross-site form', () => {
  let service: TestService;
  let mail: MailCatcher;
  let party: TestParty;
  let stranger: TestParty;
  before(async () => {
    mail = await startMailCatcher({ smtpPort: 0, webPort: 0 });
    const secret = newSecret();
    const scopes = ['openid', 'profile', 'roles', 'children', 'children.profile'];
    service = await startService({
      smtpUrl: mail.smtpUrl,
      clients: [
        createRegistration('payment', secret, { scopes, permissions: ['fees:read'] }),
        createRegistration('stranger', secret, { scopes: ['openid', 'profile'], first_party: false }),
      ],
    });
    party = await createParty(service.issuer, { id: 'payment', secret, scope: scopes.join(' ') });
    stranger = await createParty(service.issuer, { id: 'stranger', secret, scope: 'openid profile' });
  });
  after(async () => {
    await service.stop();
    await mail.close();
  });

  const signedIn = async (login: string): Promise<HttpBrowser> => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const page = await httpBrowser.submit(await httpBrowser.open('/account'), { login, password: DEMO_PASSWORD });
    assert.equal(new URL(page.url).pathname, '/account');
    return httpBrowser;
  };
  const ready: Record<string, () => Promise<PreparedForm>> = {
    'sign-in': async () => {
      const httpBrowser = createHttpBrowser(service.issuer);
      const page = await httpBrowser.open('/account');
      return {
        httpBrowser,
        path: formOf(page.body).action,
        fields: { login: LOGIN.T1, password: DEMO_PASSWORD },
      };
    },
    'forced change': async () => {
      await setFirstPassword(service, 'T2', '100407');
      const httpBrowser = createHttpBrowser(service.issuer);
      const page = await httpBrowser.submit(await httpBrowser.open('/account'), {
        login: LOGIN.T2,
        password: '100407',
      });
      assert.equal(interactionOf(page), 'new_password');
      const fields = { current_password: '100407', new_password: NEXT, confirm_password: NEXT };
      return { httpBrowser, path: formOf(page.body).action, fields };
    },
    chooser: async () => {
      const httpBrowser = await signedIn(LOGIN.G2);
      const page = await httpBrowser.open((await party.begin()).url);
      return { httpBrowser, path: formOf(page.body).action, fields: { choice: choiceOf(page, ['王小樂']) } };
    },
    'canceled sign-in': async () => {
      const httpBrowser = createHttpBrowser(service.issuer);
      const page = await httpBrowser.open((await party.begin()).url);
      return { httpBrowser, path: `${new URL(page.url).pathname}/cancel`, fields: {} };
    },
    'other account': async () => {
      const httpBrowser = await signedIn(LOGIN.G3);
      const page = await httpBrowser.open((await party.begin()).url);
      assert.equal(interactionOf(page), 'select_account');
      return { httpBrowser, path: `${new URL(page.url).pathname}/other-account`, fields: {} };
    },
    consent: async () => {
      const httpBrowser = await signedIn(LOGIN.G3);
      const page = await httpBrowser.open((await stranger.begin()).url);
      assert.equal(interactionOf(page), 'consent');
      return { httpBrowser, path: formOf(page.body).action, fields: { consent: 'accept' } };
    },
    'change of the password': async () => ({
      httpBrowser: await signedIn(LOGIN.G4),
      path: '/account/password',
      fields: { current_password: DEMO_PASSWORD, new_password: NEXT, confirm_password: NEXT },
    }),
    'end of a session': async () => {
      await signedIn(LOGIN.G5);
      const httpBrowser = await signedIn(LOGIN.G5);
      const [, session = ''] = /name="session" value="([^"]*)"/.exec((await httpBrowser.open('/account')).body) ?? [];
      return { httpBrowser, path: '/account/sessions/revoke', fields: { session } };
    },
    'end of the other sessions': async () => {
      await signedIn(LOGIN.B1);
      return { httpBrowser: await signedIn(LOGIN.B1), path: '/account/sessions/revoke-others', fields: {} };
    },
    'end of an access': async () => {
      const httpBrowser = await signedIn(LOGIN.G2);
      const page = await httpBrowser.open((await party.begin()).url);
      const chosen = await httpBrowser.submit(page, { choice: choiceOf(page, ['王小樂']) });
      assert.equal(chosen.leavesTo?.host, 'payment.example');
      return { httpBrowser, path: '/account/apps/revoke', fields: { app: 'payment' } };
    },
    'request for a link': () =>
      Promise.resolve({
        httpBrowser: createHttpBrowser(service.issuer),
        path: '/forgot-password',
        fields: { login: LOGIN.A1 },
      }),
    'new password by a link': async () => {
      const httpBrowser = createHttpBrowser(service.issuer);
      await httpBrowser.submit(await httpBrowser.open('/forgot-password'), { login: LOGIN.G5 });
      const page = await httpBrowser.open(linkIn(await mailTo(mail, LOGIN.G5, 'Reset your password')));
      const { action, hidden } = formOf(page.body);
      return { httpBrowser, path: action, fields: { ...hidden, new_password: NEXT, confirm_password: NEXT } };
    },
    'sign-out': async () => {
      const httpBrowser = await signedIn(LOGIN.A1);
      const { action, hidden } = formOf((await httpBrowser.open('/session/end')).body);
      return { httpBrowser, path: new URL(action, service.issuer).pathname, fields: hidden };
    },
  };
  const foreign = (issuer: string): Record<string, Record<string, string>> => ({
    'another origin': { origin: 'https://evil.example' },
    'an origin that only begins like ours': { origin: `${issuer}.evil.example` },
    'another port': { origin: 'http://localhost:1' },
    'an origin that is hidden': { origin: 'null' },
    'fetch metadata of another site': { 'sec-fetch-site': 'cross-site', origin: issuer },
    'fetch metadata of a neighbour': { 'sec-fetch-site': 'same-site', origin: issuer },
    'an address typed by hand': { 'sec-fetch-site': 'none' },
    nothing: {},
    'a referer alone': { referer: `${issuer}/account` },
  });

  const post = async (
    { httpBrowser, path, fields }: PreparedForm,
    headers: Record<string, string>,
  ): Promise<RawResponse> =>
    send(service.issuer, path, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        cookie: await httpBrowser.jar.getCookieString(service.issuer + path),
        accept: 'text/html',
        'accept-language': 'zh-TW',
        ...headers,
      },
      body: new URLSearchParams(fields).toString(),
    });
  /** Returns all state that a form can change. */
  const state = (): Promise<string> =>
    service.container.store.read(async (tx) => {
      const { tables } = tx;
      const tableList = [
        tables.passwords,
        tables.firstPasswords,
        tables.sessions,
        tables.grants,
        tables.resetLinks,
        tables.throttles,
        tables.audit,
      ];
      const rows = await Promise.all(tableList.map((table) => tx.db.select().from(table)));
      const records = await tx.db
        .select({ id: tables.oidcRecords.idHash, body: tables.oidcRecords.payload })
        .from(tables.oidcRecords);
      const jobs = await tx.db.select({ id: tables.outbox.id }).from(tables.outbox);
      return JSON.stringify([...rows, records, jobs]);
    });

  for (const [name, prepare] of Object.entries(ready)) {
    it(`is refused with a page and changes nothing: ${name}`, async () => {
      const form = await prepare();
      const before = await state();
      for (const [from, headers] of Object.entries(foreign(service.issuer))) {
        const answer = await post(form, headers);
        assert.equal(answer.status, 403, from);
        assert.match(textOf(answer.body), /無法處理您送出的資料/);
        assert.match(answer.body, /<a class="button" href="\/account">/);
        assert.equal(await state(), before, from);
      }
      // The same form from our own page succeeds, so only its origin was the reason.
      const own = await post(form, { origin: service.issuer, 'sec-fetch-site': 'same-origin' });
      assert.ok([200, 303].includes(own.status), String(own.status));
      assert.notEqual(await state(), before);
      await setPassword(service, 'G5', DEMO_PASSWORD);
    });
  }

  it('is refused for every spelling of the path', async () => {
    const httpBrowser = await signedIn(LOGIN.S1);
    const fields = { current_password: DEMO_PASSWORD, new_password: NEXT, confirm_password: NEXT };
    const before = await state();
    for (const path of [
      '/Account/password',
      '/ACCOUNT/PASSWORD',
      '/account/password/',
      '/account/%70assword',
      '//account/password',
    ]) {
      const cookie = await httpBrowser.jar.getCookieString(service.issuer);
      const answer = await post({ httpBrowser, path, fields }, { origin: 'https://evil.example', cookie });
      assert.equal(answer.status, 403, path);
    }
    assert.equal(await state(), before);
  });

  it('is refused on unknown paths', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await send(service.issuer, '/admin/people', {
        method,
        headers: { origin: 'https://evil.example' },
      });
      assert.equal(answer.status, 403, method);
    }
  });

  it('cannot sign a victim in with the interaction of an attacker, which needs its cookie', async () => {
    const attacker = createHttpBrowser(service.issuer);
    const path = formOf((await attacker.open('/account')).body).action;
    const victim = await signedIn(LOGIN.T1);
    const fields = { login: LOGIN.G2, password: DEMO_PASSWORD };
    const answer = await post({ httpBrowser: victim, path, fields }, { origin: service.issuer });
    assert.equal(answer.status, 410);
    const sessions = await service.container.store.read((tx) => tx.db.select().from(tx.tables.sessions));
    assert.ok(sessions.some((row) => row.personId === personId('T1') && row.endedAt === null));
    assert.match(textOf((await victim.open('/account')).body), /陳淑芬/);
  });
});
