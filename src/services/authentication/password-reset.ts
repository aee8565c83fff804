import type { Clock } from '../../domain/clock.ts';
import type { LinkPurpose } from '../../domain/credentials/first-password.ts';
import { parseLogin } from '../../domain/credentials/identifiers.ts';
import { checkedProblems, normalizePassword, type PasswordProblem } from '../../domain/credentials/password-policy.ts';
import { MINUTE_MS } from '../../domain/duration.ts';
import { maskLogin } from '../../domain/masking.ts';
import type { Random } from '../../domain/random.ts';
import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
import { hashId, type Secrets } from '../../platform/crypto/secrets.ts';
import type { PasswordHasher } from '../../platform/hashing/password-hasher.ts';
import * as credentials from '../../store/auth/credentials.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { RequestRateLimiter } from '../access/request-rate-limiter.ts';
import type { Audit } from '../audit/audit.ts';
import type { MailJob, Outbox } from '../notifications/outbox.ts';
import type { MailOrigin } from '../notifications/verified-addresses.ts';
import type { People } from '../people/people.ts';
import type { Passwords } from './passwords.ts';
import { createRecoveryAdmission } from './recovery-limits.ts';
import { THROTTLED } from './refusal-counters.ts';

/** Lifetime of a reset link, in minutes. Each link works once. */
export const LINK_MINUTES = 30;
const LINK_TOKEN_BYTES = 32;

export type PasswordResetRefusal =
  | { kind: 'expired' }
  | { kind: 'throttled'; until: number }
  | { kind: 'invalid'; personId: string; problems: readonly PasswordProblem[] };

export type PasswordResetResult =
  { kind: 'changed'; personId: string; credentialVersion: number; hasSecondFactor: boolean } | PasswordResetRefusal;

/** A valid reset link. */
export interface OpenLink {
  personId: string;
  /** In ms since 1970. */
  expiresAt: number;
  /** The login of the account, masked. */
  account: string;
  purpose: LinkPurpose;
}

interface LinkMail {
  /** The language of the page; the mail has it if the person has none. */
  lang?: string;
  /** The app of the sign-in, if any. The link names it, so another browser can lead there. */
  clientId?: string | undefined;
}

/** Resets forgotten passwords with a link by email. A reset also unlocks the account. */
export interface PasswordReset {
  /** Sends a reset link if the account exists. The result does not reveal whether it does. */
  request(typedLogin: string, address: string, deviceName?: string, mail?: LinkMail): Promise<void>;
  /** Finds a valid link without consuming it. */
  find(token: string): Promise<OpenLink | undefined>;
  /** Returns true if a newer link, which is still valid, has replaced this one. */
  isReplaced(tokenHash: string): Promise<boolean>;
  /** Returns true if the person signs in with this login. Call it only for the holder of a valid link of the person. */
  isLoginOf(personId: string, typedLogin: string): Promise<boolean>;
  /** Consumes the link and sets the password. @throws {HashQueueFullError} before the link is consumed */
  complete(token: string, next: string, address: string, origin?: MailOrigin): Promise<PasswordResetResult>;
  /** Validates a new password as `complete` does, and sets nothing. The attempt counts. @throws {HashQueueFullError} */
  check(token: string, next: string): Promise<PasswordResetRefusal | { kind: 'acceptable' }>;
}

interface Deps {
  store: Store;
  secrets: Secrets;
  clock: Clock;
  random: Random;
  hasher: PasswordHasher;
  audit: Audit;
  outbox: Outbox;
  passwords: Passwords;
  rateLimiter: Pick<RequestRateLimiter, 'admitNewPassword'>;
  people: Pick<People, 'getPrimaryLogin'>;
  issuer: string;
}

export function createPasswordReset(deps: Deps): PasswordReset {
  const { store, clock, hasher, audit, passwords } = deps;
  const admit = createRecoveryAdmission(deps, { prefix: 'recovery', event: THROTTLED.passwordReset });
  const send = createSendResetLink(deps);
  /** Finds a valid link of an active account: an account can be disabled after the mail. */
  const findActive = (tokenHash: string): Promise<credentials.OpenResetLink | undefined> =>
    store.read(async (tx) => {
      const link = await credentials.findResetLink(tx, tokenHash, clock.now());
      const person = link && (await people.findPerson(tx, link.personId));
      return person?.status === 'active' ? link : undefined;
    });
  const examine = createExamination(deps, findActive);
  return {
    request: async (typedLogin, address, deviceName = '', mail) => {
      const personId = await findPersonId(store, typedLogin);
      const requested = { event: 'password_reset.requested', subjectId: personId, address };
      await audit.recordResult(async (tx) => {
        const { admitted, events } = await admit(tx, personId, address, {
          ...requested,
          outcome: 'refused',
        });
        if (!admitted) return { result: undefined, events };
        const isSent =
          personId !== undefined && (await send(tx, personId, { at: clock.now(), device: deviceName }, mail));
        return { result: undefined, events: [...events, { ...requested, outcome: isSent ? 'ok' : 'refused' }] };
      });
    },
    find: async (token) => {
      const link = await findActive(hashId(token));
      if (link === undefined) return undefined;
      const account = maskLogin(await deps.people.getPrimaryLogin(link.personId));
      const credential = await store.read((tx) => credentials.getCredential(tx, link.personId));
      return { personId: link.personId, expiresAt: link.expiresAt, account, purpose: purposeOf(link, credential) };
    },
    isReplaced: (tokenHash) => store.read((tx) => credentials.isResetLinkReplaced(tx, tokenHash, clock.now())),
    isLoginOf: async (personId, typedLogin) => (await findPersonId(store, typedLogin)) === personId,
    check: async (token, next) => toChecked(await examine(hashId(token), next), next),
    complete: async (token, next, address, origin) => {
      const tokenHash = hashId(token);
      const examined = await examine(tokenHash, next);
      if (examined.kind !== 'acceptable') return examined;
      const { personId, verifiesEmail } = examined.link;
      const hash = await hasher.hash(normalizePassword(next));
      const changed = await store.write(async (tx) => {
        // Every change of a credential locks the person first.
        if ((await people.lockPerson(tx, personId))?.status !== 'active') return undefined;
        if ((await credentials.consumeResetLink(tx, tokenHash, clock.now())) !== personId) return undefined;
        const credentialVersion = await credentials.upsertPassword(tx, personId, hash, clock.now());
        // First, so that the notice about the new password goes to this address too.
        if (verifiesEmail !== null) await people.verifyEmail(tx, personId, verifiesEmail, clock.now());
        await passwords.onPasswordSet(tx, personId, undefined, origin);
        const event = verifiesEmail === null ? 'password.reset' : 'password.set';
        await audit.append(tx, { event, outcome: 'ok', actorId: personId, subjectId: personId, address });
        const { hasSecondFactor = false } = await credentials.getCredential(tx, personId);
        return { personId, credentialVersion, hasSecondFactor };
      });
      return changed === undefined ? { kind: 'expired' } : { kind: 'changed', ...changed };
    },
  };
}

function toChecked(
  examined: PasswordResetRefusal | { kind: 'acceptable' },
  next: string,
): PasswordResetRefusal | { kind: 'acceptable' } {
  if (examined.kind !== 'invalid') return examined;
  const problems = checkedProblems(next, examined.problems);
  return problems.length > 0 ? { ...examined, problems } : { kind: 'acceptable' };
}

/** Finds the link of a token, counts the new password and validates it. */
function createExamination(
  { passwords, rateLimiter }: Pick<Deps, 'passwords' | 'rateLimiter'>,
  findActive: (tokenHash: string) => Promise<credentials.OpenResetLink | undefined>,
): (
  tokenHash: string,
  next: string,
) => Promise<PasswordResetRefusal | { kind: 'acceptable'; link: credentials.OpenResetLink }> {
  return async (tokenHash, next) => {
    const link = await findActive(tokenHash);
    if (link === undefined) return { kind: 'expired' };
    const { personId } = link;
    const until = rateLimiter.admitNewPassword({ formId: tokenHash });
    if (until !== undefined) return { kind: 'throttled', until };
    const problems = await passwords.validate(personId, next, undefined);
    return problems.length > 0 ? { kind: 'invalid', personId, problems } : { kind: 'acceptable', link };
  };
}

async function findPersonId(store: Store, typedLogin: string): Promise<string | undefined> {
  const login = parseLogin(typedLogin);
  return login && (await store.read((tx) => people.findActivePersonIdByIdentifier(tx, login.kind, login.value)));
}

/** An account with a passkey or a one-time code of the IT desk was in use before. */
function purposeOf(
  { verifiesEmail }: credentials.OpenResetLink,
  { hash, first, hasSecondFactor }: credentials.Credential,
): LinkPurpose {
  if (verifiesEmail !== null) return 'setup';
  const isUnused = hash === undefined && hasSecondFactor !== true && first?.kind !== 'one_time_code';
  return isUnused ? 'activation' : 'reset';
}

/**
 * Stores a reset link and mails it to the verified address.
 *
 * @param request of the person; undefined if staff send the link
 * @returns false if the person has no such address
 */
export type SendResetLink = (
  tx: Transaction,
  personId: string,
  request?: MailJob['request'],
  mail?: LinkMail,
) => Promise<boolean>;

export function createSendResetLink({
  clock,
  random,
  outbox,
  issuer,
}: Pick<Deps, 'clock' | 'random' | 'outbox' | 'issuer'>): SendResetLink {
  return async (tx, personId, request, { lang = DEFAULT_LANGUAGE, clientId } = {}) => {
    const facts = await people.loadPersonFacts(tx, personId);
    // Only a verified address: a mistyped one belongs to another person.
    const mailbox = facts?.identifiers.find(({ kind, isVerified: verified }) => kind === 'email' && verified);
    if (facts === undefined || mailbox === undefined) return false;
    const link = await issueLink({ clock, random, issuer }, tx, personId, { lifetimeMs: LINK_MINUTES * MINUTE_MS });
    await outbox.enqueue(tx, {
      kind: 'mail',
      to: mailbox.value,
      template: 'reset-link',
      lang: facts.locale ?? lang,
      locals: {
        name: facts.name,
        link: clientId === undefined ? link : withApp(link, clientId),
        minutes: LINK_MINUTES,
      },
      request,
    });
    return true;
  };
}

function withApp(link: string, clientId: string): string {
  const url = new URL(link);
  url.searchParams.set('app', clientId);
  return url.href;
}

/**
 * Stores the hash of a new link, which replaces an earlier one of the person.
 *
 * @param options.verifiesEmail the unverified address of the person that using the link verifies
 * @returns the link; it is not stored
 */
export async function issueLink(
  { clock, random, issuer }: Pick<Deps, 'clock' | 'random' | 'issuer'>,
  tx: Transaction,
  personId: string,
  { lifetimeMs, verifiesEmail }: { lifetimeMs: number; verifiesEmail?: string },
): Promise<string> {
  const token = random.bytes(LINK_TOKEN_BYTES).toString('base64url');
  const createdAt = clock.now();
  await credentials.upsertResetLink(tx, {
    personId,
    tokenHash: hashId(token),
    verifiesEmail,
    expiresAt: createdAt + lifetimeMs,
    createdAt,
  });
  return `${issuer}/reset-password?token=${token}`;
}
