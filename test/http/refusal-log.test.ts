/** The log line of each kind of refused request: it has the client, the error and the failed check, and the id that the response has. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { z } from 'zod';

import { errorReference } from '../../src/domain/error-reference.ts';
import { LOGIN, refresh, tokensFor } from '../helpers/authorization-flow.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { createParty, createRegistration } from '../helpers/relying-party.ts';
import {
  createRefusals,
  HEXADECIMAL_SECRET,
  PERSON,
  SECRET,
  sendGet,
  WRONG_SECRET,
} from '../helpers/refused-requests.ts';
import { startService, type TestService } from '../helpers/service.ts';

const kept = createCapturedLog();
let service: TestService;

before(async () => {
  service = await startService({
    clients: [
      createRegistration('app', SECRET, { scopes: ['openid', 'offline_access'] }),
      createRegistration('television', SECRET, { scopes: ['openid'], device_flow: true }),
    ],
    log: kept.log,
    env: { KINPASS_TRUSTED_PROXIES: 'loopback' },
  });
});
after(() => service.stop());

const logLine = z.looseObject({
  msg: z.string(),
  requestId: z.string().optional(),
  signInId: z.string().optional(),
  reference: z.string().optional(),
});
type LogLine = z.infer<typeof logLine>;

const listLines = (): LogLine[] =>
  kept
    .text()
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => logLine.parse(JSON.parse(text)));

function idOf(response: Response): string {
  const id = response.headers.get('x-request-id');
  assert.ok(id, 'the response has no X-Request-Id');
  return id;
}

/** Returns the fields of the refusals of a request that depend on neither time nor request. */
const refusalsOf = (response: Response): Record<string, unknown>[] =>
  listLines()
    .filter(({ msg, requestId }) => msg.endsWith('refused') && requestId === idOf(response))
    .map((line) =>
      Object.fromEntries(
        ['event', 'clientId', 'error', 'error_description', 'error_detail']
          .filter((name) => line[name] !== undefined)
          .map((name) => [name, line[name]]),
      ),
    );

describe('the log line of a refused request', () => {
  for (const [kind, send, status, line] of createRefusals(() => service.issuer)) {
    it(`says why: ${kind}`, async () => {
      const response = await send();
      assert.equal(response.status, status);
      assert.deepEqual(refusalsOf(response), [line]);
    });
  }

  it('is found by the error code of the page, also for 4xx', async () => {
    for (const path of [
      '/interaction/unknown',
      '/auth?client_id=nobody',
      '/auth/unknown',
      '/device/unknown',
      '/nothing',
    ]) {
      const response = await sendGet(service.issuer + path);
      const reference = errorReference(idOf(response));
      assert.ok((await response.text()).includes(`<code>${reference}</code>`), path);
      const found = listLines().find((line) => line.reference === reference);
      assert.equal(found?.requestId, idOf(response), path);
    }
  });

  it('contains no secret, login or URL', () => {
    for (const text of [SECRET, WRONG_SECRET, HEXADECIMAL_SECRET, PERSON, 'evil.example', 'invented']) {
      assert.ok(!kept.text().includes(text), text);
    }
  });
});

describe('the id of a sign-in', () => {
  const auditDetail = z.looseObject({ requestId: z.string(), signInId: z.string().optional() });

  it('is the id of its first request, in the log and audit log of all its requests', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const party = await createParty(service.issuer, { id: 'app', secret: SECRET, scope: 'openid offline_access' });
    const start = listLines().length;
    const tokens = await tokensFor(party, httpBrowser, { login: LOGIN.T2, parameters: { prompt: 'consent' } });
    assert.equal((await refresh(party, tokens.refresh_token)).status, 200);
    const requests = listLines()
      .slice(start)
      .filter(({ msg }) => msg === 'request');
    const first = requests[0]?.requestId;
    assert.ok(first);
    assert.deepEqual(
      requests.map(({ requestId, signInId, ...line }) => [line['route'], requestId === first ? first : signInId]),
      ['/auth', '/interaction/:uid', '/interaction/:uid/:prompt', '/auth/:uid', '/token', '/token'].map((route) => [
        route,
        first,
      ]),
    );
    const rows = await service.container.store.read((tx) => tx.db.select().from(tx.tables.audit));
    const events = rows
      .filter(({ detail }) => auditDetail.safeParse(detail).data?.signInId === first)
      .map(({ event }) => event);
    assert.deepEqual(events, ['sign_in.succeeded', 'authorization.granted']);
  });

  it('differs between two sign-ins of one browser', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    const party = await createParty(service.issuer, { id: 'app', secret: SECRET, scope: 'openid' });
    const start = listLines().length;
    await tokensFor(party, httpBrowser, { login: LOGIN.T2 });
    await tokensFor(party, httpBrowser);
    const ofTokens = listLines()
      .slice(start)
      .filter((line) => line.msg === 'request' && line['route'] === '/token')
      .map(({ signInId }) => signInId);
    assert.equal(new Set(ofTokens).size, 2);
    assert.ok(!ofTokens.includes(undefined));
  });
});
