import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { loadClientsFile, type ClientsFile } from '../../src/config/clients-file.ts';
import { isDirectoryOnly } from '../../src/config/client-directory.ts';
import { clientName, listBrowserOrigins, requiresPkce, sectorOf, usesSecret } from '../../src/config/clients.ts';

const SECRET = 'a'.repeat(64);
const good = (more: object = {}): object => ({
  client_id: 'portfolio',
  client_name: { 'zh-TW': '學習歷程檔案', en: 'Learning portfolio' },
  client_secret_sha256: [SECRET],
  redirect_uris: ['https://portfolio.city.test/callback'],
  scopes: ['openid', 'profile'],
  ...more,
});

const PUBLIC = { token_endpoint_auth_method: 'none', client_secret_sha256: [] };
const hybrid = (...origins: string[]): object => ({
  ...PUBLIC,
  application_type: 'native',
  allowed_origins: origins,
});

describe('KINPASS_CLIENTS_FILE', () => {
  let folder: string;
  let file: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'kinpass-clients-'));
    file = join(folder, 'clients.json');
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  const load = (text: string, production = true): ClientsFile => {
    writeFileSync(file, text);
    return loadClientsFile(file, { isProduction: production, acceptsPrivateAddresses: !production });
  };
  const loadAll = (...clients: object[]): ClientsFile => load(JSON.stringify({ clients }));
  /** The lines of the error, without the file name at their start. */
  const refusal = (text: string, production = true): string[] => {
    try {
      load(text, production);
    } catch (error) {
      assert.ok(error instanceof Error);
      const lines = error.message.split('\n');
      for (const line of lines) assert.ok(line.startsWith(`${file}: `), line);
      return lines.map((line) => line.slice(file.length + 2));
    }
    return assert.fail(`accepted: ${text}`);
  };
  /** The same without line, column and client. */
  const refusalFields = (text: string, production = true): string[] =>
    refusal(text, production).map((line) => line.replace(/^line \d+, column \d+: clients\[\d+\] \([\w-]+\): /, ''));
  const refusalOf = (more: object): string[] => refusal(JSON.stringify({ clients: [good(more)] }, null, 2));

  it('sets the defaults of OpenID Dynamic Registration, consent and no permission', () => {
    const [client] = loadAll(good()).clients;
    assert.ok(client);
    assert.equal(client.token_endpoint_auth_method, 'client_secret_basic');
    assert.equal(client.application_type, 'web');
    assert.equal(requiresPkce(client), false);
    assert.equal(client.id_token_signed_response_alg, 'RS256');
    assert.equal(client.first_party, false);
    assert.deepEqual(client.permissions, []);
    assert.equal(clientName(client, 'zh-TW'), '學習歷程檔案');
    assert.equal(clientName(client, 'en'), 'Learning portfolio');
    assert.equal(clientName({ client_name: 'Club' }, 'zh-TW'), 'Club');
  });

  it('accepts a client name in any language and falls back to the default language', () => {
    const [client] = loadAll(good({ client_name: { 'zh-TW': '社團', vi: 'Câu lạc bộ' } })).clients;
    assert.ok(client);
    assert.deepEqual(
      ['zh-TW', 'vi', 'en'].map((lang) => clientName(client, lang)),
      ['社團', 'Câu lạc bộ', '社團'],
    );
  });

  it('names the setting when the file cannot be read', () => {
    assert.throws(
      () => loadClientsFile(join(folder, 'nothing.json'), { isProduction: true, acceptsPrivateAddresses: false }),
      /^ConfigError: KINPASS_CLIENTS_FILE: cannot read .*nothing\.json \(ENOENT\); check the path [^\n]*$/,
    );
  });

  it('rejects a file that is not JSON or has no list of clients', () => {
    assert.match(refusal('{ "clients": [ }')[0] ?? '', /^line 1, column 16: not valid JSON: a value is missing$/);
    assert.match(refusal('[]')[0] ?? '', /^line 1, column 1: must be an object/);
    assert.deepEqual(refusal('{}'), ['line 1, column 1: clients: is missing']);
    assert.deepEqual(refusal('{ "clients": {} }'), ['line 1, column 14: clients: must be a list: [ … ]']);
    assert.deepEqual(refusal('{ "clients": [], "client": [] }'), [
      'line 1, column 18: client: is not a known field; did you mean clients?',
    ]);
  });

  it('names the line, the client and the field of an invalid value', () => {
    const text = `{
  "clients": [
    {
      "client_id": "payment",
      "client_name": "portfolio",
      "client_secret_sha256": ["${SECRET}"],
      "redirect_uris": ["https://payment.city.test/callback"],
      "scopes": ["openid"]
    },
    {
      "client_id": "portfolio",
      "client_name": "payment",
      "client_secret_sha256": ["${SECRET}"],
      "redirect_uris": [
        "https://portfolio.city.test/callback",
        "no address"
      ],
      "scopes": ["openid", "grades"]
    }
  ]
}`;
    const lines = refusal(text);
    assert.equal(lines.length, 2);
    assert.match(
      lines[0] ?? '',
      /^line 16, column 9: clients\[1\] \(portfolio\): redirect_uris\.1: must be an absolute URL, /,
    );
    assert.match(
      lines[1] ?? '',
      /^line 18, column 28: clients\[1\] \(portfolio\): scopes\.1: "grades" is unknown; must be one of openid, /,
    );
  });

  it('names the line of the client that lacks a field', () => {
    const text = JSON.stringify(
      { clients: [{ ...good(), redirect_uris: undefined }, good({ client_id: 'payment' })] },
      null,
      2,
    );
    assert.match(refusal(text)[0] ?? '', /^line 4, column 7: clients\[0\] \(portfolio\): redirect_uris: is missing$/);
  });

  it('names each invalid field', () => {
    const wrong: [object, string, RegExp][] = [
      [{ client_id: 'Portfolio' }, 'client_id', /lower-case/],
      [{ client_id: 'x' }, 'client_id', /two to 63/],
      [{ client_id: 'kinpass-account' }, 'client_id', /reserved for the service itself/],
      [{ client_name: '' }, 'client_name', /./],
      [{ client_name: { en: 'English only' } }, 'client_name.zh-TW', /is missing/],
      [{ client_name: { 'zh-TW': '社團', en: '' } }, 'client_name.en', /./],
      [{ client_name: { 'zh-TW': '社團', zh_HK: '社團' } }, 'client_name.zh_HK', /./],
      [{ client_secret_sha256: ['the secret itself'] }, 'client_secret_sha256.0', /64 lower-case hex/],
      [{ client_secret_sha256: [SECRET, SECRET, SECRET] }, 'client_secret_sha256', /./],
      [{ client_secret_sha256: [] }, 'client_secret_sha256', /needed/],
      [{ ldap: { secret_sha256: [SECRET, 'clear'] } }, 'ldap.secret_sha256.1', /64 lower-case hex/],
      [{ ldap: { secret_sha256: [SECRET], pages: true } }, 'ldap.pages', /not a known field/],
      [{ redirect_uris: [] }, 'redirect_uris', /./],
      [{ redirect_uris: ['https://portfolio.city.test/#x'] }, 'redirect_uris.0', /fragment/],
      [{ redirect_uris: ['https://portfolio.city.test@evil.test/x'] }, 'redirect_uris.0', /user name/],
      [{ sector_identifier_uri: 'http://portfolio.city.test/uris' }, 'sector_identifier_uri', /./],
      [{ redirect_uris: ['https://a.test/x', 'https://b.test/x'] }, 'sector_identifier_uri', /several hosts/],
      [
        { token_endpoint_auth_method: 'none', client_secret_sha256: [], require_pkce: false },
        'require_pkce',
        /RFC 9700/,
      ],
      ...(
        [
          ['https://*.app.test', /no wildcard/],
          ['https://app.test/', /no path/],
          ['https://App.test', /lower case/],
          ['https://app.test:443', /default port/],
          ['https://user@app.test', /no path/],
          ['https://999.999.999.999', /valid host/],
          ['http://app.test', /must use https/],
          ['null', /must be an origin/],
          ['*', /must be an origin/],
          ['javascript://x', /own scheme/],
          ['file://x', /own scheme/],
        ] as const
      ).map(([value, words]): [object, string, RegExp] => [hybrid(value), 'allowed_origins.0', words]),
      [{ allowed_origins: ['https://localhost'] }, 'allowed_origins', /only for native public clients/],
      [{ ...hybrid('https://localhost'), application_type: 'web' }, 'allowed_origins', /only for native public/],
      [{ ...PUBLIC, introspects: 'https://api.test' }, 'introspects', /RFC 7662/],
      [{ scopes: ['profile'] }, 'scopes', /openid/],
      [{ scopes: ['openid', 'children.profile'] }, 'scopes', /needs "children"/],
      [{ school_types: ['university'] }, 'school_types.0', /./],
      [{ permissions: ['grades:write'] }, 'permissions.0', /./],
      [{ id_token_signed_response_alg: 'none' }, 'id_token_signed_response_alg', /./],
      [{ id_token_signed_response_alg: 'HS256' }, 'id_token_signed_response_alg', /./],
    ];
    for (const [more, field, words] of wrong) {
      const [line = '', ...others] = refusalOf(more);
      assert.deepEqual(others, [], JSON.stringify(more));
      assert.match(line, /^line \d+, column \d+: clients\[0\] \([\w-]+\): /);
      assert.ok(line.includes(`: ${field}: `), line);
      assert.match(line.slice(line.lastIndexOf(`${field}: `)), words);
    }
  });

  it('rejects fields of sign-in in a client without redirect URIs, which only uses the directory', () => {
    const access = { ldap: { secret_sha256: [SECRET] } };
    const only = (more: object = {}): object => ({
      ...good({ client_secret_sha256: undefined, redirect_uris: undefined, ...access, ...more }),
    });
    const [radius, named] = loadAll(
      only(),
      only({ client_id: 'mail', sector_identifier_uri: 'https://mail.city.test/' }),
    ).clients;
    assert.ok(radius && named);
    assert.deepEqual([isDirectoryOnly(radius), usesSecret(radius), radius.ldap?.scan], [true, false, false]);
    assert.deepEqual([sectorOf(radius), sectorOf(named)], ['directory:portfolio', 'mail.city.test']);
    const fields = (client: object): string[] =>
      refusalFields(JSON.stringify({ clients: [client] })).map((line) => line.split(':')[0] ?? '');
    assert.deepEqual(fields(only({ client_secret_sha256: [SECRET], device_flow: true })).sort(), [
      'client_secret_sha256',
      'device_flow',
    ]);
    assert.ok(fields(only({ redirect_uris: [] })).includes('redirect_uris'));
    assert.deepEqual(fields(good({ ...access, client_secret_sha256: undefined })), ['client_secret_sha256']);
    assert.deepEqual(fields(only({ scopes: ['opnid'] })), ['scopes.0']);
  });

  it('rejects unknown fields, because a misspelled one would silently be the default', () => {
    assert.match(
      refusalOf({ requre_pkce: true })[0] ?? '',
      /^line \d+, column \d+: clients\[0\] \(portfolio\): .*requre_pkce/,
    );
    assert.match(refusalOf({ client_secret: 'in plain text' })[0] ?? '', /client_secret/);
    assert.ok(!(refusalOf({ client_secret: 'in plain text' })[0] ?? '').includes('in plain text'));
  });

  it('rejects a duplicate client_id', () => {
    assert.deepEqual(refusal(JSON.stringify({ clients: [good(), good()] }, null, 2)), [
      'line 21, column 20: clients[1] (portfolio): client_id: is used twice, first in line 4',
    ]);
  });

  it('accepts exact origins of a hybrid app, and a loopback origin with http only in development', () => {
    const origins = ['capacitor://localhost', 'ionic://localhost', 'https://localhost', 'https://app.test:8443'];
    const [client] = loadAll(good(hybrid(...origins))).clients;
    assert.ok(client);
    assert.deepEqual(listBrowserOrigins(client), origins);
    const local = JSON.stringify({ clients: [good(hybrid('http://localhost:8100'))] });
    assert.equal(load(local, false).clients.length, 1);
    assert.deepEqual(refusalFields(local), ['allowed_origins.0: http://localhost:8100 must use https in production']);
  });

  it('gives a browser app the origins of its redirect URIs, and other clients none', () => {
    const uris = ['https://portfolio.city.test/callback', 'https://portfolio.city.test/silent'];
    const originsOf = (more: object): string[] =>
      loadAll(good({ redirect_uris: uris, ...more })).clients.flatMap(listBrowserOrigins);
    assert.deepEqual(originsOf(PUBLIC), ['https://portfolio.city.test']);
    assert.deepEqual(originsOf({}), []);
    assert.deepEqual(originsOf({ ...PUBLIC, application_type: 'native' }), []);
  });

  it('rejects in production every web client URI without https (RFC 9700, 2.6)', () => {
    const http = {
      redirect_uris: ['http://portfolio.city.test/callback', 'https://portfolio.city.test/callback'],
      post_logout_redirect_uris: ['http://portfolio.city.test/'],
      backchannel_logout_uri: 'http://portfolio.city.test/logout',
      initiate_login_uri: 'http://portfolio.city.test/start',
    };
    const text = JSON.stringify({ clients: [good(http)] });
    assert.deepEqual(refusalFields(text), [
      'redirect_uris.0: http://portfolio.city.test/callback must use https in production',
      'post_logout_redirect_uris.0: http://portfolio.city.test/ must use https in production',
      'backchannel_logout_uri: http://portfolio.city.test/logout must use https in production',
      'initiate_login_uri: http://portfolio.city.test/start must use https in production',
    ]);
    // The provider accepts no other start, also in development.
    assert.deepEqual(refusalFields(text, false), [
      'initiate_login_uri: http://portfolio.city.test/start must use https',
    ]);
    const pages = JSON.stringify({ clients: [good({ ...http, initiate_login_uri: undefined })] });
    assert.equal(load(pages, false).clients.length, 1);
    const native = { application_type: 'native', token_endpoint_auth_method: 'none', client_secret_sha256: [] };
    const uris = { redirect_uris: ['http://127.0.0.1/callback', 'tw.city.app:/callback'] };
    loadAll(good({ ...native, ...uris, sector_identifier_uri: 'https://app.city.test/uris.json' }));
  });

  it('rejects in production the keys of any client without https', () => {
    const keys = { token_endpoint_auth_method: 'private_key_jwt', client_secret_sha256: [] };
    for (const type of ['web', 'native']) {
      const jwks = { application_type: type, jwks_uri: 'http://portfolio.city.test/jwks' };
      assert.deepEqual(refusalFields(JSON.stringify({ clients: [good({ ...keys, ...jwks })] })), [
        'jwks_uri: http://portfolio.city.test/jwks must use https in production',
      ]);
    }
  });

  it('rejects private addresses that the service would call, unless a setting allows them', () => {
    const fetched = {
      ...{ token_endpoint_auth_method: 'private_key_jwt', client_secret_sha256: [] },
      ...{ jwks_uri: 'https://192.168.1.5/jwks', backchannel_logout_uri: 'https://[::1]/logout' },
    };
    const problem = (field: string, uri: string): string =>
      `${field}: ${uri} is a private address; use a public one, or set KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES`;
    assert.deepEqual(refusalFields(JSON.stringify({ clients: [good(fetched)] })), [
      problem('jwks_uri', 'https://192.168.1.5/jwks'),
      problem('backchannel_logout_uri', 'https://[::1]/logout'),
    ]);
    writeFileSync(file, JSON.stringify({ clients: [good(fetched)] }));
    const { clients } = loadClientsFile(file, { isProduction: true, acceptsPrivateAddresses: true });
    assert.equal(clients.length, 1);
  });

  it('accepts the example of the project', () => {
    const { clients } = loadClientsFile(join(import.meta.dirname, '../../config/clients.example.json'), {
      isProduction: true,
      acceptsPrivateAddresses: false,
    });
    assert.ok(clients.length >= 2);
  });
});
