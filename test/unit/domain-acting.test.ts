import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  availableContexts,
  resolveContext,
  findContext,
  findHiddenReason,
  findRequestedContext,
  isServed,
  isStillAvailable,
  requiresSelection,
  visibleChildren,
} from '../../src/domain/acting/contexts.ts';
import { GUARDIANSHIP_ACTIONS, isActiveOn, isWithinValidity, nextState } from '../../src/domain/acting/guardianship.ts';
import { defaultPermissions, intersectPermissions } from '../../src/domain/acting/permissions.ts';
import { sortOldestFirst } from '../../src/domain/acting/siblings.ts';
import { AUTHORITIES, GUARDIANSHIP_STATES, PERMISSIONS } from '../../src/domain/model.ts';
import type { ActingContext, Child, PersonFacts, ClientEntitlements, School } from '../../src/domain/model.ts';
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

const labels = (person: PersonFacts, entitlements: ClientEntitlements, today = TODAY): string[] =>
  availableContexts(person, entitlements, today).map((one) =>
    [one.role, one.childId ?? one.schoolCode].filter((part) => part !== undefined).join(' '),
  );

describe('isActiveOn', () => {
  it('returns true from the first to the last day, in the active state only', () => {
    const { guardianship } = childOf('S1', '王小安', { validFrom: '2026-09-01', validTo: '2027-01-20' });
    assert.deepEqual(
      ['2026-08-31', '2026-09-01', '2027-01-20', '2027-01-21'].map((day) => isActiveOn(guardianship, day)),
      [false, true, true, false],
    );
    for (const state of GUARDIANSHIP_STATES) {
      assert.equal(isActiveOn({ ...guardianship, state }, TODAY), state === 'active');
    }
    assert.equal(isWithinValidity({ validFrom: undefined, validTo: undefined }, TODAY), true);
  });

  it('allows only the listed transitions', () => {
    assert.equal(nextState('active', 'suspend'), 'suspended');
    assert.equal(nextState('suspended', 'resume'), 'active');
    assert.equal(nextState('active', 'resume'), undefined);
    assert.equal(nextState('suspended', 'suspend'), undefined);
    fc.assert(
      fc.property(
        fc.constantFrom(...GUARDIANSHIP_STATES),
        fc.array(fc.constantFrom(...GUARDIANSHIP_ACTIONS)),
        (from, actions) => {
          let state = from;
          for (const action of actions) {
            const next = nextState(state, action);
            if (state === 'revoked' || state === 'expired') assert.equal(next, undefined, 'final');
            if (next === 'active') assert.equal(state, 'suspended', 'only a suspended one comes back');
            state = next ?? state;
          }
          if (actions.includes('revoke')) assert.ok(state === 'revoked' || state === 'expired');
        },
      ),
    );
  });
});

describe('defaultPermissions', () => {
  it('returns the permissions of each authority', () => {
    assert.deepEqual(
      AUTHORITIES.map((authority) => defaultPermissions(authority).length),
      [10, 10, 8, 5],
    );
    assert.equal(defaultPermissions('agency').includes('fees:pay'), false);
    assert.equal(defaultPermissions('delegated').includes('portfolio:read'), false);
    assert.deepEqual(intersectPermissions(['fees:pay', 'fees:read', 'fees:read'], ['fees:read', 'fees:pay']), [
      'fees:read',
      'fees:pay',
    ]);
  });
});

describe('findHiddenReason and isServed', () => {
  const reason = (child: Child | undefined, entitlements = PORTFOLIO): string | undefined =>
    child && findHiddenReason(child, entitlements, TODAY);

  it('name the school type, permissions or enrollment, and nothing for other guardianships', () => {
    const [pupil] = G2.children;
    assert.equal(reason(pupil), 'school_type');
    assert.equal(reason(pupil, PAYMENT), undefined);
    assert.equal(reason(childOf('S1', '王小安')), undefined);
    assert.equal(reason(childOf('S1', '王小安', { permissions: ['fees:read'] })), 'permissions');
    assert.equal(reason(childOf('S1', '王小安', {}, [])), 'not_enrolled');
    assert.equal(reason(childOf('S1', '王小安', { state: 'suspended' }, [])), undefined);
  });

  it('agree with the children that an app sees', () => {
    for (const entitlements of [PORTFOLIO, PAYMENT]) {
      const seen = visibleChildren(G2, entitlements, TODAY).map(({ child }) => child);
      assert.deepEqual(
        G2.children.filter((child) => seen.includes(child)),
        G2.children.filter((child) => reason(child, entitlements) === undefined),
      );
    }
    assert.equal(isServed(G2, PORTFOLIO, TODAY), true);
    assert.equal(isServed(G3, PORTFOLIO, TODAY), false);
    assert.equal(isServed(G3, { ...PORTFOLIO, scopes: ['openid'] }, TODAY), true);
  });
});

describe('sortOldestFirst', () => {
  const order = (children: readonly Child[]): string[] =>
    sortOldestFirst(children).map(({ guardianship }) => guardianship.studentId);
  const inGrade = (id: string, at: School, grade: number): Child =>
    childOf(id, id, {}, [enrollment(id, id, at, { grade })]);

  it('sorts by birth date, whatever the grades, and siblings of one day by their ids', () => {
    const born = (id: string, birthDate: string, grade: number): Child => ({
      ...inGrade(id, SCHOOLS.high, grade),
      birthDate,
    });
    const twins = [born('T2', '2009-05-01', 2), born('T1', '2009-05-01', 1)];
    assert.deepEqual(order([...twins, born('A', '2008-12-31', 1)]), ['A', 'T1', 'T2']);
  });

  it('estimates an unknown birth date by the newest grade, and puts children without one last', () => {
    const children = [
      childOf('none', 'none', {}, []),
      inGrade('fifth', SCHOOLS.elementary, 5),
      { ...inGrade('known', SCHOOLS.elementary, 6), birthDate: '2014-02-28' },
      inGrade('tenth', SCHOOLS.vocational, 1),
      childOf('eighth', 'eighth', {}, [
        enrollment('old', 'eighth', SCHOOLS.elementary, { year: 113, grade: 6 }),
        enrollment('new', 'eighth', SCHOOLS.junior, { year: 115, grade: 2 }),
      ]),
    ];
    assert.deepEqual(order(children), ['tenth', 'eighth', 'known', 'fifth', 'none']);
    assert.deepEqual(order([...children].reverse()), order(children));
  });

  it('is the order of the contexts and of the children that an app sees', () => {
    const [first, second] = [childOf('S8', '王小樂'), childOf('S9', '王小安')];
    const person = facts('G', { children: [first, { ...second, birthDate: '2000-01-01' }] });
    assert.deepEqual(labels(person, PAYMENT), ['parent S9', 'parent S8']);
  });
});

describe('availableContexts of the demo city', () => {
  it('G2: two children at payment, the older first; one at the portfolio', () => {
    assert.deepEqual(labels(G2, PAYMENT), ['parent S1', 'parent S2']);
    assert.deepEqual(labels(G2, PORTFOLIO), ['parent S1']);
    assert.equal(requiresSelection(availableContexts(G2, PAYMENT, TODAY)), true);
    assert.equal(requiresSelection(availableContexts(G2, PORTFOLIO, TODAY)), false);
    assert.deepEqual(visibleChildren(G2, PAYMENT, TODAY)[0]?.permissions, ['fees:read', 'fees:pay']);
    assert.deepEqual(visibleChildren({ ...G2, isActive: false }, PAYMENT, TODAY), []);
  });

  it('T1: the teacher context comes before the parent context', () => {
    assert.deepEqual(labels(T1, PORTFOLIO), ['teacher 993302', 'parent S3']);
  });

  it('G3 (suspended): none; G4 (delegated): payment only, until the end of the term', () => {
    assert.deepEqual(labels(G3, PAYMENT), []);
    assert.deepEqual(labels(G4, PORTFOLIO), []);
    assert.deepEqual(labels(G4, PAYMENT, '2027-01-20'), ['parent S5']);
    assert.deepEqual(labels(G4, PAYMENT, '2027-01-21'), []);
  });

  it('contains each staff role and school once, the primary first, and the bureau everywhere', () => {
    const person = facts('X', {
      memberships: [
        membership('m5', 'bureau_admin', undefined),
        membership('m4', 'school_admin', SCHOOLS.elementary),
        membership('m3', 'teacher', SCHOOLS.otherHigh, { isPrimary: true }),
        membership('m2', 'teacher', SCHOOLS.high),
        membership('m1', 'teacher', SCHOOLS.high),
        membership('m0', 'staff', SCHOOLS.high, { validTo: '2026-11-22' }),
        membership('m9', 'teacher', undefined),
      ],
      enrollments: [enrollment('e1', 'X', SCHOOLS.vocational), enrollment('e2', 'X', SCHOOLS.elementary)],
    });
    assert.deepEqual(labels(person, PORTFOLIO), ['teacher 993302', 'teacher 993301', 'bureau_admin', 'student 993401']);
    assert.deepEqual(
      availableContexts(person, PORTFOLIO, TODAY).map(({ basisId }) => basisId),
      ['m3', 'm1', 'm5', 'e1'],
    );
    assert.deepEqual(availableContexts({ ...person, isActive: false }, PAYMENT, TODAY), []);
  });

  it('uses the newest enrollment that the client may see', () => {
    const child = childOf('S9', '示範生', {}, [
      enrollment('old', 'S9', SCHOOLS.high, { year: 114, semester: 2, classno: '103' }),
      enrollment('gone', 'S9', SCHOOLS.otherHigh, { validTo: '2026-11-22' }),
      enrollment('new', 'S9', SCHOOLS.high, { year: 115, semester: 1, classno: '203' }),
      enrollment('small', 'S9', SCHOOLS.elementary, { year: 116 }),
    ]);
    const seen = visibleChildren(facts('G', { children: [child] }), PORTFOLIO, TODAY);
    assert.deepEqual(
      seen.map((one) => one.enrollment.id),
      ['new'],
    );
  });
});

describe('findContext', () => {
  const contexts = availableContexts(G2, PAYMENT, TODAY);
  const subOf = (id: string): string => `sub-${id}`;

  it('matches role, child or school, and returns undefined if several match', () => {
    assert.equal(findContext(contexts, { role: 'parent', childId: 'S2' })?.basisId, 'g-S2');
    assert.equal(findContext(contexts, { role: 'parent' }), undefined, 'two children fit');
    assert.equal(findContext(contexts, { role: 'teacher' }), undefined);
    assert.equal(findContext(contexts, { role: 'student', childId: 'S2' }), undefined);
    const teacher = availableContexts(T1, PORTFOLIO, TODAY);
    assert.equal(findContext(teacher, { role: 'teacher' })?.schoolCode, '993302');
    assert.equal(findContext(teacher, { role: 'teacher', schoolCode: '993301' }), undefined);
  });

  it('matches the sub of the child for a request of a relying party', () => {
    assert.equal(findRequestedContext(contexts, { role: 'parent', child: 'sub-S2' }, subOf)?.childId, 'S2');
    assert.equal(findRequestedContext(contexts, { role: 'teacher', child: 'sub-S2' }, subOf), undefined);
    assert.equal(findRequestedContext(contexts, { role: 'parent', child: 'S2' }, subOf), undefined);
    const teacher = availableContexts(T1, PORTFOLIO, TODAY);
    assert.equal(findRequestedContext(teacher, { role: 'teacher', schoolCode: '993302' }, subOf)?.role, 'teacher');
    assert.equal(findRequestedContext(teacher, { role: 'parent' }, subOf)?.childId, 'S3');
  });

  it('keeps a child who changes school, but not a teacher', () => {
    const held = { role: 'parent', childId: 'S1', schoolCode: '993301' } as const;
    const moved = facts('G2', { children: [childOf('S1', '王小安', {}, [enrollment('e9', 'S1', SCHOOLS.otherHigh)])] });
    assert.equal(resolveContext(availableContexts(moved, PORTFOLIO, TODAY), held)?.schoolCode, '993302');
    const teaching = { role: 'teacher', childId: undefined, schoolCode: '993301' } as const;
    assert.equal(isStillAvailable(availableContexts(T1, PORTFOLIO, TODAY), teaching), false);
    assert.equal(
      isStillAvailable(availableContexts(T1, PORTFOLIO, TODAY), { ...teaching, schoolCode: '993302' }),
      true,
    );
  });

  it('returns every available context, in any order of the facts', () => {
    const roles = fc.constantFrom('teacher', 'staff', 'school_admin', 'bureau_admin' as const);
    const school = fc.constantFrom(...Object.values(SCHOOLS));
    const people = fc.record({
      memberships: fc.array(fc.tuple(roles, school, fc.boolean()), { maxLength: 6 }),
      children: fc.uniqueArray(fc.tuple(fc.nat(20), school, fc.constantFrom(...GUARDIANSHIP_STATES)), {
        maxLength: 5,
        selector: ([id]) => id,
      }),
      enrollments: fc.array(school, { maxLength: 3 }),
      types: fc.subarray(Object.values(SCHOOLS).map(({ type }) => type)),
      permissions: fc.subarray([...PERMISSIONS]),
    });
    fc.assert(
      fc.property(people, ({ memberships, children, enrollments, types, permissions }) => {
        const person = facts('X', {
          memberships: memberships.map(([role, at, primary], index) =>
            membership(`m${index}`, role, at, { isPrimary: primary }),
          ),
          children: children.map(([id, at, state]) =>
            childOf(`c${id}`, '示', { state }, [enrollment(`e${id}`, `c${id}`, at)]),
          ),
          enrollments: enrollments.map((at, index) => enrollment(`n${index}`, 'X', at)),
        });
        const entitlements: ClientEntitlements = { scopes: [], schoolTypes: types, permissions };
        const listed = availableContexts(person, entitlements, TODAY);
        const mirrored: PersonFacts = {
          ...person,
          memberships: person.memberships.toReversed(),
          children: person.children.toReversed(),
          enrollments: person.enrollments.toReversed(),
        };
        assert.deepEqual(availableContexts(mirrored, entitlements, TODAY), listed);
        for (const one of listed) {
          assert.deepEqual(findContext(listed, one), one);
          assert.deepEqual(resolveContext(listed, one), one);
          assertAllowed(one, person, entitlements);
        }
      }),
    );
  });
});

/** A second, simpler implementation of rules 4 and 5 of docs/claims.md. */
function assertAllowed(context: ActingContext, person: PersonFacts, entitlements: ClientEntitlements): void {
  if (context.role === 'bureau_admin') return;
  const type = Object.values(SCHOOLS).find(({ code }) => code === context.schoolCode)?.type;
  assert.ok(type !== undefined && entitlements.schoolTypes.includes(type));
  if (context.role !== 'parent') return;
  const child = person.children.find(({ guardianship }) => guardianship.id === context.basisId);
  assert.equal(child?.guardianship.state, 'active');
  assert.equal(child.guardianship.studentId, context.childId);
  assert.ok(entitlements.permissions.length > 0);
}
