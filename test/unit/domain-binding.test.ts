/** The rules of applications: states, steps, applicants and adulthood. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import { adultOn, isAdultOn } from '../../src/domain/binding/adulthood.ts';
import {
  APPLICANT_KINDS,
  applicantCount,
  guardianshipBasis,
  needsEvidence,
  relationsFor,
} from '../../src/domain/binding/applicants.ts';
import {
  APPLICATION_ACTIONS,
  APPLICATION_STATES,
  EDITABLE_STATES,
  nextApplicationState,
  OPEN_STATES,
  type ApplicationAction,
  type ApplicationState,
} from '../../src/domain/binding/application.ts';
import {
  findApplicantConflicts,
  findApplicationConflicts,
  type ApplicantFacts,
  type StudentFacts,
} from '../../src/domain/binding/applicant-conflicts.ts';
import { GUARDIANSHIP_STATES } from '../../src/domain/model.ts';
import { BINDING_CONFLICTS, isBlocking } from '../../src/domain/binding/conflicts.ts';
import { isRefusal, NOTICE_ANSWERS } from '../../src/domain/binding/notice.ts';
import {
  BINDING_STEPS,
  canOpenStep,
  isReadyToSubmit,
  nextStep,
  stepsOf,
  type ApplicationProgress,
} from '../../src/domain/binding/steps.ts';

const run = (actions: readonly ApplicationAction[]): { state: ApplicationState; done: ApplicationAction[] } => {
  let state: ApplicationState = 'draft';
  const done: ApplicationAction[] = [];
  for (const action of actions) {
    const next: ApplicationState | undefined = nextApplicationState(state, action);
    if (next === undefined) continue;
    state = next;
    done.push(action);
  }
  return { state, done };
};

describe('the state of an application', () => {
  const actions = fc.array(fc.constantFrom(...APPLICATION_ACTIONS), { maxLength: 12 });

  it('is approved only by an approval directly after a submission', () => {
    fc.assert(
      fc.property(actions, (sequence) => {
        const { state, done } = run(sequence);
        assert.equal(state === 'approved', done.at(-1) === 'approve');
        if (state === 'approved') assert.equal(done.at(-2), 'submit');
      }),
    );
  });

  it('does not change after it is approved, rejected or withdrawn', () => {
    for (const state of APPLICATION_STATES.filter((one) => !OPEN_STATES.includes(one))) {
      for (const action of APPLICATION_ACTIONS) assert.equal(nextApplicationState(state, action), undefined);
    }
  });

  it('is editable before the first submission and after a return', () => {
    assert.deepEqual(EDITABLE_STATES, ['draft', 'returned']);
    assert.equal(nextApplicationState('returned', 'submit'), 'submitted');
    assert.equal(nextApplicationState('submitted', 'return'), 'returned');
    assert.equal(nextApplicationState('submitted', 'reject'), 'rejected');
    for (const state of OPEN_STATES) assert.equal(nextApplicationState(state, 'withdraw'), 'withdrawn');
    assert.equal(nextApplicationState('draft', 'approve'), undefined);
  });
});

describe('the steps of an application', () => {
  const progress = fc.record<ApplicationProgress>({
    state: fc.constantFrom(...APPLICATION_STATES),
    isStudentConfirmed: fc.boolean(),
    answer: fc.constantFrom(undefined, ...NOTICE_ANSWERS),
    applicantKind: fc.constantFrom(undefined, ...APPLICANT_KINDS),
    completeApplicants: fc.subarray([1, 2]),
    evidenceCount: fc.nat(3),
    isEvidenceDone: fc.boolean(),
    stepsWithInput: fc.subarray([...BINDING_STEPS]),
  });

  it('allow a submission only with the steps complete and no unsent input', () => {
    fc.assert(
      fc.property(progress, (one) => {
        if (!isReadyToSubmit(one)) return;
        assert.ok(EDITABLE_STATES.includes(one.state));
        assert.ok(one.isStudentConfirmed);
        assert.ok(stepsOf(one.applicantKind).every((step) => step === 'summary' || !one.stepsWithInput.includes(step)));
        assert.equal(one.answer, 'agree');
        const kind = one.applicantKind;
        assert.ok(kind !== undefined);
        assert.ok(one.completeApplicants.includes(1));
        if (applicantCount(kind) === 2) assert.ok(one.completeApplicants.includes(2));
        if (needsEvidence(kind)) assert.ok(one.evidenceCount > 0);
      }),
    );
  });

  it('open up to the first incomplete one, and never out of order', () => {
    fc.assert(
      fc.property(progress, (one) => {
        const steps = stepsOf(one.applicantKind);
        const open = steps.filter((step) => canOpenStep(step, one));
        const next = nextStep(one);
        assert.deepEqual(open, next === undefined ? [] : steps.slice(0, steps.indexOf(next) + 1));
      }),
    );
  });

  it('ask for a second applicant only for two parents', () => {
    assert.deepEqual(stepsOf('two'), BINDING_STEPS);
    for (const kind of ['one', 'guardian', 'caregiver', undefined] as const) {
      assert.deepEqual(
        stepsOf(kind),
        BINDING_STEPS.filter((step) => step !== 'applicant-2'),
      );
    }
  });

  it('stop at the notice after a refusal', () => {
    assert.deepEqual(NOTICE_ANSWERS.filter(isRefusal), ['disagree', 'decline']);
    const refused: ApplicationProgress = {
      ...{ state: 'draft', isStudentConfirmed: true, answer: 'disagree', applicantKind: 'one' },
      ...{ completeApplicants: [1, 2], evidenceCount: 1, isEvidenceDone: true, stepsWithInput: [] },
    };
    assert.equal(nextStep(refused), 'notice');
    assert.equal(isReadyToSubmit({ ...refused, answer: 'agree' }), true);
  });
});

describe('applicants', () => {
  it('get the authority of their kind and relation', () => {
    assert.deepEqual(guardianshipBasis('one', 'father'), { relation: 'parent', authority: 'statutory' });
    assert.deepEqual(guardianshipBasis('two', 'mother'), { relation: 'parent', authority: 'statutory' });
    assert.deepEqual(guardianshipBasis('guardian', 'grandmother'), { relation: 'guardian', authority: 'court' });
    assert.deepEqual(guardianshipBasis('guardian', 'foster_parent'), { relation: 'foster', authority: 'agency' });
    assert.deepEqual(guardianshipBasis('guardian', 'agency_staff'), { relation: 'guardian', authority: 'agency' });
    assert.deepEqual(guardianshipBasis('caregiver', 'grandmother'), { relation: 'caregiver', authority: 'delegated' });
  });

  it('who are parents state father or mother, and others do not', () => {
    assert.deepEqual(relationsFor('one'), ['father', 'mother']);
    assert.deepEqual(relationsFor('two'), ['father', 'mother']);
    for (const kind of ['guardian', 'caregiver'] as const) {
      assert.ok(!relationsFor(kind).includes('father'));
      assert.ok(relationsFor(kind).includes('grandmother'));
      assert.equal(needsEvidence(kind), true);
    }
    assert.ok(!relationsFor('caregiver').includes('agency_staff'));
  });
});

describe('adulthood', () => {
  it('begins on the 18th birthday', () => {
    assert.equal(adultOn('2008-11-27'), '2026-11-27');
    assert.equal(isAdultOn('2008-11-27', '2026-11-26'), false);
    assert.equal(isAdultOn('2008-11-27', '2026-11-27'), true);
  });

  it('begins on 1 March for a birth date on 29 February, because no such year is a leap year', () => {
    assert.equal(adultOn('2008-02-29'), '2026-03-01');
    assert.equal(adultOn('2008-02-28'), '2026-02-28');
  });
});

describe('conflicts', () => {
  it('leave a different name and an ended guardianship to the reviewer, and block the others', () => {
    assert.deepEqual(
      BINDING_CONFLICTS.filter((conflict) => !isBlocking(conflict)),
      ['mobile_taken', 'name_differs', 'ended_before', 'family_suspended', 'adult_student', 'opens_account'],
    );
  });

  const applicant = (more: Partial<ApplicantFacts> = {}): ApplicantFacts => ({
    ...{ nationalIdLookup: 'a', name: '王大明', email: 'a@x.example', existing: undefined },
    ...{ emailOwnerId: undefined, mobileOwnerId: undefined, ...more },
  });
  const existing = { id: 'g', name: '王大明', isActive: true, isUnused: false, guardianship: undefined };
  const student = (more: Partial<StudentFacts> = {}): StudentFacts => ({
    ...{ nationalIdLookup: 's', isAdult: false, guardianships: [], ...more },
  });

  it('of an applicant come from the accounts of the city', () => {
    const of = (more: Partial<ApplicantFacts>, others: readonly ApplicantFacts[] = []): string => {
      const one = applicant(more);
      return findApplicantConflicts(one, [one, ...others], student()).join(' ');
    };
    assert.equal(of({}), '');
    assert.equal(of({ existing, emailOwnerId: 'g', mobileOwnerId: 'g' }), '');
    assert.equal(of({ emailOwnerId: 'o', mobileOwnerId: 'o' }), 'email_taken mobile_taken');
    assert.equal(of({ existing, emailOwnerId: 'o' }), 'email_taken');
    assert.equal(of({}, [applicant({ email: 'b@x.example' })]), 'same_person');
    assert.equal(of({}, [applicant({ nationalIdLookup: 'b' })]), 'same_email');
    assert.equal(of({ nationalIdLookup: 's' }), 'student_applies');
    assert.equal(of({ existing: { ...existing, name: '王 大明' } }), '');
    const unused = { ...existing, isUnused: true };
    assert.equal(of({ existing: unused }), 'opens_account');
    assert.equal(of({ existing: unused, emailOwnerId: 'g' }), '');
    assert.equal(of({ existing: { ...existing, name: '王大同', isActive: false } }), 'name_differs disabled');
    const states = GUARDIANSHIP_STATES.map((state) => of({ existing: { ...existing, guardianship: { state } } }));
    assert.deepEqual(states, ['already_bound', 'suspended', 'ended_before', 'ended_before']);
  });

  it('of an application count its guardians and its days', () => {
    const [validTo, today] = [null, '2026-11-27'];
    const guardianships = ['g', 'h', 'i'].map((guardianId) => ({ guardianId, state: 'active' as const }));
    const of = (applicants: readonly ApplicantFacts[], more: Partial<StudentFacts>, last: string | null = validTo) =>
      findApplicationConflicts(applicants, student(more), { validTo: last, today });
    assert.deepEqual(of([applicant()], { guardianships }), []);
    assert.deepEqual(of([applicant(), applicant()], { guardianships }), ['too_many_guardians']);
    assert.deepEqual(of([applicant(), applicant({ existing })], { guardianships }), []);
    assert.deepEqual(of([applicant()], {}, '2026-11-26'), ['delegation_over']);
    assert.deepEqual(of([applicant()], { isAdult: true }, today), ['adult_student']);
    const suspended = [{ guardianId: 'g', state: 'suspended' as const }];
    assert.deepEqual(of([applicant()], { guardianships: suspended }), ['family_suspended']);
    assert.deepEqual(of([applicant({ existing })], { guardianships: suspended }), []);
  });
});
