/** The guard of each route of the console: staff or bureau, and the maximum age of the second factor. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { HOUR_MS, MINUTE_MS } from '../../src/domain/duration.ts';
import { personId } from '../helpers/city.ts';
import { freezeTime, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { formHeaders, send, type RawResponse } from '../helpers/raw-http.ts';
import { recordRoutes } from '../helpers/route-list.ts';
import { startService, type TestService } from '../helpers/service.ts';
import { signInStaff, type StaffBrowser } from '../helpers/staff.ts';

const PAGE = 12 * HOUR_MS;
const FORM = 10 * MINUTE_MS;
const ACTION = 15 * MINUTE_MS;

const STAFF_ROUTES: Record<string, number> = {
  'GET /console': PAGE,
  'GET /console/search': PAGE,
  'GET /console/people/:id': PAGE,
  'GET /console/people/:id/history': PAGE,
  'GET /console/people/:id/action': FORM,
  'POST /console/people/:id/action': ACTION,
  'GET /console/classes': PAGE,
  'GET /console/classes/:id': PAGE,
  'POST /console/classes/:id': ACTION,
  'GET /console/bulk/:id': PAGE,
  'POST /console/bulk/:id': ACTION,
  'GET /console/bulk/:id/report.csv': PAGE,
  'POST /console/bulk/:id/slips': ACTION,
  'GET /console/family-requests': PAGE,
  'GET /console/family-requests/end/:id': FORM,
  'POST /console/family-requests/end/:id': ACTION,
  'GET /console/family-requests/report/:id': FORM,
  'POST /console/family-requests/report/:id': ACTION,
  'GET /console/binding': PAGE,
  'GET /console/binding/report.csv': PAGE,
  'GET /console/binding/schools/:code': PAGE,
  'GET /console/binding/schools/:code/report.csv': PAGE,
  'GET /console/binding/classes/:id': PAGE,
  'GET /console/binding/classes/:id/report.csv': PAGE,
  'GET /console/binding/classes/:id/letters': PAGE,
  'GET /console/binding/schools/:code/reminders': FORM,
  'GET /console/binding/classes/:id/reminders': FORM,
  'POST /console/binding/schools/:code/reminders': ACTION,
  'POST /console/binding/classes/:id/reminders': ACTION,
  'GET /console/applications': PAGE,
  'GET /console/applications/:id': FORM,
  'POST /console/applications/:id': ACTION,
  'GET /console/applications/:id/evidence/:file': PAGE,
  'GET /console/school-contacts': PAGE,
  'GET /console/school-contacts/:code': FORM,
  'POST /console/school-contacts/:code': ACTION,
  'GET /console/register-check': FORM,
  'POST /console/register-check': ACTION,
  'GET /console/subject-requests': PAGE,
  'GET /console/subject-requests/:id': FORM,
  'POST /console/subject-requests/:id': ACTION,
  'GET /console/requests': PAGE,
  'GET /console/requests/:id': FORM,
  'POST /console/requests/:id': ACTION,
};

const BUREAU_ROUTES: Record<string, number> = {
  'GET /console/audit': PAGE,
  'GET /console/audit/export': PAGE,
  'GET /console/audit/verify': PAGE,
  'POST /console/audit/verify': PAGE,
  'GET /console/keys': PAGE,
  'GET /console/keys/rotate': FORM,
  'POST /console/keys/rotate': ACTION,
  'GET /console/dead-letters': PAGE,
  'GET /console/dead-letters/action': FORM,
  'POST /console/dead-letters/action': ACTION,
  'GET /console/clients': PAGE,
  'GET /console/clients/new': FORM,
  'POST /console/clients/new': ACTION,
  'GET /console/clients/:id': PAGE,
  'GET /console/clients/:id/edit': FORM,
  'POST /console/clients/:id/edit': ACTION,
  'GET /console/clients/:id/action': FORM,
  'POST /console/clients/:id/action': ACTION,
  'GET /console/settings': FORM,
  'POST /console/settings': ACTION,
  'GET /console/announcement': FORM,
  'POST /console/announcement': ACTION,
  'GET /console/schools': PAGE,
  'GET /console/schools/new': FORM,
  'POST /console/schools/new': ACTION,
  'GET /console/schools/:code': FORM,
  'POST /console/schools/:code': ACTION,
  'POST /console/schools/:code/close': ACTION,
  'GET /console/notices': PAGE,
  'GET /console/notices/new': FORM,
  'POST /console/notices/new': ACTION,
  'GET /console/notices/:id': PAGE,
  'GET /console/people/:id/memberships': FORM,
  'GET /console/people/:id/memberships/new': FORM,
  'POST /console/people/:id/memberships/new': ACTION,
  'POST /console/people/:id/memberships/end': ACTION,
};
const ROUTES = { ...STAFF_ROUTES, ...BUREAU_ROUTES };

/** Pages that need the id of a record that the demo city does not have. */
const WITHOUT_RECORD = ['/clients/:id', '/dead-letters/', '/notices/:id'];

describe('the routes of the console', () => {
  let service: TestService;
  let routes: string[];
  let time: FrozenTime;
  before(async () => {
    time = freezeTime();
    routes = await recordRoutes(async () => {
      service = await startService({ clients: [] });
    });
  });
  after(async () => {
    time.release();
    await service.stop();
  });

  const request = async ({ jar }: StaffBrowser, route: string): Promise<RawResponse & { target: string }> => {
    const [method = '', path = ''] = route.split(' ');
    const query = method === 'GET' ? '?action=unlock&q=x' : '';
    const target = path.replace('/people/:id', `/people/${personId('S1')}`).replace(':code', '993301') + query;
    const cookies = await jar.getCookieString(`${service.issuer}/console`);
    const sent = method === 'POST' ? { body: 'action=unlock' } : {};
    const headers = formHeaders(service.issuer, cookies);
    const answer = await send(service.issuer, target, { method, headers, ...sent });
    for (const cookie of answer.headers['set-cookie'] ?? []) await jar.setCookie(cookie, `${service.issuer}/console`);
    return { ...answer, target };
  };
  const signInUrl = ({ headers }: RawResponse): URL | undefined => {
    const location = new URL(headers.location ?? '/', service.issuer);
    return location.pathname === '/auth' ? location : undefined;
  };

  it('are all in the table', () => {
    assert.deepEqual(Object.keys(ROUTES).sort(), routes.filter((route) => route.includes(' /console')).sort());
  });

  it('are for staff, and those of the bureau answer 404 to other staff', async () => {
    const { browser: desk } = await signInStaff(service, 'A1');
    for (const route of Object.keys(BUREAU_ROUTES)) assert.equal((await request(desk, route)).status, 404, route);
    const { browser: bureau } = await signInStaff(service, 'B1');
    for (const route of Object.keys(BUREAU_ROUTES)) {
      if (!route.startsWith('GET ') || WITHOUT_RECORD.some((path) => route.includes(path))) continue;
      const { status } = await request(bureau, route);
      assert.equal(status, route === 'GET /console/audit/export' ? 400 : 200, route);
    }
  });

  it('ask for a second factor of the maximum age of the route, then return to the page', async () => {
    // Requests of the IT desk change nothing: forms are empty, and routes of the bureau answer 404.
    const { browser: desk } = await signInStaff(service, 'A1');
    const ages = [0, FORM, ACTION].flatMap((maxAge) => [maxAge, maxAge + SECOND]);
    let age = 0;
    for (const next of ages) {
      time.advance(next - age);
      age = next;
      for (const [route, maxAge] of Object.entries(ROUTES)) {
        const answer = await request(desk, route);
        const url = signInUrl(answer);
        assert.equal(url !== undefined, age > maxAge, `${route} after ${String(age / SECOND)} s`);
        if (url === undefined) continue;
        const { target } = answer;
        const page = target.replace(/\/(?:close|end|slips)$/, '');
        const state = route.startsWith('POST ') && page.endsWith('/action') ? `${page}?action=unlock` : page;
        assert.deepEqual(
          ['acr_values', 'max_age'].map((name) => url.searchParams.get(name)),
          ['urn:kinpass:aal2', String(maxAge / SECOND - 1)],
          route,
        );
        // A form adds the seal of its notice.
        const [path, seal] = (url.searchParams.get('state') ?? '').split('#');
        assert.deepEqual([path, seal !== undefined], [state, route.startsWith('POST ')], route);
      }
    }
  });
});
