/** A request that fails, or whose commit fails, changes neither the browser nor the database. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import { z } from 'zod';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import type { Dialect } from '../../src/store/database/index.ts';
import {
  requestTokens,
  codeOf,
  runAuthorization,
  LOGIN,
  textIn,
  tokensFor,
  userinfo,
  type AuthorizationResult,
} from '../helpers/authorization-flow.ts';
import { listAuditEvents } from '../helpers/city.ts';
import { createHttpBrowser, formOf, type HttpBrowser } from '../helpers/http-browser.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { pollUntil } from '../helpers/poll.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
const AT_ONCE = 10;
const kept = createCapturedLog();
const refusal = z.object({
  ...{ event: z.string(), clientId: z.string().default('none'), error: z.string() },
  ...{ error_description: z.string(), error_detail: z.string().optional(), requestId: z.uuid() },
});
const reasonsOf = ({
  error_description,
  error_detail,
}: Pick<z.infer<typeof refusal>, 'error_description' | 'error_detail'>): string[] =>
  error_detail === undefined ? [error_description] : [error_description, error_detail];
/** @returns the log lines of refused requests since `from` */
const refusalsSince = (from: number): z.infer<typeof refusal>[] =>
  kept
    .text()
    .slice(from)
    .split('\n')
    .filter((line) => line.includes('request refused'))
    .map((line) => refusal.parse(JSON.parse(line)));

eachService(
  'a failed response',
  () => ({
    clients: [
      createRegistration('app', secret, { scopes: ['openid', 'profile', 'offline_access'] }),
      createRegistration('phone', secret, {
        ...{ scopes: ['openid', 'profile', 'offline_access'], token_endpoint_auth_method: 'none' },
        client_secret_sha256: [],
      }),
    ],
    log: kept.log,
  }),
  (running) => {
    let app: TestParty;
    before(async () => {
      app = await createParty(running().issuer, { id: 'app', secret, scope: 'openid profile' });
    });

    const alter = (statement: string): Promise<unknown> =>
      running().container.store.runExclusively((run) => run(statement));
    /** Runs work while a table is missing. */
    const without = async <T>(table: string, work: () => Promise<T>): Promise<T> => {
      await alter(`alter table ${table} rename to away`);
      try {
        return await work();
      } finally {
        await alter(`alter table away rename to ${table}`);
      }
    };
    /** Runs work while grants cannot be revoked. */
    const refusing = async <T>(dialect: Dialect, work: () => Promise<T>): Promise<T> => {
      const [create, drop] =
        dialect === 'sqlite'
          ? ["create trigger kept before delete on grants begin select raise(abort, 'kept'); end", 'drop trigger kept']
          : ['create rule kept as on delete to grants do instead select 1 / 0', 'drop rule kept on grants'];
      await alter(create);
      try {
        return await work();
      } finally {
        await alter(drop);
      }
    };
    /** Submits the password without following the redirect. @returns the redirect target */
    const signInAndWait = async (httpBrowser: HttpBrowser, parameters: Record<string, string>): Promise<string> => {
      const page = await httpBrowser.open((await app.begin(parameters)).url);
      const { action, hidden } = formOf(page.body);
      const { origin, href } = new URL(action, page.url);
      const answer = await fetch(href, {
        method: 'POST',
        redirect: 'manual',
        body: new URLSearchParams({ ...hidden, login: LOGIN.T2, password: DEMO_PASSWORD }),
        headers: { cookie: await httpBrowser.jar.getCookieString(href), origin },
      });
      assert.equal(answer.status, 303);
      return new URL(answer.headers.get('location') ?? '', origin).href;
    };

    for (const [when, table] of [
      ['half-way', 'enrolments'],
      ['when its unit is written', 'grants'],
    ] as const) {
      it(`${when} changes no cookie, and opening the same URL again returns to the app`, async () => {
        const httpBrowser = createHttpBrowser(running().issuer);
        await runAuthorization(app, httpBrowser, { login: LOGIN.T2 });
        const next = await signInAndWait(httpBrowser, { prompt: 'login' });
        const cookies = await httpBrowser.jar.getCookieString(next);
        const failed = await without(table, () => httpBrowser.open(next));
        assert.equal(failed.status, 500);
        assert.deepEqual(failed.headers.getSetCookie(), []);
        assert.equal(await httpBrowser.jar.getCookieString(next), cookies);
        assert.equal(new URL((await httpBrowser.open('/account')).url).pathname, '/account');
        assert.ok((await httpBrowser.open(next)).leavesTo?.searchParams.get('code'));
      });
    }

    it('writes no audit entry of a sign-in at the app', async () => {
      const entries = async (): Promise<number> =>
        (await listAuditEvents(running(), 'T1')).filter((event) => event === 'authorization.granted').length;
      const httpBrowser = createHttpBrowser(running().issuer);
      const grown = (to: number): Promise<true> => pollUntil('an entry', async () => (await entries()) >= to);
      await runAuthorization(app, httpBrowser, { login: LOGIN.T1 });
      await grown(1);
      assert.equal((await without('grants', () => runAuthorization(app, httpBrowser))).answer.status, 500);
      assert.ok(codeOf((await runAuthorization(app, httpBrowser)).answer));
      await grown(2);
      assert.equal(await entries(), 2);
    });

    const redeemAt = (path: string, { answer, verifier }: AuthorizationResult): Promise<Response> =>
      fetch(new URL(path, running().issuer), {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'authorization_code',
          code: codeOf(answer),
          redirect_uri: app.redirectUri,
          code_verifier: verifier,
        }),
        headers: {
          authorization: `Basic ${Buffer.from(`app:${secret}`).toString('base64')}`,
          // Forms without an origin are accepted only at the announced path.
          'sec-fetch-site': 'same-origin',
        },
      });

    it('at a refresh consumes nothing, and the app can try again', async () => {
      const phone = await createParty(running().issuer, { id: 'phone', scope: 'openid profile' });
      const parameters = { scope: 'openid profile offline_access', prompt: 'consent' };
      const httpBrowser = createHttpBrowser(running().issuer);
      const { refresh_token: token = '' } = await tokensFor(phone, httpBrowser, { login: LOGIN.A2, parameters });
      const fields = { grant_type: 'refresh_token', refresh_token: token };
      const refused = await requestTokens(phone, { ...fields, resource: 'https://nowhere.example' });
      assert.deepEqual([refused.status, refused.body['error']], [400, 'invalid_target']);
      const given = await requestTokens(phone, fields);
      assert.equal((await userinfo(app, textIn(given, 'access_token'))).status, 200);
      // Real reuse still revokes everything.
      assert.equal((await requestTokens(phone, fields)).body['error'], 'invalid_grant');
      assert.equal((await userinfo(app, textIn(given, 'access_token'))).status, 401);
    });

    it('for a reused code revokes its tokens, at every accepted spelling of the path', async () => {
      for (const path of ['/Token', '/token/']) {
        const httpBrowser = createHttpBrowser(running().issuer);
        const entered = await runAuthorization(app, httpBrowser, { login: LOGIN.T2 });
        const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => redeemAt(path, entered)));
        const statuses = answers.map(({ status }) => status).sort();
        assert.deepEqual(statuses, [200, ...Array<number>(AT_ONCE - 1).fill(400)], path);
        const given = answers.find(({ status }) => status === 200);
        for (const answer of answers.filter((one) => one !== given)) {
          assert.deepEqual(await answer.json(), {
            error: 'invalid_grant',
            error_description: 'grant request is invalid',
          });
        }
        const { access_token: token } = (await given?.json()) as { access_token: string };
        assert.equal((await userinfo(app, token)).status, 401, path);
      }
    });

    it('is logged with its event, client, error, reason and request', async () => {
      const before = kept.text().length;
      const refused = await requestTokens(app, { grant_type: 'authorization_code', code: 'unknown' });
      assert.equal(refused.status, 400);
      await createHttpBrowser(running().issuer).open((await app.begin({ scope: 'openid', prompt: 'unknown' })).url);
      const unknown = await userinfo(app, 'unknown');
      const logged = refusalsSince(before);
      assert.equal(logged.at(-1)?.requestId, unknown.headers.get('x-request-id'));
      assert.deepEqual(
        logged.map(({ event, clientId, error, ...line }) => [event, clientId, error, ...reasonsOf(line)]),
        [
          ['grant.error', 'app', 'invalid_request', "missing required parameter 'redirect_uri'"],
          ['authorization.error', 'app', 'invalid_request', 'unsupported prompt value requested'],
          ['userinfo.error', 'none', 'invalid_token', 'invalid token provided', 'access token not found'],
        ],
      );
    });

    it('is logged without the JSON that it could not parse', async () => {
      const before = kept.text().length;
      const { url } = await app.begin({ claims: '{"name" private' });
      await createHttpBrowser(running().issuer).open(url);
      assert.deepEqual(refusalsSince(before).flatMap(reasonsOf), ['could not parse the claims parameter JSON']);
    });

    it('is logged with the check that its answer does not name', async () => {
      const { redirectUri } = app;
      const { answer, verifier } = await runAuthorization(app, createHttpBrowser(running().issuer), {
        login: LOGIN.T2,
      });
      const fields = {
        ...{ grant_type: 'authorization_code', code: codeOf(answer) },
        ...{ redirect_uri: redirectUri, code_verifier: verifier },
      };
      const before = kept.text().length;
      for (const wrong of [
        { redirect_uri: `${redirectUri}/` },
        { code_verifier: 'v'.repeat(43) },
        { code: 'unknown' },
      ]) {
        assert.equal((await requestTokens(app, { ...fields, ...wrong })).status, 400);
      }
      const other = { ...app, secret: newSecret() };
      assert.equal((await requestTokens(other, fields)).status, 401);
      assert.deepEqual(
        refusalsSince(before).map((line) => reasonsOf(line).join(': ')),
        [
          'grant request is invalid: authorization code redirect_uri mismatch',
          'grant request is invalid: code_verifier does not match code_challenge',
          'grant request is invalid: authorization code not found',
          'client authentication failed: invalid secret provided',
        ],
      );
    });

    it('at the token endpoint is JSON, also if the grant cannot be revoked', async () => {
      const entered = await runAuthorization(app, createHttpBrowser(running().issuer), { login: LOGIN.T2 });
      const { dialect } = running().container.store;
      const answers = await refusing(dialect, () =>
        Promise.all(Array.from({ length: AT_ONCE }, () => redeemAt('/token', entered))),
      );
      const failed = answers.filter(({ status }) => status !== 200);
      assert.ok(failed.some(({ status }) => status === 500));
      for (const answer of failed) {
        assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
        assert.equal(answer.headers.get('cache-control'), 'no-store');
        assert.match(await answer.text(), /^\{"error":"(server_error|invalid_grant)"/);
      }
    });
  },
);
