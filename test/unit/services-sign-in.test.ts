/** Sign-in: the person of a login, the audit entries, and one result for all refusals. */
import assert from 'node:assert/strict';
import { before, beforeEach, it } from 'node:test';

import type { AuditEvent } from '../../src/services/audit/audit.ts';
import type {
  VerificationRequest,
  VerificationResult,
  PasswordVerifier,
} from '../../src/services/authentication/password-verification.ts';
import { createSignIn, type SignIn, type SignInAttempt } from '../../src/services/authentication/sign-in.ts';
import { withFamily } from '../contract/family.ts';
import { createTestServices, type TestServices } from '../helpers/services.ts';
import { eachStore } from '../helpers/store.ts';

const EMAIL = 'daming@parents.example';
const ATTEMPT: SignInAttempt = { login: EMAIL, password: 'secret', address: '203.0.113.7', clientId: 'app' };

eachStore('sign-in', (on) => {
  let services: TestServices;
  let signIn: SignIn;
  /** The result of the fake verifier, and the requests that it got. */
  let kind: VerificationResult['kind'];
  let received: VerificationRequest | undefined;
  let recorded: AuditEvent | undefined;

  withFamily(on);
  before(() => {
    services = createTestServices(on.store);
    const passwordVerifier: PasswordVerifier = {
      ...services.passwordVerifier,
      verify: (attempt, auditEventFor) => {
        received = attempt;
        const result = { kind, until: 5 } as VerificationResult;
        recorded = auditEventFor?.(result);
        return Promise.resolve(result);
      },
    };
    signIn = createSignIn({ ...services, passwordVerifier, log: services.capturedLog.log });
  });
  beforeEach(() => {
    [kind, received, recorded] = ['password', undefined, undefined];
  });

  it('finds the person of a login in any spelling', async () => {
    for (const [login, parsed] of [
      [` ${EMAIL.toUpperCase()} `, { kind: 'email', value: EMAIL }],
      ['0900-000-101', { kind: 'mobile', value: '+886900000101' }],
    ] as const) {
      assert.equal((await signIn.attempt({ ...ATTEMPT, login })).kind, 'succeeded');
      assert.deepEqual([received?.personId, received?.login], ['father', parsed]);
      assert.deepEqual([received?.password, received?.address], ['secret', '203.0.113.7']);
    }
  });

  it('verifies no person for an unknown login, and counts the typed text', async () => {
    await signIn.attempt({ ...ATTEMPT, login: 'unknown@parents.example' });
    assert.deepEqual(
      [received?.personId, received?.login],
      [undefined, { kind: 'email', value: 'unknown@parents.example' }],
    );
    await signIn.attempt({ ...ATTEMPT, login: '?'.repeat(300) });
    assert.deepEqual([received?.personId, received?.login], [undefined, { kind: 'other', value: '?'.repeat(254) }]);
  });

  it('verifies no person for the login of a disabled account', async () => {
    await services.people.setStatus('father', 'disabled', undefined);
    assert.equal((await signIn.attempt(ATTEMPT)).kind, 'failed');
    assert.equal(received?.personId, undefined);
    await services.people.setStatus('father', 'active', undefined);
  });

  it('returns the person and the kind of password', async () => {
    const answer = (): Promise<Record<string, unknown>> =>
      signIn
        .attempt(ATTEMPT)
        .then(({ ...result }) => ({ kind: result.kind, personId: 'personId' in result && result.personId }));
    assert.deepEqual(await answer(), { kind: 'succeeded', personId: 'father' });
    kind = 'first_password';
    assert.deepEqual(await answer(), { kind: 'password_change_required', personId: 'father' });
    kind = 'wrong';
    assert.deepEqual(await answer(), { kind: 'failed', personId: false });
    kind = 'throttled';
    assert.deepEqual(await signIn.attempt(ATTEMPT), { kind: 'throttled', until: 5 });
  });

  it('fails for the correct password of a person other than the expected one', async () => {
    assert.equal((await signIn.attempt({ ...ATTEMPT, expectedPersonId: 'teacher' })).kind, 'failed');
    assert.equal(received?.personId, undefined, 'nothing is compared');
    assert.equal((await signIn.attempt({ ...ATTEMPT, expectedPersonId: 'father' })).kind, 'succeeded');
  });

  it('records each outcome with the person, the app and the address', async () => {
    for (const [result, event, outcome] of [
      ['password', 'sign_in.succeeded', 'ok'],
      ['first_password', 'sign_in.password_change_required', 'ok'],
      ['wrong', 'sign_in.failed', 'refused'],
      ['throttled', 'sign_in.throttled', 'refused'],
    ] as const) {
      kind = result;
      await signIn.attempt(ATTEMPT);
      assert.deepEqual(recorded, { event, outcome, subjectId: 'father', clientId: 'app', address: '203.0.113.7' });
    }
    kind = 'password';
    await signIn.attempt({ ...ATTEMPT, login: 'unknown@parents.example' });
    assert.deepEqual([recorded?.event, recorded?.subjectId], ['sign_in.failed', undefined]);
  });

  it('counts each outcome', async () => {
    const count = async (): Promise<number> => {
      const { values } = await services.metrics.signIns.get();
      return values.find(({ labels }) => labels['outcome'] === 'failed')?.value ?? 0;
    };
    const before = await count();
    kind = 'wrong';
    await signIn.attempt(ATTEMPT);
    assert.equal(await count(), before + 1);
  });
});
