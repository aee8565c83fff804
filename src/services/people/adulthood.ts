import { statusWithConsent, statusWithoutConsent, type GuardianshipStatus } from '../../domain/acting/guardianship.ts';
import { ADULT_NOTICE_DAYS, isAdultOn } from '../../domain/binding/adulthood.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Logger } from '../../platform/logger.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as grantStore from '../../store/oidc/grants.ts';
import * as adulthood from '../../store/people/adulthood.ts';
import * as guardianships from '../../store/people/guardianships.ts';
import * as people from '../../store/people/people.ts';
import type { Revocation } from '../access/revocation.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailGuardianshipNotice } from '../notifications/guardianship-notice.ts';
import { adultOnLookups, openBirthDate, reachedLookups } from './adult-days.ts';
import { statusOf } from './guardianships.ts';
import { countRepeatedChange } from './repeated-change-limit.ts';

/** A guardian as the adult student sees them. No reason of a suspension by the school is shown. */
export interface OwnGuardian {
  guardianshipId: string;
  name: string;
  relationLabel: string;
  /** The guardian sees the student at relying parties. */
  isActive: boolean;
  isConsentAwaited: boolean;
  /** The student has neither declined nor withdrawn the awaited consent. */
  isUndecided: boolean;
  until: string | undefined;
}

interface ConsentChange {
  studentId: string;
  guardianshipId: string;
  isGiven: boolean;
  /** Network address of the browser. */
  address: string;
}

/** Suspends the guardianships of a student on the 18th birthday until the student consents. */
export interface Adulthood {
  /** Suspends the guardianships of up to `limit` students who have come of age, and mails both sides. @returns the number of students */
  suspendDue(limit: number): Promise<number>;
  /** Mails up to `limit` students who come of age within `ADULT_NOTICE_DAYS`, and their guardians. @returns their number */
  sendNotices(limit: number): Promise<number>;
  /** Lists the guardians of an adult student. @returns undefined for minors, and for people without a birth date or a guardian */
  listGuardians(studentId: string): Promise<readonly OwnGuardian[] | undefined>;
  /**
   * Gives the consent, or declines or withdraws it. A repeated submission changes nothing.
   *
   * @returns false if the student has no such guardian, or is a minor
   */
  changeConsent(change: ConsentChange): Promise<boolean>;
}

interface Deps {
  store: Store;
  clock: Clock;
  audit: Pick<Audit, 'append'>;
  revocation: Pick<Revocation, 'revokeGrants'>;
  secrets: Pick<Secrets, 'seal' | 'open' | 'mac'>;
  log: Logger;
  outbox: Outbox;
  issuer: string;
}

export function createAdulthood(deps: Deps): Adulthood {
  const { store, clock, secrets } = deps;
  const today = (): string => localDate(clock.now());
  return {
    suspendDue: async (limit) => {
      const lookups = [...reachedLookups(secrets, today())];
      const due = await store.read((tx) => adulthood.listComingOfAge(tx, lookups, limit));
      for (const student of due) await store.write((tx) => suspendAll(tx, deps, student));
      return due.length;
    },
    sendNotices: async (limit) => {
      const lookups = adultOnLookups(secrets, today(), 1, ADULT_NOTICE_DAYS);
      const due = await store.read((tx) => adulthood.listWithoutAdultNotice(tx, lookups, limit));
      for (const { id } of due) await store.write((tx) => sendNotice(tx, deps, id));
      return due.length;
    },
    listGuardians: (studentId) => store.read((tx) => listGuardians(tx, deps, studentId)),
    changeConsent: (change) => store.write((tx) => changeConsent(tx, deps, change)),
  };
}

function isCurrent({ state }: guardianships.GuardianshipRow): boolean {
  return state === 'active' || state === 'suspended';
}

/** Locks a student and all guardians in the order of their ids. @returns the guardianships, read after the locks */
async function lockFamily(tx: Transaction, studentId: string): Promise<guardianships.GuardianshipRow[]> {
  const before = await guardianships.listGuardianshipsOfStudent(tx, studentId);
  const ids = [studentId, ...before.map(({ guardianId }) => guardianId)];
  for (const id of [...new Set(ids)].sort()) await people.lockPerson(tx, id);
  return guardianships.listGuardianshipsOfStudent(tx, studentId);
}

async function suspendAll(tx: Transaction, deps: Deps, student: adulthood.ComingOfAge): Promise<void> {
  const rows = (await lockFamily(tx, student.id)).filter(isCurrent);
  if (!(await adulthood.markAdult(tx, student))) return;
  const events: AuditEvent[] = [];
  for (const row of rows) {
    const status = statusWithoutConsent(statusOf(row));
    if (status === undefined) continue;
    const cause = { cause: 'adulthood' };
    events.push(
      await storeStatus(tx, deps, row, status, { event: 'guardianship.suspended', outcome: 'ok', detail: cause }),
    );
    await mailGuardianshipNotice(tx, deps, { to: row.guardianId, about: student.id, kind: 'guardian_adult' });
  }
  if (rows.length > 0) {
    await mailGuardianshipNotice(tx, deps, { to: student.id, about: student.id, kind: 'student_adult' });
  }
  for (const event of events) await deps.audit.append(tx, event);
}

/** Stores a status, and revokes the grants of a guardianship that is no longer active. @returns the audit entry */
async function storeStatus(
  tx: Transaction,
  { clock, secrets, revocation }: Deps,
  row: guardianships.GuardianshipRow,
  { state, isConsentAwaited, isSuspendedBySchool }: GuardianshipStatus,
  event: AuditEvent,
  consentDeclinedAt: number | null = null,
): Promise<AuditEvent> {
  const reason = isSuspendedBySchool ? (row.stateReasonSealed ?? secrets.seal('state-reason', row.id, '')) : null;
  const to = { state, isConsentAwaited, stateReasonSealed: reason, consentDeclinedAt };
  if (!(await guardianships.updateConsent(tx, row, to, clock.now()))) {
    throw new Error('failed to change a guardianship: it was changed without a lock on its people');
  }
  if (state !== 'active') await revocation.revokeGrants(tx, await grantStore.listGrantsByBasis(tx, row.id));
  return {
    ...event,
    subjectId: row.guardianId,
    detail: { guardianship: row.id, student: row.studentId, from: row.state, to: state, ...event.detail },
  };
}

async function sendNotice(tx: Transaction, deps: Deps, studentId: string): Promise<void> {
  if (!(await adulthood.markAdultNotice(tx, studentId, deps.clock.now()))) return;
  const rows = await guardianships.listGuardianshipsOfStudent(tx, studentId);
  const active = rows.filter(({ state }) => state === 'active');
  for (const { guardianId } of active) {
    await mailGuardianshipNotice(tx, deps, { to: guardianId, about: studentId, kind: 'guardian_soon' });
  }
  if (active.length > 0) {
    await mailGuardianshipNotice(tx, deps, { to: studentId, about: studentId, kind: 'student_soon' });
  }
}

/** Finds an adult. A person without a birth date counts as a minor. */
async function findAdult(
  tx: Transaction,
  { clock, ...deps }: Deps,
  id: string,
): Promise<{ isRecorded: boolean; adultOnLookup: string | null } | undefined> {
  const person = await people.findPerson(tx, id);
  if (person === undefined || person.birthDateSealed === null) return undefined;
  const birthDate = openBirthDate(deps, id, person.birthDateSealed);
  if (birthDate === undefined || !isAdultOn(birthDate, localDate(clock.now()))) return undefined;
  return { isRecorded: person.adultOnLookup === null, adultOnLookup: person.adultOnLookup };
}

async function listGuardians(tx: Transaction, deps: Deps, studentId: string): Promise<OwnGuardian[] | undefined> {
  const adult = await findAdult(tx, deps, studentId);
  if (adult === undefined) return undefined;
  const rows = (await guardianships.listGuardianshipsOfStudent(tx, studentId)).filter(isCurrent);
  if (rows.length === 0) return undefined;
  const names = await people.listNames(
    tx,
    rows.map(({ guardianId }) => guardianId),
  );
  return rows.map((row) => ({
    guardianshipId: row.id,
    name: names.get(row.guardianId) ?? '',
    relationLabel: row.relationLabel,
    isActive: adult.isRecorded && row.state === 'active',
    isConsentAwaited: row.isConsentAwaited || !adult.isRecorded,
    isUndecided: !adult.isRecorded || (row.isConsentAwaited && row.consentDeclinedAt === null),
    until: row.validTo ?? undefined,
  }));
}

async function changeConsent(tx: Transaction, deps: Deps, change: ConsentChange): Promise<boolean> {
  const { studentId, guardianshipId, isGiven, address } = change;
  await lockFamily(tx, studentId);
  const adult = await findAdult(tx, deps, studentId);
  if (adult === undefined) return false;
  // The job is late.
  if (adult.adultOnLookup !== null) {
    await suspendAll(tx, deps, { id: studentId, adultOnLookup: adult.adultOnLookup });
  }
  const row = await guardianships.findGuardianship(tx, guardianshipId);
  if (row?.studentId !== studentId || !isCurrent(row)) return false;
  const decision = decide(row, isGiven);
  if (decision === undefined) return true;
  const { status, event } = decision;
  const now = deps.clock.now();
  // A refusal always succeeds.
  if (isGiven) await countRepeatedChange(tx, 'consent', studentId, now);
  const declinedAt = isGiven ? null : now;
  const by = { event, outcome: 'ok', actorId: studentId, address } as const;
  const entry = await storeStatus(tx, deps, row, status, by, declinedAt);
  const kind = isGiven ? 'consent_given' : 'consent_withdrawn';
  // A guardian whose access the school has suspended, or who had none, learns nothing.
  if (row.state !== status.state) {
    await mailGuardianshipNotice(tx, deps, { to: row.guardianId, about: studentId, kind });
  }
  await deps.audit.append(tx, entry);
  return true;
}

/** Returns the status after a decision of the adult student, and its audit event; undefined if the decision changes nothing. */
function decide(
  row: guardianships.GuardianshipRow,
  isGiven: boolean,
): { status: GuardianshipStatus; event: string } | undefined {
  const before = statusOf(row);
  const status = isGiven ? statusWithConsent(before) : statusWithoutConsent(before);
  if (status !== undefined) {
    return { status, event: isGiven ? 'guardianship.consented' : 'guardianship.consent_withdrawn' };
  }
  const isDeclined = !isGiven && row.isConsentAwaited && row.consentDeclinedAt === null;
  return isDeclined ? { status: before, event: 'guardianship.consent_declined' } : undefined;
}
