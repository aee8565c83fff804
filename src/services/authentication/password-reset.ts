import type { Clock } from '../../domain/clock.ts';
import { parseLogin } from '../../domain/credentials/identifiers.ts';
import { normalisePassword, type PasswordProblem } from '../../domain/credentials/password-policy.ts';
import { maskLogin } from '../../domain/masking.ts';
import type { Random } from '../../domain/random.ts';
import { ORIGINAL_LANGUAGE } from '../../domain/text.ts';
import { isWindowOver } from '../../domain/throttling/refusals.ts';
import { admitFromAddress, admitFromAll, type AddressRule } from '../../domain/throttling/throttle.ts';
import { hashId, type Secrets } from '../../platform/crypto/secrets.ts';
import type { Hasher } from '../../platform/hashing/password-hasher.ts';
import * as credentials from '../../store/auth/credentials.ts';
import * as throttles from '../../store/auth/throttles.ts';
import type { Store, Unit } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import type { People } from '../people/people.ts';
import {
  aboutNetwork,
  lockNetworks,
  networkCounters,
  overdueWindows,
  putNetworks,
  removePlaceholders,
} from './network-counters.ts';
import type { Passwords } from './passwords.ts';
import { endWindows, recordRefusal, THROTTLED } from './refusal-counters.ts';

/** A link works for half an hour and once. */
export const LINK_MINUTES = 30;
const TOKEN_BYTES = 32;

/** Mails that one person can be sent before having to wait; one more is allowed each half hour. */
const PER_PERSON: AddressRule = { capacity: 3, msPerDrop: 1_800_000 };
/** Requests from one address, a school's included; one more is allowed each minute. IPv6 networks: network.ts. */
const PER_ADDRESS: AddressRule = { capacity: 60, msPerDrop: 60_000 };

export type RecoveryResult =
  { kind: 'changed'; personId: string } | { kind: 'expired' } | { kind: 'unfit'; problems: readonly PasswordProblem[] };

/** A reset link that works. */
export interface OpenLink {
  /** In ms since 1970. */
  expiresAt: number;
  /** The login of the account, masked. */
  account: string;
}

/** "Forgot password": a link by e-mail that sets a new password. It also opens a closed first password and a lock. */
export interface Recovery {
  /** Always answers the same; whether the account exists can not be told from it. */
  request(typedLogin: string, address: string): Promise<void>;
  /** Reads a link without using it up. @returns undefined when it would not work any more */
  find(token: string): Promise<OpenLink | undefined>;
  /** Uses the link. @throws {BusyError} before anything was used */
  complete(token: string, next: string, address: string): Promise<RecoveryResult>;
}

interface Deps {
  store: Store;
  secrets: Secrets;
  clock: Clock;
  random: Random;
  hasher: Hasher;
  audit: Audit;
  outbox: Outbox;
  passwords: Passwords;
  people: Pick<People, 'loginOf'>;
  issuer: string;
}

export function createRecovery(deps: Deps): Recovery {
  const { store, clock, hasher, audit, passwords } = deps;
  const admit = createAdmission(deps);
  const send = createSender(deps);
  /** Reads a link of an active account. An account can be disabled after the mail. */
  const findActive = (tokenHash: string): Promise<{ personId: string; expiresAt: number } | undefined> =>
    store.read(async (tx) => {
      const link = await credentials.findResetLink(tx, tokenHash, clock.now());
      const person = link && (await people.personById(tx, link.personId));
      return person?.status === 'active' ? link : undefined;
    });
  return {
    request: async (typedLogin, address) => {
      const login = parseLogin(typedLogin);
      const personId =
        login && (await store.read((u) => people.activePersonIdByIdentifier(u, login.kind, login.value)));
      const requested = { event: 'recovery.requested', subjectId: personId, address };
      const isSent = await audit.recordResult(async (tx) => {
        const { admitted, events } = await admit(tx, personId, address, {
          ...requested,
          outcome: 'refused',
        });
        if (!admitted) return { result: false, events };
        const sent = personId !== undefined && (await send(tx, personId));
        return { result: sent, events: [...events, { ...requested, outcome: sent ? 'ok' : 'refused' }] };
      });
      if (isSent) deps.outbox.kick();
    },
    find: async (token) => {
      const link = await findActive(hashId(token));
      if (link === undefined) return undefined;
      return { expiresAt: link.expiresAt, account: maskLogin(await deps.people.loginOf(link.personId)) };
    },
    complete: async (token, next, address) => {
      const tokenHash = hashId(token);
      const personId = (await findActive(tokenHash))?.personId;
      if (personId === undefined) return { kind: 'expired' };
      const problems = await passwords.check(personId, next, undefined);
      if (problems.length > 0) return { kind: 'unfit', problems };
      const hash = await hasher.hash(normalisePassword(next));
      const done = await store.write(async (u) => {
        // First: every change of a credential locks the person before anything else.
        if ((await people.lockPerson(u, personId))?.status !== 'active') return false;
        if ((await credentials.takeResetLink(u, tokenHash, clock.now())) !== personId) return false;
        await credentials.setPassword(u, personId, hash, clock.now());
        await passwords.settle(u, personId, undefined);
        await audit.append(u, {
          event: 'password.recovered',
          outcome: 'ok',
          actorId: personId,
          subjectId: personId,
          address,
        });
        return true;
      });
      if (done) deps.outbox.kick();
      return done ? { kind: 'changed', personId } : { kind: 'expired' };
    },
  };
}

interface RequestAdmission {
  admitted: boolean;
  /** The audit entries of refused requests. */
  events: readonly AuditEvent[];
}

type Admission = (
  tx: Unit,
  personId: string | undefined,
  address: string,
  refusal: AuditEvent,
) => Promise<RequestAdmission>;

/** Limits requests per network, then per person; the counters are locked in this order. */
function createAdmission({ secrets, clock }: Deps): Admission {
  const atNetworks = async (tx: Unit, address: string, first: AuditEvent): Promise<RequestAdmission> => {
    const counters = networkCounters(secrets, 'recovery-address', address, PER_ADDRESS);
    const [networks, now] = [await lockNetworks(tx, counters), clock.now()];
    const admission = admitFromAll(networks, now);
    if (admission.admitted) {
      await putNetworks(tx, counters, admission.next);
      return { admitted: true, events: await endWindows(tx, THROTTLED.recovery, overdueWindows(networks, now)) };
    }
    await removePlaceholders(tx, networks);
    const counter = { ...admission.by, about: aboutNetwork(admission.by) };
    return { admitted: false, events: await recordRefusal(tx, { counter, now, event: THROTTLED.recovery, first }) };
  };
  const atPerson = async (tx: Unit, personId: string, first: AuditEvent): Promise<RequestAdmission> => {
    const window = { key: `recovery-person:${personId}`, about: { subjectId: personId } };
    const [{ state, refusals }, now] = [await throttles.lockThrottle(tx, window.key), clock.now()];
    const admission = admitFromAddress(state, now, PER_PERSON);
    if (admission.admitted) {
      await throttles.putThrottle(tx, window.key, admission.next);
      return {
        admitted: true,
        events: await endWindows(tx, THROTTLED.recovery, isWindowOver(refusals, now) ? [window] : []),
      };
    }
    const counter = { ...window, refusals };
    return { admitted: false, events: await recordRefusal(tx, { counter, now, event: THROTTLED.recovery, first }) };
  };
  return async (tx, personId, address, refusal) => {
    const ofNetworks = await atNetworks(tx, address, refusal);
    if (!ofNetworks.admitted || personId === undefined) return ofNetworks;
    const ofPerson = await atPerson(tx, personId, refusal);
    return { admitted: ofPerson.admitted, events: [...ofNetworks.events, ...ofPerson.events] };
  };
}

type Sender = (u: Unit, personId: string) => Promise<boolean>;

function createSender({ clock, random, outbox, issuer }: Deps): Sender {
  return async (u, personId) => {
    const facts = await people.personFacts(u, personId);
    // Only an address that the person confirmed: a mistyped one belongs to somebody else.
    const mailbox = facts?.identifiers.find(({ kind, verified }) => kind === 'email' && verified);
    if (facts === undefined || mailbox === undefined) return false;
    const token = random.bytes(TOKEN_BYTES).toString('base64url');
    const now = clock.now();
    await credentials.putResetLink(u, {
      personId,
      tokenHash: hashId(token),
      expiresAt: now + LINK_MINUTES * 60_000,
      createdAt: now,
    });
    await outbox.enqueue(u, {
      kind: 'mail',
      to: mailbox.value,
      template: 'reset-link',
      lang: facts.locale ?? ORIGINAL_LANGUAGE,
      locals: { name: facts.name, link: `${issuer}/forgot/reset?token=${token}`, minutes: LINK_MINUTES },
    });
    return true;
  };
}
