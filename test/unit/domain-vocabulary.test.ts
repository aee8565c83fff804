/** Identifiers and numbers that integrators rely on: a change breaks relying parties. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { GUARDIANSHIP_ACTIONS } from '../../src/domain/acting/guardianship.ts';
import { defaultPermissions, intersectPermissions } from '../../src/domain/acting/permissions.ts';
import { GENESIS_HEAD, chainHash, verifyEntry, type ChainedEntry } from '../../src/domain/audit-chain.ts';
import { apiScope, claimsForScopes, parseApiScope, SCOPE_CLAIMS, SCOPES } from '../../src/domain/claims/scopes.ts';
import { classNumber, gradeFromElementary } from '../../src/domain/class-name.ts';
import { localDate, systemClock } from '../../src/domain/clock.ts';
import {
  AUTHORITIES,
  GUARDIANSHIP_STATES,
  PERMISSIONS,
  RELATIONS,
  ROLES,
  SCHOOL_TYPES,
} from '../../src/domain/model.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { MAX_REMEMBERED_SESSION_SECONDS, MAX_SESSION_SECONDS } from '../../src/domain/sessions.ts';

describe('the name of a class in English', () => {
  it('counts grades from elementary school, and classes in their grade', () => {
    assert.deepEqual(
      SCHOOL_TYPES.map((type) => gradeFromElementary(type, 1)),
      [1, 7, 10, 10, 1],
    );
    const numbers = [
      [2, '203', '3'],
      [1, '112', '12'],
      [2, '103', '103'],
      [2, '2003', '2003'],
      [5, '五甲', '五甲'],
    ] as const;
    for (const [grade, classno, expected] of numbers) assert.equal(classNumber({ grade, classno }), expected);
  });
});

describe('vocabulary of the claims', () => {
  it('contains exactly the documented values, in order', () => {
    assert.deepEqual(ROLES, ['parent', 'student', 'teacher', 'staff', 'school_admin', 'bureau_admin']);
    assert.deepEqual(SCHOOL_TYPES, ['elementary', 'junior_high', 'senior_high', 'vocational_high', 'special']);
    assert.deepEqual(RELATIONS, ['parent', 'guardian', 'foster', 'caregiver']);
    assert.deepEqual(AUTHORITIES, ['statutory', 'court', 'agency', 'delegated']);
    assert.deepEqual(GUARDIANSHIP_STATES, ['active', 'suspended', 'revoked', 'expired']);
    assert.deepEqual(GUARDIANSHIP_ACTIONS, ['suspend', 'resume', 'revoke', 'expire']);
    assert.deepEqual(PERMISSIONS, [
      'portfolio:read',
      'grades:read',
      'attendance:read',
      'leave:request',
      'notice:read',
      'notice:reply',
      'fees:read',
      'fees:pay',
      'health:read',
      'consent:give',
    ]);
  });

  it('releases these claims for these scopes', () => {
    assert.deepEqual(SCOPE_CLAIMS, {
      openid: ['sub'],
      profile: ['name', 'preferred_username', 'locale', 'updated_at'],
      email: ['email', 'email_verified'],
      phone: ['phone_number', 'phone_number_verified'],
      roles: ['roles', 'affiliations'],
      children: ['children', 'acting'],
      'children.profile': [],
      offline_access: [],
    });
    assert.deepEqual(SCOPES, Object.keys(SCOPE_CLAIMS));
    assert.deepEqual([...claimsForScopes(['openid', 'email', 'children.profile'])], ['sub', 'email', 'email_verified']);
  });

  it('gives each authority these permissions', () => {
    assert.deepEqual(defaultPermissions('statutory'), PERMISSIONS);
    assert.deepEqual(defaultPermissions('court'), PERMISSIONS);
    assert.deepEqual(defaultPermissions('agency'), [
      'portfolio:read',
      'grades:read',
      'attendance:read',
      'leave:request',
      'notice:read',
      'notice:reply',
      'fees:read',
      'health:read',
    ]);
    assert.deepEqual(defaultPermissions('delegated'), [
      'attendance:read',
      'leave:request',
      'notice:read',
      'notice:reply',
      'fees:read',
    ]);
    assert.deepEqual(intersectPermissions(['fees:pay', 'fees:read'], ['fees:pay', 'health:read']), ['fees:pay']);
    assert.deepEqual(intersectPermissions([], PERMISSIONS), []);
  });
});

describe('scope of an API', () => {
  it('is stored with the identifier of the API and read back', () => {
    const stored = apiScope('https://api.example', 'grades:write');
    assert.equal(stored, 'https://api.example#grades:write');
    assert.deepEqual(parseApiScope(stored), { identifier: 'https://api.example', scope: 'grades:write' });
    assert.deepEqual(parseApiScope('#read'), { identifier: '', scope: 'read' });
    assert.deepEqual(parseApiScope('https://api.example#a#b'), { identifier: 'https://api.example', scope: 'a#b' });
  });

  it('is not confused with a scope of the service', () => {
    for (const scope of SCOPES) assert.equal(parseApiScope(scope), undefined);
  });
});

describe('time and chance', () => {
  it('starts the day at midnight in Taiwan', () => {
    assert.equal(localDate(Date.UTC(2026, 10, 22, 15, 59, 59, 999)), '2026-11-22');
    assert.equal(localDate(Date.UTC(2026, 10, 22, 16)), '2026-11-23');
    assert.equal(localDate(Date.UTC(2026, 11, 31, 16)), '2027-01-01');
  });

  it('reads the system clock in milliseconds', () => {
    const before = Date.now();
    const now = systemClock.now();
    assert.ok(before <= now && now <= Date.now());
  });

  it('returns random bytes and version 4 UUIDs', () => {
    const [one, other] = [systemRandom.bytes(32), systemRandom.bytes(32)];
    assert.equal(one.length, 32);
    assert.notDeepEqual(one, other);
    assert.match(systemRandom.uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.notEqual(systemRandom.uuid(), systemRandom.uuid());
  });

  it('counts sessions in seconds: 12 hours, remembered 30 days', () => {
    assert.equal(MAX_SESSION_SECONDS, 43_200);
    assert.equal(MAX_REMEMBERED_SESSION_SECONDS, 2_592_000);
  });
});

describe('verifyEntry', () => {
  const content = {
    ...{ seq: 1, at: 1, event: 'sign_in.succeeded', outcome: 'ok', actorId: null, subjectId: null },
    ...{ clientId: null, address: null, detail: {} },
  };
  const first: ChainedEntry = { ...content, prevHash: GENESIS_HEAD.hash, hash: chainHash(GENESIS_HEAD.hash, content) };

  it('starts at zero', () => {
    assert.deepEqual(GENESIS_HEAD, { seq: 0, hash: '0'.repeat(64) });
    assert.deepEqual(verifyEntry(GENESIS_HEAD, first), { ok: true, head: { seq: 1, hash: first.hash } });
  });

  it('returns the invalid part and its entry', () => {
    assert.deepEqual(verifyEntry(GENESIS_HEAD, { ...first, seq: 2 }), { ok: false, seq: 2, problem: 'sequence' });
    assert.deepEqual(verifyEntry(GENESIS_HEAD, { ...first, seq: 0 }), { ok: false, seq: 0, problem: 'sequence' });
    assert.deepEqual(verifyEntry(GENESIS_HEAD, { ...first, prevHash: '1'.repeat(64) }), {
      ok: false,
      seq: 1,
      problem: 'previous',
    });
    assert.deepEqual(verifyEntry(GENESIS_HEAD, { ...first, event: 'sign_in.failed' }), {
      ok: false,
      seq: 1,
      problem: 'hash',
    });
  });
});
