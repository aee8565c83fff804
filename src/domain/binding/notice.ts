/** Answers to the personal-data notice: 本人同意, 不同意, 無意參加. A refusal is a valid answer (source text, step 6). */
export const NOTICE_ANSWERS = ['agree', 'disagree', 'decline'] as const;
export type NoticeAnswer = (typeof NOTICE_ANSWERS)[number];

/** Code points of the text in one language. */
export const MAX_NOTICE_LENGTH = 5_000;

/** The points that the notice has to state (Personal Data Protection Act, Article 8, paragraph 1); the names of messages. */
export const NOTICE_POINTS = ['collector', 'purpose', 'categories', 'use', 'rights', 'refusal'] as const;

/** Returns true if the answer ends the application with a receipt. It can be changed later. */
export function isRefusal(answer: NoticeAnswer): boolean {
  return answer !== 'agree';
}
