import { isWithinValidity } from '../../domain/acting/guardianship.ts';
import { OPEN_STATES } from '../../domain/binding/application.ts';
import type { ErasureObstacle } from '../../domain/binding/subject-requests.ts';
import { policyTargetOf } from '../../domain/access/target.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import type { GuardianshipState, Validity } from '../../domain/model.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Transaction } from '../../store/database/index.ts';
import { listApplicantsAbout, listApplicationsAbout } from '../../store/personal-data/copy.ts';
import * as erasure from '../../store/personal-data/erasure.ts';
import { eraseRequestsOf } from '../../store/personal-data/requests.ts';
import { listPendingContacts } from '../../store/people/contacts.ts';
import {
  findPerson,
  findPersonIdByIdentifier,
  incrementCredentialVersion,
  loadPersonFacts,
} from '../../store/people/people.ts';
import { loadPolicyFacts } from '../../store/people/policy-facts.ts';
import type { Revocation } from '../access/revocation.ts';
import type { AuditEvent } from '../audit/audit.ts';
import { openApplicant } from '../binding/applicant-data.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { statusOf, type Guardianships } from '../people/guardianships.ts';

/** Deletes people in the transaction of the caller. */
export interface Erasure {
  /** Returns why a person cannot be deleted now. */
  findObstacle(tx: Transaction, personId: string): Promise<ErasureObstacle | undefined>;
  /** Lists the pupils of the guardianships that a deletion revokes. */
  listPupils(tx: Transaction, personId: string): Promise<string[]>;
  /** Lists the people whom a deletion concerns, for `lockPeople`. */
  listConcerned(tx: Transaction, personId: string): Promise<string[]>;
  /**
   * Deletes a person and the accounts that exist for this person only: names, IDs, logins, credentials, sessions, grants, applications and
   * evidence. Guardianships are revoked before, and relying parties are notified (docs/claims.md, rule 9). Mails that are not delivered yet
   * are deleted too.
   *
   * @param keptMails jobs of the outbox that tell the person about the deletion
   * @returns entries for the audit log, which the caller appends last
   */
  erase(
    tx: Transaction,
    personId: string,
    by: { actorId?: string; keptMails: readonly string[] },
  ): Promise<AuditEvent[]>;
}

/** Such a guardianship gives no school a say. */
const ENDED_STATES: readonly GuardianshipState[] = ['revoked', 'expired'];

interface Deps {
  clock: Clock;
  revocation: Pick<Revocation, 'revokeAllOf'>;
  guardianships: Pick<Guardianships, 'applyIn'>;
  outbox: Pick<Outbox, 'deleteMailsTo'>;
  secrets: Pick<Secrets, 'open'>;
}

export function createErasure(deps: Deps): Erasure {
  const { clock, revocation, guardianships, outbox } = deps;
  return {
    findObstacle: (tx, personId) => findObstacle(tx, personId, localDate(clock.now())),
    listPupils: async (tx, personId) => {
      const ids = [personId, ...(await erasure.listDependentAccounts(tx, personId))];
      const family = await erasure.listGuardianshipsOf(tx, ids);
      const own = family.filter(({ guardianId, state }) => ids.includes(guardianId) && !ENDED_STATES.includes(state));
      return [...new Set(own.map(({ studentId }) => studentId))];
    },
    listConcerned: async (tx, personId) => {
      const ids = [personId, ...(await erasure.listDependentAccounts(tx, personId))];
      const family = await erasure.listGuardianshipsOf(tx, ids);
      return [...ids, ...family.flatMap(({ guardianId, studentId }) => [guardianId, studentId])];
    },
    erase: async (tx, personId, { actorId, keptMails }) => {
      const ids = [personId, ...(await erasure.listDependentAccounts(tx, personId))];
      const addresses = await listAddresses(tx, deps, ids);
      const events: AuditEvent[] = [];
      for (const id of ids) {
        await incrementCredentialVersion(tx, id);
        await revocation.revokeAllOf(tx, id);
      }
      for (const { id } of await erasure.listGuardianshipsOf(tx, ids)) {
        const event = await guardianships.applyIn(tx, { id, action: 'revoke', actorId });
        if (event !== undefined) events.push(event);
      }
      for (const id of ids) await deleteApplicants(tx, id);
      for (const id of ids) await eraseRequestsOf(tx, id, clock.now());
      await erasure.deletePeople(tx, ids);
      await outbox.deleteMailsTo(tx, addresses, keptMails);
      return [...events, ...ids.map((id) => erasedEvent(id, personId, actorId))];
    },
  };
}

/** Lists the addresses that mails to these people go to, without those of others: a family can name any address in an application. */
async function listAddresses(tx: Transaction, { secrets }: Deps, ids: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const id of ids) {
    const facts = await loadPersonFacts(tx, id);
    for (const { value } of facts?.identifiers ?? []) found.add(value);
    for (const { value } of await listPendingContacts(tx, id)) found.add(value);
    for (const { applicant } of await listApplicantsOfPerson(tx, id))
      found.add(openApplicant(secrets, applicant).email);
  }
  const owned: string[] = [];
  for (const address of found) {
    const ownerId = await findPersonIdByIdentifier(tx, 'email', address);
    if (ownerId === undefined || ids.includes(ownerId)) owned.push(address);
  }
  return owned;
}

async function listApplicantsOfPerson(tx: Transaction, personId: string): ReturnType<typeof listApplicantsAbout> {
  const lookup = (await findPerson(tx, personId))?.nationalIdLookup ?? null;
  return listApplicantsAbout(tx, personId, lookup);
}

async function deleteApplicants(tx: Transaction, personId: string): Promise<void> {
  for (const { applicant } of await listApplicantsOfPerson(tx, personId)) {
    await erasure.deleteApplicantOf(tx, applicant);
  }
}

async function findObstacle(tx: Transaction, personId: string, today: string): Promise<ErasureObstacle | undefined> {
  const facts = await loadPolicyFacts(tx, personId);
  if (facts === undefined) return undefined;
  const isCurrentOrComing = ({ validTo }: Validity): boolean =>
    isWithinValidity({ validFrom: undefined, validTo }, today);
  const isEnrolled = (id: string | undefined): boolean =>
    facts.enrollments.some((one) => one.studentId === id && isCurrentOrComing(one));
  if (policyTargetOf(facts, today).isStaff) return 'staff';
  if (isEnrolled(personId)) return 'enrolled';
  if (isEnrolled(facts.schoolAccountOf)) return 'school_account';
  if (await hasOpenApplication(tx, personId)) return 'open_application';
  return (await isSuspendedGuardian(tx, personId)) ? 'suspended_guardianship' : undefined;
}

async function isSuspendedGuardian(tx: Transaction, personId: string): Promise<boolean> {
  const rows = await erasure.listGuardianshipsOf(tx, [personId]);
  return rows.some((row) => row.guardianId === personId && statusOf(row).isSuspendedBySchool);
}

async function hasOpenApplication(tx: Transaction, personId: string): Promise<boolean> {
  const own = await listApplicationsAbout(tx, personId);
  const named = await listApplicantsOfPerson(tx, personId);
  const all = [...own, ...named.map(({ application }) => application)];
  return all.some(({ state }) => OPEN_STATES.includes(state));
}

function erasedEvent(subjectId: string, of: string, actorId: string | undefined): AuditEvent {
  const detail = subjectId === of ? undefined : { with: of };
  return { event: 'person.erased', outcome: 'ok', actorId, subjectId, ...(detail && { detail }) };
}
