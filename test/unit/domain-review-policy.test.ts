import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HeldCapacity } from '../../src/domain/access/capacities.ts';
import { decideOnApplication, type PolicyActor, type PolicyTarget } from '../../src/domain/access/policy.ts';
import { DEFAULT_POLICY_SETTINGS } from '../../src/domain/access/settings.ts';

const HIGH = '993301';
const REVIEWERS: readonly HeldCapacity[] = [
  { capacity: 'homeroom_teacher', classId: 'class-203', schoolCode: HIGH },
  { capacity: 'registrar', schoolCode: HIGH },
  { capacity: 'bureau_admin' },
];
const student = (schoolCode: string, classId: string, id = 'student'): PolicyTarget => ({
  ...{ id, capacity: undefined, isStaff: false, isGuardian: false, staffSchools: [] },
  ...{ pupilSchools: [schoolCode], classIds: [classId] },
});
const review = (actor: PolicyActor, target: PolicyTarget | undefined, beneficiaries: readonly string[]): string => {
  const decision = decideOnApplication(actor, target, DEFAULT_POLICY_SETTINGS, beneficiaries);
  return decision.allowed ? 'yes' : decision.reason;
};

describe('access policy of applications', () => {
  it('denies the review of an application to its beneficiaries, within the scope only', () => {
    const own = student(HIGH, 'class-203');
    for (const held of REVIEWERS) {
      const actor: PolicyActor = { kind: 'person', id: 'actor', capacities: [held] };
      assert.equal(review(actor, own, ['other']), 'yes', held.capacity);
      assert.equal(review(actor, own, ['other', 'actor']), 'interest', held.capacity);
      assert.equal(review(actor, student(HIGH, 'class-203', 'actor'), []), 'self', held.capacity);
      const outside = held.capacity === 'bureau_admin' ? 'interest' : 'not_found';
      assert.equal(review(actor, student('993302', 'class-999'), ['actor']), outside, held.capacity);
    }
  });

  it('lets the operator of the server review everything that exists', () => {
    assert.equal(review({ kind: 'operator' }, student(HIGH, 'class-203'), ['actor']), 'yes');
    assert.equal(review({ kind: 'operator' }, undefined, []), 'not_found');
  });
});
