import type { Clock } from '../../domain/clock.ts';
import { MINUTE_MS } from '../../domain/duration.ts';
import { FIRST_PASSWORD_LENGTH, normalizeNationalId } from '../../domain/credentials/national-id.ts';
import { findUsedName } from '../../domain/credentials/password-context.ts';
import {
  checkedProblems,
  checkNewPassword,
  MAX_PASSWORD_LENGTH,
  normalizePassword,
  type PasswordProblem,
} from '../../domain/credentials/password-policy.ts';
import type { AttemptWarning } from '../../domain/throttling/throttle.ts';
import { isEqualConstantTime } from '../../platform/crypto/constant-time.ts';
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
import { mailVerifiedAddresses, type MailOrigin } from '../notifications/verified-addresses.ts';
import type { Settings } from '../settings/settings.ts';
import { countCredentialChange } from './credential-change-limit.ts';
import { firstPasswordMac, type PasswordVerifier } from './password-verification.ts';

/** Time in which a verified first password can be changed without a second entry. */
const VERIFIED_FIRST_PASSWORD_MS = 15 * MINUTE_MS;

/** The proof that a browser has entered the first password, out of its stored interaction. */
export interface VerifiedFirstPassword {
  /** The version of the credential that the first password was verified against. */
  credentialVersion: number;
  /** In ms since 1970. */
  verifiedAt: number;
}

interface PasswordChange extends MailOrigin {
  personId: string;
  /** As typed, or the proof of a first password. */
  current: string | VerifiedFirstPassword;
  next: string;
  /** The session of the request; all others are revoked. `undefined` before a first sign-in. */
  keepSessionHash: string | undefined;
  /** Unique id of the session or interaction of the form, which limits the refused new passwords. */
  formId: string;
  address: string;
  /** The token of the device (known-devices.ts). */
  device?: string | undefined;
  /** The client of a change through the directory, which accepts no first password. */
  directoryClientId?: string | undefined;
}

export type PasswordChangeRefusal =
  | { kind: 'wrong_current'; warning?: AttemptWarning | undefined }
  /** The verified first password was replaced, closed or has expired since. */
  | { kind: 'expired' }
  | { kind: 'throttled'; until: number | undefined }
  | { kind: 'invalid'; problems: readonly PasswordProblem[] };

export type PasswordChangeResult =
  /** `kept`: the kept session under its new id, if any. */
  | { kind: 'changed'; credentialVersion: number; hasSecondFactor: boolean; kept: RotatedSession | undefined }
  | PasswordChangeRefusal;

export interface Passwords {
  /**
   * Verifies the current password, validates and stores the new one, revokes other access and mails a notice.
   *
   * @throws {HashQueueFullError} if too many hashes are queued
   * @throws {RateLimitedError} if the person has changed the password too often
   */
  change(change: PasswordChange): Promise<PasswordChangeResult>;
  /**
   * Verifies the current password and validates the new one as `change` does, and sets nothing. The attempt counts, also if the new password
   * is acceptable: its answer reveals what the new password does not contain.
   *
   * @throws {HashQueueFullError} if too many hashes are queued
   */
  check(change: PasswordChange): Promise<PasswordChangeRefusal | { kind: 'acceptable' }>;
  /** Returns true if the first password was verified a short time ago, so that the change needs no second entry. */
  isRecent(verified: Pick<VerifiedFirstPassword, 'verifiedAt'>): boolean;
  /** Returns true if the person has set a password, which makes the first password invalid. */
  hasOwnPassword(personId: string): Promise<boolean>;
  /**
   * Lists the problems of a new password; empty if it is valid.
   *
   * @throws {HashQueueFullError} if too many hashes are queued
   */
  validate(personId: string, next: string, current: string | undefined): Promise<readonly PasswordProblem[]>;
  /** Finds the part of the name of the person or of a child that a new password contains. */
  findUsedName(personId: string, next: string): Promise<string | undefined>;
  /**
   * Revokes all other sessions and all refresh tokens, and mails a notice. Call it in the transaction that sets the password.
   *
   * @returns the kept session under its new id; undefined if it has ended
   */
  onPasswordSet(
    tx: Transaction,
    personId: string,
    keepSessionHash: string | undefined,
    origin?: MailOrigin,
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
  const { store, hasher, audit, clock, rateLimiter } = deps;
  const validate = createPasswordValidation(deps);
  const onPasswordSet = createOnPasswordSet(deps);
  const examine = createExamination(deps, validate);
  return {
    validate,
    onPasswordSet,
    hasOwnPassword: async (personId) => {
      const { first, hash } = await store.read((tx) => credentials.getCredential(tx, personId));
      return first === undefined && hash !== undefined;
    },
    findUsedName: async (personId, next) =>
      findUsedName(next, (await store.read((tx) => people.loadPasswordContext(tx, personId))).names),
    isRecent: (verified) => isRecent(verified, clock.now()),
    check: async (change) => {
      const examined = await examine(change);
      if ('credentialVersion' in examined) return { kind: 'acceptable' };
      if (examined.kind !== 'invalid') return examined;
      const problems = checkedProblems(change.next, examined.problems);
      return problems.length > 0 ? { kind: 'invalid', problems } : { kind: 'acceptable' };
    },
    change: async (change) => {
      const { personId, current, next, keepSessionHash, formId, address, deviceName, lang, directoryClientId } = change;
      const verified = await examine(change);
      if (!('credentialVersion' in verified)) return verified;
      const hash = await hasher.hash(normalizePassword(next));
      const isProof = typeof current !== 'string';
      const changed = await store.write(async (tx) => {
        if (isProof && !(await isFirstPasswordOpen(tx, personId, clock.now()))) return undefined;
        const version = await credentials.replacePasswordIfUnchanged(tx, personId, verified, hash, clock.now());
        if (version === undefined) return undefined;
        const kept = await onPasswordSet(tx, personId, keepSessionHash, { deviceName, lang });
        await countCredentialChange(tx, 'password', personId, clock.now());
        await audit.append(tx, {
          event: verified.kind === 'first_password' ? 'password.set' : 'password.changed',
          outcome: 'ok',
          actorId: personId,
          subjectId: personId,
          address,
          ...(directoryClientId !== undefined && { clientId: directoryClientId, detail: { protocol: 'ldap' } }),
        });
        return { credentialVersion: version, hasSecondFactor: verified.hasSecondFactor, kept };
      });
      if (changed === undefined) return { kind: isProof ? 'expired' : 'wrong_current' };
      rateLimiter.releaseNewPassword({ formId, personId });
      return { kind: 'changed', ...changed };
    },
  };
}

function isRecent({ verifiedAt }: Pick<VerifiedFirstPassword, 'verifiedAt'>, now: number): boolean {
  return now - verifiedAt < VERIFIED_FIRST_PASSWORD_MS;
}

/** Locks the person and returns true if a first password is open. Every replacement of a first password locks the person. */
async function isFirstPasswordOpen(tx: Transaction, personId: string, now: number): Promise<boolean> {
  await people.lockPerson(tx, personId);
  const { first } = await credentials.getCredential(tx, personId);
  return first?.closedAt === null && first.expiresAt > now;
}

type VerifiedCurrent = {
  kind: 'password' | 'first_password';
  hasSecondFactor: boolean;
} & credentials.VerifiedCredential;

/** Verifies the current password, counts the new one and validates it. */
function createExamination(
  deps: Deps,
  validate: Passwords['validate'],
): (change: PasswordChange) => Promise<VerifiedCurrent | PasswordChangeRefusal> {
  const verifyCurrent = createCurrentVerification(deps);
  return async (change) => {
    const verified = await verifyCurrent(change);
    if (!('credentialVersion' in verified)) return verified;
    const { personId, current, next, formId } = change;
    const until = deps.rateLimiter.admitNewPassword({ formId, personId });
    if (until !== undefined) return { kind: 'throttled', until };
    const problems = await validate(personId, next, typeof current === 'string' ? current : undefined);
    return problems.length > 0 ? { kind: 'invalid', problems } : verified;
  };
}

type CurrentVerification = (
  change: Pick<PasswordChange, 'personId' | 'current' | 'address' | 'device' | 'directoryClientId'>,
) => Promise<VerifiedCurrent | Extract<PasswordChangeRefusal, { kind: 'wrong_current' | 'expired' | 'throttled' }>>;

/** Verifies what was typed, which counts as an attempt, or the age of the proof. The transaction of the change compares its version. */
function createCurrentVerification({ store, clock, passwordVerifier }: Deps): CurrentVerification {
  return async ({ personId, current, address, device, directoryClientId }) => {
    if (typeof current !== 'string') {
      if (!isRecent(current, clock.now())) return { kind: 'expired' };
      const { hasSecondFactor = false } = await store.read((tx) => credentials.getCredential(tx, personId));
      return { kind: 'first_password', hasSecondFactor, credentialVersion: current.credentialVersion };
    }
    const verified = await passwordVerifier.verify({ personId, login: undefined, password: current, address, device });
    if (verified.kind === 'first_password' && directoryClientId !== undefined) return { kind: 'wrong_current' };
    return verified.kind === 'wrong' ? { ...verified, kind: 'wrong_current' } : verified;
  };
}

function createPasswordValidation({ store, secrets, hasher, settings }: Deps): Passwords['validate'] {
  return async (personId, next, current) => {
    const { context, policy, first } = await store.read(async (tx) => ({
      context: await people.loadPasswordContext(tx, personId),
      policy: (await settings.readPolicy(tx)).value,
      first: (await credentials.getCredential(tx, personId)).first,
    }));
    const { nationalIdSealed, ...words } = context;
    // The typed first password is not known after its verification; the stored MAC finds it in the new password.
    const known = current ?? (first && findFirstPassword(secrets, personId, first.mac, next));
    const problems = checkNewPassword({
      password: next,
      minLength: policy.passwordMinLength,
      context: {
        ...words,
        ...(nationalIdSealed === null ? {} : { nationalId: secrets.open('national-id', personId, nationalIdSealed) }),
        ...(known === undefined ? {} : { currentPassword: known }),
      },
    });
    if (problems.length > 0) return problems;
    // Last, because the estimate costs as much as a hash.
    return (await hasher.isEasilyGuessed(normalizePassword(next).toLowerCase())) ? ['common'] : [];
  };
}

/** Returns the part of a new password that is the first password (the last six characters of an ID), or equals it. */
function findFirstPassword(secrets: Secrets, personId: string, mac: string, next: string): string | undefined {
  const compact = normalizeNationalId(next.slice(0, MAX_PASSWORD_LENGTH));
  const parts = Array.from(compact, (_, at) => compact.slice(at, at + FIRST_PASSWORD_LENGTH));
  return [compact, ...parts].find((part) => isEqualConstantTime(mac, firstPasswordMac(secrets, personId, part)));
}

function createOnPasswordSet(deps: Deps): Passwords['onPasswordSet'] {
  const { passwordVerifier, revocation } = deps;
  return async (tx, personId, keepSessionHash, origin) => {
    const kept = await revocation.revokeAllOf(tx, personId, keepSessionHash);
    await notifyPasswordChanged(tx, deps, personId, origin);
    await passwordVerifier.resetFailures(tx, personId);
    return kept;
  };
}

/** Mails every verified address, so that the person notices a change by an attacker. */
async function notifyPasswordChanged(
  tx: Transaction,
  { outbox, clock, issuer }: Deps,
  personId: string,
  { deviceName: device = '', lang }: MailOrigin = {},
): Promise<void> {
  const at = clock.now();
  await mailVerifiedAddresses(tx, outbox, personId, (name) => ({
    template: 'password-changed',
    locals: { name, changedAt: at, link: `${issuer}/forgot-password` },
    request: { at, device },
    lang,
  }));
}
