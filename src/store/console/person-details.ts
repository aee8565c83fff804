import { and, desc, eq, lt } from 'drizzle-orm';
import type { ChainedEntry } from '../../domain/audit-chain.ts';
import type { Authority, GuardianshipState, Relation, Validity } from '../../domain/model.ts';
import type { Transaction } from '../database/index.ts';
import { toValidity } from '../people/validity.ts';

/** A guardianship with the names of both people. */
export interface NamedGuardianship extends Validity {
  id: string;
  guardian: { id: string; name: string };
  student: { id: string; name: string };
  relation: Relation;
  relationLabel: string;
  authority: Authority;
  state: GuardianshipState;
  /** Why the school suspended or ended it. For staff who may change it only. */
  stateReasonSealed: string | null;
  /** The guardian asks the school to end it. */
  endRequestedAt: number | null;
  endRequestSealed: string | null;
}

/** Lists the guardianships of a person as guardian and as pupil, oldest first. */
export async function listNamedGuardianships(tx: Transaction, personId: string): Promise<NamedGuardianship[]> {
  const { guardianships, persons } = tx.tables;
  const select = async (own: 'guardianId' | 'studentId', other: 'guardianId' | 'studentId') =>
    tx.db
      .select({ guardianship: guardianships, otherName: persons.name })
      .from(guardianships)
      .innerJoin(persons, eq(persons.id, guardianships[other]))
      .where(eq(guardianships[own], personId))
      .orderBy(guardianships.createdAt, guardianships.id);
  const [own] = await tx.db.select({ name: persons.name }).from(persons).where(eq(persons.id, personId));
  const name = own?.name ?? '';
  const asGuardian = await select('guardianId', 'studentId');
  const asPupil = await select('studentId', 'guardianId');
  const toNamed = (
    { guardianship: row }: (typeof asGuardian)[number],
    guardian: string,
    student: string,
  ): NamedGuardianship => ({
    id: row.id,
    guardian: { id: row.guardianId, name: guardian },
    student: { id: row.studentId, name: student },
    relation: row.relation,
    relationLabel: row.relationLabel,
    authority: row.authority,
    state: row.state,
    stateReasonSealed: row.stateReasonSealed,
    endRequestedAt: row.endRequestedAt,
    endRequestSealed: row.endRequestSealed,
    ...toValidity(row),
  });
  return [
    ...asGuardian.map((row) => toNamed(row, name, row.otherName)),
    ...asPupil.map((row) => toNamed(row, row.otherName, name)),
  ];
}

/** Lists the newest audit entries about a person before `beforeSeq`. */
export function listHistory(
  tx: Transaction,
  personId: string,
  beforeSeq: number,
  limit: number,
): Promise<ChainedEntry[]> {
  const audit = tx.tables.audit;
  return tx.db
    .select()
    .from(audit)
    .where(and(eq(audit.subjectId, personId), lt(audit.seq, beforeSeq)))
    .orderBy(desc(audit.seq))
    .limit(limit);
}
