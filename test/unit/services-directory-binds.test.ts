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

const RESULTS: Readonly<Record<string, VerificationResult>> = {
  locked: { kind: 'throttled', until: undefined },
  first: { kind: 'first_password', hasSecondFactor: false, credentialVersion: 1 },
};

const KINDS: Readonly<Record<string, string>> = {
  ...{ first: 'password_change_required', locked: 'throttled', other: 'other_service' },
};
const OTHER_SERVICE = { id: 'tablet', clientId: 'mail', name: 'tablet', createdAt: 0, lastUsedAt: null };

/** Creates binds that record each read and verification. Handles are `h-` and the id; everyone but `gone` and `disabled` is there. */
function create(calls: string[]): DirectoryBinds {
  const unused = (): never => assert.fail('not expected');
  const isHandle = (name: string): boolean => name.startsWith('h-');
  const verify = ({ personId }: VerificationRequest): Promise<VerificationResult> => {
    calls.push('verification');
    return Promise.resolve(RESULTS[personId ?? ''] ?? { kind: 'wrong' });
  };
  return createDirectoryBinds({
    directory: {
      findClient: () => Promise.resolve(client),
      findClientOfHandle: (name) => Promise.resolve(isHandle(name) ? client : undefined),
      openHandle: (_, name) => (isHandle(name) ? name.slice(2) : undefined),
      findPerson: (_, id) => {
        calls.push('facts');
        return Promise.resolve(['gone', 'disabled'].includes(id) ? undefined : person(id));
      },
      ...{ handleOf: unused, listIdsOfEntryUuid: unused, findIdByLogin: unused, findIdByUidNumber: unused },
      ...{ listPeopleOfIds: unused, listPeople: unused },
    },
    people: { isCredentialCurrent: unused },
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
  it('read the same and verify once for known, absent, disabled, locked and staff handles', async () => {
    for (const id of ['known', 'gone', 'disabled', 'locked', 'first', 'staff', 'other']) {
      const calls: string[] = [];
      const attempt = { name: `h-${id}`, password: 'wrong', address: '192.0.2.1', serviceId: 'wifi' };
      const { kind } = await create(calls).bindPerson(attempt);
      assert.equal(kind, KINDS[id] ?? 'failed', id);
      assert.deepEqual(calls, ['application password', 'facts', 'second factor', 'verification'], id);
    }
  });
});
