import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { pathOf } from '../../src/http/middleware/issuer-origin.ts';
import { startsSignIn } from '../../src/http/middleware/load-shedding.ts';
import { isLocalPath } from '../../src/http/middleware/locale.ts';
import { isPriorityRequest } from '../../src/http/paths.ts';

const HOME = 'https://id.city.test';

describe('a local path', () => {
  it('begins with one slash, and no browser reads another host from it', () => {
    for (const path of [
      '/',
      '/account',
      '/account?x=1',
      '/interaction/a_b-c',
      '/a//b',
      '/%2F%2Fevil',
      '/中文',
      '/a#b',
    ]) {
      assert.equal(isLocalPath(path), true, path);
    }
    const others = [
      '',
      'account',
      '//evil',
      '/\\evil',
      '\\\\evil',
      '/\t/evil',
      '/\n/evil',
      '/ /evil',
      'https://evil',
      ' /x',
      '/a\\b',
    ];
    for (const path of others) assert.equal(isLocalPath(path), false, path);
  });

  it('stays at the service for every text that passes (property)', () => {
    const signs = fc.constantFrom(
      ...'/\\.:@?#%\t\n\r ab0-_'.split(''),
      '%2f',
      '%5c',
      '//',
      '\u0000',
      '\u2028',
      '。',
      '／',
    );
    const texts = fc.oneof(
      fc.array(signs, { maxLength: 12 }).map((parts) => `/${parts.join('')}`),
      fc.string(),
    );
    fc.assert(
      fc.property(texts, (path) => {
        if (isLocalPath(path)) assert.equal(new URL(path, HOME).origin, HOME);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('the path of a request target', () => {
  it('is the target in origin form, and the absolute form without its host (RFC 9112, 3.2)', () => {
    const forms: [string | undefined, string][] = [
      ['/account?x=1', '/account?x=1'],
      ['http://evil.example/account?x=1', '/account?x=1'],
      ['https://evil.example', '/'],
      ['http://evil.example?x', '/?x'],
      ['*', '/'],
      ['evil.example:443', '/'],
      ['', '/'],
      [undefined, '/'],
      ['/auth#x', '/auth'],
      ['/auth#first\nsecond', '/auth'],
      ['/a b?c=學', '/a%20b?c=%E5%AD%B8'],
    ];
    for (const [target, path] of forms) assert.equal(pathOf(target), path, target);
  });

  it('always begins with a slash (property)', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webUrl({ withQueryParameters: true })), (target) => {
        assert.ok(pathOf(target).startsWith('/'));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('the class of a request', () => {
  it('is priority for API endpoints, health checks and assets only', () => {
    for (const url of ['/token', '/token?x=1', '/health/ready', '/assets/a.css', '/.well-known/openid-configuration']) {
      assert.equal(isPriorityRequest(url), true, url);
    }
    for (const url of ['', '/', '/auth', '/account', '/x/assets/a.css', '/?next=/token']) {
      assert.equal(isPriorityRequest(url), false, url);
    }
  });

  it('starts a sign-in for GET and HEAD of the authorization endpoint only', () => {
    const starts = (method: string, url: string): boolean =>
      startsSignIn(Object.assign(new IncomingMessage(new Socket()), { method, url }));
    for (const method of ['GET', 'HEAD']) assert.equal(starts(method, '/auth?client_id=app'), true, method);
    assert.equal(starts('POST', '/auth'), false);
    assert.equal(starts('GET', '/account'), false);
    assert.equal(starts('GET', '/auth?prompt=none'), false);
    assert.equal(starts('GET', '/auth?request_uri=urn:ietf:params:oauth:request_uri:x'), false);
  });
});
