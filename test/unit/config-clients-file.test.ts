/** The messages about clients files with errors. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { checkClientsFile, loadClientsFile } from '../../src/config/clients-file.ts';

const RULES = { isProduction: true, acceptsPrivateAddresses: false };

describe('a clients file with errors', () => {
  let folder: string;
  let file: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'kinpass-clients-'));
    file = join(folder, 'clients.json');
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  /** The problems, without the file name at their start. */
  const problemsOf = (text: string): string[] => {
    writeFileSync(file, text);
    return checkClientsFile(file, RULES).problems.map((line) => line.slice(file.length + 2));
  };

  it('tells all problems of a file at once, each with line, column and field', () => {
    const text = `{
  // by hand
  "clients": [
    { "client_id": "app", "client_name": "App", "client_secret": "abc", "scopes": ["opnid"],
      "redirect_uris": ["https://*.a.test/", "", "http://b.test/x"], "resources": ["https://no.test/"] },
    { "client_id": "app", "client_name": "A", "client_name": "B", "redirect_uris": [], "scopes": ["profile"], },
    { "client_id": "phone", "client_name": "Phone", "application_type": "native", "scopes": ["openid"],
      "token_endpoint_auth_method": "none", "sector_identifier_uri": "https://x.test/",
      "redirect_uris": ["http://x.test/cb", "https://localhost/cb", "com.example.app:/cb"] },
    17
  ],
  "resource_servers": [{ "identifier": "http://x", "scopes": { "A b": "x" }, "access_token_minutes": 99 }],
  "client": []
}`;
    assert.deepEqual(problemsOf(text), [
      'line 2, column 3: not valid JSON: comments are not allowed',
      'line 4, column 7: clients[0] (app): client_secret_sha256: is needed unless the client is public',
      'line 4, column 49: clients[0] (app): client_secret: is not a known field; did you mean client_secret_sha256?',
      'line 4, column 84: clients[0] (app): scopes.0: "opnid" is unknown; did you mean openid?',
      'line 5, column 25: clients[0] (app): redirect_uris.0: must not have a wildcard',
      'line 5, column 46: clients[0] (app): redirect_uris.1: must be an absolute URL, such as https://app.example/callback',
      'line 5, column 50: clients[0] (app): redirect_uris.2: http://b.test/x must use https in production',
      'line 5, column 84: clients[0] (app): resources.0: https://no.test/ is not in resource_servers',
      'line 6, column 7: clients[1] (app): client_secret_sha256: is needed unless the client is public',
      'line 6, column 20: clients[1] (app): client_id: is used twice, first in line 4',
      'line 6, column 47: "client_name" is given twice',
      'line 6, column 84: clients[1] (app): redirect_uris: must not be empty',
      'line 6, column 98: clients[1] (app): scopes: must include "openid"',
      'line 6, column 109: not valid JSON: no comma may follow the last entry',
      'line 9, column 25: clients[2] (phone): redirect_uris.0: must use https, a private-use scheme, or http with a loopback address',
      'line 9, column 45: clients[2] (phone): redirect_uris.1: must use http, because it is a loopback address',
      'line 10, column 5: clients[3]: must be an object: { … }',
      'line 12, column 40: resource_servers[0] (http://x): identifier: must be an https URL, such as https://app.example/',
      'line 12, column 64: resource_servers[0] (http://x): scopes.A b: must have only lower-case letters, digits and ":", ".", "_", "-"',
      'line 12, column 102: resource_servers[0] (http://x): access_token_minutes: must be at most 15',
      'line 13, column 3: client: is not a known field; did you mean clients?',
    ]);
  });

  it('accepts a byte order mark, and rejects another encoding and broken JSON', () => {
    const text = JSON.stringify({ clients: [] });
    writeFileSync(file, `\uFEFF${text}`);
    assert.deepEqual(loadClientsFile(file, RULES).clients, []);
    writeFileSync(file, Buffer.from(`\uFEFF${text}`, 'utf16le'));
    assert.throws(() => loadClientsFile(file, RULES), {
      message: `${file}: is not text in UTF-8; save it as UTF-8`,
    });
    for (const [broken, message] of [
      ['', 'line 1, column 1: not valid JSON: the file is empty'],
      ['{ "clients": [', 'line 1, column 15: not valid JSON: a list is not closed, "]" is missing'],
      ['{ "clients": []\n', 'line 2, column 1: not valid JSON: an object is not closed, "}" is missing'],
      ['{ "clients": [] "x": 1 }', 'line 1, column 17: not valid JSON: a comma is missing before this entry'],
      ["{ 'clients': [] }", 'line 1, column 3: not valid JSON: texts need double quotation marks'],
      ['{ "clients": [] } {}', 'line 1, column 19: not valid JSON: more text follows the end of the object'],
    ] as const) {
      assert.deepEqual(problemsOf(broken), [message]);
    }
  });
});
