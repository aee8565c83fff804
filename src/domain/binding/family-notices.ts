/** The events of a guardianship that are mailed to the guardian or the student. */
export const GUARDIANSHIP_NOTICES = [
  'student_soon',
  'guardian_soon',
  'student_adult',
  'guardian_adult',
  'consent_given',
  'consent_withdrawn',
  'end_requested',
  'end_declined',
  'expired',
] as const;
export type GuardianshipNotice = (typeof GUARDIANSHIP_NOTICES)[number];

/** The work that registrars or the bureau are mailed about. The mail names no person. */
export const STAFF_TASKS = ['wrong_data', 'end_request', 'subject_request', 'subject_request_due'] as const;
export type StaffTask = (typeof STAFF_TASKS)[number];

/** `end`: a guardian asks to end a guardianship. `report`: a family reports wrong data of the student. */
export const FAMILY_REQUEST_KINDS = ['end', 'report'] as const;
export type FamilyRequestKind = (typeof FAMILY_REQUEST_KINDS)[number];

/** The kinds of work that wait for a decision of staff. Each name is also the path of its list in the console. */
export const WORK_KINDS = ['applications', 'family-requests', 'subject-requests', 'requests'] as const;
export type WorkKind = (typeof WORK_KINDS)[number];
