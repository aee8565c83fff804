import type { Clock } from '../../domain/clock.ts';
import { DAY_MS, MINUTE_MS } from '../../domain/duration.ts';
import { maskLogin } from '../../domain/masking.ts';
import type { Random } from '../../domain/random.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import { deletePassword } from '../../store/auth/credentials.ts';
import { deleteRecoveryCodes, deleteSecondFactor, listSecondFactors } from '../../store/auth/second-factors.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as contacts from '../../store/people/contacts.ts';
import * as people from '../../store/people/people.ts';
import type { Revocation } from '../access/revocation.ts';
import type { Audit } from '../audit/audit.ts';
import { issueLink, LINK_MINUTES } from '../authentication/password-reset.ts';

/** Lifetime of the link in the notice to the former email address. */
const REVERT_MS = 3 * DAY_MS;
/** Second factors and recovery codes of so long before the change end too: the thief of a session adds one first. */
const SUSPECT_MS = DAY_MS;
const TOKEN_BYTES = 32;

/** The link with which the owner of the former email address takes a change back. */
export interface EmailReverts {
  /** Finds a valid link. @returns the former address, masked */
  find(token: string): Promise<{ email: string; expiresAt: number } | undefined>;
  /**
   * Consumes the link: restores the address, deletes the password, and revokes all sessions and grants.
   *
   * @returns the link that sets a new password; undefined if the link has expired or another person has the address now
   */
  revert(token: string, address: string): Promise<string | undefined>;
}

interface Deps {
  store: Store;
  clock: Clock;
  random: Random;
  audit: Pick<Audit, 'append'>;
  revocation: Pick<Revocation, 'revokeAllOf'>;
  issuer: string;
}

export function createEmailReverts(deps: Deps): EmailReverts {
  const { store, clock } = deps;
  const findIn = (tx: Transaction, token: string): Promise<contacts.PendingContact | undefined> =>
    contacts.findFormerEmail(tx, hashId(token), clock.now());
  return {
    find: (token) =>
      store.read(async (tx) => {
        const former = await findIn(tx, token);
        return former && { email: maskLogin(former.value), expiresAt: former.expiresAt ?? 0 };
      }),
    revert: (token, address) =>
      store.write(async (tx) => {
        const personId = (await findIn(tx, token))?.personId;
        if (personId === undefined || (await people.lockPerson(tx, personId))?.status !== 'active') return undefined;
        // Again under the lock: a concurrent request may have consumed it.
        const former = await findIn(tx, token);
        if (former === undefined || !(await restoreEmail(tx, deps, former))) return undefined;
        await endSuspectFactors(tx, personId, former.createdAt - SUSPECT_MS);
        await deletePassword(tx, personId);
        await people.incrementCredentialVersion(tx, personId);
        await deps.revocation.revokeAllOf(tx, personId);
        const link = await issueLink(deps, tx, personId, { lifetimeMs: LINK_MINUTES * MINUTE_MS });
        const who = { actorId: personId, subjectId: personId };
        const detail = { kind: 'email' };
        await deps.audit.append(tx, { event: 'identifier.reverted', outcome: 'ok', ...who, address, detail });
        return link;
      }),
  };
}

/** Issues the link for the former address of a person. An earlier link stays: it belongs to the address before all changes. */
export async function issueRevertLink(
  tx: Transaction,
  { clock, random, issuer }: Pick<Deps, 'clock' | 'random' | 'issuer'>,
  personId: string,
  email: string,
): Promise<string | undefined> {
  const now = clock.now();
  const earlier = (await contacts.listPendingContacts(tx, personId)).find(({ kind }) => kind === 'former_email');
  if ((earlier?.expiresAt ?? 0) > now) return undefined;
  const token = random.bytes(TOKEN_BYTES).toString('base64url');
  const times = { expiresAt: now + REVERT_MS, createdAt: now };
  const link = { personId, kind: 'former_email', value: email, tokenHash: hashId(token), ...times } as const;
  await contacts.upsertPendingContact(tx, link);
  return `${issuer}/account/email/revert?token=${token}`;
}

/** @returns false if another person has the address now */
async function restoreEmail(
  tx: Transaction,
  { clock, random }: Deps,
  { personId, value }: contacts.PendingContact,
): Promise<boolean> {
  const owner = await people.findPersonIdByIdentifier(tx, 'email', value);
  if (owner !== undefined && owner !== personId) return false;
  const now = clock.now();
  if (owner === personId) await contacts.verifyIdentifier(tx, personId, { kind: 'email', value }, now);
  else {
    const login = { kind: 'email', value, verifiedAt: now, createdAt: now } as const;
    await people.insertIdentifier(tx, { id: random.uuid(), personId, ...login });
  }
  await contacts.deleteIdentifiers(tx, personId, 'email', value);
  await contacts.deletePendingContact(tx, personId, 'email');
  await contacts.deletePendingContact(tx, personId, 'former_email');
  await contacts.touchPerson(tx, personId, now);
  return true;
}

async function endSuspectFactors(tx: Transaction, personId: string, since: number): Promise<void> {
  const factors = await listSecondFactors(tx, personId);
  const suspect = factors.filter(({ createdAt }) => createdAt >= since);
  for (const { id } of suspect) await deleteSecondFactor(tx, personId, id);
  // The thief can also have replaced the codes of an older factor.
  await deleteRecoveryCodes(tx, personId, suspect.length === factors.length ? 0 : since);
}
