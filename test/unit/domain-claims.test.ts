import assert from 'node:assert/strict';
import { createSecretKey, type KeyObject } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { buildActingClaim, affiliationsOf, childrenOf, buildClaims, rolesOf } from '../../src/domain/claims/claims.ts';
import type { ClaimsRequest } from '../../src/domain/claims/claims.ts';
import { contextId, pairwiseSub } from '../../src/domain/claims/pairwise.ts';
import { SCOPES, SCOPE_CLAIMS, requiresActingContext, allowedScopes, isScope } from '../../src/domain/claims/scopes.ts';
import { standardClaims } from '../../src/domain/claims/standard-claims.ts';
import type { ActingContext, PersonFacts, ClientEntitlements } from '../../src/domain/model.ts';
import {
  G2,
  G3,
  G4,
  PAYMENT,
  PORTFOLIO,
  SCHOOLS,
  T1,
  TODAY,
  childOf,
  enrollment,
  facts,
  membership,
} from '../helpers/domain-facts.ts';

const subOf = (id: string): string => `sub-${id}`;
const ctxId = (context: ActingContext): string => `ctx-${context.childId ?? context.schoolCode ?? context.role}`;
const CLASS = { year: 115, semester: 1, grade: 2, classno: '203', classtitle: '二年三班' };

/** Compares the order of keys too: it is that of docs/claims.md. */
const sameJson = (actual: unknown, expected: unknown): void => {
  assert.equal(JSON.stringify(actual), JSON.stringify(expected));
};
const request = (
  person: PersonFacts,
  entitlements: ClientEntitlements,
  more: Partial<ClaimsRequest> = {},
): ClaimsRequest => ({
  facts: person,
  entitlements,
  scopes: SCOPES,
  granted: undefined,
  today: TODAY,
  subOf,
  ctxId,
  ...more,
});

describe('pairwise ids', () => {
  const keyOf = (text: string): KeyObject => createSecretKey(text, 'utf8');
  const key = keyOf('fixture-salt-not-secret');
  const sector = 'e-portfolio.example';
  const one = '11111111-1111-4111-8111-111111111111';

  it('match the test vectors of docs/claims.md', () => {
    assert.equal(pairwiseSub(key, sector, one), 'gAln7JYbQwCGLrc7w80kecpXsKi5JervvPwVvFqqas4');
    const other = pairwiseSub(key, sector, '22222222-2222-4222-8222-222222222221');
    assert.equal(other, 'i1tPrV7xWB92TJ32Pu-kOzvZoBF5vzHwFEeac3QJDUo');
  });

  it('differ by key, sector, person and purpose', () => {
    const text = fc.string({ minLength: 1 }).filter((part) => !part.includes('\n'));
    fc.assert(
      fc.property(text, text, text, text, (k0, s, p, other) => {
        const k = keyOf(k0);
        const sub = pairwiseSub(k, s, p);
        assert.match(sub, /^[A-Za-z0-9_-]{43}$/);
        if (other !== s) assert.notEqual(pairwiseSub(k, other, p), sub);
        if (other !== p) assert.notEqual(pairwiseSub(k, s, other), sub);
        const parent = contextId(k, s, p, { role: 'parent', childId: other, schoolCode: '993301' });
        assert.notEqual(parent, sub);
        assert.equal(parent, contextId(k, s, p, { role: 'parent', childId: other, schoolCode: '993302' }));
        assert.notEqual(parent, contextId(k, s, p, { role: 'student', childId: undefined, schoolCode: other }));
      }),
    );
  });

  it('reject input that would give two people the same id', () => {
    const context = { role: 'bureau_admin', childId: undefined, schoolCode: undefined } as const;
    for (const [k, s, p] of [
      ['', 'a', 'b'],
      ['k', '', 'b'],
      ['k', 'a', ''],
      ['k', 'a\nb', 'c'],
      ['k', 'a', 'b\nc'],
    ] as const) {
      assert.throws(() => pairwiseSub(keyOf(k), s, p), RangeError);
      assert.throws(() => contextId(keyOf(k), s, p, context), RangeError);
    }
    assert.match(contextId(keyOf('k'), 's', 'p', context), /^[\w-]{43}$/);
  });
});

describe('scopes', () => {
  it('release the claims of docs/claims.md, limited to registered scopes', () => {
    assert.deepEqual(allowedScopes(['email', 'openid', 'profile', 'admin'], PORTFOLIO), ['openid', 'profile']);
    assert.equal(requiresActingContext(['openid', 'children'], PORTFOLIO), true);
    assert.equal(requiresActingContext(['openid', 'profile', 'roles'], PORTFOLIO), false);
    assert.equal(requiresActingContext(['children'], { ...PORTFOLIO, scopes: ['openid'] }), false);
    assert.equal(isScope('toString'), false);
    assert.deepEqual(SCOPE_CLAIMS.roles, ['roles', 'affiliations']);
  });
});

describe('standard claims', () => {
  it('have the names and types of OpenID Connect', () => {
    sameJson(standardClaims(G2, ['openid', 'profile', 'email', 'phone'], 'sub'), {
      name: '李美玲',
      preferred_username: 'meiling.li@parents.example',
      locale: 'zh-TW',
      updated_at: Date.UTC(2026, 10, 20) / 1000,
      email: 'meiling.li@parents.example',
      email_verified: true,
      phone_number: '+886900000102',
      phone_number_verified: false,
    });
    assert.deepEqual(standardClaims(G2, ['openid'], 'sub'), {});
    assert.equal(standardClaims(T1, ['profile'], 'sub').preferred_username, 'shufen.chen');
    assert.equal('locale' in standardClaims(T1, ['profile'], 'sub'), false);
  });

  it('do not contain the email as preferred_username without the email scope', () => {
    assert.equal(standardClaims(G2, ['openid', 'profile'], 'sub').preferred_username, 'sub');
  });

  it('prefer the verified email address', () => {
    const person = facts('X', {
      identifiers: [
        { kind: 'email', value: 'first@parents.example', isVerified: false },
        { kind: 'email', value: 'second@parents.example', isVerified: true },
      ],
    });
    assert.deepEqual(standardClaims(person, ['email'], 'sub'), {
      email: 'second@parents.example',
      email_verified: true,
    });
    assert.deepEqual(standardClaims(facts('X'), ['email', 'phone'], 'sub'), {});
  });
});

describe('roles and affiliations', () => {
  it('contain both roles of a teacher who is a parent', () => {
    assert.deepEqual(rolesOf(T1, PORTFOLIO, TODAY), ['parent', 'teacher']);
    sameJson(affiliationsOf(T1, PORTFOLIO, TODAY), [
      { role: 'teacher', school_code: '993302', school_name: '明德高中', school_type: 'senior_high', primary: true },
    ]);
  });

  it('contain the class of a student', () => {
    const student = facts('S1', { enrollments: [enrollment('e', 'S1', SCHOOLS.high)] });
    assert.deepEqual(rolesOf(student, PORTFOLIO, TODAY), ['student']);
    sameJson(affiliationsOf(student, PORTFOLIO, TODAY), [
      {
        role: 'student',
        school_code: '993301',
        school_name: '示範高中',
        school_type: 'senior_high',
        primary: true,
        ...CLASS,
      },
    ]);
  });

  it('are limited to the schools of the client, except the roles parent and bureau_admin', () => {
    const person = facts('X', {
      memberships: [
        membership('m1', 'teacher', SCHOOLS.elementary, { isPrimary: true }),
        membership('m2', 'staff', SCHOOLS.high),
        membership('m3', 'bureau_admin', undefined),
      ],
      children: [childOf('S2', '王小樂', {}, [enrollment('e', 'S2', SCHOOLS.elementary)])],
    });
    assert.deepEqual(rolesOf(person, PORTFOLIO, TODAY), ['parent', 'staff', 'bureau_admin']);
    assert.deepEqual(rolesOf(person, PAYMENT, TODAY), ['parent', 'teacher', 'staff', 'bureau_admin']);
    assert.deepEqual(
      affiliationsOf(person, PORTFOLIO, TODAY).map(({ role, primary }) => [role, primary]),
      [['staff', false]],
    );
    assert.deepEqual(childrenOf(person, PORTFOLIO, TODAY, subOf, true), []);
    assert.deepEqual(rolesOf({ ...person, isActive: false }, PAYMENT, TODAY), []);
    assert.deepEqual(affiliationsOf({ ...person, isActive: false }, PAYMENT, TODAY), []);
  });

  it('mark exactly one affiliation as primary', () => {
    const person = facts('X', {
      memberships: [
        membership('m1', 'teacher', SCHOOLS.high, { isPrimary: true }),
        membership('m2', 'staff', SCHOOLS.junior, { isPrimary: true }),
      ],
      enrollments: [enrollment('e', 'X', SCHOOLS.otherHigh)],
    });
    assert.deepEqual(
      affiliationsOf(person, PAYMENT, TODAY).map(({ primary }) => primary),
      [true, false, false],
    );
  });
});

describe('children and acting', () => {
  const base = {
    sub: 'sub-S1',
    school_code: '993301',
    school_type: 'senior_high',
    relation: 'parent',
    authority: 'statutory',
  };

  it('contain the senior high child of G2 at the portfolio, with a name only by scope', () => {
    sameJson(childrenOf(G2, PORTFOLIO, TODAY, subOf, false), [{ ...base, permissions: ['portfolio:read'] }]);
    sameJson(childrenOf(G2, PORTFOLIO, TODAY, subOf, true), [
      { ...base, permissions: ['portfolio:read'], name: '王小安', school_name: '示範高中', ...CLASS },
    ]);
  });

  it('contain the acting claim of a parent and a teacher until the affiliation ends', () => {
    const parent = { role: 'parent', childId: 'S3', schoolCode: '993301' } as const;
    sameJson(buildActingClaim(parent, T1, PORTFOLIO, TODAY, subOf, ctxId), {
      role: 'parent',
      child: 'sub-S3',
      school_code: '993301',
      relation: 'parent',
      authority: 'statutory',
      permissions: ['portfolio:read'],
      ctx: 'ctx-S3',
    });
    const teacher = { role: 'teacher', childId: undefined, schoolCode: '993302' } as const;
    sameJson(buildActingClaim(teacher, T1, PORTFOLIO, TODAY, subOf, ctxId), {
      role: 'teacher',
      school_code: '993302',
      ctx: 'ctx-993302',
    });
    const bureau = facts('B1', { memberships: [membership('m', 'bureau_admin', undefined)] });
    const held = { role: 'bureau_admin', childId: undefined, schoolCode: undefined } as const;
    sameJson(buildActingClaim(held, bureau, PORTFOLIO, TODAY, subOf, ctxId), {
      role: 'bureau_admin',
      ctx: 'ctx-bureau_admin',
    });
    assert.equal(buildActingClaim(held, T1, PORTFOLIO, TODAY, subOf, ctxId), undefined);
    assert.equal(buildActingClaim(parent, G3, PORTFOLIO, TODAY, subOf, ctxId), undefined);
  });

  it('are the same for G3, G4 and a person without a child', () => {
    const granted = { role: 'parent', childId: 'S5', schoolCode: '993401' } as const;
    const childless = facts('N', { name: '周建國' });
    const of = (person: PersonFacts): unknown => ({
      ...buildClaims(request(person, PORTFOLIO, { granted })),
      ...{ sub: '', name: '', preferred_username: '' },
    });
    assert.deepEqual(of(G3), of(childless));
    assert.deepEqual(of(G4), { ...Object(of(childless)), roles: ['parent'] });
  });
});

describe('buildClaims', () => {
  it('returns one object with sub first', () => {
    const granted = { role: 'parent', childId: 'S2', schoolCode: '993601' } as const;
    const claims = buildClaims(request(G2, PAYMENT, { granted }));
    assert.deepEqual(Object.keys(claims), [
      'sub',
      'name',
      'preferred_username',
      'locale',
      'updated_at',
      'email',
      'email_verified',
      'roles',
      'affiliations',
      'children',
      'acting',
    ]);
    assert.deepEqual(Object.keys(buildClaims(request(G2, PAYMENT, { granted, scopes: ['openid'] }))), ['sub']);
  });

  it('returns only claims of granted and registered scopes, and no secrets', () => {
    const secrets = facts('G2', {
      ...G2,
      children: [...G2.children, ...G3.children, childOf('S9', '秘密', { state: 'revoked' })],
    });
    const entitlements = fc.record({
      scopes: fc.subarray([...SCOPES]),
      schoolTypes: fc.subarray([...PAYMENT.schoolTypes]),
      permissions: fc.subarray([...PAYMENT.permissions, 'portfolio:read' as const]),
    });
    fc.assert(
      fc.property(
        entitlements,
        fc.subarray([...SCOPES]),
        fc.constantFrom('S1', 'S2', 'S5', 'S9'),
        (ceiling, scopes, childId) => {
          const granted = { role: 'parent', childId, schoolCode: '993301' } as const;
          const claims = buildClaims(request(secrets, ceiling, { scopes, granted }));
          const allowed = new Set<string>([
            'sub',
            ...allowedScopes(scopes, ceiling).flatMap((scope) => SCOPE_CLAIMS[scope]),
          ]);
          for (const name of Object.keys(claims)) assert.ok(allowed.has(name), name);
          const text = JSON.stringify(claims);
          for (const secret of ['S5', 'S9', '周子晴', '秘密', 'suspended', 'revoked', 'seat']) {
            assert.equal(text.includes(secret), false, secret);
          }
          if (!allowed.has('email')) assert.equal(text.includes('@'), false);
          if (!scopes.includes('children.profile')) assert.equal(text.includes('王小'), false);
          if (!ceiling.schoolTypes.includes('elementary')) assert.equal(text.includes('S2'), false);
          if (ceiling.permissions.length === 0) assert.equal(text.includes('sub-S'), false);
        },
      ),
      { numRuns: 500 },
    );
  });
});
