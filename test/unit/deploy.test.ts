import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const nginx = readFileSync(join(import.meta.dirname, '../../deploy/nginx.conf'), 'utf8').replaceAll(/^\s*#.*$/gm, '');

describe('deploy/nginx.conf', () => {
  it('writes no query (tokens, user codes, hints) into the access log', () => {
    const formats = [...nginx.matchAll(/log_format (\w+) ([^;]*);/g)];
    assert.equal(formats.length, 1);
    const [, name, format = ''] = formats[0] ?? [];
    const variables = [...format.matchAll(/\$(\w+)/g)].map(([, variable]) => variable);
    // $request, $request_uri, $args, $query_string and $http_referer would hold it.
    const allowed = ['remote_addr', 'time_iso8601', 'request_method', 'uri', 'server_protocol', 'status'];
    assert.deepEqual(variables, [...allowed, 'body_bytes_sent', 'request_time', 'http_user_agent']);
    const logs = [...nginx.matchAll(/access_log ([^;]*);/g)].map(([, log]) => log);
    assert.deepEqual(logs, [`/var/log/nginx/access.log ${name ?? ''}`]);
  });

  it('writes no request line into the error log when no node answers', () => {
    const logs = [...nginx.matchAll(/error_log ([^;]*);/g)].map(([, log]) => log);
    assert.deepEqual(logs, ['/var/log/nginx/error.log crit']);
    const [, server = ''] = /^server \{(.*)^\}/ms.exec(nginx) ?? [];
    assert.match(server.replaceAll(/location [^{]*\{[^}]*\}/g, ''), /error_log /, 'for all locations');
  });
});
