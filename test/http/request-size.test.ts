import assert from 'node:assert/strict';
import { it } from 'node:test';

import { send } from '../helpers/raw-http.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { API, authorization, options, post, rowsOf, secret } from '../helpers/stored-requests.ts';

eachService(
  'the size of an authorization request',
  () => options,
  (running) => {
    it('is limited at /auth for each parameter; the error names it, and nothing is stored', async () => {
      const before = (await rowsOf(running())).length;
      for (const [name, limit] of [
        ['nonce', 512],
        ['login_hint', 320],
        ['acr_values', 512],
        ['ui_locales', 512],
        ['claims_locales', 512],
        ['display', 512],
      ] as const) {
        const answer = await send(
          running().issuer,
          `/auth?${authorization({ [name]: 'x'.repeat(limit + 1), state: 's' }).toString()}`,
        );
        assert.equal(answer.status, 303, name);
        const back = new URL(answer.headers.location ?? '');
        assert.equal(back.host, 'public.example');
        assert.equal(back.searchParams.get('error'), 'invalid_request');
        assert.equal(back.searchParams.get('error_description'), `${name} must be at most ${String(limit)} characters`);
        assert.equal(back.searchParams.get('state'), 's');
      }
      const claims = JSON.stringify({ id_token: { ['x'.repeat(4_096)]: null } });
      const answer = await send(running().issuer, `/auth?${authorization({ claims }).toString()}`);
      const back = new URL(answer.headers.location ?? '');
      assert.equal(back.searchParams.get('error_description'), 'claims must be at most 4096 characters');
      assert.equal((await rowsOf(running())).length, before);
    });

    it('is limited for state, with an error page instead of a redirect that repeats it', async () => {
      const before = (await rowsOf(running())).length;
      const query = authorization({ state: 'x'.repeat(2_049) }).toString();
      const answer = await send(running().issuer, `/auth?${query}`, { headers: { accept: 'text/html' } });
      assert.equal(answer.status, 400);
      assert.equal(answer.headers.location, undefined);
      assert.match(answer.body, /data-status="400"/);
      assert.equal((await rowsOf(running())).length, before);
    });

    it('is accepted at each limit, and unknown parameters are not stored', async () => {
      const full = {
        state: 'x'.repeat(2_048),
        nonce: 'x'.repeat(512),
        login_hint: 'x'.repeat(320),
        ui_locales: 'x'.repeat(512),
      };
      const query = authorization({
        ...full,
        unknown: 'x'.repeat(5_000),
        kinpass_request: 'y'.repeat(3_000),
      }).toString();
      const answer = await send(running().issuer, `/auth?${query}`);
      assert.equal(answer.status, 303);
      assert.match(answer.headers.location ?? '', /^\/interaction\//);
      const longest = Math.max(...(await rowsOf(running())).map(({ payload }) => payload.length));
      assert.ok(longest < 6_500, String(longest));
    });

    it('is limited at the pushed authorization request endpoint', async () => {
      const before = (await rowsOf(running())).length;
      const long = await post(running(), '/request', authorization({ state: 'x'.repeat(2_049) }).toString());
      assert.equal(long.status, 400);
      assert.deepEqual(JSON.parse(long.body), {
        error: 'invalid_request',
        error_description: 'state must be at most 2048 characters',
      });
      const [text, claims] = ['中'.repeat(512), JSON.stringify({ id_token: { ['x'.repeat(4_000)]: null } })];
      const more = { state: '中'.repeat(2_048), nonce: text, acr_values: text, ui_locales: text, claims };
      const large = decodeURIComponent(authorization(more).toString().replaceAll('+', '%20'));
      const all = await post(running(), '/Request/', large);
      assert.equal(all.status, 400);
      assert.match(all.body, /all parameters together must be at most 12288 bytes/);
      const huge = await post(running(), '/request', authorization({ state: 'x'.repeat(50_000) }).toString());
      assert.equal(huge.status, 413);
      assert.match(huge.body, /"invalid_request".*the body must be at most 16384 bytes/);
      const chunked = await post(running(), '/request', authorization({ state: 'x'.repeat(50_000) }).toString(), {
        'transfer-encoding': 'chunked',
      });
      assert.equal(chunked.status, 400);
      assert.equal((await rowsOf(running())).length, before);
    });

    it('is limited for the number of resources', async () => {
      const query = authorization({}, 'app');
      for (let i = 0; i < 9; i += 1) query.append('resource', API);
      const basic = { authorization: `Basic ${Buffer.from(`app:${secret}`).toString('base64')}` };
      const answer = await post(running(), '/request', query.toString(), basic);
      assert.match(answer.body, /resource must be given at most 8 times/);
      query.delete('resource');
      for (let i = 0; i < 8; i += 1) query.append('resource', API);
      assert.equal((await post(running(), '/request', query.toString(), basic)).status, 201);
    });

    it('is limited at the device authorization endpoint', async () => {
      const before = (await rowsOf(running())).length;
      const body = new URLSearchParams({ client_id: 'public', scope: 'openid', nonce: 'x'.repeat(513) }).toString();
      const answer = await post(running(), '/device/auth', body);
      assert.equal(answer.status, 400);
      assert.match(answer.body, /"invalid_request".*nonce must be at most 512 characters/);
      const huge = await post(running(), '/Device/Auth', `client_id=public&nonce=${'x'.repeat(20_000)}`);
      assert.equal(huge.status, 413);
      assert.equal((await rowsOf(running())).length, before);
    });
  },
);

eachService(
  'the client of the account pages',
  () => options,
  (running) => {
    it('may neither push requests nor start the device flow', async () => {
      const before = (await rowsOf(running())).length;
      const { issuer } = running();
      const request = authorization({ client_id: 'kinpass-account', redirect_uri: `${issuer}/account/callback` });
      for (const path of ['/request', '/device/auth']) {
        const answer = await post(running(), path, request.toString());
        assert.equal(answer.status, 400, path);
        assert.match(answer.body, /"error":"unauthorized_client"/, path);
      }
      assert.equal((await rowsOf(running())).length, before);
    });
  },
);
