import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import type { CookieJar } from 'tough-cookie';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { formHeaders, send } from '../helpers/raw-http.ts';
import { ANSWER_ROUTES, BINDING_ROUTES, SCHOOL_SETTING_ROUTES } from '../helpers/route-groups.ts';
import { recordRoutes } from '../helpers/route-list.ts';
import { startService, type TestService } from '../helpers/service.ts';

/** The client states; `first` has entered a correct first password and not changed it yet. */
const CLIENT_STATES = ['anonymous', 'parent', 'teacher', 'desk', 'bureau', 'first'] as const;
type Who = (typeof CLIENT_STATES)[number];

const TYPED: Partial<Record<Who, [login: string, password: string]>> = {
  parent: [LOGIN.G2, DEMO_PASSWORD],
  teacher: [LOGIN.T2, DEMO_PASSWORD],
  desk: [LOGIN.A1, DEMO_PASSWORD],
  bureau: [LOGIN.B1, DEMO_PASSWORD],
  first: [LOGIN.G1, '100201'],
};

/** The status for each client state, and the target of a redirect. */
type Expected = Record<Who, string>;
const all = (answer: string): Expected => ({
  anonymous: answer,
  parent: answer,
  teacher: answer,
  desk: answer,
  bureau: answer,
  first: answer,
});
/** Account pages redirect clients without a session to sign-in. */
const own = (answer: string): Expected => ({ ...all(answer), anonymous: '303 /auth', first: '303 /auth' });

/** Pages of the application: school accounts only. */
const binding: Expected = { ...all('403'), anonymous: '303 /auth', first: '303 /auth' };

/** Pages of the console: staff first get a sign-in with a second factor, everyone else gets 403. */
const staff: Expected = { ...all('303 /auth'), parent: '403' };

/**
 * Every route of the service. A new route that is not listed here fails the first test. The uid, the token and the forms in the
 * requests are invalid.
 */
const TABLE: Record<string, Expected> = {
  'GET /': all('302 /account'),
  'GET /account': own('200'),
  'GET /account/guardians': own('404'),
  'GET /account/guardians/:id': own('404'),
  'POST /account/guardians/:id': own('400'),
  'GET /account/children/:id': own('404'),
  'POST /account/children/:id': own('404'),
  'GET /account/password': own('200'),
  'POST /account/password': own('303 /account/password'),
  'GET /account/contacts': own('200'),
  'GET /account/sign-ins': own('200'),
  'GET /account/data': own('200'),
  'POST /account/data/download': own('200'),
  'POST /account/data/resume': own('303 /account/data'),
  'GET /account/data/requests/new': own('404'),
  'POST /account/data/requests': own('400'),
  'GET /account/data/requests/:id': own('404'),
  'POST /account/data/requests/:id/withdraw': own('404'),
  'POST /account/contacts/email': own('303 /account/contacts'),
  'POST /account/contacts/mobile': own('303 /account/contacts'),
  'POST /account/contacts/account': own('303 /account/contacts'),
  'GET /account/contacts/mobile/remove': { ...own('303 /account/contacts'), parent: '200' },
  'POST /account/contacts/mobile/remove': own('303 /account/contacts'),
  'GET /account/contacts/account/remove': { ...own('200'), parent: '303 /account/contacts' },
  'POST /account/contacts/account/remove': own('303 /account/contacts'),
  'GET /account/email/confirm': own('410'),
  'POST /account/email/confirm': own('410'),
  'GET /account/email/revert': all('410'),
  'POST /account/email/revert': all('410'),
  'POST /account/language': own('422'),
  'POST /account/sessions/revoke': own('303 /account'),
  'POST /account/sessions/revoke-others': own('303 /account'),
  'POST /account/second-factor-removal/cancel': { ...all('302 /account'), anonymous: '303 /auth', first: '303 /auth' },
  'POST /account/changes/seen': own('303 /account'),
  'POST /account/apps/revoke': own('303 /account'),
  'GET /account/second-factors': own('200'),
  'GET /account/second-factors/totp': own('200'),
  'POST /account/second-factors/totp': own('303 /account/second-factors/totp'),
  'GET /account/application-passwords': own('200'),
  'POST /account/application-passwords': own('400'),
  'POST /account/application-passwords/revoke': own('303 /account/application-passwords'),
  'POST /account/second-factors/remove': own('303 /account/second-factors'),
  'POST /account/second-factors/recovery-codes': own('303 /account/second-factors'),
  'GET /account/callback': all('303 /account'),
  ...Object.fromEntries(BINDING_ROUTES.map((route) => [route, binding])),
  'GET /console': staff,
  'GET /console/search': staff,
  'GET /console/people/:id': staff,
  'GET /console/people/:id/action': staff,
  'POST /console/people/:id/action': staff,
  'GET /console/clients': staff,
  'GET /console/clients/new': staff,
  'POST /console/clients/new': staff,
  'GET /console/clients/:id': staff,
  'GET /console/clients/:id/edit': staff,
  'POST /console/clients/:id/edit': staff,
  'GET /console/clients/:id/action': staff,
  'POST /console/clients/:id/action': staff,
  'GET /console/classes': staff,
  'GET /console/classes/:id': staff,
  'POST /console/classes/:id': staff,
  'GET /console/bulk/:id': staff,
  'POST /console/bulk/:id': staff,
  'GET /console/bulk/:id/report.csv': staff,
  'POST /console/bulk/:id/slips': staff,
  ...Object.fromEntries(ANSWER_ROUTES.map((route) => [route, staff])),
  'GET /console/applications': staff,
  'GET /console/applications/:id': staff,
  'POST /console/applications/:id': staff,
  'GET /console/applications/:id/evidence/:file': staff,
  'GET /console/family-requests': staff,
  'GET /console/family-requests/end/:id': staff,
  'POST /console/family-requests/end/:id': staff,
  'GET /console/family-requests/report/:id': staff,
  'POST /console/family-requests/report/:id': staff,
  ...Object.fromEntries(SCHOOL_SETTING_ROUTES.map((route) => [route, staff])),
  'GET /console/notices': staff,
  'GET /console/notices/new': staff,
  'POST /console/notices/new': staff,
  'GET /console/notices/:id': staff,
  'GET /console/subject-requests': staff,
  'GET /console/subject-requests/:id': staff,
  'POST /console/subject-requests/:id': staff,
  'GET /console/requests': staff,
  'GET /console/requests/:id': staff,
  'POST /console/requests/:id': staff,
  'GET /console/people/:id/history': staff,
  'GET /console/audit': staff,
  'GET /console/audit/export': staff,
  'GET /console/audit/verify': staff,
  'POST /console/audit/verify': staff,
  'GET /console/keys': staff,
  'GET /console/keys/rotate': staff,
  'POST /console/keys/rotate': staff,
  'GET /console/dead-letters': staff,
  'GET /console/dead-letters/action': staff,
  'POST /console/dead-letters/action': staff,
  'GET /console/settings': staff,
  'POST /console/settings': staff,
  'GET /console/announcement': staff,
  'POST /console/announcement': staff,
  'GET /console/people/:id/memberships': staff,
  'GET /console/people/:id/memberships/new': staff,
  'POST /console/people/:id/memberships/new': staff,
  'POST /console/people/:id/memberships/end': staff,
  'GET /assets/*path': all('200'),
  'GET /school-contacts': all('200'),
  'GET /forgot-account': all('200'),
  'POST /forgot-account': all('303 /forgot-account'),
  'GET /forgot-password': all('200'),
  'POST /forgot-password': all('303 /forgot-password'),
  'GET /reset-password': all('410'),
  'POST /reset-password': all('410'),
  'GET /health/live': all('200'),
  'GET /health/ready': all('200'),
  'GET /interaction/:uid': all('410'),
  'GET /interaction/:uid/:form': all('410'),
  'GET /interaction/:uid/passkey': all('410'),
  'GET /interaction/:uid/school': all('410'),
  'POST /interaction/:uid/school': all('410'),
  'GET /interaction/:uid/forgot-password': all('303 /forgot-password'),
  'POST /interaction/:uid/forgot-password': all('303 /forgot-password'),
  'GET /interaction/:uid/reset-password': all('303 /reset-password'),
  'POST /interaction/:uid/reset-password': all('410'),
  'POST /interaction/:uid/cancel': all('410'),
  'POST /interaction/:uid/other-account': all('410'),
  'POST /interaction/:uid/:prompt': all('410'),
  'GET /.well-known/change-password': all('302 /account/password'),
  'GET /language': all('303 /account'),
  'POST /language': all('303 /account'),

  // OpenID Connect and OAuth 2.0: they never trust a session cookie alone.
  'GET /.well-known/openid-configuration': all('200'),
  'GET /.well-known/oauth-authorization-server': all('200'),
  'GET /jwks': all('200'),
  'GET /auth': all('400'),
  'POST /auth': all('303 /auth'),
  'GET /auth/:uid': all('410'),
  'POST /token': all('401'),
  'POST /token/revocation': all('401'),
  'POST /token/introspection': all('401'),
  'POST /request': all('401'),
  'GET /me': all('401'),
  'POST /me': all('401'),
  'GET /session/end': { ...all('200'), anonymous: '303 /session/end/success', first: '303 /session/end/success' },
  'POST /session/end': all('303 /session/end'),
  // With a session, the signed-out page is not shown, and a form revokes only its own session.
  'GET /session/end/success': { ...all('303 /session/end'), anonymous: '200', first: '200' },
  'POST /session/end/confirm': {
    ...all('303 /session/end'),
    anonymous: '303 /session/end/success',
    first: '303 /session/end/success',
  },
  'POST /device/auth': all('401'),
  'GET /device': all('200'),
  // Without a session there is no form, so the flow starts over.
  'POST /device': all('303 /device'),
  'GET /device/:uid': all('410'),
};

/** Called by relying parties and devices without `Origin` and fetch metadata, or by browsers that come from an app. */
const API_ROUTES = [
  ...['POST /token', 'POST /token/revocation', 'POST /token/introspection', 'POST /request', 'POST /device/auth'],
  ...['POST /me', 'POST /auth', 'POST /session/end'],
];

describe('the routes of the service', () => {
  let service: TestService;
  let routes: string[];
  const jars: Partial<Record<Who, CookieJar>> = {};
  before(async () => {
    routes = await recordRoutes(async () => {
      service = await startService({ clients: [] });
    });
    for (const [who, [login, password]] of Object.entries(TYPED)) {
      const httpBrowser = createHttpBrowser(service.issuer);
      const page = await httpBrowser.submit(await httpBrowser.open('/account'), { login, password });
      assert.equal(interactionOf(page), who === 'first' ? 'new_password' : undefined);
      Object.assign(jars, { [who]: httpBrowser.jar });
    }
  });
  after(() => service.stop());

  const targetOf = (route: string): { method: string; target: string } => {
    const [method = '', path = ''] = route.split(' ');
    const target = path
      .replaceAll(':uid', 'u'.repeat(43))
      .replaceAll(':id', 'x')
      .replace(':prompt', 'login')
      .replace(':file', 'x')
      .replace('*path', 'style.css');
    return { method, target };
  };

  it('are all in the table', () => {
    const served = routes.filter((route) => !route.startsWith('OPTIONS '));
    assert.deepEqual(Object.keys(TABLE).sort(), served);
  });

  it('respond in each client state as in the table', async () => {
    for (const [route, expected] of Object.entries(TABLE)) {
      const { method, target } = targetOf(route);
      const answered: Partial<Expected> = {};
      for (const who of CLIENT_STATES) {
        const cookies = await jars[who]?.getCookieString(`${service.issuer}/account`);
        const answer = await send(service.issuer, target, { method, headers: formHeaders(service.issuer, cookies) });
        // Revoking all other sessions gives this one a new id.
        const rotated = route === 'POST /account/sessions/revoke-others' ? answer.headers['set-cookie'] : undefined;
        for (const cookie of rotated ?? []) await jars[who]?.setCookie(cookie, service.issuer);
        const leads =
          answer.headers.location === undefined ? '' : ` ${new URL(answer.headers.location, service.issuer).pathname}`;
        answered[who] = `${String(answer.status)}${leads}`;
      }
      assert.deepEqual(answered, expected, route);
    }
  });

  it('accept forms from our own pages only, except at API endpoints', async () => {
    for (const route of Object.keys(TABLE).filter((one) => one.startsWith('POST '))) {
      const { method, target } = targetOf(route);
      const headers = { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' };
      const { status } = await send(service.issuer, target, { method, headers });
      assert.equal(status === 403, !API_ROUTES.includes(route), `${route}: ${String(status)}`);
    }
  });

  it('return 405 and Allow for other methods on our own paths', async () => {
    for (const [method, path, allowed] of [
      ['POST', '/account', 'GET'],
      ['PUT', '/account/password', 'POST'],
      ['DELETE', '/account/password', 'GET'],
      ['POST', '/health/live', 'GET'],
      ['GET', '/account/sessions/revoke', 'POST'],
      ['GET', '/account/apps/revoke', 'POST'],
      ['DELETE', '/forgot-password', 'POST'],
      ['POST', '/assets/style.css', 'GET'],
    ] as const) {
      const answer = await send(service.issuer, path, { method, headers: formHeaders(service.issuer) });
      assert.equal(answer.status, 405, `${method} ${path}`);
      const methods = (answer.headers.allow ?? '').split(', ');
      assert.ok(methods.includes(allowed), answer.headers.allow);
      assert.ok(!methods.includes(method));
      assert.match(answer.body, /此頁面不支援這項操作|This action isn&#39;t supported/);
    }
  });

  it('respond to HEAD as to GET, without a body', async () => {
    for (const path of [
      '/health/live',
      '/health/ready',
      '/forgot-password',
      '/assets/style.css',
      '/jwks',
      '/.well-known/openid-configuration',
    ]) {
      const [head, get] = [await send(service.issuer, path, { method: 'HEAD' }), await send(service.issuer, path)];
      assert.equal(head.status, 200, path);
      assert.equal(head.body, '');
      assert.equal(head.headers['content-type'], get.headers['content-type']);
    }
    assert.equal((await send(service.issuer, '/account', { method: 'HEAD' })).status, 303);
    assert.equal((await send(service.issuer, '/nothing', { method: 'HEAD' })).status, 404);
  });
});
