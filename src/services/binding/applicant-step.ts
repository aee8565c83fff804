import { relationsFor } from '../../domain/binding/applicants.ts';
import type { FamilyConflict } from '../../domain/binding/conflicts.ts';
import { localize } from '../../config/localized-text.ts';
import { MINUTE_MS } from '../../domain/duration.ts';
import type { Random } from '../../domain/random.ts';
import { DEFAULT_LANGUAGE, SECOND_LANGUAGE } from '../../domain/text.ts';
import * as applications from '../../store/binding/applications.ts';
import type { Transaction } from '../../store/database/index.ts';
import { findPerson } from '../../store/people/people.ts';
import { admitContactChange } from '../people/contact-limits.ts';
import { sealApplicant, type ApplicantData } from './applicant-data.ts';
import {
  editStep,
  type BindingDeps,
  type Edit,
  type EditContext,
  type FamilyForm,
  type Refused,
} from './application-edit.ts';
import { isCodeOpen, MAX_CODE_FAILURES, type ApplicationView, type Family } from './application-view.ts';

/** Lifetime of a mailed code, in minutes. */
const EMAIL_CODE_MINUTES = 30;
const CODE_DIGITS = 6;

interface ApplicantForm extends FamilyForm {
  position: 1 | 2;
  data: ApplicantData;
  /** The mailed code; empty if it was not entered. */
  code: string;
  /** The family asks for a new code. */
  wantsCode: boolean;
  /** The language of the page. */
  lang: string;
}

export type SavedApplicant =
  | { kind: 'complete' }
  | { kind: 'code_sent' }
  | { kind: 'code_missing' }
  | { kind: 'code_closed' }
  | { kind: 'code_wrong'; left: number }
  | { kind: 'conflict'; conflict: FamilyConflict }
  /** `until`: ms since 1970 of the next code. */
  | { kind: 'limited'; until: number };

/** Stores an applicant, mails a code to a new address, and checks the entered code. */
export type SaveApplicant = (form: ApplicantForm) => Promise<SavedApplicant | Refused>;

export function createSaveApplicant(deps: BindingDeps): SaveApplicant {
  return ({ position, data, code, wantsCode, lang, ...form }) =>
    editStep<SavedApplicant | Refused>(deps, form, `applicant-${position}`, async (context, tx) => {
      const { view, family } = context;
      const kind = view.row.applicantKind;
      if (kind === null || !relationsFor(kind).includes(data.relation)) return { result: { kind: 'not_open' } };
      const conflict = await findFamilyConflict(tx, deps, family, view, { position, data });
      if (conflict !== undefined) return { result: { kind: 'conflict', conflict } };
      const before = view.applicants.find((applicant) => applicant.position === position);
      const row = view.applicantRows.find((applicant) => applicant.position === position);
      const target = { deps, context, row: toRow(deps, context, { position, data, row, before: before?.data }), lang };
      if (row === undefined || before?.data.email !== data.email || (wantsCode && row.emailVerifiedAt === null))
        return sendCode(tx, target, data.email);
      const isSame = JSON.stringify(before.data) === JSON.stringify(data);
      if (row.emailVerifiedAt !== null)
        return isSame ? { result: { kind: 'complete' } } : store(target, { kind: 'complete' });
      return checkCode(target, data.email, code, isSame);
    });
}

interface Target {
  deps: BindingDeps;
  context: EditContext;
  /** The row as it will be stored. */
  row: applications.ApplicantRow;
  lang: string;
}

function toRow(
  { secrets }: BindingDeps,
  { view }: EditContext,
  entered: {
    position: number;
    data: ApplicantData;
    row: applications.ApplicantRow | undefined;
    before: ApplicantData | undefined;
  },
): applications.ApplicantRow {
  const key = { applicationId: view.row.id, position: entered.position };
  const isSameEmail = entered.before?.email === entered.data.email;
  return {
    ...{ emailCodeMac: null, emailCodeExpiresAt: null, emailCodeFailures: 0, emailVerifiedAt: null, guardianId: null },
    ...(isSameEmail ? entered.row : {}),
    ...key,
    ...sealApplicant(secrets, key, entered.data),
  };
}

function store(
  { row }: Target,
  result: SavedApplicant,
  event: Edit<unknown>['event'] = { event: 'binding.applicant_saved', detail: { position: row.position } },
): Edit<SavedApplicant> {
  return { result, change: {}, apply: (tx) => applications.upsertApplicant(tx, row), event };
}

/** Stores the applicant and mails a new code, which replaces an earlier one. */
async function sendCode(tx: Transaction, target: Target, email: string): Promise<Edit<SavedApplicant>> {
  const { deps, context, row, lang } = target;
  const { accountId, school } = context.family;
  const code = createEmailCode(deps.random);
  const admission = await admitContactChange(tx, deps, { personId: accountId, mailbox: email });
  if (admission.kind === 'limited') return { result: { kind: 'limited', until: admission.until } };
  const coded = {
    ...row,
    emailCodeMac: codeMac(deps, row, email, code),
    emailCodeExpiresAt: context.now + EMAIL_CODE_MINUTES * MINUTE_MS,
    emailCodeFailures: 0,
  };
  const mail = {
    ...({ kind: 'mail', to: email, template: 'binding-code', lang } as const),
    locals: {
      code,
      minutes: EMAIL_CODE_MINUTES,
      school: localize({ [DEFAULT_LANGUAGE]: school.name, [SECOND_LANGUAGE]: school.nameEn }, lang),
    },
  };
  return {
    ...store(target, { kind: 'code_sent' }),
    apply: async (writing) => {
      await applications.upsertApplicant(writing, coded);
      if (admission.kind === 'admitted') await deps.outbox.enqueue(writing, mail);
    },
    event: { event: 'binding.code_sent', detail: { position: row.position } },
  };
}

/** Checks the entered code. Other changes of the form are stored whatever the code is. */
function checkCode(target: Target, email: string, code: string, isSame: boolean): Edit<SavedApplicant> {
  const { deps, row, context } = target;
  const detail = { position: row.position };
  if (!isCodeOpen(row, context.now))
    return isSame ? { result: { kind: 'code_closed' } } : store(target, { kind: 'code_closed' });
  if (code === '') return isSame ? { result: { kind: 'code_missing' } } : store(target, { kind: 'code_missing' });
  if (codeMac(deps, row, email, code) === row.emailCodeMac) {
    const verified = { ...row, emailCodeMac: null, emailCodeExpiresAt: null, emailVerifiedAt: context.now };
    return store({ ...target, row: verified }, { kind: 'complete' }, { event: 'binding.email_confirmed', detail });
  }
  const failures = row.emailCodeFailures + 1;
  const left = MAX_CODE_FAILURES - failures;
  const failed = { ...target, row: { ...row, emailCodeFailures: failures } };
  const event = { event: 'binding.code_failed', outcome: 'refused', detail } as const;
  return store(failed, left > 0 ? { kind: 'code_wrong', left } : { kind: 'code_closed' }, event);
}

/** The hash covers the address: a code confirms only the address that it was mailed to. */
function codeMac(
  { secrets }: Pick<BindingDeps, 'secrets'>,
  { applicationId, position }: Pick<applications.ApplicantRow, 'applicationId' | 'position'>,
  email: string,
  code: string,
): string {
  return secrets.mac('binding-email-code', `${applicationId}:${String(position)}:${email}:${code}`);
}

/** Creates six random digits. Of 2^32 values, the few above the last multiple of a million are drawn again. */
function createEmailCode(random: Random): string {
  const codes = 10 ** CODE_DIGITS;
  const limit = 2 ** 32 - (2 ** 32 % codes);
  let value = limit;
  while (value >= limit) value = random.bytes(4).readUInt32BE(0);
  return String(value % codes).padStart(CODE_DIGITS, '0');
}

/**
 * Returns why the applicants of a family cannot apply as entered. It compares only what the family itself entered, and the student.
 *
 * @param entered replaces the stored applicant of this position
 */
export async function findFamilyConflict(
  tx: Transaction,
  { secrets }: Pick<BindingDeps, 'secrets'>,
  { student }: Family,
  { applicants }: Pick<ApplicationView, 'applicants'>,
  entered?: { position: number; data: ApplicantData },
): Promise<FamilyConflict | undefined> {
  const others = applicants.filter(({ position }) => position !== entered?.position).map(({ data }) => data);
  const all = entered === undefined ? others : [entered.data, ...others];
  const studentLookup = (await findPerson(tx, student.id))?.nationalIdLookup;
  if (all.some(({ nationalId }) => secrets.mac('national-id-lookup', nationalId) === studentLookup))
    return 'student_applies';
  if (new Set(all.map(({ nationalId }) => nationalId)).size < all.length) return 'same_person';
  return new Set(all.map(({ email }) => email)).size < all.length ? 'same_email' : undefined;
}
