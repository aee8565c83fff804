import type { Clock } from '../../domain/clock.ts';
import { maskLogin } from '../../domain/masking.ts';
import type { Identifier, PersonFacts } from '../../domain/model.ts';
import type { Random } from '../../domain/random.ts';
import { deleteResetLink } from '../../store/auth/credentials.ts';
import type { Transaction } from '../../store/database/index.ts';
import * as contacts from '../../store/people/contacts.ts';
import * as people from '../../store/people/people.ts';
import { hasActiveSession, type SessionOfPerson } from '../access/active-session.ts';
import type { Audit } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailVerifiedAddresses, type MailOrigin } from '../notifications/verified-addresses.ts';
import { issueRevertLink } from './email-reverts.ts';
import { admitContactChange, type ContactLimitDeps } from './contact-limits.ts';

/** A person who changes an own login. */
interface LoginChange extends MailOrigin {
  personId: string;
  kind: Identifier['kind'];
  /** A normalized value (domain/credentials/identifiers.ts). */
  value: string;
  address: string;
}

/** Nothing changes when the session has ended. */
export interface LoginRemoval extends MailOrigin, SessionOfPerson {
  /** An email address can be replaced, but not removed: notices go to it. */
  kind: 'mobile' | 'account';
  address: string;
}

export type RemovalResult = { kind: 'removed' | 'unchanged' | 'only_login' } | { kind: 'limited'; until: number };

interface Deps {
  clock: Clock;
  random: Random;
  audit: Pick<Audit, 'append'>;
  outbox: Outbox;
  issuer: string;
}

/** Deletes the earlier logins of a kind and records the change. Mails every verified address that the person had before it. */
export function endEarlierLogins(tx: Transaction, deps: Deps, change: LoginChange): Promise<void> {
  return endLogins(tx, deps, { ...change, keep: change.value, event: 'identifier.changed', notice: change.kind });
}

interface EndedLogins extends LoginChange {
  /** The login that stays; undefined to delete all logins of the kind. */
  keep: string | undefined;
  event: 'identifier.changed' | 'identifier.removed';
  /** Text of the mail. */
  notice: string;
}

async function endLogins(tx: Transaction, deps: Deps, ended: EndedLogins): Promise<void> {
  const { personId, kind, value, address, keep, event, deviceName: device = '', lang } = ended;
  const { clock, audit, outbox, issuer } = deps;
  const locals = { at: clock.now(), kind: ended.notice, login: maskLogin(value), link: `${issuer}/forgot-password` };
  const { identifiers = [] } = (await people.loadPersonFacts(tx, personId)) ?? {};
  const former = identifiers.find((one) => one.kind === 'email' && one.isVerified && one.value !== keep)?.value;
  const isReplaced = kind === 'email' && event === 'identifier.changed' && former !== undefined;
  const revertLink = isReplaced ? ((await issueRevertLink(tx, deps, personId, former)) ?? '') : '';
  const notice = (name: string, to: string) => ({
    template: 'login-changed' as const,
    locals: { name, ...locals, revertLink: to === former ? revertLink : '' },
    request: { at: locals.at, device },
    lang,
  });
  await mailVerifiedAddresses(tx, outbox, personId, notice, keep);
  await contacts.deleteIdentifiers(tx, personId, kind, keep);
  // A link to the old address must not set a password.
  await deleteResetLink(tx, personId);
  await people.incrementCredentialVersion(tx, personId);
  await contacts.touchPerson(tx, personId, clock.now());
  const who = { actorId: personId, subjectId: personId };
  await audit.append(tx, { event, outcome: 'ok', ...who, address, detail: { kind } });
}

/** Returns true if the person has logins of this kind and of no other. */
export function isOnlyLogin({ identifiers }: Pick<PersonFacts, 'identifiers'>, kind: Identifier['kind']): boolean {
  return identifiers.length > 0 && identifiers.every((identifier) => identifier.kind === kind);
}

/** Removes the logins of a kind, and a mobile number that waits for staff. The person keeps at least one login. */
export async function removeLogins(
  tx: Transaction,
  deps: Deps & ContactLimitDeps,
  { personId, sessionHash, kind, address, deviceName, lang }: LoginRemoval,
): Promise<RemovalResult> {
  const person = await people.lockPerson(tx, personId);
  const facts = await people.loadPersonFacts(tx, personId);
  if (person?.status !== 'active' || facts === undefined) return { kind: 'unchanged' };
  if (!(await hasActiveSession(tx, { personId, sessionHash }, deps.clock.now()))) return { kind: 'unchanged' };
  const login = facts.identifiers.find((identifier) => identifier.kind === kind);
  const pending = (await contacts.listPendingContacts(tx, personId)).find((contact) => contact.kind === kind);
  if (login === undefined && pending === undefined) return { kind: 'unchanged' };
  if (isOnlyLogin(facts, kind)) return { kind: 'only_login' };
  const limit = await admitContactChange(tx, deps, { personId, mailbox: undefined });
  if (limit.kind === 'limited') return limit;
  if (pending !== undefined) await contacts.deletePendingContact(tx, personId, pending.kind);
  if (login === undefined) {
    const who = { actorId: personId, subjectId: personId };
    await deps.audit.append(tx, { event: 'identifier.removed', outcome: 'ok', ...who, address, detail: { kind } });
    return { kind: 'removed' };
  }
  const { value } = login;
  const removal = { personId, kind, value, address, deviceName, lang, keep: undefined };
  await endLogins(tx, deps, { ...removal, event: 'identifier.removed', notice: `${kind}_removed` });
  return { kind: 'removed' };
}
