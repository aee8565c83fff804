import type { Clock } from '../../domain/clock.ts';
import { checkNewPassword, normalizePassword, type PasswordProblem } from '../../domain/credentials/password-policy.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { PasswordHasher } from '../../platform/hashing/password-hasher.ts';
import * as credentials from '../../store/auth/credentials.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { RequestRateLimiter } from '../access/request-rate-limiter.ts';
import type { Revocation } from '../access/revocation.ts';
import type { RotatedSession } from '../access/session-rotation.ts';
import type { Audit } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailVerifiedAddresses } from '../notifications/verified-addresses.ts';
import type { Settings } from '../settings/settings.ts';
import { countCredentialChange } from './credential-change-limit.ts';
import type { PasswordVerifier } from './password-verification.ts';

interface PasswordChange {
  personId: string;
  current: string;
  next: string;
  /** The session of the request; all others are revoked. `undefined` before a first sign-in. */
  keepSessionHash: string | undefined;
  /** Unique id of the session or interaction of the form, which limits the refused new passwords. */
  formId: string;
  address: string;
  /** The token of the device (known-devices.ts). */
  device?: string | undefined;
}

export type PasswordChangeResult =
  /** `kept`: the kept session under its new id, if any. */
  | { kind: 'changed'; credentialVersion: number; hasSecondFactor: boolean; kept: RotatedSession | undefined }
  | { kind: 'wrong_current' }
  | { kind: 'throttled'; until: number | undefined }
  | { kind: 'invalid'; problems: readonly PasswordProblem[] };

export interface Passwords {
  /**
   * Verifies the current password, validates and stores the new one, revokes other access and mails a notice.
   *
   * @throws {HashQueueFullError} if too many hashes are queued
   * @throws {RateLimitedError} if the person has changed the password too often
   */
  change(change: PasswordChange): Promise<PasswordChangeResult>;
  /** Returns true if the person has set a password, which makes the first password invalid. */
  hasOwnPassword(personId: string): Promise<boolean>;
  /**
   * Lists the problems of a new password; empty if it is valid.
   *
   * @throws {HashQueueFullError} if too many hashes are queued
   */
  validate(personId: string, next: string, current: string | undefined): Promise<readonly PasswordProblem[]>;
  /**
   * Revokes all other sessions and all refresh tokens, and mails a notice. Call it in the transaction that sets the password.
   *
   * @returns the kept session under its new id; undefined if it has ended
   */
  onPasswordSet(
    tx: Transaction,
    personId: string,
    keepSessionHash: string | undefined,
  ): Promise<RotatedSession | undefined>;
}

interface Deps {
  store: Store;
  passwordVerifier: PasswordVerifier;
  hasher: PasswordHasher;
  rateLimiter: Pick<RequestRateLimiter, 'admitNewPassword' | 'releaseNewPassword'>;
  secrets: Secrets;
  clock: Clock;
  audit: Audit;
  outbox: Outbox;
  revocation: Revocation;
  settings: Pick<Settings, 'readPolicy'>;
  issuer: string;
}

export function createPasswords(deps: Deps): Passwords {
  const { store, passwordVerifier, hasher, audit, clock, rateLimiter } = deps;
  const validate = createPasswordValidation(deps);
  const onPasswordSet = createOnPasswordSet(deps);
  return {
    validate,
    onPasswordSet,
    hasOwnPassword: async (personId) => {
      const { first, hash } = await store.read((tx) => credentials.getCredential(tx, personId));
      return first === undefined && hash !== undefined;
    },
    change: async ({ personId, current, next, keepSessionHash, formId, address, device }) => {
      const verified = await passwordVerifier.verify({
        personId,
        login: undefined,
        password: current,
        address,
        device,
      });
      if (verified.kind === 'throttled') return verified;
      if (verified.kind === 'wrong') return { kind: 'wrong_current' };
      const until = rateLimiter.admitNewPassword({ formId, personId });
      if (until !== undefined) return { kind: 'throttled', until };
      const problems = await validate(personId, next, current);
      if (problems.length > 0) return { kind: 'invalid', problems };
      const hash = await hasher.hash(normalizePassword(next));
      const changed = await store.write(async (tx) => {
        const version = await credentials.replacePasswordIfUnchanged(tx, personId, verified, hash, clock.now());
        if (version === undefined) return undefined;
        const kept = await onPasswordSet(tx, personId, keepSessionHash);
        await countCredentialChange(tx, 'password', personId, clock.now());
        await audit.append(tx, {
          event: verified.kind === 'first_password' ? 'password.set' : 'password.changed',
          outcome: 'ok',
          actorId: personId,
          subjectId: personId,
          address,
        });
        return { credentialVersion: version, hasSecondFactor: verified.hasSecondFactor, kept };
      });
      if (changed === undefined) return { kind: 'wrong_current' };
      rateLimiter.releaseNewPassword({ formId, personId });
      return { kind: 'changed', ...changed };
    },
  };
}

function createPasswordValidation({ store, secrets, hasher, settings }: Deps): Passwords['validate'] {
  return async (personId, next, current) => {
    const { context, policy } = await store.read(async (tx) => ({
      context: await people.loadPasswordContext(tx, personId),
      policy: (await settings.readPolicy(tx)).value,
    }));
    const { nationalIdSealed, ...words } = context;
    const problems = checkNewPassword({
      password: next,
      minLength: policy.passwordMinLength,
      context: {
        ...words,
        ...(nationalIdSealed === null ? {} : { nationalId: secrets.open('national-id', personId, nationalIdSealed) }),
        ...(current === undefined ? {} : { currentPassword: current }),
      },
    });
    if (problems.length > 0) return problems;
    // Last, because the estimate costs as much as a hash.
    return (await hasher.isEasilyGuessed(normalizePassword(next).toLowerCase())) ? ['common'] : [];
  };
}

function createOnPasswordSet(deps: Deps): Passwords['onPasswordSet'] {
  const { passwordVerifier, revocation } = deps;
  return async (tx, personId, keepSessionHash) => {
    const kept = await revocation.revokeAllOf(tx, personId, keepSessionHash);
    await notifyPasswordChanged(tx, deps, personId);
    await passwordVerifier.resetFailures(tx, personId);
    return kept;
  };
}

/** Mails every verified address, so that the person notices a change by an attacker. */
async function notifyPasswordChanged(
  tx: Transaction,
  { outbox, clock, issuer }: Deps,
  personId: string,
): Promise<void> {
  await mailVerifiedAddresses(tx, outbox, personId, (name) => ({
    template: 'password-changed',
    locals: { name, changedAt: clock.now(), link: `${issuer}/forgot-password` },
  }));
}
