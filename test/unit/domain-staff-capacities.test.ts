/** The capacities and duties of staff, and what the dashboards count. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import {
  CAPACITIES,
  heldCapacities,
  homeroomClassIdsOf,
  rankOf,
  schoolCodesOf,
  wholeSchoolCodesOf,
} from '../../src/domain/access/capacities.ts';
import { DUTY_MEMBERSHIPS, dutyOf, GRANTED_DUTIES } from '../../src/domain/access/duties.ts';
import { isDate, localDate, localDateTime, parseLocalDateTime } from '../../src/domain/clock.ts';
import { hourOf, usageOf } from '../../src/domain/usage.ts';

const OPEN = { validFrom: undefined, validTo: undefined, duty: undefined };

describe('capacities of staff', () => {
  const held = heldCapacities(
    [
      { ...OPEN, role: 'staff', duty: 'registrar', schoolCode: '993302' },
      { ...OPEN, role: 'school_admin', duty: 'it_desk', schoolCode: '993301', isSchoolClosed: true },
      { ...OPEN, role: 'teacher', schoolCode: '993401' },
      { ...OPEN, role: 'staff', schoolCode: '993501' },
      { ...OPEN, role: 'bureau_admin', schoolCode: undefined },
      { ...OPEN, role: 'staff', duty: 'registrar', schoolCode: undefined },
      { ...OPEN, role: 'staff', duty: 'registrar', schoolCode: '993601', validTo: '2026-11-22' },
    ],
    [
      { id: 'own', schoolCode: '993302', year: 115, semester: 1 },
      { id: 'last year', schoolCode: '993302', year: 114, semester: 1 },
    ],
    '2026-11-23',
  );

  it('come from duties and from the classes of this term, the highest first', () => {
    assert.deepEqual(held, [
      { capacity: 'bureau_admin' },
      { capacity: 'it_desk', schoolCode: '993301', isSchoolClosed: true },
      { capacity: 'registrar', schoolCode: '993302' },
      { capacity: 'homeroom_teacher', classId: 'own', schoolCode: '993302' },
    ]);
  });

  it('are limited to schools, whole schools and classes', () => {
    assert.deepEqual(schoolCodesOf(held), ['993301', '993302']);
    assert.deepEqual(wholeSchoolCodesOf(held), ['993301', '993302']);
    const teacher = held.filter(({ capacity }) => capacity === 'homeroom_teacher');
    assert.deepEqual([schoolCodesOf(teacher), wholeSchoolCodesOf(teacher)], [['993302'], []]);
    assert.deepEqual(homeroomClassIdsOf(held), ['own']);
  });

  it('rank above no capacity, in their order', () => {
    assert.deepEqual([undefined, ...CAPACITIES].map(rankOf), [0, 1, 2, 3, 4]);
  });
});

describe('duties', () => {
  it('are read back from their membership', () => {
    for (const granted of GRANTED_DUTIES) {
      const { role, duty } = DUTY_MEMBERSHIPS[granted];
      assert.equal(dutyOf({ role, duty: duty ?? undefined }), granted);
    }
  });

  it('that are unknown, or belong to another role, count as the role', () => {
    assert.equal(dutyOf({ role: 'staff', duty: 'it_desk' }), 'staff');
    assert.equal(dutyOf({ role: 'school_admin', duty: 'registrar' }), 'school_admin');
    assert.equal(dutyOf({ role: 'teacher', duty: 'registrar' }), 'teacher');
  });
});

describe('the dashboards', () => {
  const outcomeOf = (event: string, more = {}): unknown => {
    const usage = usageOf({ event, ...more });
    return usage?.kind === 'sign_in' ? [usage.outcome, usage.count] : usage;
  };

  it('count sign-ins by outcome, and a summary as all its attempts', () => {
    assert.deepEqual(outcomeOf('sign_in.succeeded'), ['succeeded', 1]);
    assert.deepEqual(outcomeOf('sign_in.password_change_required'), ['succeeded', 1]);
    assert.deepEqual(outcomeOf('sign_in.failed'), ['unknown_account', 1]);
    assert.deepEqual(outcomeOf('sign_in.failed', { subjectId: 'G1' }), ['wrong_password', 1]);
    assert.deepEqual(outcomeOf('sign_in.throttled', { detail: { attempts: 7 } }), ['throttled', 7]);
    assert.deepEqual(outcomeOf('second_factor.failed'), ['second_factor', 1]);
    assert.deepEqual(outcomeOf('second_factor.throttled', { detail: { attempts: 'x' } }), ['second_factor', 1]);
  });

  it('count grants of a client, and no other event', () => {
    const granted = usageOf({ event: 'authorization.granted', clientId: 'portfolio' });
    assert.deepEqual(granted, { kind: 'client', clientId: 'portfolio', count: 1 });
    assert.equal(usageOf({ event: 'authorization.granted' }), undefined);
    assert.equal(usageOf({ event: 'person.viewed', clientId: 'portfolio' }), undefined);
  });

  it('count by the hour that an instant is in', () => {
    assert.equal(hourOf(Date.UTC(2026, 10, 23, 8, 59, 59, 999)), Date.UTC(2026, 10, 23, 8));
    assert.equal(hourOf(Date.UTC(2026, 10, 23, 9)), Date.UTC(2026, 10, 23, 9));
  });
});

describe('the date and time of the city', () => {
  it('are eight hours ahead of UTC', () => {
    const late = Date.UTC(2026, 10, 23, 16, 30);
    assert.deepEqual([localDate(late), localDateTime(late)], ['2026-11-24', '2026-11-24T00:30']);
    assert.equal(parseLocalDateTime('2026-11-24T00:30'), late);
  });

  it('reject text that is no date of the calendar', () => {
    for (const text of ['2026-02-30T00:00', '2026-11-24 00:30', ' 2026-11-24T00:30', '2026-11-24T00:30Z', '']) {
      assert.equal(parseLocalDateTime(text), undefined, text);
    }
    assert.deepEqual([isDate('2026-02-28'), isDate('2026-02-29'), isDate('2026-2-28')], [true, false, false]);
  });
});
