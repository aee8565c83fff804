import type { Clock } from '../../domain/clock.ts';
import { createRecoveryCodes, normalizeRecoveryCode } from '../../domain/credentials/recovery-codes.ts';
import type { SecondFactorChange } from '../../domain/credentials/second-factors.ts';
import type { Random } from '../../domain/random.ts';
import { hashId, type Secrets } from '../../platform/crypto/secrets.ts';
import * as factors from '../../store/auth/second-factors.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import { hasActiveSession } from '../access/active-session.ts';
import type { Audit } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import type { MailOrigin } from '../notifications/verified-addresses.ts';
import { mailSecondFactorChange } from './second-factor-notices.ts';
import { createPasskeyVerifier, type PasskeyVerifier } from './passkey-verification.ts';
import { createSecondFactorSetup, openSetup, type SecondFactorSetup } from './second-factor-setup.ts';
import { createVerifyCode, type VerifyCode } from './second-factor-verification.ts';
import { countCredentialChange } from './credential-change-limit.ts';

/** More than the devices of one person. */
const MAX_SECOND_FACTORS = 10;
export const MAX_FACTOR_NAME_LENGTH = 40;

/** A second factor as pages show it. */
export type SecondFactor = Pick<factors.SecondFactorRow, 'id' | 'kind' | 'name' | 'createdAt' | 'lastUsedAt'>;

/** A person who changes their own second factors. */
interface OwnChange extends Pick<MailOrigin, 'lang'> {
  personId: string;
  address: string;
  /** Browser and system, for the list of changes. */
  device?: string | undefined;
}

/** A change on the account pages. The session must be active. */
interface SessionChange extends OwnChange {
  sessionHash: string;
}

interface Addition extends OwnChange {
  /** Of a correct check. */
  setup: string;
  name: string;
  /** The version that the password was verified against; undefined in a session. */
  credentialVersion?: number | undefined;
  /** The session that must be active; undefined if the password was verified. */
  sessionHash?: string | undefined;
  /** The person proved no other factor, so there must be none. */
  isFirst: boolean;
}

type AdditionResult =
  | { kind: 'added'; credentialVersion: number; amr: readonly string[] }
  | { kind: 'already_added' }
  | { kind: 'expired' }
  | { kind: 'too_many' };

export interface SecondFactors extends SecondFactorSetup {
  list(personId: string): Promise<{ factors: SecondFactor[]; recoveryCodes: number }>;
  /** Returns true if the person has a second factor, which every sign-in then asks for. */
  has(personId: string): Promise<boolean>;
  /** Stores the factor and its recovery codes, mails a notice, and revokes nothing. A repeated call changes nothing. */
  add(addition: Addition): Promise<AdditionResult>;
  /** Returns true if `add` has stored the factor of this setup. */
  isAdded(personId: string, setup: string): Promise<boolean>;
  /** Removes one factor. The recovery codes end with the last one. @returns false if the person has no such factor, or the session has ended */
  remove(change: SessionChange & { id: string }): Promise<boolean>;
  /** Replaces the recovery codes. @returns the new ones; undefined if the person has no second factor, or the session has ended */
  replaceRecoveryCodes(change: SessionChange): Promise<readonly string[] | undefined>;
  verifyCode: VerifyCode;
  passkeys: PasskeyVerifier;
}

interface Deps {
  store: Store;
  secrets: Secrets;
  clock: Clock;
  random: Random;
  audit: Audit;
  outbox: Outbox;
  issuer: string;
}

export function createSecondFactors(deps: Deps): SecondFactors {
  const { store } = deps;
  return {
    list: (personId) =>
      store.read(async (tx) => ({
        factors: (await factors.listSecondFactors(tx, personId)).map(toSecondFactor),
        recoveryCodes: await factors.countRecoveryCodes(tx, personId),
      })),
    has: async (personId) => (await store.read((tx) => factors.listSecondFactors(tx, personId))).length > 0,
    ...createSecondFactorSetup(deps),
    ...createAddition(deps),
    remove: async ({ id, ...own }) =>
      store.write(async (tx) => {
        const { personId } = own;
        await people.lockPerson(tx, personId);
        if (!(await hasActiveSession(tx, own, deps.clock.now()))) return false;
        const removed = await factors.deleteSecondFactor(tx, personId, id);
        if (removed === undefined) return false;
        const remaining = await factors.listSecondFactors(tx, personId);
        if (remaining.length === 0) await factors.deleteRecoveryCodes(tx, personId);
        await recordChange(tx, deps, own, 'removed', removed.kind);
        return true;
      }),
    replaceRecoveryCodes: async (own) =>
      store.write(async (tx) => {
        const { personId } = own;
        await people.lockPerson(tx, personId);
        if (!(await hasActiveSession(tx, own, deps.clock.now()))) return undefined;
        if ((await factors.listSecondFactors(tx, personId)).length === 0) return undefined;
        const codes = createRecoveryCodes(deps.random);
        await factors.replaceRecoveryCodes(tx, personId, codes.map(recoveryCodeHash), deps.clock.now());
        await recordChange(tx, deps, own, 'recoveryCodesReplaced');
        return codes;
      }),
    verifyCode: createVerifyCode(deps),
    passkeys: createPasskeyVerifier(deps),
  };
}

function toSecondFactor({ id, kind, name, createdAt, lastUsedAt }: factors.SecondFactorRow): SecondFactor {
  return { id, kind, name, createdAt, lastUsedAt };
}

function recoveryCodeHash(code: string): string {
  return hashId(normalizeRecoveryCode(code));
}

function createAddition(deps: Deps): Pick<SecondFactors, 'add' | 'isAdded'> {
  const { store } = deps;
  return {
    isAdded: async (personId, setup) => {
      const added = openSetup(deps, personId, setup)?.id;
      return (await store.read((tx) => factors.listSecondFactors(tx, personId))).some(({ id }) => id === added);
    },
    add: async (addition) => {
      const { personId, setup, name } = addition;
      const state = openSetup(deps, personId, setup);
      if (state?.confirmed === undefined) return { kind: 'expired' };
      const { amr, ...confirmed } = state.confirmed;
      const result = await addFactor(
        deps,
        addition,
        { ...confirmed, id: state.id, personId, name },
        state.recoveryCodes,
      );
      return result.kind === 'added' ? { ...result, amr } : result;
    },
  };
}

type NewFactor = Pick<
  factors.SecondFactorRow,
  'id' | 'personId' | 'kind' | 'name' | 'key' | 'counter' | 'credentialId'
>;

/** Stores a factor, unless the account was disabled, its credential changed after the password was verified, or the session ended. */
async function addFactor(
  deps: Deps,
  addition: Omit<Addition, 'setup' | 'name'>,
  factor: NewFactor,
  recoveryCodes: readonly string[],
): Promise<Exclude<AdditionResult, { kind: 'added' }> | { kind: 'added'; credentialVersion: number }> {
  const { store, clock } = deps;
  const { personId, address, device, lang, isFirst } = addition;
  return store.write(async (tx) => {
    const person = await people.lockPerson(tx, personId);
    if (person?.status !== 'active' || !(await isProofCurrent(tx, clock, addition, person))) return { kind: 'expired' };
    const { credentialVersion } = person;
    const known = await factors.listSecondFactors(tx, personId);
    if (known.some(({ id }) => id === factor.id)) return { kind: 'already_added' };
    if (isFirst && known.length > 0) return { kind: 'expired' };
    if (known.length >= MAX_SECOND_FACTORS) return { kind: 'too_many' };
    const now = clock.now();
    if (!(await factors.insertSecondFactor(tx, { ...factor, createdAt: now }))) return { kind: 'expired' };
    if (recoveryCodes.length > 0) {
      await factors.replaceRecoveryCodes(tx, personId, recoveryCodes.map(recoveryCodeHash), now);
    }
    await recordChange(tx, deps, { personId, address, device, lang }, 'added', factor.kind);
    return { kind: 'added', credentialVersion };
  });
}

/** Returns true if the password or the session that permits an addition is still valid. Call it after `lockPerson`. */
async function isProofCurrent(
  tx: Transaction,
  clock: Clock,
  { personId, credentialVersion, sessionHash }: Omit<Addition, 'setup' | 'name'>,
  person: { credentialVersion: number },
): Promise<boolean> {
  if (credentialVersion !== undefined && credentialVersion !== person.credentialVersion) return false;
  return sessionHash === undefined || hasActiveSession(tx, { personId, sessionHash }, clock.now());
}

const EVENTS = {
  added: 'second_factor.added',
  removed: 'second_factor.removed',
  recoveryCodesReplaced: 'recovery_codes.replaced',
} as const satisfies Partial<Record<SecondFactorChange, string>>;

/** @throws {RateLimitedError} if the person has changed second factors too often */
async function recordChange(
  tx: Transaction,
  deps: Deps,
  { personId, address, device, lang }: OwnChange,
  change: keyof typeof EVENTS,
  kind?: factors.SecondFactorKind,
): Promise<void> {
  await countCredentialChange(tx, 'second-factor', personId, deps.clock.now());
  await mailSecondFactorChange(tx, deps, personId, change, { deviceName: device, lang });
  await deps.audit.append(tx, {
    event: EVENTS[change],
    outcome: 'ok',
    actorId: personId,
    subjectId: personId,
    address,
    detail: {
      ...(kind === undefined ? {} : { second_factor: kind }),
      ...(device === undefined ? {} : { device }),
    },
  });
}
