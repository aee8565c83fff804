import type { Clock } from '../../domain/clock.ts';
import { maskNationalId } from '../../domain/masking.ts';
import type { Random } from '../../domain/random.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { findOpenApplication } from '../../store/binding/applications.ts';
import * as credentials from '../../store/auth/credentials.ts';
import * as changes from '../../store/console/account-changes.ts';
import * as merge from '../../store/console/merge.ts';
import { insertPersonMerge, loadMovableRows } from '../../store/console/person-merges.ts';
import type { Transaction } from '../../store/database/index.ts';
import { listGrantsByBasis, listGrantsByPerson } from '../../store/oidc/grants.ts';
import type { GuardianshipRow } from '../../store/people/guardianships.ts';
import * as people from '../../store/people/people.ts';
import { updateSharing } from '../../store/personal-data/erasure.ts';
import type { Revocation } from '../access/revocation.ts';
import type { AuditEvent } from '../audit/audit.ts';
import { statusOf, type Guardianships } from '../people/guardianships.ts';
import { fingerprintOf, sealSnapshot, type MergeSnapshot } from './merge-snapshot.ts';
import { done, impossible, type ImpossibleEffect, type PersonEffect } from './person-effect.ts';

interface Deps {
  clock: Clock;
  random: Random;
  secrets: Secrets;
  revocation: Pick<Revocation, 'revokeAllOf' | 'revokeGrants'>;
  guardianships: Pick<Guardianships, 'applyIn'>;
}

/** The input of a merge: the account that ends, in the version that the form was shown for. */
interface MergeInput {
  otherId: string;
  version: number;
}

export function formatMergeInput({ otherId, version }: MergeInput): string {
  return `${otherId}:${String(version)}`;
}

export function parseMergeInput(input: string): MergeInput {
  const [otherId = '', version = ''] = input.split(':', 2);
  return { otherId, version: Number(version) };
}

type FoundPerson = NonNullable<Awaited<ReturnType<typeof people.findPerson>>>;

interface MergePlan {
  kind: 'plan';
  kept: FoundPerson;
  other: FoundPerson;
  /** Guardianships that move to the kept account. */
  moved: readonly GuardianshipRow[];
  /** Guardianships that the kept account has too. */
  duplicates: readonly GuardianshipRow[];
}

/** Creates the merge of two accounts of one person: everything moves to the target, and the other account is disabled. */
export function createMergeEffect(deps: Deps): PersonEffect {
  return {
    describe: async (tx, personId, input) => {
      const plan = await planMerge(tx, personId, input);
      return plan.kind === 'impossible' ? plan : { kind: 'change', before: plan.other.name, after: '' };
    },
    apply: async (tx, personId, { input, actorId, reason }) => {
      const plan = await planMerge(tx, personId, input);
      if (plan.kind === 'impossible') return plan;
      const { kept, other, moved, duplicates } = plan;
      const now = deps.clock.now();
      const snapshot = await takeSnapshot(tx, deps, other);
      await people.updatePersonStatus(tx, other.id, 'disabled', now);
      await people.advanceStaffVersion(tx, other.id, other.staffVersion);
      await credentials.deleteResetLink(tx, other.id);
      await deps.revocation.revokeAllOf(tx, other.id);
      const events = await revokeAll(tx, deps, duplicates, { actorId, reason });
      await merge.moveAffiliations(tx, other.id, personId);
      await merge.moveRecords(tx, other.id, personId);
      await merge.moveGuardianships(tx, moved, other.id, personId, now);
      await revokeGrantsOfGuardians(tx, deps, moved, other.id);
      const dropped = await moveNationalId(tx, deps, kept, other);
      await moveAttributes(tx, deps, kept, other);
      await storeMerge(tx, deps, { kept, other, snapshot, actorId });
      const before = [`merged ${other.id}`, ...(dropped === undefined ? [] : [`dropped ID ${dropped}`])].join(', ');
      return { ...done(before, personId), events: [...events, mergedEvent(other, personId, actorId)] };
    },
  };
}

async function planMerge(tx: Transaction, personId: string, input: string): Promise<MergePlan | ImpossibleEffect> {
  const { otherId, version } = parseMergeInput(input);
  const kept = await people.findPerson(tx, personId);
  const other = otherId === personId ? undefined : await people.findPerson(tx, otherId);
  if (kept === undefined || other === undefined) return impossible('merge_not_found');
  if (kept.kind !== 'person' || other.kind !== 'person') return impossible('school_account');
  if (other.staffVersion !== version) return impossible('outdated');
  // The older account stays: relying parties know it longer.
  if (other.createdAt < kept.createdAt) return impossible('merge_order');
  // A student has one open application.
  const [openOfKept, openOfOther] = [await findOpenApplication(tx, personId), await findOpenApplication(tx, otherId)];
  if (openOfKept !== undefined && openOfOther !== undefined) return impossible('merge_applications');
  const rows = await merge.listGuardianshipsOfBoth(tx, [personId, otherId]);
  const ids = [personId, otherId];
  if (rows.some((row) => ids.includes(row.guardianId) && ids.includes(row.studentId)))
    return impossible('merge_family');
  const ofOther = rows.filter((row) => row.guardianId === otherId || row.studentId === otherId);
  const sameAs = (row: GuardianshipRow): GuardianshipRow | undefined =>
    rows.find((one) => one.id !== row.id && pairOf(one, otherId, personId) === pairOf(row, otherId, personId));
  if (ofOther.some((row) => !isSameStatus(sameAs(row) ?? row, row))) return impossible('merge_guardianship');
  return {
    kind: 'plan',
    kept,
    other,
    moved: ofOther.filter((row) => sameAs(row) === undefined),
    duplicates: ofOther.filter((row) => sameAs(row) !== undefined),
  };
}

/** Returns true if the states and the causes of a suspension are the same: the row of the account that ends would lose its cause. */
function isSameStatus(a: GuardianshipRow, b: GuardianshipRow): boolean {
  const [one, other] = [statusOf(a), statusOf(b)];
  return (
    one.state === other.state &&
    one.isConsentAwaited === other.isConsentAwaited &&
    one.isSuspendedBySchool === other.isSuspendedBySchool
  );
}

/** Names the two people of a guardianship as after the merge. */
function pairOf({ guardianId, studentId }: GuardianshipRow, from: string, to: string): string {
  return [guardianId, studentId].map((id) => (id === from ? to : id)).join(' ');
}

/** The kept account has these guardianships in the same state, so those of the other account end. */
async function revokeAll(
  tx: Transaction,
  { guardianships }: Deps,
  rows: readonly GuardianshipRow[],
  { actorId, reason }: { actorId: string; reason: string },
): Promise<AuditEvent[]> {
  const events: AuditEvent[] = [];
  for (const { id } of rows) {
    const event = await guardianships.applyIn(tx, { id, action: 'revoke', reason, actorId });
    if (event !== undefined) events.push(event);
  }
  return events;
}

/** A relying party knows a child by the account that ends. */
async function revokeGrantsOfGuardians(
  tx: Transaction,
  { revocation }: Deps,
  moved: readonly GuardianshipRow[],
  otherId: string,
): Promise<void> {
  for (const { id, studentId } of moved) {
    if (studentId === otherId) await revocation.revokeGrants(tx, await listGrantsByBasis(tx, id));
  }
}

type StateBefore = Pick<MergeSnapshot, 'rows' | 'status' | 'nationalId' | 'nationalIdLookup'>;

async function takeSnapshot(tx: Transaction, { secrets }: Deps, other: FoundPerson): Promise<StateBefore> {
  const { id, status, nationalIdLookup, nationalIdSealed: sealed } = other;
  const nationalId = sealed === null ? null : secrets.open('national-id', id, sealed);
  return { rows: await loadMovableRows(tx, id), status, nationalId, nationalIdLookup };
}

/** Stores what the undo needs, after everything was moved. */
async function storeMerge(
  tx: Transaction,
  { clock, random, secrets }: Deps,
  { kept, other, snapshot, actorId }: { kept: FoundPerson; other: FoundPerson; snapshot: StateBefore; actorId: string },
): Promise<void> {
  const id = random.uuid();
  const after = { kept: await fingerprintOf(tx, kept.id), other: await fingerprintOf(tx, other.id) };
  const isMoved = (column: 'nationalIdLookup' | 'birthDateSealed' | 'sharingStoppedAt'): boolean =>
    kept[column] === null && other[column] !== null;
  const moved = {
    hasMovedNationalId: isMoved('nationalIdLookup'),
    hasMovedBirthDate: isMoved('birthDateSealed'),
    hasMovedStop: isMoved('sharingStoppedAt'),
  };
  await insertPersonMerge(tx, {
    ...{ id, keptId: kept.id, otherId: other.id, mergedAt: clock.now(), mergedBy: actorId },
    snapshotSealed: sealSnapshot(secrets, id, { ...snapshot, ...moved, after }),
    hadTwoIds: kept.nationalIdLookup !== null && other.nationalIdLookup !== null,
  });
}

/** Moves the national ID. A second one is a typing error, and is dropped. @returns the masked dropped ID */
async function moveNationalId(
  tx: Transaction,
  { clock, secrets }: Deps,
  { id: personId, nationalIdLookup: kept }: FoundPerson,
  { id, nationalIdLookup: lookup, nationalIdSealed }: FoundPerson,
): Promise<string | undefined> {
  if (lookup === null) return undefined;
  // A sealed text opens for its own row only.
  const opened = nationalIdSealed === null ? undefined : secrets.open('national-id', id, nationalIdSealed);
  const sealed = opened === undefined ? null : secrets.seal('national-id', personId, opened);
  await changes.updateNationalId(tx, id, { lookup: null, sealed: null }, clock.now());
  if (kept !== null) return opened === undefined ? '' : maskNationalId(opened);
  await changes.updateNationalId(tx, personId, { lookup, sealed }, clock.now());
  return undefined;
}

/** Copies the birth date and the stop of processing that the kept account lacks. The person chooses the language of the kept account again. */
async function moveAttributes(
  tx: Transaction,
  { clock, secrets, revocation }: Deps,
  kept: FoundPerson,
  { id, birthDateSealed, adultOnLookup, sharingStoppedAt }: FoundPerson,
): Promise<void> {
  if (kept.birthDateSealed === null && birthDateSealed !== null) {
    // A sealed text opens for its own row only.
    const sealed = secrets.seal('birth-date', kept.id, secrets.open('birth-date', id, birthDateSealed));
    await changes.updateBirthDate(tx, kept.id, { birthDateSealed: sealed, adultOnLookup }, clock.now());
  }
  if (kept.sharingStoppedAt === null && sharingStoppedAt !== null) {
    await updateSharing(tx, kept.id, sharingStoppedAt, clock.now());
    await revocation.revokeGrants(tx, await listGrantsByPerson(tx, kept.id));
  }
}

/** The history of the other account says where it went. */
function mergedEvent({ id, status }: MergePlan['other'], personId: string, actorId: string): AuditEvent {
  const detail = { into: personId, before: status, after: 'disabled' };
  return { event: 'person.merged', outcome: 'ok', actorId, subjectId: id, detail };
}
