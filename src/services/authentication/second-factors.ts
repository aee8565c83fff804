import { z } from 'zod';
import type { Clock } from '../../domain/clock.ts';
import { createRecoveryCodes, normalizeRecoveryCode } from '../../domain/credentials/recovery-codes.ts';
import type { SecondFactorChange } from '../../domain/credentials/second-factors.ts';
import { encodeTotpSecret, findTotpStep, TOTP_SECRET_BYTES } from '../../domain/credentials/totp.ts';
import { HOUR_MS } from '../../domain/duration.ts';
import type { Random } from '../../domain/random.ts';
import { hashId, type Secrets } from '../../platform/crypto/secrets.ts';
import * as factors from '../../store/auth/second-factors.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { Audit } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailSecondFactorChange } from './second-factor-notices.ts';
import { createVerifyCode, type VerifyCode } from './second-factor-verification.ts';

/** More than the devices of one person. */
export const MAX_SECOND_FACTORS = 10;
export const MAX_FACTOR_NAME_LENGTH = 40;

/** Lifetime of a setup form, in ms: that of an interaction. */
const SETUP_MAX_AGE_MS = HOUR_MS;

/** A second factor as pages show it. */
export type SecondFactor = Pick<factors.SecondFactorRow, 'id' | 'kind' | 'name' | 'createdAt' | 'lastUsedAt'>;

/** A TOTP secret that the person has not confirmed yet. Nothing is stored. */
export interface TotpSetup {
  /** Base32, for the authenticator app. */
  secret: string;
  /** The sealed state of the setup; the form sends it back. */
  setup: string;
}

export type TotpCheck =
  /** `recoveryCodes` are empty if the person has some already. */
  | { kind: 'correct'; setup: string; recoveryCodes: readonly string[] }
  | ({ kind: 'wrong' } & TotpSetup)
  | { kind: 'expired' };

/** A person who changes their own second factors. */
interface OwnChange {
  personId: string;
  address: string;
}

interface TotpAddition extends OwnChange {
  /** Of a correct check. */
  setup: string;
  name: string;
  /** The version that the password was verified against; undefined on the account pages. */
  credentialVersion?: number | undefined;
  /** The person proved no other factor, so there must be none. */
  isFirst: boolean;
}

export type AdditionResult =
  { kind: 'added' | 'already_added'; credentialVersion: number } | { kind: 'expired' } | { kind: 'too_many' };

export interface SecondFactors {
  list(personId: string): Promise<{ factors: SecondFactor[]; recoveryCodes: number }>;
  /** Returns true if the person has a second factor, which every sign-in then asks for. */
  has(personId: string): Promise<boolean>;
  startTotp(personId: string): TotpSetup;
  /** Checks the first code of a setup. Stores nothing: the person confirms the recovery codes first. */
  checkTotp(check: { personId: string; setup: string; code: string }): Promise<TotpCheck>;
  /** Stores the factor and its recovery codes, mails a notice, and revokes nothing. A repeated call changes nothing. */
  addTotp(addition: TotpAddition): Promise<AdditionResult>;
  /** Returns true if `addTotp` has stored the factor of this setup. */
  isAdded(personId: string, setup: string): Promise<boolean>;
  /** Removes one factor. The recovery codes end with the last one. @returns false if the person has no such factor */
  remove(change: OwnChange & { id: string }): Promise<boolean>;
  /** Replaces the recovery codes. @returns the new ones; undefined if the person has no second factor */
  replaceRecoveryCodes(change: OwnChange): Promise<readonly string[] | undefined>;
  verifyCode: VerifyCode;
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

const setupState = z.object({
  id: z.string(),
  secret: z.string(),
  expiresAt: z.number(),
  /** The step of the first code, once it was checked. */
  step: z.number().optional(),
  recoveryCodes: z.array(z.string()).default([]),
});
type SetupState = z.infer<typeof setupState>;

export function createSecondFactors(deps: Deps): SecondFactors {
  const { store } = deps;
  return {
    list: (personId) =>
      store.read(async (tx) => ({
        factors: (await factors.listSecondFactors(tx, personId)).map(toSecondFactor),
        recoveryCodes: await factors.countRecoveryCodes(tx, personId),
      })),
    has: async (personId) => (await store.read((tx) => factors.listSecondFactors(tx, personId))).length > 0,
    ...createTotpSetup(deps),
    remove: async ({ personId, address, id }) =>
      store.write(async (tx) => {
        await people.lockPerson(tx, personId);
        const removed = await factors.deleteSecondFactor(tx, personId, id);
        if (removed === undefined) return false;
        const remaining = await factors.listSecondFactors(tx, personId);
        if (remaining.length === 0) await factors.deleteRecoveryCodes(tx, personId);
        await recordChange(tx, deps, { personId, address }, 'removed', removed.kind);
        return true;
      }),
    replaceRecoveryCodes: async ({ personId, address }) =>
      store.write(async (tx) => {
        await people.lockPerson(tx, personId);
        if ((await factors.listSecondFactors(tx, personId)).length === 0) return undefined;
        const codes = createRecoveryCodes(deps.random);
        await factors.replaceRecoveryCodes(tx, personId, codes.map(recoveryCodeHash), deps.clock.now());
        await recordChange(tx, deps, { personId, address }, 'recoveryCodesReplaced');
        return codes;
      }),
    verifyCode: createVerifyCode(deps),
  };
}

function toSecondFactor({ id, kind, name, createdAt, lastUsedAt }: factors.SecondFactorRow): SecondFactor {
  return { id, kind, name, createdAt, lastUsedAt };
}

function recoveryCodeHash(code: string): string {
  return hashId(normalizeRecoveryCode(code));
}

function createTotpSetup(deps: Deps): Pick<SecondFactors, 'startTotp' | 'checkTotp' | 'addTotp' | 'isAdded'> {
  const { store, secrets, clock, random } = deps;
  const seal = (personId: string, state: SetupState): string =>
    secrets.seal('second-factor-setup', personId, JSON.stringify(state));
  /** @returns undefined if the form was changed, belongs to another person or has expired */
  const open = (personId: string, sealed: string): SetupState | undefined => {
    try {
      const state = setupState.parse(JSON.parse(secrets.open('second-factor-setup', personId, sealed)));
      return state.expiresAt > clock.now() ? state : undefined;
    } catch {
      return undefined;
    }
  };
  return {
    startTotp: (personId) => {
      const secret = encodeTotpSecret(random.bytes(TOTP_SECRET_BYTES));
      const expiresAt = clock.now() + SETUP_MAX_AGE_MS;
      return { secret, setup: seal(personId, { id: random.uuid(), secret, expiresAt, recoveryCodes: [] }) };
    },
    checkTotp: async ({ personId, setup, code }) => {
      const state = open(personId, setup);
      if (state === undefined) return { kind: 'expired' };
      const step = findTotpStep(state.secret, code, clock.now());
      if (step === undefined) return { kind: 'wrong', setup, secret: state.secret };
      const hasCodes = (await store.read((tx) => factors.countRecoveryCodes(tx, personId))) > 0;
      const recoveryCodes = hasCodes ? [] : createRecoveryCodes(random);
      return { kind: 'correct', setup: seal(personId, { ...state, step, recoveryCodes }), recoveryCodes };
    },
    isAdded: async (personId, setup) => {
      const added = open(personId, setup)?.id;
      return (await store.read((tx) => factors.listSecondFactors(tx, personId))).some(({ id }) => id === added);
    },
    addTotp: async (addition) => {
      const { personId, setup, name } = addition;
      const state = open(personId, setup);
      if (state?.step === undefined) return { kind: 'expired' };
      const { id, secret, step, recoveryCodes } = state;
      const key = secrets.seal('totp', id, secret);
      const factor = { id, personId, kind: 'totp' as const, name, key, counter: step };
      return addFactor(deps, addition, factor, recoveryCodes);
    },
  };
}

type NewFactor = Pick<factors.SecondFactorRow, 'id' | 'personId' | 'kind' | 'name' | 'key' | 'counter'>;

/** Stores a factor, unless the account was disabled or its credential changed after the password was verified. */
async function addFactor(
  deps: Deps,
  { personId, address, credentialVersion: expected, isFirst }: Omit<TotpAddition, 'setup' | 'name'>,
  factor: NewFactor,
  recoveryCodes: readonly string[],
): Promise<AdditionResult> {
  const { store, clock } = deps;
  return store.write(async (tx) => {
    const person = await people.lockPerson(tx, personId);
    if (person?.status !== 'active' || (expected !== undefined && expected !== person.credentialVersion)) {
      return { kind: 'expired' };
    }
    const { credentialVersion } = person;
    const known = await factors.listSecondFactors(tx, personId);
    if (known.some(({ id }) => id === factor.id)) return { kind: 'already_added', credentialVersion };
    if (isFirst && known.length > 0) return { kind: 'expired' };
    if (known.length >= MAX_SECOND_FACTORS) return { kind: 'too_many' };
    const now = clock.now();
    if (!(await factors.insertSecondFactor(tx, { ...factor, createdAt: now }))) return { kind: 'expired' };
    if (recoveryCodes.length > 0) {
      await factors.replaceRecoveryCodes(tx, personId, recoveryCodes.map(recoveryCodeHash), now);
    }
    await recordChange(tx, deps, { personId, address }, 'added', factor.kind);
    return { kind: 'added', credentialVersion };
  });
}

const EVENTS = {
  added: 'second_factor.added',
  removed: 'second_factor.removed',
  recoveryCodesReplaced: 'recovery_codes.replaced',
} as const satisfies Partial<Record<SecondFactorChange, string>>;

async function recordChange(
  tx: Transaction,
  deps: Deps,
  { personId, address }: OwnChange,
  change: keyof typeof EVENTS,
  kind?: factors.SecondFactorKind,
): Promise<void> {
  await mailSecondFactorChange(tx, deps, personId, change);
  await deps.audit.append(tx, {
    event: EVENTS[change],
    outcome: 'ok',
    actorId: personId,
    subjectId: personId,
    address,
    ...(kind === undefined ? {} : { detail: { second_factor: kind } }),
  });
}
