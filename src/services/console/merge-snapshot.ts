import { z } from 'zod';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { loadMovableRows, type MovableRows, type PersonMergeRow } from '../../store/console/person-merges.ts';
import type { Transaction } from '../../store/database/index.ts';
import { findPerson } from '../../store/people/people.ts';

/** The rows of the ended account before a merge, and the state of both accounts after it. */
export interface MergeSnapshot {
  rows: MovableRows;
  status: 'active' | 'disabled';
  /** Of the account that ended; null if it had none. */
  nationalId: string | null;
  nationalIdLookup: string | null;
  /** The kept account got the national ID of the other one. */
  hasMovedNationalId: boolean;
  /** The kept account got the birth date of the other one. */
  hasMovedBirthDate: boolean;
  /** The kept account got the stop of processing of the other one. */
  hasMovedStop: boolean;
  /** Fingerprints after the merge. */
  after: { kept: string; other: string };
}

const row = z.custom<never>((value) => typeof value === 'object' && value !== null);
const snapshotShape = z.object({
  rows: z.object({
    identifiers: z.array(row),
    memberships: z.array(row),
    enrollments: z.array(row),
    classIds: z.array(z.string()),
    schoolAccountIds: z.array(z.string()),
    guardianships: z.array(row),
    // Absent in snapshots of earlier releases, which moved none of them.
    answerIds: z.array(z.string()).default([]),
    applicants: z.array(z.object({ applicationId: z.string(), position: z.number() })).default([]),
    requestIds: z.array(z.string()).default([]),
    mergeIds: z.array(z.string()).default([]),
  }),
  status: z.enum(['active', 'disabled']),
  nationalId: z.string().nullable(),
  nationalIdLookup: z.string().nullable(),
  hasMovedNationalId: z.boolean(),
  hasMovedBirthDate: z.boolean().default(false),
  hasMovedStop: z.boolean().default(false),
  after: z.object({ kept: z.string(), other: z.string() }),
});

export function sealSnapshot(secrets: Pick<Secrets, 'seal'>, id: string, snapshot: MergeSnapshot): string {
  return secrets.seal('person-merge', id, JSON.stringify(snapshot));
}

export function openSnapshot(secrets: Pick<Secrets, 'open'>, { id, snapshotSealed }: PersonMergeRow): MergeSnapshot {
  return snapshotShape.parse(JSON.parse(secrets.open('person-merge', id, snapshotSealed)));
}

/** Describes everything that a merge moves, so that a later change is noticed. Times of updates do not count. */
export async function fingerprintOf(tx: Transaction, personId: string): Promise<string> {
  const person = await findPerson(tx, personId);
  const rows = await loadMovableRows(tx, personId);
  const lines = [
    `${person?.name ?? ''} ${person?.nationalIdLookup ?? ''}`,
    ...rows.identifiers.map(({ id, kind, value }) => `login ${id} ${kind} ${value}`),
    ...rows.memberships.map(({ id, role, duty, validFrom, validTo }) =>
      ['duty', id, role, duty, validFrom, validTo].join(' '),
    ),
    ...rows.enrollments.map(({ id, classId, validFrom, validTo }) =>
      ['class', id, classId, validFrom, validTo].join(' '),
    ),
    ...rows.classIds.map((id) => `homeroom ${id}`),
    ...rows.schoolAccountIds.map((id) => `account ${id}`),
    ...rows.guardianships.map(({ id, guardianId, studentId, state, isConsentAwaited, validTo }) =>
      ['family', id, guardianId, studentId, state, String(isConsentAwaited), validTo].join(' '),
    ),
  ];
  return lines.sort().join('\n');
}
