/** The middlewares that every request passes, on a bare Koa app: same-origin check, headers, language, error pages, forms. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';

import createError from 'http-errors';
import type { Context, Middleware } from 'koa';
import { z } from 'zod';

import { systemRandom } from '../../src/domain/random.ts';
import { field, parseForms, readForm, checkbox } from '../../src/http/forms/body.ts';
import { csrf } from '../../src/http/middleware/csrf.ts';
import { locale } from '../../src/http/middleware/locale.ts';
import { requestLog } from '../../src/http/middleware/request-log.ts';
import { HashQueueFullError, DatabaseUnavailableError } from '../../src/platform/errors.ts';
import { createMetrics } from '../../src/platform/metrics.ts';
import { createI18n } from '../../src/presentation/i18n.ts';
import { serveMiddlewares as serve, type Send } from '../helpers/koa-server.ts';
import { createCapturedLog } from '../helpers/log.ts';

const ISSUER = 'https://id.city.test';
const i18n = createI18n(new URL('../../config/locales', import.meta.url).pathname);

const done: Middleware = (ctx) => {
  ctx.body = 'done';
};

describe('CSRF check', () => {
  const check = (): Promise<Send> =>
    serve(
      csrf(`${ISSUER}/`, (ctx) => {
        ctx.status = 403;
        ctx.body = 'refused';
      }),
      done,
    );
  const own = { origin: ISSUER };

  it('accepts every safe method', async () => {
    const send = await check();
    for (const method of ['GET', 'HEAD', 'OPTIONS']) {
      const foreign = { 'sec-fetch-site': 'cross-site', origin: 'https://evil.test' };
      assert.equal((await send('/', { method, headers: foreign })).status, 200, method);
    }
  });

  it('accepts forms of its own origin and rejects all others', async () => {
    const send = await check();
    const cases: [Record<string, string>, number][] = [
      [own, 200],
      [{ 'sec-fetch-site': 'same-origin' }, 200],
      [{ 'sec-fetch-site': 'same-origin', origin: 'null' }, 200],
      [{ 'sec-fetch-site': 'cross-site', ...own }, 403],
      [{ 'sec-fetch-site': 'same-site', ...own }, 403],
      [{ 'sec-fetch-site': 'none', ...own }, 403],
      [{ origin: 'https://evil.test' }, 403],
      [{ origin: `${ISSUER}.evil.test` }, 403],
      [{ origin: 'http://id.city.test' }, 403],
      [{ origin: 'null' }, 403],
      [{}, 403],
    ];
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      for (const [headers, status] of cases) {
        const answer = await send('/', { method, headers });
        assert.equal(answer.status, status, `${method} ${JSON.stringify(headers)}`);
        assert.equal(await answer.text(), status === 200 ? 'done' : 'refused');
      }
    }
  });
});

describe('language', () => {
  const NOW = 1_795_000_000_000;
  const speak = (): Promise<Send> =>
    serve(locale({ i18n, clock: { now: () => NOW } }), (ctx: Context) => {
      ctx.body = String(ctx.state['lang']);
    });

  it('is that of the cookie for an hour, then of ui_locales, an earlier cookie and the browser', async () => {
    const send = await speak();
    const languageOf = async (path: string, headers: Record<string, string> = {}): Promise<string> =>
      (await send(path, { headers })).text();
    const english = { 'accept-language': 'en' };
    assert.equal(await languageOf('/', { 'accept-language': 'xx' }), 'zh-TW');
    assert.equal(await languageOf('/', english), 'en');
    assert.equal(await languageOf('/?ui_locales=zh-TW', english), 'zh-TW');
    assert.equal(
      await languageOf('/?ui_locales=zh-TW&ui_locales=zh-TW', english),
      'en',
      'a parameter that comes twice',
    );
    const chosenAt = (time: number): Record<string, string> => ({ cookie: `kinpass_lang=en.${String(time / 1000)}` });
    assert.equal(await languageOf('/?ui_locales=zh-TW', chosenAt(NOW)), 'en');
    assert.equal(await languageOf('/?ui_locales=zh-TW', chosenAt(NOW - 3_600_000)), 'zh-TW');
    assert.equal(await languageOf('/', chosenAt(NOW - 3_600_000)), 'en');
    for (const [value, expected] of [
      ['en', 'zh-TW'],
      ['en.x', 'zh-TW'],
      [`xx.${String(NOW / 1000)}`, 'zh-TW'],
    ] as const) {
      assert.equal(await languageOf('/?ui_locales=zh-TW', { cookie: `kinpass_lang=${value}` }), expected, value);
    }
  });
});

describe('errors of a request', () => {
  const kept = createCapturedLog();
  const metrics = createMetrics({ queueLength: () => 0 }, kept.log);
  const showError = (ctx: Context, status: number, reference: string, error?: unknown): void => {
    ctx.status = status;
    ctx.body = `${String(status)} ${reference === ctx.response.get('x-request-id') ? 'same id' : 'other id'} ${String(error !== undefined)}`;
  };
  const answer = async (work: Middleware): Promise<Response> => {
    const send = await serve(
      requestLog({ log: kept.log, metrics, random: systemRandom, trustedProxies: [], showError }),
      work,
    );
    return send('/');
  };
  const thrower =
    (error: unknown): Middleware =>
    () => {
      throw error;
    };

  it('become pages with the status of the error and the id of the log line', async () => {
    const cases: [unknown, number][] = [
      [new HashQueueFullError('busy'), 503],
      [new DatabaseUnavailableError(undefined), 503],
      [createError(400, 'bad'), 400],
      [createError(499, 'closed'), 499],
      [Object.assign(new Error('odd'), { status: 399 }), 500],
      [Object.assign(new Error('odd'), { status: 500 }), 500],
      [Object.assign(new Error('odd'), { status: '404' }), 500],
      [new Error('bug'), 500],
    ];
    for (const [error, status] of cases) {
      const page = await answer(thrower(error));
      assert.equal(page.status, status, String(error));
      assert.equal(await page.text(), `${String(status)} same id true`);
      assert.equal(page.headers.get('retry-after'), status === 503 ? '5' : null);
    }
  });

  it('are logged: those of the server with their stack, those of the client with their reason', async () => {
    const before = kept.text().length;
    await answer(thrower(new Error('a bug of ours')));
    assert.match(kept.text().slice(before), /a bug of ours.*"stack"/);
    const after = kept.text().length;
    await answer(thrower(createError(400, 'a mistake of theirs')));
    assert.match(kept.text().slice(after), /"error_description":"a mistake of theirs"/);
    assert.doesNotMatch(kept.text().slice(after), /stack/);
  });

  it('show a page for an empty 404 or 405 only', async () => {
    const status =
      (code: number, body?: string | null): Middleware =>
      (ctx) => {
        ctx.status = code;
        if (body !== undefined) ctx.body = body;
      };
    assert.equal(await (await answer(status(404))).text(), '404 same id false');
    assert.equal(await (await answer(status(405))).text(), '405 same id false');
    assert.equal(await (await answer(status(404, 'own page'))).text(), 'own page');
    assert.equal(await (await answer(status(204))).text(), '');
    assert.equal(await (await answer(status(410))).text(), 'Gone');
    const busy = await answer((ctx) => {
      ctx.status = 503;
      ctx.set('retry-after', '60');
      ctx.body = 'later';
    });
    assert.equal(busy.headers.get('retry-after'), '60', 'what a page says stays');
  });

  it('log and measure the route, never the URL', async () => {
    const WORK_MS = 5;
    const before = kept.text().length;
    const send = await serve(
      requestLog({ log: kept.log, metrics, random: systemRandom, trustedProxies: [], showError }),
      async (ctx, next) => {
        if (ctx.path.startsWith('/own')) ctx['_matchedRoute'] = '/own/:secret';
        if (ctx.path.startsWith('/named')) ctx['_matchedRouteName'] = 'named';
        const start = performance.now();
        while (performance.now() < start + WORK_MS);
        await next();
      },
      done,
    );
    for (const path of ['/own/token-1', '/named/token-2', '/else/token-3?q=token-4']) await send(path);
    const lines = kept
      .text()
      .slice(before)
      .trim()
      .split('\n')
      .map((line) =>
        z
          .looseObject({ route: z.string(), method: z.string(), status: z.number(), ms: z.int() })
          .parse(JSON.parse(line)),
      );
    assert.deepEqual(
      lines.map(({ method, route, status }) => [method, route, status]),
      [
        ['GET', '/own/:secret', 200],
        ['GET', 'named', 200],
        ['GET', 'none', 200],
      ],
    );
    for (const { ms } of lines) assert.ok(ms >= WORK_MS && ms < 30_000, 'milliseconds');
    assert.doesNotMatch(kept.text().slice(before), /token-/);
    const { values } = await metrics.requestSeconds.get();
    const counted = values.filter(
      ({ metricName, labels }) => metricName?.endsWith('_count') && labels['route'] === '/own/:secret',
    );
    assert.deepEqual(
      counted.map(({ value, labels }) => [value, labels['method'], labels['status']]),
      [[1, 'GET', '2xx']],
    );
    const summed = values.filter(({ metricName }) => metricName?.endsWith('_sum'));
    for (const { value } of summed) assert.ok(value >= 0 && value < 30, 'seconds');
  });
});

describe('forms', () => {
  const shape = z.object({ name: field, remember: checkbox });
  const form = (): Promise<Send> =>
    serve(parseForms(), (ctx: Context) => {
      ctx.body = JSON.stringify(readForm(ctx, shape));
    });
  const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' };
  const post = async (
    body: RequestInit['body'],
    headers: Record<string, string> = urlencoded,
  ): Promise<[number, string]> => {
    const answer = await (await form())('/', { method: 'POST', headers, body: body ?? null });
    return [answer.status, await answer.text()];
  };

  it('return each field once, and a checkbox as checked or not', async () => {
    assert.deepEqual(await post('name=a&remember=on&other=1'), [200, '{"name":"a","remember":true}']);
    assert.deepEqual(await post('other=1'), [200, '{"name":"","remember":false}']);
    assert.deepEqual(await post(''), [200, '{"name":"","remember":false}']);
  });

  it('are rejected if a field is repeated or not a string', async () => {
    assert.equal((await post('name=a&name=b'))[0], 400);
    assert.equal((await post('name[x]=b'))[0], 400);
  });

  it('are not parsed from JSON', async () => {
    assert.deepEqual(await post('{"name":"a"}', { 'content-type': 'application/json' }), [
      200,
      '{"name":"","remember":false}',
    ]);
  });

  it('are rejected if they are too long or cannot be parsed', async () => {
    assert.equal((await post(`name=${'a'.repeat(32 * 1024 - 10)}`))[0], 200);
    assert.equal((await post(`name=${'a'.repeat(32 * 1024)}`))[0], 413);
    assert.equal((await post('name=a', { ...urlencoded, 'content-encoding': 'gzip' }))[0], 400);
    assert.equal(
      (await post(gzipSync('name=a'), { ...urlencoded, 'content-encoding': 'gzip' }))[1],
      '{"name":"a","remember":false}',
    );
  });
});
