/** Passwords of people who are bound to the directory, changed at two nodes at the same moment. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { encode, octets, TAG } from '../../src/ldap/codec/ber.ts';
import { createTree } from '../../src/ldap/directory/tree.ts';
import { OID, RESULT } from '../../src/ldap/protocol.ts';
import { createHandles } from '../../src/services/directory/handles.ts';
import { listApplicationPasswords } from '../../src/store/auth/application-passwords.ts';
import {
  APPLICATION_PASSWORDS,
  createApplicationPassword,
  openCreationForm,
  passwordOn,
} from '../helpers/application-passwords.ts';
import { LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { createTrustedCertificate } from '../helpers/certificate.ts';
import { personId, signInToAccount } from '../helpers/city.ts';
import { BASE, directoryClient } from '../helpers/directory.ts';
import type { Answer, HttpBrowser } from '../helpers/http-browser.ts';
import { bindMessage, connectLdap, extendedMessage, searchMessage, type RawLdap } from '../helpers/ldap-client.ts';
import { freePort } from '../helpers/ports.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';
import type { ServiceDatabase } from '../helpers/service.ts';
import { openDatabase, startNodes, type Nodes } from './nodes.ts';

const ROUNDS = 4;
const NODES = [0, 1] as const;
type Key = 'T1' | 'T2';

describe('passwords of the directory at the same moment (two nodes on PostgreSQL)', () => {
  const certificate = createTrustedCertificate();
  const ports: number[] = [];
  const connections: RawLdap[] = [];
  let nodes: Nodes;
  let database: ServiceDatabase;
  before(async () => {
    while (ports.length < NODES.length) ports.push(await freePort());
    nodes = await startNodes({
      count: NODES.length,
      databaseUrl: await testDatabaseUrl(),
      clients: [directoryClient('radius')],
      env: {
        KINPASS_LDAP_BASE: BASE,
        KINPASS_LDAP_TLS_CERT_FILE: certificate.certFile,
        KINPASS_LDAP_TLS_KEY_FILE: certificate.keyFile,
      },
      envOf: (node) => ({ KINPASS_LDAP_PORT: String(ports[node]) }),
    });
    database = await openDatabase(nodes);
  });
  after(async () => {
    for (const { socket } of connections) socket.destroy();
    await database.container.store.close();
    await nodes.stop();
    certificate.remove();
  });

  const connect = async (node: number): Promise<RawLdap> => {
    const client = await connectLdap(ports[node] ?? 0);
    connections.push(client);
    return client;
  };
  const ask = async (client: RawLdap, message: Buffer): Promise<number> => {
    client.send(message);
    return (await client.next()).code;
  };
  const nameOf = (key: Key): string => {
    const [handle = ''] = createHandles(database.container.secrets).encode('radius.example', [personId(key)]);
    return createTree(BASE).personName(handle);
  };
  const bindOn = (client: RawLdap, key: Key, password: string): Promise<number> =>
    ask(client, bindMessage(1, nameOf(key), password));
  /** Returns the results of a bind at each node, one after the other, because an attempt in progress counts as a failure. */
  const bindAtAll = async (key: Key, password: string): Promise<number[]> => {
    const codes: number[] = [];
    for (const node of NODES) codes.push(await bindOn(await connect(node), key, password));
    return codes;
  };
  /** Returns a connection that the password is bound to. */
  const bound = async (node: number, key: Key, password: string): Promise<RawLdap> => {
    const client = await connect(node);
    assert.equal(await bindOn(client, key, password), RESULT.success);
    return client;
  };
  const readOwnEntry = (client: RawLdap, key: Key): Promise<number> =>
    ask(client, searchMessage(2, nameOf(key), undefined, 'base'));
  const changePassword = (client: RawLdap, current: string, next: string): Promise<number> => {
    const value = { tag: TAG.sequence, content: [octets(current, 0x81), octets(next, 0x82)] };
    return ask(client, extendedMessage(3, OID.passwordModify, encode(value)));
  };
  const countChanges = async (key: Key): Promise<number> => {
    const rows = await database.container.store.read((tx) => tx.db.select().from(tx.tables.audit));
    return rows.filter(({ event, subjectId }) => event === 'password.changed' && subjectId === personId(key)).length;
  };
  const isSignedIn = async (browser: HttpBrowser): Promise<boolean> =>
    interactionOf(await browser.open('/account')) === undefined;
  const assertNoDeadlock = (): void => {
    for (const program of nodes.programs) assert.doesNotMatch(program.out() + program.err(), /40P01/);
  };
  const both = (code: number): number[] => NODES.map(() => code);

  it('change for one of four requests with the old password, which ends all other access', async () => {
    let current = DEMO_PASSWORD;
    for (let round = 0; round < ROUNDS; round += 1) {
      const { httpBrowser: browser } = await signInToAccount(nodes, LOGIN.T1, current);
      assert.equal(await isSignedIn(browser), true);
      const before = await countChanges('T1');
      const clients = await Promise.all([0, 1, 0, 1].map((node) => bound(node, 'T1', current)));
      const chosen = clients.map((_, at) => `river lanterns ${String(round)} by the old gate ${String(at)}`);
      const codes = await Promise.all(clients.map((client, at) => changePassword(client, current, chosen[at] ?? '')));
      assert.deepEqual(codes.toSorted(), [RESULT.success, ...Array<number>(3).fill(RESULT.invalidCredentials)]);
      const winner = codes.indexOf(RESULT.success);
      const next = chosen[winner] ?? '';
      assert.equal(await countChanges('T1'), before + 1);
      assert.equal(await isSignedIn(browser), false);
      for (const [at, client] of clients.entries()) {
        const expected = at === winner ? RESULT.success : RESULT.insufficientAccessRights;
        assert.equal(await readOwnEntry(client, 'T1'), expected, `connection ${String(at)}`);
      }
      for (const ended of [current, ...chosen.filter((one) => one !== next)]) {
        // The correct password afterwards ends the delay of wrong ones.
        assert.deepEqual(await bindAtAll('T1', ended), both(RESULT.invalidCredentials), ended);
        assert.deepEqual(await bindAtAll('T1', next), both(RESULT.success));
      }
      current = next;
    }
    assertNoDeadlock();
  });

  it('leave no application password that is created, used or revoked meanwhile', async () => {
    let current = DEMO_PASSWORD;
    for (let round = 0; round < ROUNDS; round += 1) {
      const { httpBrowser: browser } = await signInToAccount(nodes, LOGIN.T2, current);
      const create = async (name: string): Promise<string> =>
        passwordOn(await createApplicationPassword(browser, 'radius', name));
      const [used, revoked] = [await create('used'), await create('revoked')];
      const list = await browser.open(APPLICATION_PASSWORDS);
      const ids = [...list.body.matchAll(/data-application-password="([^"]*)"/g)].map(([, id = '']) => id);
      assert.equal(ids.length, 2);
      const creation = new URLSearchParams({ ...(await openCreationForm(browser)), service: 'radius', name: 'late' });
      const open = await Promise.all(NODES.map((node) => bound(node, 'T2', used)));
      const binding = await Promise.all(NODES.map(connect));
      const owner = await bound(round % NODES.length, 'T2', current);
      const next = `green harbors ${String(round)} under morning fog`;
      let isChanged = false;
      const createUntilChanged = async (): Promise<Answer> => {
        let answer = await browser.post(APPLICATION_PASSWORDS, creation);
        while (!isChanged) answer = await browser.post(APPLICATION_PASSWORDS, creation);
        return answer;
      };
      const bindUntilRefused = async (client: RawLdap): Promise<void> => {
        while ((await bindOn(client, 'T2', used)) === RESULT.success);
      };
      const revocation = new URLSearchParams({ password: ids[1] ?? '' });
      const [code, created] = await Promise.all([
        changePassword(owner, current, next).finally(() => (isChanged = true)),
        createUntilChanged(),
        ...binding.map(bindUntilRefused),
        browser.post(`${APPLICATION_PASSWORDS}/revoke`, revocation),
      ]);
      assert.equal(code, RESULT.success);
      const rows = await database.container.store.read((tx) => listApplicationPasswords(tx, personId('T2')));
      assert.deepEqual(rows, []);
      const late = /<code id="secret">([^<]*)<\/code>/.exec(created.body)?.[1];
      assert.deepEqual(await bindAtAll('T2', next), both(RESULT.success));
      for (const ended of [used, revoked, ...(late === undefined ? [] : [late])]) {
        assert.deepEqual(await bindAtAll('T2', ended), both(RESULT.invalidCredentials));
        assert.deepEqual(await bindAtAll('T2', next), both(RESULT.success));
      }
      for (const client of [...open, ...binding]) {
        assert.equal(await readOwnEntry(client, 'T2'), RESULT.insufficientAccessRights);
      }
      assert.equal(await isSignedIn(browser), false);
      current = next;
    }
    assertNoDeadlock();
  });
});
