import { z } from 'zod';
import { GUARDIANSHIP_NOTICES, STAFF_TASKS } from '../domain/binding/family-notices.ts';
import { SUBJECT_REQUEST_KINDS } from '../domain/binding/subject-requests.ts';
import { RELATIONS } from '../domain/model.ts';
import { SECOND_FACTOR_CHANGES } from '../domain/credentials/second-factors.ts';

const name = z.string();
const link = z.string();
/** ms since 1970. */
const at = z.number();
/** Validity of a link. */
const minutes = z.number();

const SCHEMAS = {
  /** `link`: where to set a password. */
  'first-password-closed': z.object({ name, closedAt: at, link }),
  /** `link`: where to set a new password if another person changed it. */
  'password-changed': z.object({ name, changedAt: at, link }),
  /** `link`: where to set a new password. */
  'second-factor-failed': z.object({ name, at, link }),
  /** `link`: the page with the second factors. */
  'second-factor-changed': z.object({ name, change: z.enum(SECOND_FACTOR_CHANGES), at, link }),
  /** `password`: its name; `link`: the page with the application passwords. */
  'application-password-created': z.object({ name, password: z.string(), at, link }),
  'reset-link': z.object({ name, link, minutes }),
  /** `hours`: validity of the link. */
  'setup-link': z.object({ name, link, hours: z.number() }),
  'email-confirmation': z.object({ name, link, minutes }),
  /** To an address that another person entered; `link`: the account page. */
  'email-in-use': z.object({ link }),
  /** `login`: the new login, masked; `link`: where to set a new password; `revertLink`: restores this address; empty if there is none. */
  'login-changed': z.object({
    ...{ name, at, login: z.string(), link, revertLink: z.string().default('') },
    kind: z.enum(['email', 'mobile', 'account', 'mobile_removed', 'account_removed']),
  }),
  /** `logins`: one per line; `link`: the sign-in page. */
  'account-reminder': z.object({ name, logins: z.string(), link }),
  /** `reason`: what the reviewer wrote; `link`: the page of the application. */
  'application-decided': z.object({
    name,
    student: z.string(),
    result: z.enum(['returned', 'rejected']),
    reason: z.string(),
    link,
  }),
  /**
   * `relation`: of the guardian to the student. `login`: the email address to sign in with, or empty; `link`: the account page.
   * `activation`: a link to choose a password that is valid for `hours`, or empty. `isSuspended`: 1 if the adult student has to consent first.
   */
  'guardianship-created': z.object({
    ...{ name, student: z.string(), login: z.string(), link, activation: z.string() },
    ...{ hours: z.number(), isSuspended: z.number(), relation: z.enum(RELATIONS).default('parent') },
  }),
  /** `reason`: what the school wrote, or empty; `link`: a page of the account. */
  'guardianship-notice': z.object({
    ...{ name, student: z.string(), reason: z.string(), link },
    kind: z.enum(GUARDIANSHIP_NOTICES),
  }),
  /** `link`: the page of the console. */
  'staff-task': z.object({ name, task: z.enum(STAFF_TASKS), link }),
  /** To the address of an applicant: six digits that confirm it. */
  'binding-code': z.object({ code: z.string(), minutes, school: z.string() }),
  /** `link`: the page with the state of the application. */
  'binding-received': z.object({ name, student: z.string(), link }),
  /** `kind` and `result`: names of texts; `reason`: what the school wrote; `dueAt`: ms since 1970; `link`: the page of the request. */
  'subject-request': z.object({
    ...{ name, kind: z.enum(SUBJECT_REQUEST_KINDS), result: z.enum(['received', 'approved', 'declined', 'extended']) },
    ...{ reason: z.string(), dueAt: z.number(), link },
  }),
  /** To a family that has not answered; `link`: where it signs in with the school account. */
  'binding-reminder': z.object({ student: z.string(), school: z.string(), link }),
  /** `action`: name of the action of staff; `link`: the account page. */
  'staff-action': z.object({ name, action: z.string(), at, link }),
};

/** The locals of each mail. The names are the files in `views/mail/`. */
export type MailLocals = { [Name in keyof typeof SCHEMAS]: z.infer<(typeof SCHEMAS)[Name]> };
export type MailName = keyof MailLocals;

/** The schemas of the stored locals: an older version may have stored them. */
export const MAIL_SCHEMAS: { readonly [Name in MailName]: z.ZodType<MailLocals[Name]> } = SCHEMAS;
