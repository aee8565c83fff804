/** The effects of an approval for one applicant; the names of messages. */
export const APPROVAL_NOTES = [
  'created',
  'joined',
  'first_password',
  /** The person has another email address, or logins of their own that an application does not change. */
  'email_kept',
  'email_not_added',
  'mobile_not_added',
  'awaits_consent',
] as const;
export type ApprovalNote = (typeof APPROVAL_NOTES)[number];
