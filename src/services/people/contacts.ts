import type { Clock } from '../../domain/clock.ts';
import { suggestAccountNames } from '../../domain/credentials/account-names.ts';
import { MINUTE_MS } from '../../domain/duration.ts';
import type { Identifier, PersonFacts } from '../../domain/model.ts';
import type { Random } from '../../domain/random.ts';
import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { ConflictError } from '../../store/database/errors.ts';
import * as contacts from '../../store/people/contacts.ts';
import * as people from '../../store/people/people.ts';
import { hasActiveSession, type SessionOfPerson } from '../access/active-session.ts';
import type { Audit } from '../audit/audit.ts';
import type { MailJob, Outbox } from '../notifications/outbox.ts';
import type { MailOrigin } from '../notifications/verified-addresses.ts';
import { admitAccountName, admitContactChange, type ContactLimitDeps } from './contact-limits.ts';
import { endEarlierLogins, removeLogins, type LoginRemoval, type RemovalResult } from './login-changes.ts';

/** Lifetime of the link that confirms an email address, in minutes. */
export const CONFIRMATION_MINUTES = 30;
const TOKEN_BYTES = 32;
/** Names that are looked up to offer a free one. */
const SUGGESTIONS = 6;

/** A person who changes an own login. Nothing changes when the session has ended. */
export interface ContactChange extends MailOrigin, SessionOfPerson {
  /** A normalized value (domain/credentials/identifiers.ts). */
  value: string;
  address: string;
}

/** `until`: ms since 1970 of the next admitted change. */
interface Limited {
  kind: 'limited';
  until: number;
}
interface Unchanged {
  kind: 'unchanged';
}

export interface Contacts {
  /** Lists the contacts that are no login yet. */
  listPending(personId: string): Promise<contacts.PendingContact[]>;
  /**
   * Mails a link to the new address. The address becomes a login when the person opens it. The result is the same for an address of another
   * person, who gets a mail that says so. `lang` is the language of the mail to a person whose language is not known.
   */
  requestEmail(change: ContactChange & { lang: string }): Promise<{ kind: 'sent' } | Unchanged | Limited>;
  /** Finds the address of a valid link of this person. */
  findEmail(personId: string, token: string): Promise<string | undefined>;
  /** Consumes the link and replaces the email address. Of several people who confirm one address, one gets it. */
  confirmEmail(
    confirmation: { token: string; address: string } & SessionOfPerson & MailOrigin,
  ): Promise<'changed' | 'expired' | 'taken'>;
  /**
   * Stores a mobile number, which is no login until staff have confirmed it: a login by a free number alone would tell which numbers other
   * people have. The present number stays a login.
   */
  requestMobile(change: ContactChange): Promise<{ kind: 'changed' } | Unchanged | Limited>;
  /** Replaces the account name. Account names are public, so the result says that a name is taken and offers a free one. */
  changeAccountName(
    change: ContactChange,
  ): Promise<{ kind: 'changed' } | Unchanged | Limited | { kind: 'taken'; suggestion: string | undefined }>;
  /** Removes the mobile number or the account name. The person keeps at least one login. */
  removeLogin(removal: LoginRemoval): Promise<RemovalResult>;
  /** Sets the language of a person, for mails, pages and the claim `locale`. Changes nothing if the person has chosen it already. */
  changeLanguage(change: { personId: string; locale: string; address: string }): Promise<void>;
}

interface Deps extends ContactLimitDeps {
  store: Store;
  clock: Clock;
  random: Random;
  audit: Pick<Audit, 'append'>;
  outbox: Outbox;
  issuer: string;
}

export function createContacts(deps: Deps): Contacts {
  const { store, clock, audit } = deps;
  return {
    listPending: async (personId) => {
      const pending = await store.read((tx) => contacts.listPendingContacts(tx, personId));
      return pending.filter(({ expiresAt }) => expiresAt === null || expiresAt > clock.now());
    },
    requestEmail: createRequestEmail(deps),
    findEmail: async (personId, token) => {
      const pending = await store.read((tx) => contacts.listPendingContacts(tx, personId));
      return pending.find((contact) => isOpen(contact, hashId(token), clock.now()))?.value;
    },
    confirmEmail: createConfirmEmail(deps),
    requestMobile: createRequestMobile(deps),
    changeAccountName: createChangeAccountName(deps),
    removeLogin: (removal) => store.write((tx) => removeLogins(tx, deps, removal)),
    changeLanguage: ({ personId, locale, address }) =>
      store.write(async (tx) => {
        if (!(await contacts.updateLocale(tx, personId, locale, clock.now()))) return;
        const who = { actorId: personId, subjectId: personId };
        await audit.append(tx, { event: 'person.locale_changed', outcome: 'ok', ...who, address, detail: { locale } });
      }),
  };
}

function isOpen({ kind, tokenHash, expiresAt }: contacts.PendingContact, hash: string, now: number): boolean {
  return kind === 'email' && tokenHash === hash && (expiresAt ?? 0) > now;
}

interface RequestedEmail {
  value: string;
  owner: string | undefined;
  token: string;
  device: string;
  lang: string;
}

function createRequestEmail(deps: Deps): Contacts['requestEmail'] {
  const { store, clock, random, outbox, issuer } = deps;
  /** Creates the mail to the new address. It says to its owner, if there is one, that another person entered it. */
  const requestMail = async (
    tx: Transaction,
    { id, name, locale }: PersonFacts,
    { value, owner, token, device, lang }: RequestedEmail,
  ): Promise<MailJob> => {
    if (owner !== undefined && owner !== id) {
      const ofOwner = (await people.findPerson(tx, owner))?.locale ?? DEFAULT_LANGUAGE;
      return {
        kind: 'mail',
        to: value,
        template: 'email-in-use',
        lang: ofOwner,
        locals: { link: `${issuer}/account` },
      };
    }
    const link = `${issuer}/account/email/confirm?token=${token}`;
    const locals = { name, link, minutes: CONFIRMATION_MINUTES };
    const request = { at: clock.now(), device };
    return { kind: 'mail', to: value, template: 'email-confirmation', lang: locale ?? lang, locals, request };
  };
  return ({ personId, sessionHash, value, address, deviceName: device = '', lang }) =>
    store.write(async (tx) => {
      await people.lockPerson(tx, personId);
      if (!(await hasActiveSession(tx, { personId, sessionHash }, clock.now()))) return { kind: 'unchanged' };
      const facts = await people.loadPersonFacts(tx, personId);
      const own = facts?.identifiers.find((login) => login.kind === 'email' && login.value === value);
      if (facts === undefined || own?.isVerified === true) return { kind: 'unchanged' };
      const owner = await people.findPersonIdByIdentifier(tx, 'email', value);
      const limit = await admitContactChange(tx, deps, { personId, mailbox: value });
      if (limit.kind === 'limited') return limit;
      const token = random.bytes(TOKEN_BYTES).toString('base64url');
      const now = clock.now();
      await contacts.upsertPendingContact(tx, {
        personId,
        kind: 'email',
        value,
        // The link of an address of another person is not sent, so it cannot be confirmed.
        tokenHash: hashId(token),
        expiresAt: now + CONFIRMATION_MINUTES * MINUTE_MS,
        createdAt: now,
      });
      if (limit.kind === 'admitted')
        await outbox.enqueue(tx, await requestMail(tx, facts, { value, owner, token, device, lang }));
      await recordRequest(tx, deps, { personId, address }, 'email');
      return { kind: 'sent' };
    });
}

function createConfirmEmail(deps: Deps): Contacts['confirmEmail'] {
  const { store, clock } = deps;
  return ({ personId, sessionHash, token, address, deviceName, lang }) =>
    store.write(async (tx) => {
      if ((await people.lockPerson(tx, personId))?.status !== 'active') return 'expired';
      if (!(await hasActiveSession(tx, { personId, sessionHash }, clock.now()))) return 'expired';
      const pending = await contacts.listPendingContacts(tx, personId);
      const open = pending.find((contact) => isOpen(contact, hashId(token), clock.now()));
      if (open === undefined) return 'expired';
      await contacts.deletePendingContact(tx, personId, 'email');
      const change = { personId, value: open.value, address, deviceName, lang };
      return (await replaceLogin(tx, deps, { ...change, kind: 'email' })) ? 'changed' : 'taken';
    });
}

interface LoginChange extends Omit<ContactChange, 'sessionHash'> {
  kind: 'email' | 'account';
}

/**
 * Replaces the logins of one kind and notifies the person. Inserting comes before deleting: two people who exchange their logins cannot
 * deadlock.
 *
 * @returns false if another person has the login, without any effect
 */
async function replaceLogin(tx: Transaction, deps: Deps, change: LoginChange): Promise<boolean> {
  const { personId, kind, value } = change;
  const now = deps.clock.now();
  const owner = await people.findPersonIdByIdentifier(tx, kind, value);
  if (owner !== undefined && owner !== personId) return false;
  if (owner === personId) {
    await contacts.verifyIdentifier(tx, personId, { kind, value }, now);
  } else {
    const id = deps.random.uuid();
    if (!(await tryInsert(tx, { id, personId, kind, value, verifiedAt: now, createdAt: now }))) return false;
  }
  await endEarlierLogins(tx, deps, change);
  return true;
}

/** @returns false if a concurrent transaction has inserted the login for another person */
async function tryInsert(tx: Transaction, row: Parameters<typeof people.insertIdentifier>[1]): Promise<boolean> {
  try {
    await people.insertIdentifier(tx, row);
    return true;
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
    return false;
  }
}

function createRequestMobile(deps: Deps): Contacts['requestMobile'] {
  const { store, clock } = deps;
  return ({ personId, sessionHash, value, address }) =>
    store.write(async (tx) => {
      await people.lockPerson(tx, personId);
      if (!(await hasActiveSession(tx, { personId, sessionHash }, clock.now()))) return { kind: 'unchanged' };
      const pending = (await contacts.listPendingContacts(tx, personId)).find(({ kind }) => kind === 'mobile');
      if (pending?.value === value || (await hasLogin(tx, personId, 'mobile', value))) return { kind: 'unchanged' };
      const limit = await admitContactChange(tx, deps, { personId, mailbox: undefined });
      if (limit.kind === 'limited') return limit;
      const times = { expiresAt: null, createdAt: clock.now() };
      await contacts.upsertPendingContact(tx, { personId, kind: 'mobile', value, tokenHash: null, ...times });
      await recordRequest(tx, deps, { personId, address }, 'mobile');
      return { kind: 'changed' };
    });
}

/** Records that a person has entered a contact, which is no login yet. */
async function recordRequest(
  tx: Transaction,
  { audit }: Deps,
  { personId, address }: Pick<ContactChange, 'personId' | 'address'>,
  kind: 'email' | 'mobile',
): Promise<void> {
  const who = { actorId: personId, subjectId: personId };
  await audit.append(tx, { event: 'identifier.requested', outcome: 'ok', ...who, address, detail: { kind } });
}

function createChangeAccountName(deps: Deps): Contacts['changeAccountName'] {
  const { store, clock, random } = deps;
  const findFree = async (tx: Transaction, taken: string): Promise<string | undefined> => {
    for (const name of suggestAccountNames(taken, random.bytes(SUGGESTIONS * 2))) {
      if ((await people.findPersonIdByIdentifier(tx, 'account', name)) === undefined) return name;
    }
    return undefined;
  };
  return (change) =>
    store.write(async (tx) => {
      const { personId, value } = change;
      await people.lockPerson(tx, personId);
      if (!(await hasActiveSession(tx, change, clock.now()))) return { kind: 'unchanged' };
      if (await hasLogin(tx, personId, 'account', value)) return { kind: 'unchanged' };
      const until = await admitAccountName(tx, clock, personId);
      if (until !== undefined) return { kind: 'limited', until };
      if (await replaceLogin(tx, deps, { ...change, kind: 'account' })) return { kind: 'changed' };
      return { kind: 'taken', suggestion: await findFree(tx, value) };
    });
}

async function hasLogin(tx: Transaction, personId: string, kind: Identifier['kind'], value: string): Promise<boolean> {
  return (await people.findPersonIdByIdentifier(tx, kind, value)) === personId;
}
