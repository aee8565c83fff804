import { DAY_MS } from '../duration.ts';

/** The requests of people about their own data (Personal Data Protection Act, Article 3). Seeing and copying need no request. */
export const SUBJECT_REQUEST_KINDS = ['correction', 'stop_processing', 'deletion'] as const;
export type SubjectRequestKind = (typeof SUBJECT_REQUEST_KINDS)[number];

export const SUBJECT_REQUEST_STATES = ['open', 'approved', 'declined', 'withdrawn'] as const;
export type SubjectRequestState = (typeof SUBJECT_REQUEST_STATES)[number];

/** The answers of staff, as the form of the console names them. */
export const SUBJECT_REQUEST_ANSWERS = ['approve', 'decline', 'extend'] as const;
export type SubjectRequestAnswer = (typeof SUBJECT_REQUEST_ANSWERS)[number];

/** Time for an answer, in ms: 30 days, extended once by as many at most (Personal Data Protection Act, Article 13, paragraph 2). */
export const SUBJECT_REQUEST_PERIOD_MS = 30 * DAY_MS;
/** Requests of a person in such a period. */
export const MAX_RECENT_REQUESTS = 10;
/** Longest text of a field, in characters. */
export const MAX_REQUEST_TEXT_LENGTH = 1_000;

/** The console warns this long before the end of the period, in ms. */
const NEAR_MS = 7 * DAY_MS;

/** Staff get one mail this long before the end of the period, in ms. */
export const DEADLINE_REMINDER_MS = 5 * DAY_MS;

export const DEADLINE_STATES = ['ok', 'near', 'over'] as const;
export type DeadlineState = (typeof DEADLINE_STATES)[number];

/** Returns how urgent an open request is at `now` (ms). */
export function deadlineStateOf(dueAt: number, now: number): DeadlineState {
  if (now >= dueAt) return 'over';
  return dueAt - now <= NEAR_MS ? 'near' : 'ok';
}

/**
 * Why an account cannot be deleted now: the person is enrolled, has a duty, it is the account of a family with an enrolled pupil, an
 * application waits for its result, the school has suspended a guardianship (with the account its record would disappear, and a new
 * application would look like the first one), or a guardianship is out of the scope of the registrar, so that the bureau decides.
 */
export const ERASURE_OBSTACLES = [
  'enrolled',
  'staff',
  'school_account',
  'open_application',
  'suspended_guardianship',
  'other_schools',
] as const;
export type ErasureObstacle = (typeof ERASURE_OBSTACLES)[number];
