/** Messages that no client of the directory sends. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { encode, integer, octets, TAG, type Node } from '../../src/ldap/codec/ber.ts';
import { HashQueueFullError } from '../../src/platform/errors.ts';
import { OID, RESULT } from '../../src/ldap/protocol.ts';
import { upsertThrottle } from '../../src/store/auth/throttles.ts';
import { personKey } from '../../src/services/authentication/login-keys.ts';
import { createNetworkCounters } from '../../src/services/authentication/network-counters.ts';
import { ACCOUNT_POLICY, ADDRESS_POLICY, SERVICE_ACCOUNT_POLICY } from '../../src/domain/throttling/throttle.ts';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { personId } from '../helpers/city.ts';
import {
  BASE,
  directoryClient,
  runTool,
  SERVICE_SECRET,
  serviceName,
  startDirectory,
  valuesOf,
  type TestDirectory,
} from '../helpers/directory.ts';
import {
  bindMessage,
  connectLdap,
  extendedMessage,
  message,
  nestedFilter,
  searchMessage,
  type RawLdap,
} from '../helpers/ldap-client.ts';

describe('directory against hostile clients', () => {
  let directory: TestDirectory;
  before(async () => {
    directory = await startDirectory({ clients: [directoryClient('radius')] });
  });
  after(() => directory.stop());

  const bound = async (): Promise<RawLdap> => {
    const client = await connectLdap(directory.port);
    client.send(bindMessage(1, serviceName('radius'), SERVICE_SECRET));
    assert.equal((await client.next()).code, RESULT.success);
    return client;
  };
  /** Returns the name of a teacher. */
  const findTeacher = async (): Promise<string> => {
    const account = ['-x', '-H', directory.tlsUrl, '-D', serviceName('radius'), '-w', SERVICE_SECRET];
    const { stdout } = await runTool(directory, 'ldapsearch', [...account, '-LLL', '-b', BASE, '(uid=shufen.chen)']);
    return valuesOf(stdout, 'dn')[0] ?? assert.fail(stdout);
  };
  const setFailures = (key: string, failures: number): Promise<void> =>
    directory.service.container.store.write((tx) =>
      upsertThrottle(tx, key, { failures, blockedUntil: 0, updatedAt: Date.now() }),
    );
  const cancelMessage = (id: number, target: number): Buffer =>
    extendedMessage(id, OID.cancel, encode({ tag: TAG.sequence, content: [integer(target)] }));

  it('closes a connection with bytes behind StartTLS', async () => {
    const client = await connectLdap(directory.port);
    client.send(extendedMessage(1, OID.startTls), bindMessage(2, serviceName('radius'), SERVICE_SECRET));
    await client.closed;
    assert.equal(client.socket.bytesRead, 0);
  });

  it('announces the end of a connection with a length of 2 GB, or another protocol', async () => {
    for (const bytes of [Buffer.from('30847fffffff', 'hex'), Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
      const client = await connectLdap(directory.port);
      client.send(bytes);
      assert.deepEqual(await client.next(), { id: 0, tag: 0x78, code: RESULT.protocolError });
      client.socket.end();
      await client.closed;
    }
  });

  it('refuses a filter of 20,000 levels, and a message above 64 KiB before a bind', async () => {
    const client = await bound();
    client.send(searchMessage(2, BASE, nestedFilter(20_000)));
    assert.deepEqual(await client.next(), { id: 2, tag: 0x65, code: RESULT.adminLimitExceeded });
    client.socket.destroy();
    const anonymous = await connectLdap(directory.port);
    anonymous.send(searchMessage(1, BASE, nestedFilter(20_000)));
    assert.deepEqual(await anonymous.next(), { id: 0, tag: 0x78, code: RESULT.protocolError });
    anonymous.socket.destroy();
  });

  it('cancels a search, and neither a bind nor an unknown operation', async () => {
    const client = await bound();
    client.send(searchMessage(2, BASE, octets('objectClass', 0x87)), cancelMessage(3, 2));
    assert.deepEqual(await client.next(), { id: 2, tag: 0x65, code: RESULT.canceled });
    assert.deepEqual(await client.next(), { id: 3, tag: 0x78, code: RESULT.success });
    client.send(cancelMessage(4, 99));
    assert.deepEqual(await client.next(), { id: 4, tag: 0x78, code: RESULT.noSuchOperation });
    client.send(bindMessage(5, serviceName('radius'), SERVICE_SECRET), cancelMessage(6, 5));
    assert.deepEqual(await client.next(), { id: 6, tag: 0x78, code: RESULT.cannotCancel });
    assert.deepEqual(await client.next(), { id: 5, tag: 0x61, code: RESULT.success });
    client.socket.destroy();
  });

  it('does not respond to an abandoned search', async () => {
    const client = await bound();
    const abandon = message(3, integer(2, 0x50));
    client.send(searchMessage(2, BASE), abandon, extendedMessage(4, OID.whoAmI));
    assert.deepEqual(await client.next(), { id: 4, tag: 0x78, code: RESULT.success });
    client.socket.destroy();
  });

  it('answers busy when the queue of password hashes is full', async (t) => {
    const full = (): Promise<never> => Promise.reject(new HashQueueFullError('full'));
    t.mock.method(directory.service.container.hasher, 'verifyDecoy', full);
    const client = await connectLdap(directory.port);
    client.send(bindMessage(1, `uniqueIdentifier=unknown,ou=people,${BASE}`, 'a password'));
    assert.deepEqual(await client.next(), { id: 1, tag: 0x61, code: RESULT.busy });
    client.socket.destroy();
  });

  it('counts wrong passwords for the service that passes them on, not for its address', async (t) => {
    const { secrets } = directory.service.container;
    const person = await findTeacher();
    const bindPerson = async (client: RawLdap): Promise<number> => {
      client.send(bindMessage(2, person, DEMO_PASSWORD));
      return (await client.next()).code;
    };
    const [ofAddress] = createNetworkCounters(secrets, 'address', '127.0.0.1', ADDRESS_POLICY);
    const keys = { address: ofAddress?.key ?? '', service: 'service:radius' };
    t.after(() => setFailures(keys.address, 0));

    await setFailures(keys.address, 10 * ADDRESS_POLICY.capacity);
    assert.equal(await bindPerson(await connectLdap(directory.port)), RESULT.invalidCredentials);
    const throughService = await bound();
    assert.equal(await bindPerson(throughService), RESULT.success);
    await setFailures(keys.address, 0);
    await setFailures(keys.service, 10 * SERVICE_ACCOUNT_POLICY.capacity);
    assert.equal(await bindPerson(throughService), RESULT.invalidCredentials);
    assert.equal(await bindPerson(await connectLdap(directory.port)), RESULT.success);
    await setFailures(keys.service, 0);
    assert.equal(await bindPerson(throughService), RESULT.success);
  });

  it('refuses the right password of a person whom wrong ones on the web have locked', async (t) => {
    const person = await findTeacher();
    const key = personKey(personId('T1'));
    t.after(() => setFailures(key, 0));
    const bindTeacher = async (): Promise<number> => {
      const client = await connectLdap(directory.port);
      client.send(bindMessage(1, person, DEMO_PASSWORD));
      const { code } = await client.next();
      client.socket.destroy();
      return code;
    };
    assert.equal(await bindTeacher(), RESULT.success);
    await setFailures(key, ACCOUNT_POLICY.lockAfterFailures);
    assert.equal(await bindTeacher(), RESULT.invalidCredentials);
  });

  it('serves others while 200 connections are idle', async () => {
    const idle = await Promise.all(Array.from({ length: 200 }, () => connectLdap(directory.port)));
    const client = await bound();
    client.send(extendedMessage(2, OID.whoAmI));
    assert.equal((await client.next()).code, RESULT.success);
    for (const { socket } of [...idle, client]) socket.destroy();
  });

  it('normalizes no text of a message above 2,000 characters', async (t) => {
    const { stdout } = await runTool(directory, 'ldapsearch', [
      ...['-x', '-H', directory.tlsUrl, '-D', serviceName('radius'), '-w', SERVICE_SECRET],
      ...['-LLL', '-b', BASE, '(uid=shufen.chen)', '1.1'],
    ]);
    const [person = ''] = valuesOf(stdout, 'dn');
    const { mock } = t.mock.method(String.prototype, 'normalize');
    // Normalization sorts a row of combining marks, which takes the square of its length.
    const long = 'a' + '\u0327\u0301'.repeat(5_000);
    const equality = (attribute: string): Node => ({ tag: 0xa3, content: [octets(attribute), octets(long)] });
    const initial = { tag: 0xa4, content: [octets('cn'), { tag: TAG.sequence, content: [octets(long, 0x80)] }] };
    const ask = async (client: RawLdap, bytes: Buffer): Promise<number> => {
      client.send(bytes);
      return (await client.next()).code;
    };
    const compare = { tag: 0x6e, content: [octets(person), { tag: TAG.sequence, content: equality('cn').content }] };
    const change = (current: string, next: string): Buffer => {
      const value = { tag: TAG.sequence, content: [octets(current, 0x81), octets(next, 0x82)] };
      return extendedMessage(5, OID.passwordModify, encode(value));
    };
    const client = await connectLdap(directory.port);
    assert.equal(await ask(client, searchMessage(1, '', equality('objectClass'), 'base')), RESULT.success);
    assert.equal(await ask(client, bindMessage(2, 'unknown', long)), RESULT.invalidCredentials);
    assert.equal(await ask(client, bindMessage(3, person, DEMO_PASSWORD)), RESULT.success);
    assert.equal(await ask(client, message(4, compare)), RESULT.compareFalse);
    assert.equal(await ask(client, change(long, 'next')), RESULT.constraintViolation);
    assert.equal(await ask(client, change(DEMO_PASSWORD, long)), RESULT.constraintViolation);
    for (const filter of [...['uid', 'cn', 'mobile', 'memberOf', 'objectClass', 'member'].map(equality), initial]) {
      assert.equal(await ask(client, searchMessage(6, BASE, filter)), RESULT.success);
    }
    client.socket.destroy();
    const service = await bound();
    for (const filter of [...['uid', 'cn', 'mobile', 'memberOf', 'kinpassClass', 'member'].map(equality), initial]) {
      assert.equal(await ask(service, searchMessage(7, BASE, filter)), RESULT.success);
    }
    service.socket.destroy();
    const longest = Math.max(...mock.calls.map((call) => String(call.this).length));
    assert.ok(longest > 0 && longest <= 2_000, String(longest));
  });

  it('finds only the literal value of a filter and of a name', async () => {
    const client = await bound();
    const filter = { tag: 0xa3, content: [octets('uid'), octets('*)(uid=shufen.chen')] };
    client.send(searchMessage(2, BASE, filter));
    assert.equal((await client.next()).code, RESULT.success);
    client.send(searchMessage(3, `uniqueIdentifier=x\\2c${BASE}`));
    assert.equal((await client.next()).code, RESULT.noSuchObject);
    assert.equal(client.entries(), 0);
    client.socket.destroy();
  });
});
