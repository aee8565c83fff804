/** What each action of the console does to sessions, links, credentials and counters of an account. */
import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';
import type { NamedKey } from '../../demo/city/fixtures.ts';
import { loadDemoCity } from '../../demo/city/load.ts';
import { DEMO_PASSWORD, namedId } from '../../demo/city/named-people.ts';
import { createConsoleServices } from '../../src/container/console.ts';
import type { PersonActionName } from '../../src/domain/access/person-actions.ts';
import { DAY_MS, HOUR_MS } from '../../src/domain/duration.ts';
import { systemRandom } from '../../src/domain/random.ts';
import type { ConsoleServices } from '../../src/services/console/index.ts';
import { formatMergeInput } from '../../src/services/console/merge-effect.ts';
import type { PersonActionResult } from '../../src/services/console/person-actions.ts';
import * as credentials from '../../src/store/auth/credentials.ts';
import { insertSecondFactor, replaceRecoveryCodes } from '../../src/store/auth/second-factors.ts';
import { findPerson, insertPerson } from '../../src/store/people/people.ts';
import { insertMembership } from '../../src/store/people/schools.ts';
import { createTestServices, TEST_ISSUER, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';
import { listActive, storeGrant, storeSession } from '../helpers/stored-sessions.ts';

/** After everyone in the city was created, ms since 1970: a merge keeps the older account. */
const LATER = 4_000_000_000_000;

const SEED = 'kinpass';
const id = (key: NamedKey): string => namedId(SEED, key);
const ADDRESS = '192.0.2.1';

eachStore('an account that staff change', (on) => {
  let services: TestServices;
  let staff: ConsoleServices;
  before(async () => {
    services = createTestServices(on.store);
    await loadDemoCity({ ...services, seed: SEED, people: 0 });
    staff = createConsoleServices({
      ...services,
      log: services.capturedLog.log,
      random: systemRandom,
      issuer: TEST_ISSUER,
    });
  });

  const personOf = async (personId: string) => {
    const person = await on.store.read((tx) => findPerson(tx, personId));
    assert.ok(person);
    return person;
  };
  const perform = async (
    actor: NamedKey,
    action: PersonActionName,
    personId: string,
    input = '',
  ): Promise<PersonActionResult> =>
    staff.personActions.perform({
      ...{ actorId: id(actor), personId, action, input, reason: 'asked by phone', address: ADDRESS },
      version: (await personOf(personId)).staffVersion,
    });
  const act = (action: PersonActionName, target: NamedKey): Promise<PersonActionResult> =>
    perform('A1', action, id(target));
  const credentialOf = (personId: string): Promise<credentials.Credential> =>
    on.store.read((tx) => credentials.getCredential(tx, personId));
  const links = async (): Promise<string[]> =>
    (await on.store.read((tx) => tx.db.select().from(tx.tables.resetLinks))).map(({ personId }) => personId);
  const storeLink = (personId: string): Promise<void> =>
    on.store.write((tx) =>
      credentials.upsertResetLink(tx, {
        ...{ personId, tokenHash: `link of ${personId}`, createdAt: services.clock.now() },
        expiresAt: services.clock.now() + HOUR_MS,
      }),
    );
  const signIn = async (login: string, password = DEMO_PASSWORD): Promise<string> =>
    (await services.signIn.attempt({ login, password, address: '192.0.2.2', clientId: undefined })).kind;
  const lastAudit = async (): Promise<Readonly<Record<string, unknown>> | undefined> =>
    (await services.newEntries()).findLast(({ event }) => event.startsWith('staff.'))?.detail;
  /** Gives a person a session, a grant and a reset link. */
  const openAccess = async (personId: string): Promise<void> => {
    await storeSession(services, { sessionHash: 'phone', personId });
    await storeGrant(services, { grantHash: 'g', personId, clientId: 'app', sessionHash: 'phone' });
    await storeLink(personId);
  };
  const restorePassword = (key: NamedKey): Promise<unknown> =>
    on.store.write(async (tx) =>
      credentials.upsertPassword(tx, id(key), await services.hasher.hash(DEMO_PASSWORD), services.clock.now()),
    );

  beforeEach(async () => {
    await on.store.write(async (tx) => {
      const { sessions, grants, oidcRecords, resetLinks, outbox } = tx.tables;
      for (const table of [sessions, grants, oidcRecords, resetLinks, outbox]) await tx.db.delete(table);
    });
    await restorePassword('G2');
    await services.newEntries();
  });

  it('loses sessions, grants, tokens and reset link when it is disabled', async () => {
    await openAccess(id('G2'));
    assert.equal((await act('disable', 'G2')).kind, 'done');
    assert.deepEqual([await listActive(services), await links()], [[], []]);
    assert.equal(await signIn('0900000102'), 'failed');
    assert.deepEqual(await act('disable', 'G2'), { kind: 'impossible', why: 'already_done' });
    await storeLink(id('G2'));
    assert.equal((await act('enable', 'G2')).kind, 'done');
    assert.deepEqual(await links(), [], 'a link that was stored after the disabling');
    assert.deepEqual(await act('enable', 'G2'), { kind: 'impossible', why: 'already_done' });
  });

  it('gets no credential while it is disabled', async () => {
    assert.equal((await act('disable', 'G2')).kind, 'done');
    const before = await credentialOf(id('G2'));
    for (const action of ['reset-link', 'one-time-code', 'first-password'] as const) {
      assert.deepEqual(await act(action, 'G2'), { kind: 'impossible', why: 'disabled' }, action);
    }
    assert.deepEqual([await links(), await credentialOf(id('G2'))], [[], before]);
    assert.equal((await act('enable', 'G2')).kind, 'done');
  });

  it('loses its sessions and sign-ins in progress when staff end them', async () => {
    await openAccess(id('G2'));
    const { credentialVersion } = await personOf(id('G2'));
    assert.equal((await act('revoke-sessions', 'G2')).kind, 'done');
    assert.deepEqual(await listActive(services), []);
    assert.ok((await personOf(id('G2'))).credentialVersion > credentialVersion);
    const detail = await lastAudit();
    assert.deepEqual([detail?.['before'], detail?.['after']], ['sessions: 1', 'sessions: 0']);
    assert.equal(await signIn('0900000102'), 'succeeded', 'the password stays');
  });

  it('loses its access and its own password when it gets a first password or a code', async () => {
    for (const action of ['first-password', 'one-time-code'] as const) {
      await restorePassword('G2');
      await openAccess(id('G2'));
      const { credentialVersion } = await personOf(id('G2'));
      assert.equal((await act(action, 'G2')).kind, 'done');
      assert.deepEqual(await listActive(services), [], action);
      assert.ok((await personOf(id('G2'))).credentialVersion > credentialVersion);
      assert.equal(await signIn('0900000102'), 'failed');
      assert.equal((await lastAudit())?.['before'], 'own password');
    }
    assert.equal((await act('first-password', 'G2')).kind, 'done');
    assert.equal((await lastAudit())?.['before'], 'one-time code');
    assert.equal((await act('one-time-code', 'G2')).kind, 'done');
    assert.equal((await lastAudit())?.['before'], 'first password');
  });

  it('has a first password for the days of the policy, and a code for a day', async () => {
    const { value: policy } = await on.store.read((tx) => services.settings.readPolicy(tx));
    assert.equal((await act('first-password', 'G2')).kind, 'done');
    const { first } = await credentialOf(id('G2'));
    assert.equal(first?.expiresAt, services.clock.now() + policy.firstPasswordDays * DAY_MS);
    const code = await act('one-time-code', 'G2');
    assert.ok(code.kind === 'done' && code.oneTimeCode !== undefined);
    assert.equal(code.oneTimeCode.expiresAt, services.clock.now() + DAY_MS);
    assert.equal((await credentialOf(id('G2'))).first?.expiresAt, code.oneTimeCode.expiresAt);
  });

  it('loses a reset link to the old address when its email address is changed', async () => {
    await storeLink(id('T1'));
    const changed = await perform('B1', 'change-email', id('T1'), 'new.teacher@school.example');
    assert.deepEqual([changed.kind, await links()], ['done', []]);
  });

  it('is unlocked with its counters, and tells the person by mail of each action but a link', async () => {
    for (let i = 0; i < 6; i += 1) await signIn('0900000102', 'wrong');
    assert.equal(await signIn('0900000102'), 'throttled');
    await services.newEntries();
    assert.equal((await act('unlock', 'G2')).kind, 'done');
    assert.equal((await lastAudit())?.['before'], 'delayed, wrong passwords: 5');
    const mails = async (): Promise<string[]> =>
      (await services.takeJobs()).flatMap((job) => (job.kind === 'mail' ? [job.template] : []));
    assert.deepEqual(await mails(), ['staff-action']);
    assert.equal(await signIn('0900000102'), 'succeeded');
    assert.equal((await act('reset-link', 'G2')).kind, 'done');
    assert.deepEqual(await mails(), ['reset-link']);
  });

  it('keeps its own password when its national ID is corrected', async () => {
    const { nationalIdLookup } = await personOf(id('G2'));
    const corrected = await perform('A2', 'correct-national-id', id('G2'), 'Y200200306');
    assert.equal(corrected.kind, 'done', JSON.stringify(corrected));
    assert.notEqual((await personOf(id('G2'))).nationalIdLookup, nationalIdLookup);
    assert.equal(await signIn('0900000102'), 'succeeded');
    assert.deepEqual(await perform('A2', 'correct-national-id', id('G2'), 'y200200306'), {
      kind: 'impossible',
      why: 'already_done',
    });
    assert.equal((await perform('A2', 'correct-national-id', id('G2'), 'Y200100301')).kind, 'done');
    const ofSchool = await perform('B1', 'correct-national-id', id('H4'), 'Y200200306');
    assert.deepEqual(ofSchool, { kind: 'impossible', why: 'school_account' });
  });

  it('loses all access when it is merged into another one', async () => {
    const twin = {
      id: 'twin',
      kind: 'person',
      name: '王大明',
      status: 'active',
      createdAt: LATER,
      updatedAt: 1,
    } as const;
    await on.store.write((tx) => insertPerson(tx, twin));
    await openAccess('twin');
    const input = formatMergeInput({ otherId: 'twin', version: 1 });
    const denied = await perform('B1', 'merge', id('H4'), input);
    assert.deepEqual(denied, { kind: 'impossible', why: 'school_account' });
    assert.deepEqual(await perform('B1', 'merge', 'twin', formatMergeInput({ otherId: id('H4'), version: 1 })), denied);
    assert.deepEqual(await perform('B1', 'merge', id('G1'), formatMergeInput({ otherId: id('G1'), version: 1 })), {
      kind: 'impossible',
      why: 'merge_not_found',
    });
    assert.equal((await perform('B1', 'merge', id('G1'), input)).kind, 'done');
    assert.deepEqual([await listActive(services), await links()], [[], []]);
    assert.equal((await personOf('twin')).status, 'disabled');
    assert.equal((await personOf('twin')).staffVersion, 2);
  });

  it('of an administrator is merged after a second administrator has confirmed', async () => {
    const other = {
      id: 'admin',
      kind: 'person',
      name: '陳局長',
      status: 'active',
      createdAt: LATER,
      updatedAt: 1,
    } as const;
    const membership = { id: 'm', personId: 'admin', schoolCode: null, role: 'bureau_admin', isPrimary: true } as const;
    await on.store.write(async (tx) => {
      await insertPerson(tx, other);
      await insertMembership(tx, membership);
    });
    const input = formatMergeInput({ otherId: 'admin', version: 1 });
    // The registrar of the school may confirm a change of the kept account, but not of an administrator.
    const result = await perform('B1', 'merge', id('G1'), input);
    assert.ok(result.kind === 'requested');
    const confirm = async (actorId: string): Promise<string> =>
      (
        await staff.requests.answer({
          ...{ actorId, requestId: result.requestId, answer: 'confirm', reason: 'known', address: ADDRESS },
          version: (await personOf(id('G1'))).staffVersion,
        })
      ).kind;
    assert.equal(await confirm(id('A2')), 'denied');
    assert.equal((await personOf('admin')).status, 'active');
    const third = { ...membership, id: 'm-third', personId: id('G5') } as const;
    await on.store.write((tx) => insertMembership(tx, third));
    assert.equal(await confirm(id('G5')), 'done');
    assert.equal((await personOf('admin')).status, 'disabled');
  });

  it('is sent five reset links a day by all staff together', async () => {
    services.advance(DAY_MS);
    const send = async (actor: NamedKey): Promise<string> => {
      const result = await perform(actor, 'reset-link', id('G2'));
      return result.kind === 'impossible' ? result.why : result.kind;
    };
    for (const actor of ['A1', 'A2', 'B1', 'A1', 'A2'] as const) assert.equal(await send(actor), 'done');
    await services.takeJobs();
    assert.equal(await send('B1'), 'too_many_links');
    assert.deepEqual(await services.takeJobs(), []);
    services.advance(DAY_MS / 5);
    assert.equal(await send('A1'), 'done');
  });

  it('of staff keeps its second factors if the administrator who removes them loses the duty', async () => {
    const factorsOf = async (key: NamedKey): Promise<number[]> => {
      const { factors, recoveryCodes } = await services.secondFactors.list(id(key));
      return [factors.length, recoveryCodes];
    };
    const factor = { id: 'totp', personId: id('A2'), kind: 'totp', name: 'phone', key: '-', counter: 0 } as const;
    await on.store.write(async (tx) => {
      await insertSecondFactor(tx, { ...factor, createdAt: 1 });
      await replaceRecoveryCodes(tx, id('A2'), ['a', 'b'], 1);
    });
    assert.equal((await perform('B1', 'remove-second-factor', id('A2'))).kind, 'done');
    await services.people.setStatus(id('B1'), 'disabled', undefined);
    services.advance(DAY_MS);
    await staff.secondFactorRemovals.executeDue(10);
    await services.people.setStatus(id('B1'), 'active', undefined);
    assert.deepEqual(await factorsOf('A2'), [1, 2]);
    const events = (await services.newEntries()).filter(({ event }) => event.startsWith('second_factor.'));
    assert.deepEqual(
      events.map(({ event, outcome }) => [event, outcome]),
      [['second_factor.removal_canceled', 'refused']],
    );
    assert.equal(await staff.secondFactorRemovals.findTime(id('A2')), undefined);
    assert.equal((await perform('B1', 'remove-second-factor', id('A2'))).kind, 'done');
    services.advance(DAY_MS - 1);
    assert.equal(await staff.secondFactorRemovals.executeDue(10), 0);
    services.advance(1);
    await services.takeJobs();
    assert.equal(await staff.secondFactorRemovals.executeDue(10), 1);
    assert.deepEqual(await factorsOf('A2'), [0, 0]);
    const mails = (await services.takeJobs()).flatMap((job) => (job.kind === 'mail' ? [job.template] : []));
    assert.deepEqual(mails, ['second-factor-changed']);
    assert.equal(await staff.secondFactorRemovals.executeDue(10), 0, 'once');
  });

  it('shows the guardianships that staff may change: both people are in their scope', async () => {
    const actor = await staff.authorization.findActor(id('A2'));
    assert.ok(actor);
    const page = await staff.personPages.load(actor, id('G2'));
    const changeable = page?.guardianships.filter((one) => page.changeableGuardianships.includes(one.id)) ?? [];
    const children = page?.summary.children.map((child) => child.id);
    assert.deepEqual(children, [id('S1')], 'the child at another school is not shown');
    assert.deepEqual(
      changeable.map(({ student }) => student.id),
      [id('S1')],
    );
  });
});
