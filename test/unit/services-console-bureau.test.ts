/** The services of the bureau check the administrator, and what the form was shown for, in the transaction that writes. */
import assert from 'node:assert/strict';
import { createHash, createSecretKey } from 'node:crypto';
import { before, beforeEach, it } from 'node:test';
import type { NamedKey } from '../../demo/city/fixtures.ts';
import { loadDemoCity } from '../../demo/city/load.ts';
import { namedId } from '../../demo/city/named-people.ts';
import type { ClientRegistration } from '../../src/config/clients.ts';
import { createConsoleServices } from '../../src/container/console.ts';
import { SECRET_OVERLAP_MS } from '../../src/domain/client-secret.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createStoredClients, type StoredClients } from '../../src/services/access/stored-clients.ts';
import type { BureauWrite } from '../../src/services/console/bureau-write.ts';
import type { ClientAction } from '../../src/services/console/client-effects.ts';
import type { ClientResult } from '../../src/services/console/clients.ts';
import type { ConsoleServices } from '../../src/services/console/index.ts';
import { createDirectory } from '../../src/services/directory/directory.ts';
import { formatDuty, type NewDuty } from '../../src/services/console/duty-effects.ts';
import { findPerson } from '../../src/store/people/people.ts';
import { createTestServices, testClient, TEST_ISSUER, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';

const SEED = 'kinpass';
const id = (key: NamedKey): string => namedId(SEED, key);
const SCHOOL = '993401';
const write = (actor: NamedKey): BureauWrite => ({ actorId: id(actor), address: '192.0.2.1', reason: 'decided' });
const DENIED = { kind: 'denied' };

eachStore('the services of the bureau', (on) => {
  let services: TestServices;
  let otherNode: StoredClients;
  let staff: ConsoleServices;
  before(async () => {
    services = createTestServices(on.store, [testClient('of-file')]);
    await loadDemoCity({ ...services, seed: SEED, people: 0 });
    staff = createConsoleServices({
      ...services,
      log: services.capturedLog.log,
      random: systemRandom,
      issuer: TEST_ISSUER,
    });
    otherNode = createStoredClients(services);
  });
  beforeEach(() => services.newEntries());

  const versionOf = async (key: NamedKey): Promise<number> =>
    (await on.store.read((tx) => findPerson(tx, id(key))))?.staffVersion ?? 0;
  const grant = async (actor: NamedKey, target: NamedKey, more: Partial<NewDuty> = {}, version?: number) =>
    staff.personActions.perform({
      ...{ ...write(actor), personId: id(target), version: version ?? (await versionOf(target)), action: 'grant-duty' },
      input: formatDuty({
        duty: 'registrar',
        schoolCode: SCHOOL,
        validFrom: '2026-11-01',
        validTo: undefined,
        ...more,
      }),
    });
  const membershipsOf = async (key: NamedKey) => {
    const bureau = await staff.authorization.findActor(id('B1'));
    assert.ok(bureau);
    return (await staff.memberships.load(bureau, id(key)))?.memberships ?? [];
  };
  const perform = (clientId: string, action: ClientAction, version: number, actor: NamedKey = 'B1') =>
    staff.clients.perform(write(actor), { clientId, action, version });
  const client = (more: object = {}) => testClient('library', { backchannel_logout_uri: undefined, ...more });
  const withoutSecret = client({ token_endpoint_auth_method: 'none', client_secret_sha256: [] });
  const versionOfClient = async (): Promise<number> => (await staff.clients.find('library'))?.version ?? 0;
  const secretOf = (result: ClientResult): string => {
    assert.ok(result.kind === 'done' && result.secret !== undefined, JSON.stringify(result));
    return result.secret;
  };
  /** Returns the number of secrets that each of two nodes accepts at the next request. */
  const validSecrets = async (): Promise<number> => {
    const [here, there] = [await services.storedClients.refresh('library'), await otherNode.refresh('library')];
    assert.deepEqual(there, here);
    return here?.client_secret_sha256.length ?? -1;
  };

  it('change nothing for staff who do not administer the city', async () => {
    const policy = await staff.bureauSettings.loadPolicy();
    const value = { ...policy.value, passwordMinLength: 20 };
    const school = await staff.schools.find(SCHOOL);
    assert.ok(school);
    const { version } = await staff.keys.list();
    for (const actor of ['A1', 'A2', 'G1'] as const) {
      const by = write(actor);
      assert.deepEqual(await staff.bureauSettings.change(by, { key: 'policy', value }, policy.version), DENIED);
      assert.deepEqual(await staff.bureauSettings.change(by, { key: 'announcement', value: null }, 0), DENIED);
      assert.deepEqual(await staff.schools.add(by, { ...school, code: '993998' }), DENIED);
      assert.deepEqual(await staff.schools.edit(by, school, { ...school, name: 'x' }), DENIED);
      assert.deepEqual(await staff.schools.setClosed(by, school, true), DENIED);
      assert.deepEqual(await staff.clients.register(by, client()), DENIED);
      assert.deepEqual(await staff.clients.change(by, client(), 1), DENIED);
      assert.deepEqual(await perform('library', 'disable', 1, actor), DENIED);
      assert.deepEqual(await staff.deadLetters.perform(by, 'retry-all', ''), DENIED);
      assert.equal(await staff.keys.rotate(by, version), 'denied');
      assert.equal((await grant(actor, 'T1')).kind, 'denied', actor);
    }
    assert.deepEqual(await services.newEntries(), []);
    assert.deepEqual(await staff.schools.find(SCHOOL), school);
    assert.deepEqual((await staff.bureauSettings.loadPolicy()).value, policy.value);
    assert.equal(await staff.clients.find('library'), undefined);
    assert.equal((await staff.keys.list()).version, version);
  });

  it('grant a duty once, for the version of the form, and at an open school', async () => {
    const version = await versionOf('T1');
    assert.deepEqual(await grant('B1', 'T1'), { kind: 'done' });
    assert.deepEqual(await grant('B1', 'T1', { duty: 'it_desk' }, version), { kind: 'changed_meanwhile' });
    assert.deepEqual(await grant('B1', 'T1'), { kind: 'impossible', why: 'duty_unchanged' });
    assert.deepEqual(await grant('B1', 'T1', { duty: 'staff' }), { kind: 'done' }, 'another duty');
    assert.deepEqual(await grant('B1', 'T1', { schoolCode: '993302' }), { kind: 'done' }, 'another school');
    assert.deepEqual(await grant('B1', 'T1', { schoolCode: '999999' }), { kind: 'denied', reason: 'school_closed' });
    const school = await staff.schools.find(SCHOOL);
    assert.ok(school);
    assert.deepEqual(await staff.schools.setClosed(write('B1'), school, true), { kind: 'done' });
    assert.deepEqual(await grant('B1', 'T1', { duty: 'school_admin' }), { kind: 'denied', reason: 'school_closed' });
    const closed = await staff.schools.find(SCHOOL);
    assert.ok(closed);
    assert.deepEqual(await staff.schools.setClosed(write('B1'), school, true), { kind: 'changed_meanwhile' });
    assert.deepEqual(await staff.schools.setClosed(write('B1'), closed, false), { kind: 'done' });
    const duties = (await membershipsOf('T1')).map(({ duty, school: at }) => [duty, at?.code]);
    assert.ok(duties.some(([duty, at]) => duty === 'registrar' && at === '993302'));
    const entries = await services.newEntries();
    assert.deepEqual(
      entries.flatMap(({ event, detail }) => (event === 'staff.change_membership' ? [detail['school']] : [])),
      [SCHOOL, SCHOOL, '993302'],
    );
    const changes = entries.filter(({ event }) => event.startsWith('school.'));
    assert.deepEqual(
      changes.map(({ event, detail }) => [
        event,
        String(detail['before']).slice(-6),
        String(detail['after']).slice(-6),
      ]),
      [
        ['school.closed', '/ open', 'closed'],
        ['school.reopened', 'closed', '/ open'],
      ],
    );
  });

  it('end the membership that was chosen, and no other', async () => {
    const end = async (membershipId: string, version?: number) =>
      staff.personActions.perform({
        ...{ ...write('B1'), personId: id('T1'), version: version ?? (await versionOf('T1')), action: 'end-duty' },
        input: membershipId,
      });
    const active = async (): Promise<string[]> =>
      (await membershipsOf('T1')).filter(({ isEnded }) => !isEnded).map((one) => one.id);
    const all = await active();
    const chosen = (await membershipsOf('T1')).find(
      ({ duty, school }) => duty === 'registrar' && school?.code === SCHOOL,
    );
    assert.ok(chosen && all.length > 2);
    const other = (await membershipsOf('T2'))[0]?.id ?? '';
    for (const unknown of ['unknown', other])
      assert.deepEqual(await end(unknown), { kind: 'impossible', why: 'duty_unchanged' });
    const version = await versionOf('T1');
    await services.newEntries();
    assert.deepEqual(await end(chosen.id, version), { kind: 'done' });
    const [entry] = await services.newEntries();
    assert.deepEqual([entry?.event, entry?.detail['school']], ['staff.change_membership', SCHOOL]);
    assert.deepEqual(await end(chosen.id, version), { kind: 'changed_meanwhile' });
    assert.deepEqual(await end(chosen.id), { kind: 'impossible', why: 'duty_unchanged' });
    assert.deepEqual((await active()).sort(), all.filter((one) => one !== chosen.id).sort());
    assert.deepEqual(await grant('B1', 'T1'), { kind: 'done' }, 'again after the end');
  });

  it('make no administrator alone, and show no person out of scope', async () => {
    const administrator = { duty: 'bureau_admin', schoolCode: undefined } as const;
    assert.equal((await grant('B1', 'T1', administrator)).kind, 'requested');
    assert.deepEqual(await grant('B1', 'B1'), { kind: 'denied', reason: 'self' });
    const desk = await staff.authorization.findActor(id('A1'));
    assert.ok(desk);
    assert.equal(await staff.memberships.load(desk, id('S6')), undefined);
    assert.equal(await staff.memberships.load(desk, 'unknown'), undefined);
  });

  it('register a client once, with a secret if it uses one', async () => {
    assert.deepEqual(await staff.clients.register(write('B1'), testClient('of-file')), { kind: 'id_taken' });
    secretOf(await staff.clients.register(write('B1'), client()));
    assert.deepEqual(await staff.clients.register(write('B1'), client()), { kind: 'id_taken' });
    assert.equal(await validSecrets(), 1);
    const version = await versionOfClient();
    assert.deepEqual(await staff.clients.change(write('B1'), withoutSecret, version), { kind: 'done' });
    assert.deepEqual(await staff.clients.change(write('B1'), client(), version), { kind: 'changed_meanwhile' });
    assert.equal(await validSecrets(), 0);
    assert.deepEqual(await perform('library', 'rotate-secret', await versionOfClient()), { kind: 'impossible' });
    secretOf(await staff.clients.change(write('B1'), client(), await versionOfClient()));
    assert.equal(await validSecrets(), 1);
    assert.deepEqual(await staff.clients.change(write('B1'), client(), await versionOfClient()), { kind: 'done' });
  });

  it('keep the old secret of a client for the overlap, or until it is ended', async () => {
    const act = async (action: ClientAction): Promise<ClientResult> =>
      perform('library', action, await versionOfClient());
    assert.deepEqual(await act('end-old-secret'), { kind: 'impossible' });
    const version = await versionOfClient();
    secretOf(await act('rotate-secret'));
    assert.deepEqual(await perform('library', 'rotate-secret', version), { kind: 'changed_meanwhile' });
    assert.equal(await validSecrets(), 2);
    services.advance(SECRET_OVERLAP_MS - 1);
    assert.equal(await validSecrets(), 2);
    services.advance(1);
    assert.equal(await validSecrets(), 1);
    assert.deepEqual(await act('end-old-secret'), { kind: 'impossible' });
    secretOf(await act('rotate-secret'));
    assert.deepEqual(await act('end-old-secret'), { kind: 'done' });
    assert.equal(await validSecrets(), 1);
    secretOf(await act('rotate-secret'));
    assert.deepEqual(await staff.clients.change(write('B1'), withoutSecret, await versionOfClient()), { kind: 'done' });
    assert.equal(await validSecrets(), 0, 'no secret of before');
    secretOf(await staff.clients.change(write('B1'), client(), await versionOfClient()));
    assert.equal(await validSecrets(), 1);
  });

  it('create, rotate and end the directory secret of a client, and delete it with the access', async () => {
    const withDirectory = client({ ldap: { secret_sha256: ['0'.repeat(64)], scan: true } });
    const act = async (action: ClientAction): Promise<ClientResult> =>
      perform('library', action, await versionOfClient());
    const directorySecretOf = (result: ClientResult): string => {
      assert.ok(result.kind === 'done' && result.secret === undefined, JSON.stringify(result));
      return createHash('sha256')
        .update(result.directorySecret ?? '')
        .digest('hex');
    };
    /** Returns the directory access that both nodes know at the next request. */
    const access = async (): Promise<ClientRegistration['ldap']> => {
      assert.equal(await validSecrets(), 1);
      return (await services.storedClients.refresh('library'))?.ldap;
    };
    assert.deepEqual(await act('rotate-directory-secret'), { kind: 'impossible' });
    const change = await staff.clients.change(write('B1'), withDirectory, await versionOfClient());
    const first = directorySecretOf(change);
    assert.deepEqual(await access(), { secret_sha256: [first], scan: true });
    const second = directorySecretOf(await act('rotate-directory-secret'));
    assert.deepEqual((await access())?.secret_sha256, [second, first]);
    services.advance(SECRET_OVERLAP_MS);
    assert.deepEqual((await access())?.secret_sha256, [second]);
    assert.deepEqual(await act('end-old-directory-secret'), { kind: 'impossible' });
    const third = directorySecretOf(await act('rotate-directory-secret'));
    assert.deepEqual(await act('end-old-directory-secret'), { kind: 'done' });
    assert.deepEqual((await access())?.secret_sha256, [third]);
    const plain = await staff.clients.change(write('B1'), client(), await versionOfClient());
    assert.deepEqual(plain, { kind: 'done' });
    assert.equal(await access(), undefined);
    const again = await staff.clients.change(write('B1'), withDirectory, await versionOfClient());
    assert.deepEqual((await access())?.secret_sha256, [directorySecretOf(again)]);
    const storedClients = createStoredClients(services);
    const clients = { list: () => [], refresh: (clientId: string) => storedClients.refresh(clientId) };
    const pairwiseKey = createSecretKey(Buffer.from('key'));
    const freshNode = createDirectory({ ...services, storedClients, clients, pairwiseKey });
    const here = createDirectory({ ...services, pairwiseKey });
    const library = await here.findClient('library');
    assert.ok(library);
    const found = await freshNode.findClientOfHandle(here.handleOf(library, id('T1')));
    assert.equal(found?.clientId, 'library', 'a node that has not read the client');
    assert.deepEqual(await staff.clients.change(write('B1'), client(), await versionOfClient()), { kind: 'done' });
  });

  it('enable a disabled client after its grants are deleted only', async () => {
    const act = async (action: ClientAction): Promise<ClientResult> =>
      perform('library', action, await versionOfClient());
    assert.deepEqual(await act('enable'), { kind: 'impossible' });
    assert.deepEqual(await act('disable'), { kind: 'done' });
    assert.equal(await validSecrets(), -1);
    assert.equal(await on.store.write((tx) => services.clients.lockEnabled(tx, 'library')), false);
    assert.deepEqual(await act('disable'), { kind: 'impossible' });
    assert.deepEqual(await act('enable'), { kind: 'impossible' }, 'its grants are being deleted');
    const { clients } = await on.store.read((tx) => Promise.resolve(tx.tables));
    await on.store.write((tx) => tx.db.update(clients).set({ isRevoking: false }));
    assert.deepEqual(await act('enable'), { kind: 'done' });
    assert.equal((await services.storedClients.refresh('library'))?.client_id, 'library');
    assert.equal(await on.store.write((tx) => services.clients.lockEnabled(tx, 'library')), true);
    assert.equal(await on.store.write((tx) => services.clients.lockEnabled(tx, 'of-file')), true);
  });
});
