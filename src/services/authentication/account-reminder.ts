import type { Clock } from '../../domain/clock.ts';
import { formatLocalMobile, parseLogin } from '../../domain/credentials/identifiers.ts';
import { normalizeNationalId } from '../../domain/credentials/national-id.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { Audit } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { createRecoveryAdmission } from './recovery-limits.ts';
import { THROTTLED } from './refusal-counters.ts';

/** What a person enters who has forgotten the account. */
interface ReminderRequest {
  nationalId: string;
  /** Email address or mobile number. */
  contact: string;
  address: string;
  deviceName?: string | undefined;
  /** The language of the page, for a person whose language is not known. */
  lang: string;
}

/** Mails people the logins of their account. */
export interface AccountReminder {
  /** Sends the mail if an active account has this ID and this contact. The result does not reveal whether one has. */
  request(request: ReminderRequest): Promise<void>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
  audit: Audit;
  outbox: Outbox;
  issuer: string;
}

export function createAccountReminder(deps: Deps): AccountReminder {
  const { store, audit } = deps;
  const admit = createRecoveryAdmission(deps, { prefix: 'reminder', event: THROTTLED.accountReminder });
  const find = createFindPerson(deps);
  return {
    request: async ({ nationalId, contact, address, deviceName = '', lang }) => {
      const personId = await store.read((tx) => find(tx, nationalId, contact));
      const requested = { event: 'account_reminder.requested', subjectId: personId, address };
      await audit.recordResult(async (tx) => {
        const refusal = { ...requested, outcome: 'refused' } as const;
        const { admitted, events } = await admit(tx, personId, address, refusal);
        if (!admitted) return { result: undefined, events };
        const isSent = personId !== undefined && (await send(tx, deps, personId, { device: deviceName, lang }));
        return { result: undefined, events: [...events, { ...requested, outcome: isSent ? 'ok' : 'refused' }] };
      });
    },
  };
}

type FindPerson = (tx: Transaction, nationalId: string, contact: string) => Promise<string | undefined>;

/** Finds the active person with both. A person without a match costs the same two reads. */
function createFindPerson({ secrets }: Deps): FindPerson {
  return async (tx, nationalId, contact) => {
    const login = parseLogin(contact);
    const lookup = secrets.mac('national-id-lookup', normalizeNationalId(nationalId));
    const ofId = await people.findPersonIdByNationalId(tx, lookup);
    const kind = login?.kind === 'mobile' ? 'mobile' : 'email';
    const ofContact = await people.findActivePersonIdByIdentifier(tx, kind, login?.value ?? '');
    return ofId !== undefined && ofId === ofContact ? ofId : undefined;
  };
}

/** Mails the logins to the verified address. @returns false if the person has none */
async function send(
  tx: Transaction,
  { outbox, issuer, clock }: Deps,
  personId: string,
  { device, lang }: { device: string; lang: string },
): Promise<boolean> {
  const facts = await people.loadPersonFacts(tx, personId);
  const mailbox = facts?.identifiers.find(({ kind, isVerified }) => kind === 'email' && isVerified);
  if (facts === undefined || mailbox === undefined) return false;
  const logins = facts.identifiers.map(({ kind, value }) => (kind === 'mobile' ? formatLocalMobile(value) : value));
  await outbox.enqueue(tx, {
    kind: 'mail',
    to: mailbox.value,
    template: 'account-reminder',
    lang: facts.locale ?? lang,
    locals: { name: facts.name, logins: logins.join('\n'), link: `${issuer}/account` },
    request: { at: clock.now(), device },
  });
  return true;
}
