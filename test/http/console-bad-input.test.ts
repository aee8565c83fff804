/** Forged, damaged and oversized input to the console: a 4xx with a clear message, and nothing done. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { listAuditEvents, personId } from '../helpers/city.ts';
import { alertOf, textOf, textWithoutErrorCode, type Answer } from '../helpers/http-browser.ts';
import { formHeaders, send } from '../helpers/raw-http.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff, type StaffBrowser } from '../helpers/staff.ts';

const NUL = 'a\u0000b';
const PERSON = `/console/people/${personId('G2')}`;
const [FROM, UNTIL] = ['2030-01-01T00:00', '2031-01-01T00:00'];
const CONFIRMED = { confirmed: 'yes', reason: 'x' };
const SCHOOL = { code: '993301', name: 'n', nameEn: 'n', type: 'special', district: 'd' };
const shown = (change: object): string => JSON.stringify({ ...SCHOOL, closedAt: null, ...change });

/** The forms of the console with fields that pass every check but one. */
const FORMS: readonly [path: string, fields: Record<string, string>][] = [
  [`${PERSON}/action`, { action: 'unlock', version: '0', reason: 'x' }],
  [`${PERSON}/action`, { action: 'merge', version: '0', reason: 'x', value: 'x' }],
  [`${PERSON}/memberships/new`, { ...CONFIRMED, version: '0', duty: 'teacher', school: '993301', from: '2026-11-01' }],
  [`${PERSON}/memberships/end`, { ...CONFIRMED, version: '0', membership: 'x' }],
  ['/console/clients/new', { action: 'save', reason: 'x', client_id: 'x' }],
  ['/console/clients/x/edit', { action: 'save', reason: 'x', version: '1' }],
  ['/console/clients/x/action', { action: 'disable', reason: 'x', version: '1' }],
  ['/console/classes/x', { action: 'links', reason: 'x', person: 'x' }],
  ['/console/bulk/x', {}],
  ['/console/bulk/x/slips', { layout: 'a6' }],
  ['/console/requests/x', { answer: 'confirm', version: '0', reason: 'x' }],
  ['/console/keys/rotate', { version: 'x', reason: 'x' }],
  ['/console/dead-letters/action', { action: 'drop', job: 'x', reason: 'x' }],
  [
    '/console/settings',
    {
      ...CONFIRMED,
      version: '7',
      passwordMinLength: '13',
      firstPasswordDays: '31',
      applicationDays: '365',
      evidenceDays: '30',
      reminderDays: '7',
    },
  ],
  ['/console/announcement', { ...CONFIRMED, version: '7', chinese: 'x', english: 'x', from: FROM, until: UNTIL }],
  ['/console/schools/new', { ...CONFIRMED, ...SCHOOL }],
  ['/console/schools/993301', { ...CONFIRMED, ...SCHOOL, shown: shown({ name: 'other' }) }],
  ['/console/schools/993301/close', { ...CONFIRMED, close: 'yes', shown: shown({ name: 'other' }) }],
];

/** One damage of each kind. */
const DAMAGES: readonly Record<string, string>[] = [
  ...['action', 'reason', 'value', 'membership', 'job', 'person', 'name', 'client_id'].map((name) => ({ [name]: NUL })),
  ...['2147483648', '9007199254740991', '-1', '1.5', 'NaN', ''].map((version) => ({ version })),
  { action: 'destroy' },
  { answer: 'destroy' },
  { shown: shown({ name: NUL }) },
  { shown: shown({ closedAt: 1.5 }) },
  { shown: '{' },
];

eachService(
  'bad input to the console',
  () => ({ clients: [] }),
  (running) => {
    let desk: StaffBrowser;
    let bureau: StaffBrowser;
    before(async () => {
      ({ browser: desk } = await signInStaff(running(), 'A1'));
      ({ browser: bureau } = await signInStaff(running(), 'B1'));
    });
    const peopleOn = ({ body }: Answer): string[] =>
      [...body.matchAll(/data-person="([^"]+)"/g)].map(([, id = '']) => id);
    const search = (q: string): Promise<Answer> => desk.open(`/console/search?q=${encodeURIComponent(q)}`);

    it('finds no one by wildcards, emoji, blanks and long text', async () => {
      for (const q of ['%', '_', '%%', '王%', '王_安', '\\', "'", '😀', '   ', '　', 'x'.repeat(10_000)]) {
        const page = await search(q);
        assert.equal(page.status, 200, q.slice(0, 10));
        assert.deepEqual(peopleOn(page), [], q.slice(0, 10));
      }
    });

    it('finds a person by text in full-width characters', async () => {
      const [plain, wide] = [
        await search('daming.wang@parents.example'),
        await search('ｄａｍｉｎｇ．ｗａｎｇ＠ｐａｒｅｎｔｓ．ｅｘａｍｐｌｅ'),
      ];
      assert.deepEqual(peopleOn(plain), [personId('G1')]);
      assert.deepEqual(peopleOn(wide), [personId('G1')]);
    });

    it('is refused with 400 when a URL has a NUL', async () => {
      for (const path of [
        ...[
          '/console/search?q=%00',
          '/console/search?q=a&name=%00&id=%00',
          '/console/audit?actor=a%00',
          '/console/bulk/%00',
        ],
        ...['/console/classes/%00', '/console/clients/%00', '/console/clients?after=%00', '/console/people/%00'],
        ...['/console/people/%00/action?action=unlock', '/console/requests/%00', '/console/schools/%00'],
      ]) {
        assert.equal((await bureau.open(path)).status, 400, path);
      }
      for (const path of [
        '/console/people/%ff',
        '/console/people/%F0%9F%98%80',
        `/console/people/${'x'.repeat(3_000)}`,
      ]) {
        assert.ok([400, 404].includes((await bureau.open(path)).status), path);
      }
    });

    it('is refused by every form, and changes nothing', async () => {
      const isRecorded = (event: string): boolean => event !== 'staff.view' && event !== 'staff.view_class';
      const events = async (): Promise<string[]> => (await listAuditEvents(running())).filter(isRecorded);
      const before = await events();
      for (const [path, fields] of FORMS) {
        for (const damage of DAMAGES) {
          const { status } = await bureau.post(path, new URLSearchParams({ ...fields, ...damage }));
          assert.ok(status < 500, `${path} ${JSON.stringify(damage)}: ${String(status)}`);
          const isNul = Object.values(damage).some((value) => value.includes('\u0000'));
          if (isNul) assert.ok(status >= 400, `${path} ${JSON.stringify(damage)}: ${String(status)}`);
        }
      }
      assert.deepEqual(await events(), before);
    });

    it('is refused at the field when a reason has 10,000 characters', async () => {
      for (const [path, fields] of FORMS.filter(
        ([path, { reason }]) => reason !== undefined && path !== '/console/clients/new',
      )) {
        const sent = new URLSearchParams({ ...fields, reason: 'x'.repeat(10_000) });
        const answer = await bureau.post(path, sent);
        assert.ok([404, 409, 422].includes(answer.status), `${path}: ${String(answer.status)}`);
        if (answer.status === 422) assert.match(textOf(answer.body), /500/, path);
      }
    });

    it('is refused without our origin, from other sites and without fetch metadata', async () => {
      const cookie = await bureau.jar.getCookieString(running().issuer);
      for (const [path, fields] of FORMS) {
        const body = new URLSearchParams(fields).toString();
        const headers = formHeaders(running().issuer, cookie);
        for (const foreign of [
          { ...headers, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
          { ...headers, origin: 'http://school.localhost', 'sec-fetch-site': 'same-site' },
          { ...headers, origin: 'null', 'sec-fetch-site': 'cross-site' },
        ]) {
          const { status } = await send(running().issuer, path, { method: 'POST', headers: foreign, body });
          assert.equal(status, 403, `${path} ${foreign.origin}`);
        }
        const { 'sec-fetch-site': site, origin, ...bare } = headers;
        assert.ok(site && origin);
        assert.equal((await send(running().issuer, path, { method: 'POST', headers: bare, body })).status, 403, path);
      }
    });

    it('answers for a forged person as for one of another school, at each page', async () => {
      for (const page of ['', '/action?action=unlock', '/history', '/memberships']) {
        const answers = await Promise.all(
          [personId('S6'), '00000000-0000-4000-8000-000000000000', 'x'].map((id) =>
            desk.open(`/console/people/${id}${page}`),
          ),
        );
        assert.deepEqual(
          answers.map(({ status }) => status),
          [404, 404, 404],
        );
        assert.equal(new Set(answers.map(({ body }) => textWithoutErrorCode(body))).size, 1, page);
      }
    });

    it('does nothing when the duty ended between the form and its submission', async () => {
      const form = await desk.open(`/console/people/${personId('S1')}/action?action=disable`);
      assert.equal(form.status, 200);
      const path = `/console/people/${personId('A1')}/memberships`;
      const page = await bureau.open(path);
      const membership = /data-membership="([^"]+)"/.exec(page.body)?.[1] ?? '';
      const review = await bureau.submit(page, { membership });
      const ended = await bureau.submit(review, CONFIRMED);
      assert.equal(ended.status, 200, alertOf(ended.body));
      const late = await desk.submit(form, { action: 'disable', reason: 'x' });
      assert.equal(late.status, 403);
      const state = await bureau.open(`/console/people/${personId('S1')}`);
      assert.match(state.body, /data-person-state="active"/);
    });
  },
);
