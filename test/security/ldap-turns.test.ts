/** Clients that keep the directory busy, and others that wait meanwhile. Without a database. */
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';

import { octets, type Node } from '../../src/ldap/codec/ber.ts';
import { OID, RESULT } from '../../src/ldap/protocol.ts';
import { BASE, SERVICE_SECRET, serviceName } from '../helpers/directory.ts';
import { bindMessage, connectLdap, extendedMessage, searchMessage, type RawLdap } from '../helpers/ldap-client.ts';
import { startLdapServer, type LdapServer } from '../helpers/ldap-server.ts';

const REQUESTS = 64;
const FIRST_ID = 2;
/** Conditions of one filter: almost 64 KiB, the most that the directory reads. */
const CONDITIONS = 110;

async function start(t: TestContext): Promise<LdapServer> {
  const server = await startLdapServer();
  t.after(() => server.stop());
  return server;
}

async function bindTo({ port }: LdapServer): Promise<RawLdap> {
  const client = await connectLdap(port);
  client.send(bindMessage(1, serviceName('radius'), SERVICE_SECRET));
  assert.equal((await client.next()).code, RESULT.success);
  return client;
}

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
    const server = await start(t);
    const [busy, other] = [await bindTo(server), await bindTo(server)];
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
    const busy = await bindTo(await start(t));
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
