/** Sort orders, limits and rare facts of the domain rules. */
import assert from 'node:assert/strict';
import { createHmac, createSecretKey } from 'node:crypto';
import { describe, it } from 'node:test';

import {
  availableContexts,
  currentEnrollments,
  currentMemberships,
  findRequestedContext,
  isVisibleMembership,
  visibleChildren,
} from '../../src/domain/acting/contexts.ts';
import { buildActingClaim, affiliationsOf, buildClaims } from '../../src/domain/claims/claims.ts';
import { contextId } from '../../src/domain/claims/pairwise.ts';
import {
  isAccountName,
  isEmail,
  formatLocalMobile,
  parseLogin,
  parseMobile,
} from '../../src/domain/credentials/identifiers.ts';
import { summarizeRefusals } from '../../src/domain/throttling/refusals.ts';
import {
  ACCOUNT_POLICY,
  ADDRESS_POLICY,
  registerAccountAttempt,
  registerAddressAttempt,
  releaseAddressAttempt,
  releaseAccountAttempt,
  type ThrottleState,
} from '../../src/domain/throttling/throttle.ts';
import {
  childOf,
  enrollment,
  facts,
  G2,
  membership,
  PAYMENT,
  PORTFOLIO,
  SCHOOLS,
  TODAY,
} from '../helpers/domain-facts.ts';

const ids = (list: readonly { id: string }[]): string[] => list.map(({ id }) => id);
const subOf = (id: string): string => `sub-${id}`;
const ctxId = (): string => 'ctx';

describe('currentEnrollments', () => {
  const at = (id: string, school: (typeof SCHOOLS)['high'], year: number, semester: number) =>
    enrollment(id, 'S', school, { year, semester });

  it('sorts by year, semester, school code and id', () => {
    assert.deepEqual(
      ids(
        currentEnrollments(
          [
            at('a', SCHOOLS.high, 114, 2),
            at('b', SCHOOLS.otherHigh, 115, 1),
            at('c', SCHOOLS.elementary, 115, 2),
            at('d', SCHOOLS.junior, 115, 2),
          ],
          TODAY,
        ),
      ),
      ['d', 'c', 'b', 'a'],
    );
    const twice = [at('z', SCHOOLS.high, 115, 1), at('y', SCHOOLS.high, 115, 1)];
    assert.deepEqual(ids(currentEnrollments(twice, TODAY)), ['y'], 'one for each school');
  });

  it('omits past and future enrollments', () => {
    const list = [
      enrollment('over', 'S', SCHOOLS.high, { validTo: '2026-11-22' }),
      enrollment('later', 'S', SCHOOLS.otherHigh, { validFrom: '2026-11-24' }),
      enrollment('today', 'S', SCHOOLS.junior, { validFrom: TODAY, validTo: TODAY }),
    ];
    assert.deepEqual(ids(currentEnrollments(list, TODAY)), ['today']);
  });
});

describe('currentMemberships', () => {
  it('sorts by role, primary first, school code and id', () => {
    const list = [
      membership('bureau', 'bureau_admin', undefined),
      membership('admin', 'school_admin', SCHOOLS.high),
      membership('staff', 'staff', SCHOOLS.high),
      membership('teacher-2', 'teacher', SCHOOLS.high),
      membership('teacher-3', 'teacher', SCHOOLS.elementary, { isPrimary: true }),
      membership('teacher-1', 'teacher', SCHOOLS.junior),
    ];
    const expected = ['teacher-3', 'teacher-2', 'teacher-1', 'staff', 'admin', 'bureau'];
    assert.deepEqual(ids(currentMemberships(list, TODAY)), expected);
    assert.deepEqual(ids(currentMemberships(list.toReversed(), TODAY)), expected);
  });

  it('omits school roles without a school', () => {
    const without = membership('m', 'teacher', undefined);
    assert.deepEqual(currentMemberships([without], TODAY), []);
    assert.equal(isVisibleMembership(without, PAYMENT), false);
    assert.equal(isVisibleMembership(membership('b', 'bureau_admin', undefined), PAYMENT), true);
  });

  it('returns no school for the bureau, even if the membership names one', () => {
    const person = facts('X', { memberships: [membership('b', 'bureau_admin', SCHOOLS.high)] });
    assert.deepEqual(availableContexts(person, PORTFOLIO, TODAY), [
      { role: 'bureau_admin', schoolCode: undefined, childId: undefined, basisId: 'b' },
    ]);
    assert.deepEqual(affiliationsOf(person, PORTFOLIO, TODAY), []);
  });
});

describe('visibleChildren', () => {
  it('sorts by school type, grade and id', () => {
    const child = (id: string, school: (typeof SCHOOLS)['high'], grade: number) =>
      childOf(id, id, {}, [enrollment(`e-${id}`, id, school, { grade })]);
    const person = facts('G', {
      children: [
        child('a', SCHOOLS.elementary, 6),
        child('b', SCHOOLS.junior, 3),
        child('d', SCHOOLS.vocational, 1),
        child('c', SCHOOLS.high, 1),
        child('e', SCHOOLS.high, 3),
      ],
    });
    const seen = visibleChildren(person, PAYMENT, TODAY).map((one) => one.child.guardianship.studentId);
    assert.deepEqual(seen, ['e', 'c', 'd', 'b', 'a']);
  });
});

describe('findRequestedContext', () => {
  it('computes the sub of children only', () => {
    const person = facts('X', {
      memberships: [membership('m', 'teacher', SCHOOLS.high)],
      children: [childOf('S1', '王小安')],
    });
    const asked: string[] = [];
    const contexts = availableContexts(person, PORTFOLIO, TODAY);
    const found = findRequestedContext(contexts, { role: 'parent', child: 'sub-S1' }, (id) => {
      asked.push(id);
      return subOf(id);
    });
    assert.equal(found?.childId, 'S1');
    assert.deepEqual(asked, ['S1']);
  });
});

describe('claims of a context', () => {
  it('describe the selected child, not a sibling', () => {
    const held = { role: 'parent', childId: 'S2', schoolCode: '993601' } as const;
    const claim = buildActingClaim(held, G2, PAYMENT, TODAY, subOf, ctxId);
    assert.deepEqual([claim?.child, claim?.school_code], ['sub-S2', '993601']);
  });

  it('contain no school for the bureau', () => {
    const bureau = facts('B', { memberships: [membership('m', 'bureau_admin', undefined)] });
    const held = { role: 'bureau_admin', childId: undefined, schoolCode: undefined } as const;
    const claim = buildActingClaim(held, bureau, PORTFOLIO, TODAY, subOf, ctxId);
    assert.deepEqual(claim, { role: 'bureau_admin', ctx: 'ctx' });
  });

  it('contain affiliations only at schools of the relying party', () => {
    const pupil = facts('S', { enrollments: [enrollment('e', 'S', SCHOOLS.elementary)] });
    assert.deepEqual(affiliationsOf(pupil, PORTFOLIO, TODAY), []);
    assert.equal(affiliationsOf(pupil, PAYMENT, TODAY).length, 1);
  });

  it('contain names of children only with children.profile', () => {
    const request = { facts: G2, entitlements: PAYMENT, granted: undefined, today: TODAY, subOf, ctxId };
    const shows = (scopes: string[], name: string): boolean =>
      JSON.stringify(buildClaims({ ...request, scopes })).includes(name);
    for (const name of ['王小安', '王小樂']) {
      assert.equal(shows(['openid', 'children', 'children.profile'], name), true);
      assert.equal(shows(['openid', 'children'], name), false);
    }
  });
});

describe('contextId', () => {
  it('is an HMAC of the version, sector, person, role and child or school', () => {
    const key = createSecretKey(Buffer.from('fixture-salt-not-secret'));
    const expected = (...parts: string[]): string =>
      createHmac('sha256', 'fixture-salt-not-secret')
        .update(['ctx-v1', 'sector', 'person', ...parts].join('\n'))
        .digest('base64url');
    const none = { childId: undefined, schoolCode: undefined };
    const of = (context: Parameters<typeof contextId>[3]): string => contextId(key, 'sector', 'person', context);
    assert.equal(of({ role: 'parent', childId: 'S1', schoolCode: '993301' }), expected('parent', 'S1'));
    assert.equal(of({ role: 'teacher', ...none, schoolCode: '993301' }), expected('teacher', '993301'));
    assert.equal(of({ role: 'bureau_admin', ...none }), expected('bureau_admin', ''));
  });
});

describe('limits of login names', () => {
  it('accept 254 characters, before and after normalization', () => {
    const email = (length: number): string => {
      const rest = length - 'a@.example'.length;
      const labels = 'b'.repeat(rest).replace(/.{60}(?=.)/g, (label) => `${label.slice(1)}.`);
      return `a@${labels}.example`;
    };
    assert.equal(email(254).length, 254);
    assert.equal(isEmail(email(254)), true);
    assert.equal(isEmail(email(255)), false);
    assert.deepEqual(parseLogin(email(254)), { kind: 'email', value: email(254) });
    assert.equal(parseLogin(email(255)), undefined);
    assert.deepEqual(parseLogin(' '.repeat(250) + 'wang'), { kind: 'account', value: 'wang' });
    assert.equal(parseLogin(' '.repeat(251) + 'wang'), undefined);
    assert.equal(parseMobile(`0900000101${'\u2026'.repeat(90)}`), undefined, 'NFKC turns each into three dots');
    assert.equal(parseMobile(`0900000101${'\u2026'.repeat(80)}`), '+886900000101');
  });

  it('reject control characters between the digits of a number', () => {
    for (const text of ['0900\n000101', '0900\t000101', '\u0000']) assert.equal(parseMobile(text), undefined);
  });

  it('accept a mobile number only as the whole text', () => {
    for (const text of ['x0900000101', 'x+886900000101']) assert.equal(parseMobile(text), undefined, text);
    assert.deepEqual(parseLogin('x0900000101'), { kind: 'account', value: 'x0900000101' });
    assert.equal(formatLocalMobile('+886900000101'), '0900000101');
    assert.equal(formatLocalMobile('1+886900000101'), '1+886900000101');
  });

  it('reject account names only if the whole name is a student number', () => {
    assert.equal(isAccountName('lamp1234'), true);
    assert.equal(isAccountName('p12345678901234567'), true, 'seventeen digits are no student number');
    assert.equal(isAccountName('p1234567890123456'), false);
  });
});

describe('values of the attempt counters', () => {
  const START = Date.UTC(2026, 10, 23);
  const counter = (failures: number, updatedAt: number, blockedUntil = 0): ThrottleState => ({
    failures,
    blockedUntil,
    updatedAt,
  });

  it('drop a wait that has passed', () => {
    const { next } = registerAccountAttempt(counter(1, START - 9, START - 5), START, ACCOUNT_POLICY);
    assert.deepEqual(next, counter(2, START));
  });

  it('release an attempt without affecting later attempts', () => {
    const attempt = { before: counter(7, START - 1, START + 60_000), next: counter(8, START, START + 90_000) };
    const later = counter(8, START + 5, START + 99_000);
    assert.deepEqual(releaseAccountAttempt(later, attempt, ACCOUNT_POLICY), counter(7, START + 5, START + 99_000));
    assert.deepEqual(releaseAccountAttempt(attempt.next, attempt, ACCOUNT_POLICY), attempt.before);
  });

  it('stay at or above zero and keep the fraction of a leak interval', () => {
    const at = (state: ThrottleState, now: number): ThrottleState =>
      registerAddressAttempt(state, now, ADDRESS_POLICY).next;
    assert.deepEqual(at(counter(3, START), START + 3_600_000), counter(1, START + 3_600_000));
    assert.deepEqual(at(counter(3, START), START + 3_500), counter(1, START + 3_500));
    assert.deepEqual(at(counter(4, START), START + 3_500), counter(2, START + 3_000));
    assert.deepEqual(at(counter(0, START), START - 500), counter(1, START), 'the clock ran back');
    assert.deepEqual(
      releaseAddressAttempt(counter(3, START), START + 3_600_000, ADDRESS_POLICY),
      counter(0, START + 3_600_000),
    );
  });

  it('give no summary without an open window', () => {
    assert.equal(summarizeRefusals({ count: 3, since: null }), undefined);
  });
});
