import { DAY_MS } from '../duration.ts';

/**
 * The requests of people: the end of a guardianship, and the rights of the Personal Data Protection Act, Article 3 (correction, stop of
 * processing, deletion). Seeing and copying need no request.
 */
export const SUBJECT_REQUEST_KINDS = ['end_guardianship', 'correction', 'stop_processing', 'deletion'] as const;
export type SubjectRequestKind = (typeof SUBJECT_REQUEST_KINDS)[number];

export const SUBJECT_REQUEST_STATES = ['open', 'approved', 'declined', 'withdrawn'] as const;
export type SubjectRequestState = (typeof SUBJECT_REQUEST_STATES)[number];

/** Time for an answer, in ms: 30 days (Personal Data Protection Act, Article 13, paragraph 2). */
export const SUBJECT_REQUEST_PERIOD_MS = 30 * DAY_MS;
