import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type {
  VerificationRequest,
  VerificationResult,
} from '../../src/services/authentication/password-verification.ts';
import { createDirectoryBinds, type DirectoryBinds } from '../../src/services/directory/binds.ts';
import type { DirectoryClient, DirectoryPerson } from '../../src/services/directory/directory.ts';

const client: DirectoryClient = {
  ...{ clientId: 'wifi', sector: 'wifi.example', shownSchoolTypes: [], canScan: false, secretHashes: [] },
  entitlements: { scopes: [], schoolTypes: [], permissions: [] },
};

function person(id: string): DirectoryPerson {
  const facts = {
    ...{ id, name: id, locale: undefined, isLocaleChosen: false, isActive: true, isSchoolAccount: false },
    ...{ isSharingStopped: false, createdAt: 0, updatedAt: 0, number: 1 },
    ...{ identifiers: [], memberships: [], enrollments: [], children: [] },
  };
  return { facts, handle: id, subject: id, entryUuid: id, uidNumber: 1, today: '2026-11-27' };
}

const KINDS: Readonly<Record<string, string>> = { 'h-locked': 'throttled', 'h-other': 'other_service' };
const OTHER_SERVICE = { id: 'tablet', clientId: 'mail', name: 'tablet', createdAt: 0, lastUsedAt: null };

/**
 * Creates binds that record each read and verification. Handles are `h-` and the id. Everyone but `gone` and `disabled` is active; the
 * client does not show `hidden`. The correct password is `right`.
 */
function create(calls: string[]): DirectoryBinds {
  const unused = (): never => assert.fail('not expected');
  const decode = (name: string): string | undefined => (name.startsWith('h-') ? name.slice(2) : undefined);
  const verify = async ({ personId, password, onCorrect }: VerificationRequest): Promise<VerificationResult> => {
    calls.push('verification');
    if (personId === 'locked') return { kind: 'throttled', until: undefined };
    if (password !== 'right' || personId === undefined) return { kind: 'wrong' };
    await onCorrect?.();
    const kind = personId === 'first' ? 'first_password' : 'password';
    return { kind, hasSecondFactor: false, credentialVersion: 1, hash: 'hash' };
  };
  return createDirectoryBinds({
    directory: {
      findClient: () => {
        calls.push('client');
        return Promise.resolve(client);
      },
      findClientOfHandle: unused,
      decodeHandle: (name) => {
        const personId = decode(name);
        return personId === undefined ? undefined : { personId, sectorTag: 'wifi', clientId: 'wifi' };
      },
      openHandle: (_, name) => decode(name),
      findPerson: (_, id) => {
        calls.push('facts');
        return Promise.resolve(id === 'hidden' ? undefined : person(id));
      },
      ...{ handleOf: unused, listIdsOfEntryUuid: unused, findIdByLogin: unused, findIdByUidNumber: unused },
      ...{ listPeopleOfIds: unused, listPeople: unused },
    },
    people: {
      isActive: (id) => {
        calls.push('status');
        return Promise.resolve(!['', 'gone', 'disabled'].includes(id));
      },
      isCredentialCurrent: unused,
    },
    applicationPasswords: {
      find: (id) => {
        calls.push('application password');
        return Promise.resolve(id === 'other' ? OTHER_SERVICE : undefined);
      },
      ...{ use: unused, exists: unused },
    },
    passwordVerifier: { verify },
    secondFactors: { has: unused },
    requiresSecondFactor: (id) => {
      calls.push('second factor');
      return Promise.resolve(id === 'staff');
    },
    rateLimiter: { admitNetwork: unused, releaseNetwork: unused },
    audit: { record: unused },
  });
}

describe('binds of people', () => {
  const bind = async (name: string, password: string): Promise<[kind: string, ...calls: string[]]> => {
    const calls: string[] = [];
    const attempt = { name, password, address: '192.0.2.1', serviceId: 'wifi' };
    const { kind } = await create(calls).bindPerson(attempt);
    return [kind, ...calls];
  };
  const BEFORE = ['client', 'application password', 'status', 'verification'];

  it('read the same and verify once for every name with a wrong password', async () => {
    const ids = ['known', 'gone', 'disabled', 'hidden', 'locked', 'first', 'staff', 'other'];
    for (const name of ['unknown', ...ids.map((id) => `h-${id}`)]) {
      assert.deepEqual(await bind(name, 'wrong'), [KINDS[name] ?? 'failed', ...BEFORE], name);
    }
  });

  it('read the person only after a correct password', async () => {
    const [facts, factor] = ['facts', 'second factor'];
    assert.deepEqual(await bind('h-known', 'right'), ['succeeded', ...BEFORE, facts, factor]);
    assert.deepEqual(await bind('h-staff', 'right'), ['second_factor_required', ...BEFORE, facts, factor]);
    assert.deepEqual(await bind('h-first', 'right'), ['password_change_required', ...BEFORE, facts, factor]);
    assert.deepEqual(await bind('h-hidden', 'right'), ['failed', ...BEFORE, facts]);
    assert.deepEqual(await bind('h-disabled', 'right'), ['failed', ...BEFORE]);
  });
});
