import type { Clock } from '../../domain/clock.ts';
import { MINUTE_MS } from '../../domain/duration.ts';
import { registerAddressAttempt, type LeakyBucketPolicy } from '../../domain/throttling/throttle.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Transaction } from '../../store/database/index.ts';

/** Changes of the contacts of one person: five at once, then one each half hour. It also bounds how many numbers a person can try. */
const PERSON_POLICY: LeakyBucketPolicy = { capacity: 5, leakIntervalMs: 30 * MINUTE_MS };
/** Mails to one new address for one person: three at once, then one each half hour. */
const PERSON_MAILBOX_POLICY: LeakyBucketPolicy = { capacity: 3, leakIntervalMs: 30 * MINUTE_MS };
/** Mails to one new address for all people. Higher, so that one or a few people cannot withhold the link from the owner of the mailbox. */
const MAILBOX_POLICY: LeakyBucketPolicy = { capacity: 15, leakIntervalMs: 30 * MINUTE_MS };
/** Account names that one person tries: 20 at once, then one each five minutes. Each answer says if a name is taken. */
const ACCOUNT_NAME_POLICY: LeakyBucketPolicy = { capacity: 20, leakIntervalMs: 5 * MINUTE_MS };

export interface ContactLimitDeps {
  clock: Clock;
  secrets: Pick<Secrets, 'mac'>;
}

/** `no_mail`: the mailbox has received enough mails; the answer to the person is the same as for `admitted`. */
type ContactAdmission = { kind: 'admitted' | 'no_mail' } | { kind: 'limited'; until: number };

/** Counts a change of a contact. Call it after `lockPerson`. */
export async function admitContactChange(
  tx: Transaction,
  { clock, secrets }: ContactLimitDeps,
  { personId, mailbox }: { personId: string; mailbox: string | undefined },
): Promise<ContactAdmission> {
  const until = await count(tx, `contact-person:${personId}`, clock.now(), PERSON_POLICY);
  if (until !== undefined) return { kind: 'limited', until };
  if (mailbox === undefined) return { kind: 'admitted' };
  const mac = secrets.mac('throttle', `mailbox:${mailbox}`);
  // The counter of all people comes last, and counts only mails that are sent.
  const isFull =
    (await count(tx, `contact-mailbox:${personId}:${mac}`, clock.now(), PERSON_MAILBOX_POLICY)) !== undefined ||
    (await count(tx, `contact-mailbox:${mac}`, clock.now(), MAILBOX_POLICY)) !== undefined;
  return { kind: isFull ? 'no_mail' : 'admitted' };
}

/** Counts an account name that a person tries. @returns undefined if admitted; otherwise ms since 1970 of the next admitted one */
export function admitAccountName(tx: Transaction, clock: Clock, personId: string): Promise<number | undefined> {
  return count(tx, `contact-name:${personId}`, clock.now(), ACCOUNT_NAME_POLICY);
}

async function count(
  tx: Transaction,
  key: string,
  now: number,
  policy: LeakyBucketPolicy,
): Promise<number | undefined> {
  const { state } = await throttles.readThrottleForUpdate(tx, key);
  const attempt = registerAddressAttempt(state, now, policy);
  if (!attempt.admitted) return attempt.until;
  await throttles.upsertThrottle(tx, key, attempt.next);
  return undefined;
}
