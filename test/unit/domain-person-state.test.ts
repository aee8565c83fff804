import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { personStateOf } from '../../src/domain/access/person-state.ts';

const NOW = 1_000;
type Facts = Parameters<typeof personStateOf>[0];
const account = (more: Partial<Facts>): Facts => ({
  isActive: true,
  hasPassword: true,
  first: undefined,
  throttle: undefined,
  wrongCodes: 0,
  ...more,
});
const code = (more: Partial<NonNullable<Facts['first']>> = {}): Partial<Facts> => ({
  hasPassword: false,
  first: { kind: 'one_time_code', expiresAt: NOW + 1, closedAt: null, ...more },
});
const delayed = { failures: 6, blockedUntil: NOW + 1 };

describe('person state', () => {
  for (const [title, facts, expected] of [
    ['is active with a password', {}, { kind: 'active' }],
    ['is no_password without any credential', { hasPassword: false }, { kind: 'no_password' }],
    ['is disabled before anything else', { isActive: false, throttle: delayed }, { kind: 'disabled' }],
    ['is locked after 50 failures', { throttle: { failures: 50, blockedUntil: 0 } }, { kind: 'locked', failures: 50 }],
    ['is active after 49 failures', { throttle: { failures: 49, blockedUntil: NOW } }, { kind: 'active' }],
    ['is delayed until the end of the delay', { throttle: delayed }, { kind: 'delayed', failures: 6, until: NOW + 1 }],
    ['is active after 49 wrong codes', { wrongCodes: 49 }, { kind: 'active' }],
    ['is locked at the second factor after 50 codes', { wrongCodes: 50 }, { kind: 'second_factor_locked' }],
    ['is an open code', code(), { kind: 'one_time_code', validity: 'open', expiresAt: NOW + 1 }],
    [
      'is an expired code at its expiry',
      code({ expiresAt: NOW }),
      { kind: 'one_time_code', validity: 'expired', expiresAt: NOW },
    ],
    [
      'is a closed code before a delay',
      { ...code({ closedAt: 1 }), throttle: delayed },
      { kind: 'one_time_code', validity: 'closed', expiresAt: NOW + 1 },
    ],
    [
      'is a delay before an open first password',
      { ...code({ kind: 'first' }), throttle: delayed },
      { kind: 'delayed', failures: 6, until: NOW + 1 },
    ],
    [
      'is an open first password',
      code({ kind: 'first' }),
      { kind: 'first_password', validity: 'open', expiresAt: NOW + 1 },
    ],
  ] as const) {
    it(title, () => {
      assert.deepEqual(personStateOf(account(facts), NOW), expected);
    });
  }
});
