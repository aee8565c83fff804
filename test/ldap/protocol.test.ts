/** Requests that a client of OpenLDAP does not send, to a directory without a database. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { encode, integer, octets, TAG } from '../../src/ldap/codec/ber.ts';
import {
  OID,
  RESULT,
  type BindRequest,
  type Control,
  type Request,
  type SearchRequest,
} from '../../src/ldap/protocol.ts';
import { BASE, SERVICE_SECRET, serviceName } from '../helpers/directory.ts';
import { bindMessage, connectLdap, type RawLdap } from '../helpers/ldap-client.ts';
import { encodeRequest } from '../helpers/ldap-encoding.ts';
import { startLdapServer, type LdapServer } from '../helpers/ldap-server.ts';

const SEARCH: SearchRequest = {
  ...{ kind: 'search', base: BASE, scope: 'one', sizeLimit: 0, timeLimitSeconds: 0, typesOnly: false },
  ...{ filter: { kind: 'present', attribute: 'objectclass' }, attributes: [] },
};
const BIND: BindRequest = { kind: 'bind', version: 3, name: serviceName('radius'), password: SERVICE_SECRET };

describe('LDAP operations', () => {
  let server: LdapServer;
  let client: RawLdap;
  before(async () => {
    server = await startLdapServer();
    client = await connectLdap(server.port);
    client.send(bindMessage(1, serviceName('radius'), SERVICE_SECRET));
    assert.equal((await client.next()).code, RESULT.success);
  });
  after(async () => {
    client.socket.destroy();
    await server.stop();
  });

  const send = async (request: Request, controls: Control[] = []): Promise<number> => {
    client.send(encodeRequest({ id: 2, request, controls }));
    return (await client.next()).code;
  };

  it('refuse what the directory does not have, with the code of RFC 4511', async () => {
    const control = { oid: '1.2.3.4', value: undefined };
    const pages = { oid: OID.pagedResults, value: undefined, isCritical: true };
    const cases: [code: keyof typeof RESULT, request: Request, ...controls: Control[]][] = [
      ['unwillingToPerform', { kind: 'modify' }],
      ['unwillingToPerform', { kind: 'add' }],
      ['unwillingToPerform', { kind: 'delete' }],
      ['unwillingToPerform', { kind: 'modify_dn' }],
      ['unwillingToPerform', { ...SEARCH, filter: { kind: 'unknown' } }],
      ['protocolError', { kind: 'extended', oid: '1.2.3.4', value: undefined }],
      ['unavailableCriticalExtension', SEARCH, { ...control, isCritical: true }],
      ['unavailableCriticalExtension', BIND, pages],
      ['protocolError', SEARCH, pages],
      ['success', SEARCH, { ...control, isCritical: false }],
      ['noSuchObject', { ...SEARCH, base: serviceName('radius') }],
      ['noSuchObject', { ...SEARCH, base: 'dc=other' }],
      ['invalidDnSyntax', { ...SEARCH, base: 'dc' }],
    ];
    for (const [code, request, ...controls] of cases) {
      assert.equal(await send(request, controls), RESULT[code], JSON.stringify([request, controls]));
    }
    assert.equal(await send({ ...BIND, password: undefined }), RESULT.authMethodNotSupported);
    assert.equal(await send({ ...BIND, version: 2 }), RESULT.protocolError);
    assert.equal(await send(SEARCH), RESULT.insufficientAccessRights);
    assert.equal(await send(BIND), RESULT.success);
  });

  it('end a sequence of pages at a page of the size 0 (RFC 2696, section 3)', async () => {
    const readPage = async (size: number, cookie: string): Promise<number> => {
      const value = encode({ tag: TAG.sequence, content: [integer(size), octets(cookie)] });
      const before = client.entries();
      assert.equal(await send(SEARCH, [{ oid: OID.pagedResults, isCritical: true, value }]), RESULT.success);
      return client.entries() - before;
    };
    const first = `ou=people,${BASE}`;
    assert.deepEqual([await readPage(1, ''), await readPage(2, first), await readPage(0, first)], [1, 2, 0]);
  });

  it('compare values of the base and the containers', async () => {
    const compare = (name: string, attribute: string, value: string): Promise<number> =>
      send({ kind: 'compare', name, attribute, value });
    assert.equal(await compare(BASE, 'dc', 'CITY'), RESULT.compareTrue);
    assert.equal(await compare(`ou=people,${BASE}`, 'ou', 'schools'), RESULT.compareFalse);
    assert.equal(await compare(`ou=people,${BASE}`, 'cn', 'people'), RESULT.noSuchAttribute);
    assert.equal(await compare(`ou=others,${BASE}`, 'ou', 'others'), RESULT.noSuchObject);
  });
});
