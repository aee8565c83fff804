/** Clients that keep the directory busy, and others that wait meanwhile. Without a database. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { octets, type Node } from '../../src/ldap/codec/ber.ts';
import { OID, RESULT } from '../../src/ldap/protocol.ts';
import { BASE } from '../helpers/directory.ts';
import { extendedMessage, searchMessage } from '../helpers/ldap-client.ts';
import { connectBound, startLdapServerFor } from '../helpers/ldap-server.ts';

const REQUESTS = 64;
const FIRST_ID = 2;
/** Conditions of one filter: almost 64 KiB, the most that the directory reads. */
const CONDITIONS = 110;

/** Returns searches that take long, although they find nothing. */
function slowSearches(): Buffer[] {
  const member = (at: number): Node => {
    const name = `uniqueIdentifier=${String(at).padStart(500, 'x')},ou=people,${BASE}`;
    return { tag: 0xa3, content: [octets('member'), octets(name)] };
  };
  const filter: Node = { tag: 0xa1, content: Array.from({ length: CONDITIONS }, (_, at) => member(at)) };
  return Array.from({ length: REQUESTS }, (_, at) => searchMessage(FIRST_ID + at, 'cn=subschema', filter, 'base'));
}

describe('a connection that sends many slow searches', () => {
  it('lets another client continue between them', async (t) => {
    const server = await startLdapServerFor(t);
    const [busy, other] = [await connectBound(server), await connectBound(server)];
    busy.send(...slowSearches());
    await busy.next();
    let answered = 1;
    const all = (async () => {
      while (answered < REQUESTS) {
        assert.equal((await busy.next()).code, RESULT.success);
        answered += 1;
      }
    })();
    other.send(extendedMessage(2, OID.whoAmI));
    assert.equal((await other.next()).code, RESULT.success);
    const before = answered;
    await all;
    assert.ok(before < REQUESTS / 2, String(before));
    for (const { socket } of [busy, other]) socket.destroy();
  });

  it('gets one response for each, in their order', async (t) => {
    const busy = await connectBound(await startLdapServerFor(t));
    busy.send(...slowSearches(), extendedMessage(FIRST_ID + REQUESTS, OID.whoAmI));
    const ids: number[] = [];
    while (ids.length <= REQUESTS) ids.push((await busy.next()).id);
    assert.deepEqual(
      ids,
      Array.from({ length: REQUESTS + 1 }, (_, at) => FIRST_ID + at),
    );
    busy.socket.destroy();
  });
});
