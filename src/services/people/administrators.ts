import { heldCapacities } from '../../domain/access/capacities.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import { HOUR_MS } from '../../domain/duration.ts';
import type { Random } from '../../domain/random.ts';
import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
import { getCredential } from '../../store/auth/credentials.ts';
import { ConflictError, type Store, type Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import { listStaffFacts } from '../../store/people/policy-facts.ts';
import { insertMembership } from '../../store/people/schools.ts';
import type { Audit } from '../audit/audit.ts';
import { issueLink } from '../authentication/password-reset.ts';
import type { Outbox } from '../notifications/outbox.ts';

/** Lifetime of a setup link, in hours. */
export const SETUP_LINK_HOURS = 24;

interface Invitation {
  /** A normalized email address. */
  email: string;
  name: string;
}

type InvitationResult =
  /** `isRepeated`: the person had an invitation before; its link is invalid now. */
  | { kind: 'invited'; link: string; isRepeated: boolean }
  /** The address belongs to an account that is not an open invitation. */
  | { kind: 'taken' };

/** Invites bureau administrators. Only the operator at the command line does so; the console grants memberships to existing people. */
export interface Administrators {
  /** Creates the person with an unverified email address and no password, and mails a setup link that works once. */
  invite(invitation: Invitation): Promise<InvitationResult>;
}

interface Deps {
  store: Store;
  clock: Clock;
  random: Random;
  audit: Pick<Audit, 'append'>;
  outbox: Pick<Outbox, 'enqueue'>;
  issuer: string;
}

export function createAdministrators(deps: Deps): Administrators {
  const { store, audit, outbox } = deps;
  const inviteIn = async (tx: Transaction, { email, name }: Invitation): Promise<InvitationResult> => {
    const existing = await people.findPersonIdByIdentifier(tx, 'email', email);
    const isRepeated = existing !== undefined;
    if (isRepeated && !(await isOpenInvitation(deps, tx, existing, email))) return { kind: 'taken' };
    const personId = existing ?? (await insertAdministrator(deps, tx, { email, name }));
    const lifetimeMs = SETUP_LINK_HOURS * HOUR_MS;
    const link = await issueLink(deps, tx, personId, { lifetimeMs, verifiesEmail: email });
    await outbox.enqueue(tx, {
      kind: 'mail',
      to: email,
      template: 'setup-link',
      lang: DEFAULT_LANGUAGE,
      locals: { name, link, hours: SETUP_LINK_HOURS },
    });
    await audit.append(tx, {
      event: 'administrator.invited',
      outcome: 'ok',
      subjectId: personId,
      detail: { capacity: 'operator', repeated: isRepeated },
    });
    return { kind: 'invited', link, isRepeated };
  };
  return {
    invite: async (invitation) => {
      try {
        return await store.write((tx) => inviteIn(tx, invitation));
      } catch (error) {
        // A concurrent command has inserted the address.
        if (error instanceof ConflictError) return { kind: 'taken' };
        throw error;
      }
    },
  };
}

/** Returns true if the person is an administrator who has not set a password yet. Locks the person. */
async function isOpenInvitation({ clock }: Deps, tx: Transaction, personId: string, email: string): Promise<boolean> {
  if ((await people.lockPerson(tx, personId))?.status !== 'active') return false;
  const { hash, first } = await getCredential(tx, personId);
  if (hash !== undefined || first !== undefined) return false;
  const isUnverified = (await people.listIdentifiers(tx, personId)).some(
    ({ kind, value, isVerified }) => kind === 'email' && value === email && !isVerified,
  );
  const { memberships } = await listStaffFacts(tx, [personId]);
  const [highest] = heldCapacities(memberships, [], localDate(clock.now()));
  return isUnverified && highest?.capacity === 'bureau_admin';
}

async function insertAdministrator(
  { clock, random }: Deps,
  tx: Transaction,
  { email, name }: Invitation,
): Promise<string> {
  const [personId, now] = [random.uuid(), clock.now()];
  await people.insertPerson(tx, {
    id: personId,
    kind: 'person',
    name,
    status: 'active',
    createdAt: now,
    updatedAt: now,
  });
  await people.insertIdentifier(tx, { id: random.uuid(), personId, kind: 'email', value: email, createdAt: now });
  await insertMembership(tx, {
    id: random.uuid(),
    personId,
    role: 'bureau_admin',
    isPrimary: true,
    validFrom: localDate(now),
  });
  return personId;
}
