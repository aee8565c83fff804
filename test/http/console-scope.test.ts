/** Each route of the console for each capacity, with targets inside and outside of its scope. */
import assert from 'node:assert/strict';
import { DEFAULT_NOTICE } from '../../src/services/binding/default-notice.ts';
import { after, before, describe, it } from 'node:test';

import { insertMembership } from '../../src/store/people/schools.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { personId, signInToAccount } from '../helpers/city.ts';
import type { HttpBrowser } from '../helpers/http-browser.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';
import { formHeaders, send } from '../helpers/raw-http.ts';
import { recordRoutes } from '../helpers/route-list.ts';
import { startService, type TestService } from '../helpers/service.ts';
import { testClient } from '../helpers/services.ts';
import { signInStaff, type StaffKey } from '../helpers/staff.ts';

const VISITORS = { teacher: 'T2', registrar: 'A2', desk: 'A1', bureau: 'B1', parent: 'G2' } as const;
type Visitor = keyof typeof VISITORS;
const VISITOR_NAMES = ['teacher', 'registrar', 'desk', 'bureau', 'parent'] as const;
/** The statuses of the targets of a route, in their order. A parent, who has no capacity, always gets 403. */
type Row = Record<Exclude<Visitor, 'parent'>, readonly number[]>;

/** The targets of the routes of a kind; a route without an id has one. */
const TARGETS = {
  people: ['pupil', 'guardian', 'other school', 'higher capacity', 'colleague', 'self', 'nonexistent'],
  classes: ['own class', 'own school', 'other school', 'nonexistent'],
  bulk: ['run of the desk', 'nonexistent'],
  requests: ['own school', 'nonexistent'],
  clients: ['registered', 'nonexistent'],
  schools: ['open', 'nonexistent'],
  'school-contacts': ['own school', 'other school', 'nonexistent'],
  'binding/classes': ['own class', 'own school', 'other school', 'nonexistent'],
  'binding/schools': ['own school', 'other school', 'nonexistent'],
  // console-applications.test.ts has the scopes of an application that waits.
  applications: ['nonexistent'],
  // family-requests.test.ts has the scopes of a request that waits.
  'family-requests/end': ['nonexistent'],
  'family-requests/report': ['nonexistent'],
  notices: ['current', 'nonexistent'],
  'subject-requests': ['nonexistent'],
} as const;
type Kind = keyof typeof TARGETS;
const KINDS = [
  'people',
  'classes',
  'bulk',
  'requests',
  'clients',
  'schools',
  'school-contacts',
  'applications',
  'family-requests/end',
  'family-requests/report',
  'notices',
  'subject-requests',
  'binding/classes',
  'binding/schools',
] as const;

const NOT_FOUND = Array.from({ length: 7 }, () => 404);
/** A page or form of the bureau, which other staff do not find. */
const bureau = (...statuses: number[]): Row => {
  const others = NOT_FOUND.slice(0, statuses.length);
  return { teacher: others, registrar: others, desk: others, bureau: statuses };
};
const everyone = (status: number): Row => {
  const statuses = [status];
  return { teacher: statuses, registrar: statuses, desk: statuses, bureau: statuses };
};
const person: Row = {
  teacher: [200, 200, 404, 200, 404, 404, 404],
  registrar: [200, 200, 404, 200, 404, 404, 404],
  desk: [200, 200, 404, 200, 200, 200, 404],
  bureau: [200, 200, 200, 200, 200, 200, 404],
};
const classes = (status: number): Row => ({
  teacher: [status, 404, 404, 404],
  registrar: [status, status, 404, 404],
  desk: [status, status, 404, 404],
  bureau: [status, status, status, 404],
});
/** A run belongs to the member of staff who made it. */
const run = (status: number): Row => ({
  ...bureau(404, 404),
  desk: [status, 404],
});
const request = (status: number): Row => ({
  teacher: [404, 404],
  registrar: [status, 404],
  desk: [status, 404],
  bureau: [status, 404],
});

/** Homeroom teachers see the answers of their class, registrars those of their school, and the desk none. */
const answersOfClass = (status: number): Row => ({ ...classes(status), desk: [404, 404, 404, 404] });
const answersOfSchool = (status: number): Row => ({
  ...bureau(status, status, 404),
  registrar: [status, 404, 404],
});

/**
 * Forms are sent with the action `unlock` of a person and an old version: 409 means that the policy allows it, 403 that it does not. 400 and
 * 422 mean that the visitor may send the form, and that its fields are wrong.
 */
const TABLE: Record<string, Row> = {
  'GET /console': everyone(200),
  'GET /console/search': everyone(200),
  'GET /console/people/:id': person,
  'GET /console/people/:id/history': person,
  'GET /console/people/:id/action': person,
  'POST /console/people/:id/action': {
    teacher: [403, 403, 404, 403, 404, 404, 404],
    registrar: [403, 403, 404, 403, 404, 404, 404],
    desk: [409, 409, 404, 403, 409, 403, 404],
    bureau: [409, 409, 409, 409, 409, 403, 404],
  },
  'GET /console/classes': everyone(200),
  'GET /console/classes/:id': classes(200),
  'POST /console/classes/:id': classes(400),
  'GET /console/bulk/:id': run(200),
  'GET /console/bulk/:id/report.csv': run(200),
  'POST /console/bulk/:id': run(303),
  'POST /console/bulk/:id/slips': run(400),
  'GET /console/subject-requests': { ...everyone(200), teacher: [404], desk: [404] },
  // console-subject-requests.test.ts has the scopes of a request.
  'GET /console/subject-requests/:id': everyone(404),
  'POST /console/subject-requests/:id': everyone(404),
  'GET /console/requests': { ...everyone(200), teacher: [404] },
  'GET /console/requests/:id': request(200),
  'POST /console/requests/:id': request(400),
  'GET /console/people/:id/memberships': bureau(200, 200, 200, 200, 200, 200, 404),
  'GET /console/people/:id/memberships/new': bureau(200, 200, 200, 200, 200, 200, 404),
  'POST /console/people/:id/memberships/new': bureau(422, 422, 422, 422, 422, 422, 404),
  // The membership of the form does not exist.
  'POST /console/people/:id/memberships/end': bureau(404, 404, 404, 404, 404, 404, 404),
  // A member of staff with one class or school goes to it at once.
  'GET /console/binding': { ...everyone(302), desk: [404], bureau: [200] },
  'GET /console/binding/report.csv': bureau(200),
  'GET /console/binding/classes/:id': answersOfClass(200),
  'GET /console/binding/classes/:id/report.csv': answersOfClass(200),
  'GET /console/binding/classes/:id/letters': answersOfClass(200),
  'GET /console/binding/classes/:id/reminders': answersOfClass(200),
  'POST /console/binding/classes/:id/reminders': answersOfClass(400),
  'GET /console/binding/schools/:code': answersOfSchool(200),
  'GET /console/binding/schools/:code/report.csv': answersOfSchool(200),
  'GET /console/binding/schools/:code/reminders': answersOfSchool(200),
  'POST /console/binding/schools/:code/reminders': answersOfSchool(400),
  'GET /console/applications': { ...everyone(200), desk: [404] },
  'GET /console/applications/:id': everyone(404),
  'GET /console/applications/:id/evidence/:file': everyone(404),
  'POST /console/applications/:id': everyone(404),
  'GET /console/family-requests': { teacher: [404], registrar: [200], desk: [404], bureau: [200] },
  'GET /console/family-requests/end/:id': everyone(404),
  'POST /console/family-requests/end/:id': everyone(404),
  'GET /console/family-requests/report/:id': everyone(404),
  'POST /console/family-requests/report/:id': everyone(404),
  'GET /console/announcement': bureau(200),
  'POST /console/announcement': bureau(422),
  'GET /console/audit': bureau(200),
  'GET /console/audit/export': bureau(400),
  'GET /console/audit/verify': bureau(200),
  'POST /console/audit/verify': bureau(303),
  'GET /console/clients': bureau(200),
  'GET /console/clients/new': bureau(200),
  'POST /console/clients/new': bureau(422),
  'GET /console/clients/:id': bureau(200, 404),
  'GET /console/clients/:id/edit': bureau(200, 404),
  'POST /console/clients/:id/edit': bureau(422, 404),
  // `unlock` is no action of a client.
  'GET /console/clients/:id/action': bureau(404, 404),
  'POST /console/clients/:id/action': bureau(400, 404),
  'GET /console/dead-letters': bureau(200),
  'GET /console/dead-letters/action': bureau(404),
  'POST /console/dead-letters/action': bureau(400),
  'GET /console/keys': bureau(200),
  'GET /console/keys/rotate': bureau(200),
  'POST /console/keys/rotate': bureau(409),
  'GET /console/notices': bureau(200),
  'GET /console/notices/new': bureau(200),
  'POST /console/notices/new': bureau(422),
  'GET /console/notices/:id': bureau(200, 404),
  'GET /console/register-check': { ...bureau(200), registrar: [200] },
  'POST /console/register-check': { ...bureau(400), registrar: [400] },
  'GET /console/school-contacts': { ...bureau(200), registrar: [200] },
  'GET /console/school-contacts/:code': { ...bureau(200, 200, 404), registrar: [200, 404, 404] },
  'POST /console/school-contacts/:code': { ...bureau(400, 400, 404), registrar: [400, 404, 404] },
  'GET /console/schools': bureau(200),
  'GET /console/schools/new': bureau(200),
  'POST /console/schools/new': bureau(422),
  'GET /console/schools/:code': bureau(200, 404),
  'POST /console/schools/:code': bureau(400, 404),
  'POST /console/schools/:code/close': bureau(400, 404),
  'GET /console/settings': bureau(200),
  'POST /console/settings': bureau(422),
};

/** Creates the records that the routes name. The father of the pupil becomes a bureau administrator, whom the school still finds. */
async function createTargets({ container }: TestService): Promise<Record<Exclude<Kind, 'people'>, string[]>> {
  const { store, console: staff } = container;
  const by = { actorId: personId('A1'), reason: 'asked by phone', address: '192.0.2.1' };
  const actor = await staff.authorization.findActor(by.actorId);
  assert.ok(actor);
  const other = await store.write(async (tx) => {
    const administrator = { id: 'm-admin', personId: personId('G1'), schoolCode: null, role: 'bureau_admin' } as const;
    await insertMembership(tx, { ...administrator, isPrimary: false });
    const all = await tx.db.select().from(tx.tables.classes);
    const own = all.find(({ homeroomTeacherId }) => homeroomTeacherId === personId('T2'));
    const elsewhere = all.find(({ schoolCode }) => schoolCode !== '993301');
    assert.ok(own && elsewhere);
    const another = { ...own, id: 'another-class', classno: '299', homeroomTeacherId: null };
    await tx.db.insert(tx.tables.classes).values(another);
    return { own: own.id, elsewhere: elsewhere.id };
  });
  const { own: classId, elsewhere } = other;
  const runId = await staff.bulkRuns.prepare({ ...by, actor, classId, action: 'links', personIds: undefined });
  const change = { action: 'change-mobile', input: '0911222333', version: 1 } as const;
  const asked = await staff.personActions.perform({ ...by, ...change, personId: personId('G2') });
  const registered = await staff.clients.register({ ...by, actorId: personId('B1') }, testClient('library'));
  assert.ok(runId !== undefined && asked.kind === 'requested' && registered.kind === 'done');
  return {
    classes: [classId, 'another-class', elsewhere, 'nonexistent'],
    bulk: [runId, 'nonexistent'],
    requests: [asked.requestId, 'nonexistent'],
    clients: ['library', 'nonexistent'],
    schools: ['993301', '999999'],
    'school-contacts': ['993301', '993302', '999999'],
    'binding/classes': [classId, 'another-class', elsewhere, 'nonexistent'],
    'binding/schools': ['993301', '993302', '999999'],
    applications: ['nonexistent'],
    'family-requests/end': ['nonexistent'],
    'family-requests/report': ['nonexistent'],
    notices: [String(DEFAULT_NOTICE.version), 'nonexistent'],
    'subject-requests': ['nonexistent'],
  };
}

for (const dialect of ['sqlite', 'postgres'] as const) {
  describe(`the scope of the console (${dialect})`, () => {
    let service: TestService;
    let routes: string[];
    let browsers: Record<Visitor, HttpBrowser>;
    let ids: Record<Exclude<Kind, 'people'>, readonly string[]>;
    before(async () => {
      const databaseUrl = dialect === 'postgres' ? { databaseUrl: await testDatabaseUrl() } : {};
      routes = await recordRoutes(async () => {
        service = await startService({ clients: [], ...databaseUrl });
      });
      ids = await createTargets(service);
      const signIn = async (key: StaffKey): Promise<HttpBrowser> => (await signInStaff(service, key)).browser;
      browsers = {
        teacher: await signIn('T2'),
        registrar: await signIn('A2'),
        desk: await signIn('A1'),
        bureau: await signIn('B1'),
        parent: (await signInToAccount(service, LOGIN.G2)).httpBrowser,
      };
    });
    after(() => service.stop());

    /** Lists the ids of the targets of a kind; one empty text for a path without an id. */
    const targetsOf = (kind: Kind | undefined, visitor: Visitor): readonly string[] => {
      if (kind === undefined) return [''];
      if (kind !== 'people') return ids[kind];
      const keys = ['S1', 'G2', 'S6', 'G1', 'A2', VISITORS[visitor]] as const;
      return [...keys.map(personId), 'nonexistent'];
    };
    const statusOf = async ({ jar }: HttpBrowser, method: string, path: string): Promise<number> => {
      const cookies = await jar.getCookieString(`${service.issuer}/console`);
      const sent = method === 'POST' ? { body: 'action=unlock&version=999&reason=x' } : {};
      const target = method === 'GET' ? `${path}?action=unlock` : path;
      const headers = formHeaders(service.issuer, cookies);
      return (await send(service.issuer, target, { method, headers, ...sent })).status;
    };

    it('has a row for each route', () => {
      assert.deepEqual(Object.keys(TABLE).sort(), routes.filter((route) => route.includes(' /console')).sort());
    });

    for (const [route, row] of Object.entries(TABLE)) {
      it(`is the one of the table at ${route}`, async () => {
        const [method = '', path = ''] = route.split(' ');
        const kind = KINDS.find((name) => path.startsWith(`/console/${name}/:`));
        assert.equal(kind === undefined, !path.includes(':'), 'each path with an id has targets');
        for (const visitor of VISITOR_NAMES) {
          const statuses: number[] = [];
          for (const id of targetsOf(kind, visitor)) {
            statuses.push(await statusOf(browsers[visitor], method, path.replace(/:id|:code/, id)));
          }
          const expected = visitor === 'parent' ? statuses.map(() => 403) : row[visitor];
          assert.deepEqual(
            statuses,
            expected,
            `${visitor}: ${kind === undefined ? 'no target' : TARGETS[kind].join(', ')}`,
          );
        }
      });
    }
  });
}
