import { desc, eq } from 'drizzle-orm';
import type { Transaction } from '../database/index.ts';
import type { Tables } from '../schema/tables.ts';

export type NoticeRow = Tables['bindingNotices']['$inferSelect'];
export type NoticeAnswerRow = Tables['noticeAnswers']['$inferSelect'];

/** Finds the newest published version of the personal-data notice. */
export async function findCurrentNotice(tx: Transaction): Promise<NoticeRow | undefined> {
  const { bindingNotices } = tx.tables;
  const [row] = await tx.db.select().from(bindingNotices).orderBy(desc(bindingNotices.version)).limit(1);
  return row;
}

/** Lists all versions, the newest first. */
export function listNotices(tx: Transaction): Promise<NoticeRow[]> {
  const { bindingNotices } = tx.tables;
  return tx.db.select().from(bindingNotices).orderBy(desc(bindingNotices.version));
}

/** Publishes a version. @returns false if the version exists */
export async function insertNotice(tx: Transaction, notice: NoticeRow): Promise<boolean> {
  const { bindingNotices } = tx.tables;
  const rows = await tx.db
    .insert(bindingNotices)
    .values(notice)
    .onConflictDoNothing()
    .returning({ version: bindingNotices.version });
  return rows.length > 0;
}

export async function insertNoticeAnswer(tx: Transaction, answer: NoticeAnswerRow): Promise<void> {
  await tx.db.insert(tx.tables.noticeAnswers).values(answer);
}

/** Finds the newest answer of the family of a student, to any version. */
export async function findLatestAnswer(tx: Transaction, studentId: string): Promise<NoticeAnswerRow | undefined> {
  const { noticeAnswers } = tx.tables;
  const [row] = await tx.db
    .select()
    .from(noticeAnswers)
    .where(eq(noticeAnswers.studentId, studentId))
    .orderBy(desc(noticeAnswers.answeredAt), desc(noticeAnswers.id))
    .limit(1);
  return row;
}
