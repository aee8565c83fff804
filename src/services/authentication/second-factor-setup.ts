import { z } from 'zod';
import type { Clock } from '../../domain/clock.ts';
import { createRecoveryCodes } from '../../domain/credentials/recovery-codes.ts';
import { encodeTotpSecret, findTotpStep, TOTP_SECRET_BYTES } from '../../domain/credentials/totp.ts';
import { HOUR_MS } from '../../domain/duration.ts';
import type { Random } from '../../domain/random.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as factors from '../../store/auth/second-factors.ts';
import type { Store } from '../../store/database/index.ts';
import { amrOfPasskey, createChallenge, creationOptions, verifyRegistration, webAuthnPartyOf } from './passkeys.ts';
import { AMR_WITH_CODE } from './second-factor-verification.ts';

/*
 * The setup of a factor that is not stored yet. Its state is sealed for the person, and the forms send it back. The person first proves
 * that the factor works, then confirms the recovery codes.
 */

/** As long as an interaction. */
const SETUP_MAX_AGE_MS = HOUR_MS;

/** A TOTP secret that the person has not confirmed yet. */
export interface TotpSetup {
  /** Base32, for the authenticator app. */
  secret: string;
  /** The sealed state. */
  setup: string;
}

interface PasskeySetup {
  /** Options of `navigator.credentials.create`, as JSON. */
  options: string;
  setup: string;
}

/** `recoveryCodes` are empty if the person has some already. */
export interface ConfirmedSetup {
  kind: 'correct';
  setup: string;
  recoveryCodes: readonly string[];
}
type TotpCheck = ConfirmedSetup | ({ kind: 'wrong' } & TotpSetup) | { kind: 'expired' };

const confirmedFactor = z.object({
  kind: z.enum(['totp', 'passkey']),
  key: z.string(),
  counter: z.number(),
  credentialId: z.string().nullable(),
  /** RFC 8176, section 2: the methods of a sign-in with a password that enrolls the factor. */
  amr: z.array(z.string()),
});
const setupState = z.object({
  id: z.string(),
  expiresAt: z.number(),
  totpSecret: z.string().optional(),
  challenge: z.string().optional(),
  /** Set once the person has proved that the factor works. */
  confirmed: confirmedFactor.optional(),
  recoveryCodes: z.array(z.string()).default([]),
});
type SetupState = z.infer<typeof setupState>;

interface PasskeyOwner {
  personId: string;
  login: string;
  name: string;
  serviceName: string;
}

export interface SecondFactorSetup {
  /** @param setup of an earlier page: its secret stays, so an app that has scanned it fits */
  startTotp(personId: string, setup?: string): TotpSetup;
  /** Checks the first code of a setup. Stores nothing: the person confirms the recovery codes first. */
  checkTotp(check: { personId: string; setup: string; code: string }): Promise<TotpCheck>;
  startPasskey(owner: PasskeyOwner): Promise<PasskeySetup>;
  /** Verifies the created passkey. Stores nothing, as `checkTotp`. @returns undefined if it is not valid, or the setup has expired */
  checkPasskey(check: { personId: string; setup: string; response: string }): Promise<ConfirmedSetup | undefined>;
}

interface Deps {
  store: Store;
  secrets: Secrets;
  clock: Clock;
  random: Random;
  issuer: string;
}

/** Opens a sealed setup. @returns undefined if it was changed, belongs to another person or has expired */
export function openSetup(
  { secrets, clock }: Pick<Deps, 'secrets' | 'clock'>,
  personId: string,
  sealed: string,
): SetupState | undefined {
  try {
    const state = setupState.parse(JSON.parse(secrets.open('second-factor-setup', personId, sealed)));
    return state.expiresAt > clock.now() ? state : undefined;
  } catch {
    return undefined;
  }
}

export function createSecondFactorSetup(deps: Deps): SecondFactorSetup {
  const { store, secrets, clock, random, issuer } = deps;
  const party = webAuthnPartyOf(issuer);
  const seal = (personId: string, state: SetupState): string =>
    secrets.seal('second-factor-setup', personId, JSON.stringify(state));
  const start = (): SetupState => ({ id: random.uuid(), expiresAt: clock.now() + SETUP_MAX_AGE_MS, recoveryCodes: [] });
  const confirm = async (
    personId: string,
    state: SetupState,
    confirmed: z.infer<typeof confirmedFactor>,
  ): Promise<ConfirmedSetup> => {
    const hasCodes = (await store.read((tx) => factors.countRecoveryCodes(tx, personId))) > 0;
    const recoveryCodes = hasCodes ? [] : createRecoveryCodes(random);
    return { kind: 'correct', setup: seal(personId, { ...state, confirmed, recoveryCodes }), recoveryCodes };
  };
  return {
    startTotp: (personId, setup = '') => {
      const started = openSetup(deps, personId, setup)?.totpSecret;
      if (started !== undefined) return { secret: started, setup };
      const secret = encodeTotpSecret(random.bytes(TOTP_SECRET_BYTES));
      return { secret, setup: seal(personId, { ...start(), totpSecret: secret }) };
    },
    checkTotp: async ({ personId, setup, code }) => {
      const state = openSetup(deps, personId, setup);
      if (state?.totpSecret === undefined) return { kind: 'expired' };
      const { id, totpSecret: secret } = state;
      const counter = findTotpStep(secret, code, clock.now());
      if (counter === undefined) return { kind: 'wrong', setup, secret };
      const key = secrets.seal('totp', id, secret);
      return confirm(personId, state, { kind: 'totp', key, counter, credentialId: null, amr: AMR_WITH_CODE });
    },
    startPasskey: async ({ personId, login, name, serviceName }) => {
      const known = await store.read((tx) => factors.listSecondFactors(tx, personId));
      const credentialIds = known.flatMap(({ credentialId }) => credentialId ?? []);
      const challenge = createChallenge(random);
      const userId = secrets.mac('passkey-user', personId);
      const options = creationOptions(party, { challenge, serviceName, userId, login, name, credentialIds });
      return { options, setup: seal(personId, { ...start(), challenge }) };
    },
    checkPasskey: async ({ personId, setup, response }) => {
      const state = openSetup(deps, personId, setup);
      if (state?.challenge === undefined) return undefined;
      const passkey = await verifyRegistration(party, state.challenge, response);
      if (passkey === undefined) return undefined;
      const { credentialId, publicKey: key, counter, keyMethod } = passkey;
      const amr = ['pwd', ...amrOfPasskey(keyMethod)];
      return confirm(personId, state, { kind: 'passkey', key, counter, credentialId, amr });
    },
  };
}
