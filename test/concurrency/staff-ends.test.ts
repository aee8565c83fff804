/** Everything that staff end is refused by the next request at every endpoint and node. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { SCOPES } from '../../src/domain/claims/scopes.ts';
import { insertClientIfAbsent } from '../../src/store/oidc/clients.ts';
import {
  codeOf,
  interactionOf,
  LOGIN,
  redeem,
  requestTokens,
  runAuthorization,
  textIn,
  type AuthorizationResult,
  type Reply,
} from '../helpers/authorization-flow.ts';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { personId } from '../helpers/city.ts';
import { alertOf, createHttpBrowser, formOf, textOf, type HttpBrowser } from '../helpers/http-browser.ts';
import { getGuardianshipId } from '../helpers/people.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { enrollTotp } from '../helpers/second-factors.ts';
import type { ServiceDatabase } from '../helpers/service.ts';
import { signInStaff, type StaffBrowser } from '../helpers/staff.ts';
import { openDatabase, startNodes, type Nodes } from './nodes.ts';

const secret = newSecret();
const API = 'https://api.records.example';
const PLAIN = 'openid offline_access';
const WITH_CONTEXT = 'openid roles children offline_access';
const PERMISSIONS = ['fees:read', 'portfolio:read'];
const REASON = 'phoned, named class and seat';

/** Everything that one person holds at an app. */
interface Held {
  httpBrowser: HttpBrowser;
  /** Not redeemed. */
  code: AuthorizationResult;
  tokens: Reply;
  /** An opaque token that the API introspects. */
  apiToken: string;
}

interface EndedAccess {
  what: string;
  login: string;
  choice?: readonly string[];
  /** Default: the app of the clients file. */
  clientId?: string;
  end: () => Promise<void>;
  /** Default: without an acting context. */
  scope?: string;
  /** The answer to `prompt=none` with the session cookie; empty if the session stays. Default: login_required. */
  session?: string;
  /** The answer to the code and the refresh token. Default: 400 invalid_grant. */
  tokens?: string;
}

for (const [name, count] of [
  ['one node on SQLite', 1],
  ['two nodes on PostgreSQL', 2],
] as const) {
  describe(`access that staff end (${name})`, () => {
    let nodes: Nodes;
    let database: ServiceDatabase;
    let api: TestParty;
    let bureau: StaffBrowser;
    before(async () => {
      nodes = await startNodes({
        count,
        clients: [
          createRegistration('app', secret, { scopes: [...SCOPES], permissions: PERMISSIONS, resources: [API] }),
          createRegistration('api', secret, { scopes: ['openid'], introspects: API }),
        ],
        resourceServers: [{ identifier: API, scopes: { records: 'Records' }, access_token_format: 'opaque' }],
        ...(count > 1 ? { databaseUrl: await testDatabaseUrl() } : {}),
      });
      database = await openDatabase(nodes);
      await registerStored('stored');
      api = await createParty(nodes.issuer, { id: 'api', scope: 'openid', secret });
      ({ browser: bureau } = await signInStaff(database, 'B1'));
    });
    after(async () => {
      await database.container.store.close();
      await nodes.stop();
    });

    /** Registers a client of the database, which the bureau may disable. */
    const registerStored = async (clientId: string): Promise<void> => {
      const registration = {
        ...{ client_id: clientId, client_name: clientId, first_party: true, scopes: [...SCOPES] },
        ...{ redirect_uris: [`https://${clientId}.example/callback`], resources: [API] },
      };
      const secretHash = createHash('sha256').update(secret).digest('hex');
      const [createdAt, updatedAt] = [Date.now(), Date.now()];
      const row = { clientId, registration, secretHash, createdAt, updatedAt };
      assert.ok(await database.container.store.write((tx) => insertClientIfAbsent(tx, row)));
    };
    const act = async (path: string, action: string, value = ''): Promise<void> => {
      const form = await bureau.open(`${path}?action=${action}&value=${value}`);
      const done = await bureau.submit(form, { action, value, reason: REASON });
      assert.equal(done.status, 200, alertOf(done.body));
    };
    const actOn = (key: Parameters<typeof personId>[0], action: string, value?: string) => (): Promise<void> =>
      act(`/console/people/${personId(key)}/action`, action, value);
    const endDuty = async (): Promise<void> => {
      const path = `/console/people/${personId('A2')}/memberships`;
      const page = await bureau.open(path);
      const membership = /data-membership="([^"]+)"/.exec(page.body)?.[1] ?? '';
      const { version = '' } = formOf(page.body).hidden;
      const review = await bureau.post(`${path}/end`, new URLSearchParams({ membership, version }));
      const done = await bureau.submit(review, { confirmed: 'yes', reason: REASON });
      assert.match(textOf(done.body), /已結束/);
    };

    const redemption = (party: TestParty, { answer, verifier }: AuthorizationResult): Record<string, string> => ({
      ...{ grant_type: 'authorization_code', code: codeOf(answer) },
      ...{ redirect_uri: party.redirectUri, code_verifier: verifier },
    });

    const hold = async (party: TestParty, login: string, scope: string, choice?: readonly string[]): Promise<Held> => {
      const httpBrowser = createHttpBrowser(nodes.issuer);
      const authorize = (parameters: Record<string, string>): Promise<AuthorizationResult> =>
        runAuthorization(party, httpBrowser, { login, parameters, ...(choice === undefined ? {} : { choice }) });
      const parameters = { scope, prompt: 'consent' };
      const tokens = await redeem(party, await authorize(parameters));
      assert.equal(tokens.status, 200, JSON.stringify(tokens.body));
      const withApi = await authorize({ scope: `${scope} records`, resource: API, prompt: 'consent' });
      const apiToken = textIn(
        await requestTokens(party, { ...redemption(party, withApi), resource: API }),
        'access_token',
      );
      return { httpBrowser, code: await authorize(parameters), tokens, apiToken };
    };

    /** Sends a request to one node, without the load balancer. */
    const ask = async (node: string, url: string, init: RequestInit = {}): Promise<Response> => {
      const { pathname, search } = new URL(url);
      return fetch(`${node}${pathname}${search}`, { redirect: 'manual', ...init });
    };
    const authorizationError = async (node: string, party: TestParty, { httpBrowser }: Held): Promise<string> => {
      const { url } = await party.begin({ prompt: 'none', scope: 'openid' });
      const cookie = await httpBrowser.jar.getCookieString(nodes.issuer);
      const response = await ask(node, url, { headers: { cookie, accept: 'text/html' } });
      const target = response.headers.get('location');
      if (target === null) return String(response.status);
      return new URL(target, nodes.issuer).searchParams.get('error') ?? '';
    };
    const isActive = async (node: string, token: string): Promise<unknown> => {
      const basic = Buffer.from(`${api.id}:${secret}`).toString('base64');
      const headers = { authorization: `Basic ${basic}` };
      const body = new URLSearchParams({ token });
      const response = await ask(node, `${nodes.issuer}/token/introspection`, { method: 'POST', headers, body });
      const parsed: unknown = await response.json();
      assert.equal(response.status, 200);
      return typeof parsed === 'object' && parsed !== null && 'active' in parsed ? parsed.active : undefined;
    };
    const userinfoStatus = async (node: string, { tokens }: Held): Promise<number> => {
      const headers = { authorization: `Bearer ${textIn(tokens, 'access_token')}` };
      return (await ask(node, `${nodes.issuer}/me`, { headers })).status;
    };
    const tokenError = async (node: string, { id }: TestParty, fields: Record<string, string>): Promise<string> => {
      const headers = { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` };
      const body = new URLSearchParams(fields);
      const response = await ask(node, `${nodes.issuer}/token`, { method: 'POST', headers, body });
      const parsed: unknown = await response.json();
      const error = typeof parsed === 'object' && parsed !== null && 'error' in parsed ? parsed.error : undefined;
      return `${String(response.status)} ${String(error)}`;
    };
    /** Each kind of access that staff end, and the answers after it. */
    const cases: readonly EndedAccess[] = [
      { what: 'an account that is disabled', login: LOGIN.G3, end: actOn('G3', 'disable') },
      { what: 'a password that a one-time code replaces', login: LOGIN.G4, end: actOn('G4', 'one-time-code') },
      { what: 'a password that the first password replaces', login: LOGIN.T1, end: actOn('T1', 'first-password') },
      { what: 'the sessions of a person', login: LOGIN.T2, end: actOn('T2', 'revoke-sessions') },
      { what: 'a duty of a school', login: LOGIN.A2, scope: WITH_CONTEXT, end: endDuty, session: '' },
      {
        ...{ what: 'a guardianship', login: LOGIN.G2, scope: WITH_CONTEXT, choice: ['王小安'], session: '' },
        end: async () => {
          const value = await getGuardianshipId(database, LOGIN.G2, '王小安');
          await actOn('G2', 'suspend-guardianship', value)();
        },
      },
      {
        ...{ what: 'a client', login: LOGIN.G5, clientId: 'stored', session: '400', tokens: '401 invalid_client' },
        end: () => act('/console/clients/stored/action', 'disable'),
      },
    ];
    for (const ended of cases) {
      const { what, clientId = 'app', scope = PLAIN, session = 'login_required', tokens = '400 invalid_grant' } = ended;
      it(`is refused at each endpoint: ${what}`, async () => {
        const party = await createParty(nodes.issuer, { id: clientId, scope, secret });
        const held = await hold(party, ended.login, scope, ended.choice);
        const refreshing = { grant_type: 'refresh_token', refresh_token: textIn(held.tokens, 'refresh_token') };
        for (const node of nodes.urls) {
          assert.equal(await authorizationError(node, party, held), '');
          assert.equal(await userinfoStatus(node, held), 200);
          assert.equal(await isActive(node, held.apiToken), true);
        }
        await ended.end();
        for (const node of nodes.urls.toReversed()) {
          const answers = await Promise.all([
            authorizationError(node, party, held),
            tokenError(node, party, redemption(party, held.code)),
            tokenError(node, party, refreshing),
            userinfoStatus(node, held),
            isActive(node, held.apiToken),
          ]);
          assert.deepEqual(answers, [session, tokens, tokens, 401, false], node);
        }
      });
    }

    it('ends for a second factor: its code opens no session after the removal', async () => {
      const authenticator = await enrollTotp(database, 'S1');
      const browsers = nodes.urls.map(() => createHttpBrowser(nodes.issuer));
      const pages = await Promise.all(
        browsers.map(async (browser) => {
          const page = await browser.open('/account');
          return browser.submit(page, { login: LOGIN.S1, password: DEMO_PASSWORD });
        }),
      );
      for (const page of pages) assert.equal(interactionOf(page), 'second_factor');
      await actOn('S1', 'remove-second-factor')();
      for (const [at, browser] of browsers.entries()) {
        const page = pages[at];
        assert.ok(page);
        const answer = await browser.submit(page, { code: authenticator.code() });
        assert.notEqual(answer.status, 200, textOf(answer.body).slice(0, 200));
        assert.notEqual(interactionOf(await browser.open('/account')), undefined);
      }
      const browser = createHttpBrowser(nodes.issuer);
      const page = await browser.open('/account');
      const signedIn = await browser.submit(page, { login: LOGIN.S1, password: DEMO_PASSWORD });
      assert.equal(interactionOf(signedIn), undefined, 'the password alone signs in again');
    });
  });
}
