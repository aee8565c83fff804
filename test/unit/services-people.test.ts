/** Disabled accounts, and ended guardianships and affiliations, revoke the access that depends on them. */
import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';

import { eq } from 'drizzle-orm';

import { sortOldestFirst } from '../../src/domain/acting/siblings.ts';
import type { GuardianshipChange } from '../../src/services/people/guardianships.ts';
import { findByLogin } from '../../src/services/people/people.ts';
import { insertMany } from '../../src/store/database/bulk-insert.ts';
import { listGrantsByPerson } from '../../src/store/oidc/grants.ts';
import { findGuardianship } from '../../src/store/people/guardianships.ts';
import { insertIdentifier, findPerson } from '../../src/store/people/people.ts';
import * as schools from '../../src/store/people/schools.ts';
import { family, guardianship, HIGH } from '../contract/family.ts';
import { createTestServices, TEST_NOW, testClient, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';
import {
  grantEntries,
  listActive,
  sessionEntries,
  storeGrant,
  storeInteraction,
  storeSession,
} from '../helpers/stored-sessions.ts';

const DAY_MS = 24 * 3_600_000;

eachStore('people, guardianships and affiliations', (on) => {
  let services: TestServices;
  const alive = (): Promise<string[]> => listActive(services);
  const entries = async (): Promise<string[]> =>
    (await services.newEntries()).map(({ event, outcome, actorId, subjectId, detail }) =>
      JSON.stringify([event, outcome, actorId, subjectId, detail]),
    );

  before(() => on.store.write(family));
  beforeEach(async () => {
    await on.store.write(async (tx) => {
      for (const table of [
        tx.tables.sessions,
        tx.tables.grants,
        tx.tables.oidcRecords,
        tx.tables.outbox,
        tx.tables.guardianships,
      ]) {
        await tx.db.delete(table);
      }
      await tx.db
        .insert(tx.tables.guardianships)
        .values([
          guardianship('g1', 'father', 'older'),
          { ...guardianship('g2', 'father', 'younger'), state: 'suspended' },
        ]);
    });
    services = createTestServices(on.store, [testClient('app')]);
    await services.newEntries();
    await storeSession(services, { sessionHash: 's', personId: 'father', sids: { app: 'sid' } });
    await storeSession(services, { sessionHash: 't', personId: 'teacher' });
    await storeGrant(services, { ...FATHER, grantHash: 'plain' });
    await storeGrant(services, { ...FATHER, grantHash: 'child', ...asParent('older', 'g1') });
  });

  const FATHER = { personId: 'father', clientId: 'app', sessionHash: 's' };
  const asParent = (childId: string, basisId: string) => ({ role: 'parent' as const, childId, basisId });

  it('finds an account by its login, active or disabled', async () => {
    await on.store.write((tx) =>
      insertIdentifier(tx, {
        id: 'i',
        personId: 'younger',
        kind: 'email',
        value: 'younger@example.tw',
        createdAt: TEST_NOW,
      }),
    );
    assert.deepEqual(await findByLogin(on.store, ' Younger@Example.TW '), { personId: 'younger', status: 'active' });
    await services.people.setStatus('younger', 'disabled', undefined);
    assert.deepEqual(await findByLogin(on.store, 'younger@example.tw'), { personId: 'younger', status: 'disabled' });
    for (const login of ['unknown@example.tw', '王大明', '']) {
      assert.equal(await findByLogin(on.store, login), undefined);
    }
    await services.people.setStatus('younger', 'active', undefined);
  });

  it('returns the facts of active people only', async () => {
    assert.equal((await services.people.findActive('father'))?.name, '王大明');
    assert.equal(await services.people.findActive('unknown'), undefined);
    await services.people.setStatus('older', 'disabled', undefined);
    assert.equal(await services.people.findActive('older'), undefined);
    await services.people.setStatus('older', 'active', undefined);
    assert.equal((await services.people.findActive('older'))?.name, '王小安');
  });

  it('opens the birth dates of children, which sort them', async () => {
    const born = async (id: string, birthDate: string | null): Promise<void> => {
      const birthDateSealed = birthDate && services.secrets.seal('birth-date', id, birthDate);
      await on.store.write((tx) =>
        tx.db.update(tx.tables.persons).set({ birthDateSealed }).where(eq(tx.tables.persons.id, id)),
      );
    };
    await born('older', '2014-01-02');
    await born('younger', '2012-03-04');
    const { children = [] } = (await services.people.findActive('father')) ?? {};
    assert.deepEqual(
      sortOldestFirst(children).map(({ guardianship: { studentId }, birthDate }) => [studentId, birthDate]),
      [
        ['younger', '2012-03-04'],
        ['older', '2014-01-02'],
      ],
    );
    await Promise.all([born('older', null), born('younger', null)]);
  });

  it('logs a changed birth date, and treats it as unknown', async () => {
    // Sealed for another person.
    const birthDateSealed = services.secrets.seal('birth-date', 'younger', '2014-01-02');
    const change = (value: string | null): Promise<unknown> =>
      on.store.write((tx) =>
        tx.db.update(tx.tables.persons).set({ birthDateSealed: value }).where(eq(tx.tables.persons.id, 'older')),
      );
    await change(birthDateSealed);
    const { children = [] } = (await services.people.findActive('father')) ?? {};
    assert.deepEqual(new Set(children.map(({ birthDate }) => birthDate)), new Set([undefined]));
    assert.match(services.capturedLog.text(), /"personId":"older","msg":"failed to open a birth date"/);
    await change(null);
  });

  it('returns the facts of the local date', async () => {
    // 16:00 UTC is midnight in Taiwan.
    await on.store.write((tx) =>
      schools.insertMembership(tx, {
        ...{ id: 'm-day', personId: 'older', schoolCode: HIGH.code, role: 'staff', isPrimary: false },
        validTo: '2026-11-23',
      }),
    );
    services.advance(Date.UTC(2026, 10, 23, 15, 59, 59) - TEST_NOW);
    assert.equal((await services.people.findActive('older'))?.memberships.length, 1);
    services.advance(1_000);
    assert.equal((await services.people.findActive('older'))?.memberships.length, 0);
    await on.store.write((tx) => tx.db.delete(tx.tables.memberships).where(undefined));
  });

  it('disabling an account revokes its sessions, grants and sign-ins in progress at once', async () => {
    await storeGrant(services, { ...FATHER, grantHash: 'offline', scopes: 'openid offline_access' });
    await storeInteraction(services, 'waiting', 'father');
    services.wakes();
    assert.equal(await services.people.setStatus('father', 'disabled', 'teacher'), true);
    assert.deepEqual(await alive(), sessionEntries('t').sort());
    assert.equal((await on.store.read((tx) => findPerson(tx, 'father')))?.status, 'disabled');
    assert.deepEqual(await entries(), [JSON.stringify(['person.disabled', 'ok', 'teacher', 'father', {}])]);
    assert.deepEqual((await services.takeJobs()).filter(({ kind }) => kind === 'backchannel_logout').length, 1);
    assert.equal(services.wakes(), 1);
    assert.equal(await services.people.setStatus('father', 'active', undefined), true);
    assert.deepEqual(await entries(), [JSON.stringify(['person.enabled', 'ok', null, 'father', {}])]);
  });

  it('enabling an account revokes nothing', async () => {
    const before = await alive();
    await services.people.setStatus('father', 'active', undefined);
    assert.deepEqual(await alive(), before);
    await services.newEntries();
    assert.equal(await services.people.setStatus('unknown', 'disabled', undefined), false);
    assert.deepEqual(await entries(), []);
  });

  it('shows the email as login, otherwise the first identifier', async () => {
    assert.equal(await services.people.getPrimaryLogin('father'), 'daming@parents.example');
    assert.equal(await services.people.getPrimaryLogin('older'), '');
    const teacher = { id: 'it', personId: 'teacher', kind: 'account', value: 'chih.hao', createdAt: 1 } as const;
    await on.store.write((tx) => insertIdentifier(tx, teacher));
    assert.equal(await services.people.getPrimaryLogin('teacher'), 'chih.hao');
  });

  it('suspending, revoking and expiring a guardianship revokes its grants', async () => {
    for (const [action, state] of [
      ['suspend', 'suspended'],
      ['revoke', 'revoked'],
      ['expire', 'expired'],
    ] as const) {
      await setState('active');
      await storeGrant(services, { ...FATHER, grantHash: `on ${action}`, ...asParent('older', 'g1') });
      services.wakes();
      await services.newEntries();
      assert.equal(await change({ action }), true, action);
      assert.equal((await on.store.read((tx) => findGuardianship(tx, 'g1')))?.state, state);
      assert.deepEqual(await alive(), [...sessionEntries('s', 't'), ...grantEntries('plain')].sort(), action);
      assert.deepEqual(await entries(), [
        JSON.stringify([
          `guardianship.${state}`,
          'ok',
          'teacher',
          'father',
          { guardianship: 'g1', student: 'older', from: 'active', to: state },
        ]),
      ]);
      assert.equal(services.wakes(), 1);
    }
  });

  it('resuming a guardianship revokes nothing', async () => {
    await setState('suspended');
    const before = await alive();
    assert.equal(await change({ action: 'resume' }), true);
    assert.deepEqual(await alive(), before);
  });

  it('rejects actions that the state does not allow, and changes nothing', async () => {
    const before = await alive();
    services.wakes();
    assert.equal(await change({ action: 'resume' }), false);
    assert.equal(await change({ id: 'unknown', action: 'revoke' }), false);
    assert.deepEqual(await alive(), before);
    assert.deepEqual(await entries(), []);
    assert.equal(services.wakes(), 0);
  });

  it('expires guardianships only after their last day', async () => {
    await setState('active', '2026-11-23');
    assert.equal(await services.guardianships.expirePastEndDate(10), 0);
    services.wakes();
    services.advance(DAY_MS);
    assert.equal(await services.guardianships.expirePastEndDate(10), 1);
    assert.equal(services.wakes(), 1);
    const row = await on.store.read((tx) => findGuardianship(tx, 'g1'));
    assert.equal(row?.state, 'expired');
    assert.deepEqual(await alive(), [...sessionEntries('s', 't'), ...grantEntries('plain')].sort());
    const [entry] = await services.newEntries();
    assert.equal(entry?.actorId, null);
    assert.equal(await services.guardianships.expirePastEndDate(10), 0);
    assert.equal(services.wakes(), 0);
  });

  const setState = (state: 'active' | 'suspended', validTo: string | null = null): Promise<unknown> =>
    on.store.write(async (tx) => {
      await tx.db.delete(tx.tables.guardianships);
      await tx.db.insert(tx.tables.guardianships).values({ ...guardianship('g1', 'father', 'older'), state, validTo });
    });
  const change = (more: Partial<GuardianshipChange> & Pick<GuardianshipChange, 'action'>): Promise<boolean> =>
    services.guardianships.applyAction({ id: 'g1', actorId: 'teacher', ...more });

  it('revokes the grants of a membership once, after its last day', async () => {
    await asStaff('m-old', '2026-11-22');
    await storeGrant(services, { ...TEACHER, grantHash: 'staff', ...STAFF, basisId: 'm-old' });
    await storeGrant(services, { ...TEACHER, grantHash: 'other' });
    services.wakes();
    assert.equal(await services.affiliationExpiry.revokeExpired(), 1);
    assert.equal(services.wakes(), 1);
    const left = (await on.store.read((tx) => listGrantsByPerson(tx, 'teacher'))).map(({ grantHash }) => grantHash);
    assert.deepEqual(left, ['other']);
    assert.deepEqual(await entries(), [JSON.stringify(['affiliation.ended', 'ok', null, 'teacher', { grants: 1 }])]);
    assert.equal(await services.affiliationExpiry.revokeExpired(), 0);
    assert.equal(services.wakes(), 0);
  });

  it('reads every page of ended affiliations, three months back', async () => {
    await asStaff('m-old', '2026-08-24');
    await on.store.write((tx) =>
      insertMany(
        tx,
        tx.tables.memberships,
        Array.from({ length: 501 }, (_, at) => ({
          ...{ id: `m-page-${String(at).padStart(3, '0')}`, personId: 'teacher', schoolCode: HIGH.code, role: 'staff' },
          ...{ duty: null, isPrimary: false, validFrom: null, validTo: '2026-11-21' },
        })),
      ),
    );
    await storeGrant(services, { ...TEACHER, grantHash: 'early', ...STAFF, basisId: 'm-old' });
    await storeGrant(services, { ...TEACHER, grantHash: 'first', ...STAFF, basisId: 'm-page-000' });
    await storeGrant(services, { ...TEACHER, grantHash: 'last', ...STAFF, basisId: 'm-page-500' });
    assert.equal(await services.affiliationExpiry.revokeExpired(), 3);
    assert.deepEqual(await on.store.read((tx) => listGrantsByPerson(tx, 'teacher')), []);
    await asStaff('m-none', null);
  });

  it('keeps the grants of a membership on its last day', async () => {
    await asStaff('m-today', '2026-11-23');
    await storeGrant(services, { ...TEACHER, grantHash: 'staff', ...STAFF, basisId: 'm-today' });
    assert.equal(await services.affiliationExpiry.revokeExpired(), 0);
    services.advance(DAY_MS);
    assert.equal(await services.affiliationExpiry.revokeExpired(), 1);
  });

  it('moves a grant to the newer membership of the same role and school', async () => {
    await asStaff('m-old', '2026-11-22');
    await asStaff('m-new', null);
    await storeGrant(services, { ...TEACHER, grantHash: 'staff', ...STAFF, basisId: 'm-old' });
    assert.equal(await services.affiliationExpiry.revokeExpired(), 0);
    const [grant] = await on.store.read((tx) => listGrantsByPerson(tx, 'teacher'));
    assert.equal(grant?.basisId, 'm-new');
    assert.deepEqual(await entries(), []);
  });

  it('revokes the grants for a child that is no longer enrolled', async () => {
    assert.equal(await services.affiliationExpiry.revokeExpired(), 0, 'older is still enrolled');
    await on.store.write((tx) => tx.db.update(tx.tables.enrollments).set({ validTo: '2026-11-22' }));
    assert.equal(await services.affiliationExpiry.revokeExpired(), 1);
    assert.deepEqual(await alive(), [...sessionEntries('s', 't'), ...grantEntries('plain')].sort());
    await on.store.write((tx) => tx.db.update(tx.tables.enrollments).set({ validTo: null }));
  });

  const TEACHER = { personId: 'teacher', clientId: 'app', sessionHash: 't' };
  const STAFF = { role: 'staff' as const, schoolCode: HIGH.code };
  const asStaff = (id: string, validTo: string | null): Promise<void> =>
    on.store.write(async (tx) => {
      if (id !== 'm-new') await tx.db.delete(tx.tables.memberships);
      await schools.insertMembership(tx, {
        ...{ id, personId: 'teacher', schoolCode: HIGH.code, role: 'staff', isPrimary: false },
        validTo,
      });
    });
});
