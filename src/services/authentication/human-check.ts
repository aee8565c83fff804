import { createChallenge, randomInt, verifySolution } from 'altcha-lib';
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2';
import { z } from 'zod';
import type { Clock } from '../../domain/clock.ts';
import { MINUTE_MS, SECOND_MS } from '../../domain/duration.ts';
import { registerJointAttempt, type LeakyBucketPolicy } from '../../domain/throttling/throttle.ts';
import { hashId, type Secrets } from '../../platform/crypto/secrets.ts';
import { consumeChallenge } from '../../store/auth/used-challenges.ts';
import type { Store } from '../../store/database/index.ts';
import { createNetworkCounters, deletePlaceholders, lockNetworks, upsertNetworks } from './network-counters.ts';

/** The forms with a human check. A challenge of one form does not pass at another. */
export type CheckedForm = 'sign-in' | 'forgot-password' | 'forgot-account' | 'school-sign-in';

/**
 * The proof of work: a browser derives 300 to 900 keys of 2,000 iterations, half a second on a laptop and some seconds on an old phone. The
 * service derives one key for each challenge.
 */
const WORK = { algorithm: 'PBKDF2/SHA-256', cost: 2_000, minCounter: 300, maxCounter: 900 } as const;

const LIFETIME_MS = 20 * MINUTE_MS;
/** Without JavaScript there is no solution; the form passes this long after it was shown. */
const WAIT_MS = 20 * SECOND_MS;
/** Forms without a solution of one network: ten at once, then one each minute, because waiting costs no work. */
const WAIT_POLICY: LeakyBucketPolicy = { capacity: 10, leakIntervalMs: MINUTE_MS };

/** Challenge and solution of a form, as its hidden field contains them. */
const field = z.object({
  challenge: z.object({
    parameters: z.object({
      algorithm: z.literal(WORK.algorithm),
      cost: z.literal(WORK.cost),
      keyLength: z.literal(32),
      nonce: z.string().max(64),
      salt: z.string().max(64),
      keyPrefix: z.string().max(64),
      keySignature: z.string().max(128),
      expiresAt: z.number(),
      data: z.object({ form: z.string().max(40), issuedAt: z.number() }),
    }),
    signature: z.string().max(128),
  }),
  solution: z.object({ counter: z.number(), derivedKey: z.string().max(128) }).optional(),
});
type Answer = z.infer<typeof field>;

/** `value`: the hidden field of the next form. */
export type CheckResult =
  | { kind: 'passed' }
  /** The form has no solution and was shown too recently. Its next submission passes after these seconds. */
  | { kind: 'wait'; seconds: number; value: string }
  /** Wrong, expired, used before or missing. */
  | { kind: 'failed' };

/**
 * A proof of work that makes automated attempts cost time (ALTCHA, self-hosted). It is signed and expires, so the service stores nothing
 * until it is used, and each passes once.
 */
export interface HumanCheck {
  /** Creates the hidden field of a form. */
  create(form: CheckedForm): Promise<string>;
  /** Checks and consumes the field that a form sent. */
  verify(form: CheckedForm, value: string, address: string): Promise<CheckResult>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
}

export function createHumanCheck(deps: Deps): HumanCheck {
  const { store, clock, secrets } = deps;
  const signature = {
    hmacSignatureSecret: secrets.mac('human-check', 'challenge'),
    hmacKeySignatureSecret: secrets.mac('human-check', 'solution'),
  };
  const isGenuine = async ({ challenge, solution }: Answer): Promise<{ isSigned: boolean; isSolved: boolean }> => {
    const empty = { counter: 0, derivedKey: '00' };
    const { invalidSignature, verified } = await verifySolution({
      challenge,
      solution: solution ?? empty,
      deriveKey,
      ...signature,
    });
    return { isSigned: invalidSignature === false, isSolved: verified };
  };
  const consume = ({ challenge }: Answer): Promise<boolean> => {
    const { nonce, expiresAt } = challenge.parameters;
    return store.write((tx) => consumeChallenge(tx, hashId(nonce), expiresAt * SECOND_MS));
  };
  const admitWait = createWaitAdmission(deps);
  return {
    create: async (form) => {
      const now = clock.now();
      const challenge = await createChallenge({
        algorithm: WORK.algorithm,
        cost: WORK.cost,
        counter: randomInt(WORK.maxCounter, WORK.minCounter),
        deriveKey,
        expiresAt: Math.floor((now + LIFETIME_MS) / SECOND_MS),
        data: { form, issuedAt: now },
        ...signature,
      });
      return encode({ challenge });
    },
    verify: async (form, value, address) => {
      const answer = decode(value);
      if (answer?.challenge.parameters.data.form !== form) return { kind: 'failed' };
      const { expiresAt, data } = answer.challenge.parameters;
      const [now, genuine] = [clock.now(), await isGenuine(answer)];
      if (!genuine.isSigned || expiresAt * SECOND_MS <= now) return { kind: 'failed' };
      if (genuine.isSolved) return { kind: (await consume(answer)) ? 'passed' : 'failed' };
      if (answer.solution !== undefined) return { kind: 'failed' };
      const until = data.issuedAt + WAIT_MS;
      const blockedUntil = until > now ? until : await admitWait(address);
      if (blockedUntil !== undefined) {
        return { kind: 'wait', seconds: Math.ceil((blockedUntil - now) / SECOND_MS), value: encode(answer) };
      }
      return { kind: (await consume(answer)) ? 'passed' : 'failed' };
    },
  };
}

/** Counts a form without a solution. @returns ms since 1970 of the next admitted one; undefined if it is admitted */
function createWaitAdmission({ store, clock, secrets }: Deps): (address: string) => Promise<number | undefined> {
  return (address) =>
    store.write(async (tx) => {
      const counters = createNetworkCounters(secrets, 'human-check', address, WAIT_POLICY);
      const networks = await lockNetworks(tx, counters);
      const admission = registerJointAttempt(networks, clock.now());
      if (admission.admitted) await upsertNetworks(tx, counters, admission.next);
      else await deletePlaceholders(tx, networks);
      return admission.admitted ? undefined : admission.until;
    });
}

function encode(answer: object): string {
  return Buffer.from(JSON.stringify(answer)).toString('base64url');
}

function decode(value: string): Answer | undefined {
  if (value === '' || value.length > 4_000) return undefined;
  try {
    return field.safeParse(JSON.parse(Buffer.from(value, 'base64url').toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
