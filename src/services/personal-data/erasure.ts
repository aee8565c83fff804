import { isWithinValidity } from '../../domain/acting/guardianship.ts';
import { OPEN_STATES } from '../../domain/binding/application.ts';
import type { ErasureObstacle } from '../../domain/binding/subject-requests.ts';
import { policyTargetOf } from '../../domain/access/target.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import type { GuardianshipState, Validity } from '../../domain/model.ts';
import type { Transaction } from '../../store/database/index.ts';
import { listApplicantsAbout, listApplicationsAbout } from '../../store/personal-data/copy.ts';
import * as erasure from '../../store/personal-data/erasure.ts';
import { eraseRequestsOf } from '../../store/personal-data/requests.ts';
import { findPerson, incrementCredentialVersion } from '../../store/people/people.ts';
import { loadPolicyFacts } from '../../store/people/policy-facts.ts';
import type { Revocation } from '../access/revocation.ts';
import type { AuditEvent } from '../audit/audit.ts';
import type { Guardianships } from '../people/guardianships.ts';

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
   * evidence. Guardianships are revoked before, and relying parties are notified (docs/claims.md, rule 9).
   *
   * @returns entries for the audit log, which the caller appends last
   */
  erase(tx: Transaction, personId: string, actorId: string): Promise<AuditEvent[]>;
}

/** Such a guardianship gives no school a say. */
const ENDED_STATES: readonly GuardianshipState[] = ['revoked', 'expired'];

interface Deps {
  clock: Clock;
  revocation: Pick<Revocation, 'revokeAllOf'>;
  guardianships: Pick<Guardianships, 'applyIn'>;
}

export function createErasure({ clock, revocation, guardianships }: Deps): Erasure {
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
    erase: async (tx, personId, actorId) => {
      const ids = [personId, ...(await erasure.listDependentAccounts(tx, personId))];
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
      return [...events, ...ids.map((id) => erasedEvent(id, personId, actorId))];
    },
  };
}

async function deleteApplicants(tx: Transaction, personId: string): Promise<void> {
  const lookup = (await findPerson(tx, personId))?.nationalIdLookup ?? null;
  for (const { applicant } of await listApplicantsAbout(tx, personId, lookup)) {
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
  return (await hasOpenApplication(tx, personId)) ? 'open_application' : undefined;
}

async function hasOpenApplication(tx: Transaction, personId: string): Promise<boolean> {
  const lookup = (await findPerson(tx, personId))?.nationalIdLookup ?? null;
  const own = await listApplicationsAbout(tx, personId);
  const named = await listApplicantsAbout(tx, personId, lookup);
  const all = [...own, ...named.map(({ application }) => application)];
  return all.some(({ state }) => OPEN_STATES.includes(state));
}

function erasedEvent(subjectId: string, of: string, actorId: string): AuditEvent {
  const detail = subjectId === of ? undefined : { with: of };
  return { event: 'person.erased', outcome: 'ok', actorId, subjectId, ...(detail && { detail }) };
}
