import { defaultPermissions } from '../../domain/acting/permissions.ts';
import { guardianshipBasis, relationLabel, type ApplicantKind } from '../../domain/binding/applicants.ts';
import type { ApprovalNote } from '../../domain/binding/approval-notes.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import { lastSix } from '../../domain/credentials/national-id.ts';
import { DAY_MS, HOUR_MS } from '../../domain/duration.ts';
import type { Random } from '../../domain/random.ts';
import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as credentials from '../../store/auth/credentials.ts';
import { setGuardianOf } from '../../store/binding/review.ts';
import type { Transaction } from '../../store/database/index.ts';
import { deleteEndedGuardianship, insertGuardianship } from '../../store/people/guardianships.ts';
import * as people from '../../store/people/people.ts';
import type { AuditEvent } from '../audit/audit.ts';
import { issueLink } from '../authentication/password-reset.ts';
import { firstPasswordMac } from '../authentication/password-verification.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailVerifiedAddresses } from '../notifications/verified-addresses.ts';
import type { Settings } from '../settings/settings.ts';
import type { CheckedApplicant, CheckedApplication } from './application-check.ts';
import { loadGuardianAccount } from './guardian-account.ts';

/** Validity of the activation link in the mail. Afterwards the first password or "forgot password" opens the account. */
const ACTIVATION_LINK_HOURS = 72;

export interface ApprovedApplicant {
  guardianId: string;
  name: string;
  notes: readonly ApprovalNote[];
}

export interface Approval {
  applicants: readonly ApprovedApplicant[];
  /** For the caller, which appends them last. */
  events: readonly AuditEvent[];
}

interface Deps {
  clock: Clock;
  random: Random;
  secrets: Secrets;
  outbox: Outbox;
  settings: Pick<Settings, 'readPolicy'>;
  issuer: string;
}

/**
 * Makes the guardianships of an application, in the transaction that approved it and has locked the people.
 *
 * @param actorId undefined for an approval by the register
 */
export type Approve = (tx: Transaction, checked: CheckedApplication, actorId: string | undefined) => Promise<Approval>;

export function createApproval(deps: Deps): Approve {
  return async (tx, checked, actorId) => {
    const applicants: ApprovedApplicant[] = [];
    const events: AuditEvent[] = [];
    for (const applicant of checked.applicants) {
      const approved = await approveApplicant(deps, tx, checked, applicant);
      applicants.push({ guardianId: approved.guardianId, name: applicant.data.name, notes: approved.notes });
      events.push(...approved.events.map((event) => ({ ...event, actorId })));
    }
    return { applicants, events };
  };
}

async function approveApplicant(
  deps: Deps,
  tx: Transaction,
  checked: CheckedApplication,
  applicant: CheckedApplicant,
): Promise<{ guardianId: string; notes: ApprovalNote[]; events: AuditEvent[] }> {
  const { existing } = applicant;
  const guardianId = existing?.id ?? (await insertGuardian(deps, tx, checked, applicant));
  const notes: ApprovalNote[] = [existing === undefined ? 'created' : 'joined'];
  const account = await loadGuardianAccount(tx, guardianId, localDate(deps.clock.now()));
  notes.push(...(await addLogins(deps, tx, guardianId, applicant, account.isUnused)));
  if (account.isUnused && !account.hasFirstPassword) {
    await prepareFirstPassword(deps, tx, guardianId, applicant.data.nationalId);
    notes.push('first_password');
  }
  if (existing !== undefined) await advanceVersion(tx, guardianId);
  const guardianship = await makeGuardianship(deps, tx, checked, applicant, guardianId);
  if (checked.student.isAdult) notes.push('awaits_consent');
  await setGuardianOf(tx, applicant.row, guardianId);
  await notifyGuardian(deps, tx, checked, applicant, { guardianId, isUnused: account.isUnused });
  const created: AuditEvent[] =
    existing === undefined
      ? [
          {
            event: 'person.created',
            outcome: 'ok',
            subjectId: guardianId,
            detail: { application: applicant.row.applicationId },
          },
        ]
      : [];
  return { guardianId, notes, events: [...created, guardianship] };
}

async function insertGuardian(
  { clock, random, secrets }: Deps,
  tx: Transaction,
  { application }: CheckedApplication,
  { data, row }: CheckedApplicant,
): Promise<string> {
  const [id, now] = [random.uuid(), clock.now()];
  // The family fills in the form in one language. The account of the school remembers it.
  const account = await people.findPerson(tx, application.accountId);
  await people.insertPerson(tx, {
    ...{ id, kind: 'person', name: data.name, status: 'active', locale: account?.locale ?? null },
    nationalIdLookup: row.nationalIdLookup,
    nationalIdSealed: secrets.seal('national-id', id, data.nationalId),
    createdAt: now,
    updatedAt: now,
  });
  return id;
}

/** Adds the email address and the mobile number to an account that has none. */
async function addLogins(
  { clock, random }: Deps,
  tx: Transaction,
  personId: string,
  { data, row, isMobileFree }: CheckedApplicant,
  isUnused: boolean,
): Promise<ApprovalNote[]> {
  const notes: ApprovalNote[] = [];
  const logins = await people.listIdentifiers(tx, personId);
  const has = (kind: 'email' | 'mobile', value?: string): boolean =>
    logins.some((one) => one.kind === kind && (value === undefined || one.value === value));
  const login = { personId, createdAt: clock.now() };
  if (!has('email') && isUnused) {
    const { emailVerifiedAt: verifiedAt } = row;
    await people.insertIdentifier(tx, { ...login, id: random.uuid(), kind: 'email', value: data.email, verifiedAt });
  } else if (!has('email', data.email)) {
    notes.push(has('email') ? 'email_kept' : 'email_not_added');
  }
  if (!has('mobile') && isUnused && isMobileFree) {
    await people.insertIdentifier(tx, { ...login, id: random.uuid(), kind: 'mobile', value: data.mobile });
  } else if (!has('mobile', data.mobile)) {
    notes.push('mobile_not_added');
  }
  return notes;
}

async function prepareFirstPassword(
  { clock, secrets, settings }: Deps,
  tx: Transaction,
  personId: string,
  nationalId: string,
): Promise<void> {
  const createdAt = clock.now();
  const mac = firstPasswordMac(secrets, personId, lastSix(nationalId));
  const { value: policy } = await settings.readPolicy(tx);
  const expiresAt = createdAt + policy.firstPasswordDays * DAY_MS;
  await credentials.upsertFirstPassword(tx, { personId, kind: 'first', mac, expiresAt, createdAt });
}

/** A form of the console that was shown before the approval does nothing. */
async function advanceVersion(tx: Transaction, personId: string): Promise<void> {
  const person = await people.findPerson(tx, personId);
  if (person !== undefined) await people.advanceStaffVersion(tx, personId, person.staffVersion);
}

/** @returns the audit entry */
async function makeGuardianship(
  { clock, random }: Deps,
  tx: Transaction,
  { application, student }: CheckedApplication,
  { data }: CheckedApplicant,
  guardianId: string,
): Promise<AuditEvent> {
  const [id, now] = [random.uuid(), clock.now()];
  const { relation, authority } = guardianshipBasis(kindOf(application), data.relation);
  const state = student.isAdult ? 'suspended' : 'active';
  await deleteEndedGuardianship(tx, guardianId, student.id);
  await insertGuardianship(tx, {
    ...{ id, guardianId, studentId: student.id, relation, authority, state },
    relationLabel: relationLabel(data.relation),
    permissions: defaultPermissions(authority),
    isConsentAwaited: student.isAdult,
    validFrom: localDate(now),
    validTo: application.validTo,
    createdAt: now,
    updatedAt: now,
  });
  return {
    event: 'guardianship.created',
    outcome: 'ok',
    subjectId: guardianId,
    detail: { guardianship: id, student: student.id, application: application.id, relation, authority, to: state },
  };
}

/** @throws {Error} for an application that was submitted without the step */
function kindOf({ applicantKind }: CheckedApplication['application']): ApplicantKind {
  if (applicantKind === null) throw new Error('a submitted application has no kind of applicants');
  return applicantKind;
}

/** Mails the guardian. An account without a sign-in gets a link to activate it. */
async function notifyGuardian(
  { clock, random, outbox, issuer }: Deps,
  tx: Transaction,
  { application, student }: CheckedApplication,
  { data, row, existing }: CheckedApplicant,
  { guardianId, isUnused }: { guardianId: string; isUnused: boolean },
): Promise<void> {
  const logins = await people.listIdentifiers(tx, guardianId);
  const mailbox = logins.find(({ kind, isVerified }) => kind === 'email' && isVerified);
  const lifetimeMs = ACTIVATION_LINK_HOURS * HOUR_MS;
  const hasLink = isUnused && mailbox !== undefined;
  const activation = hasLink ? await issueLink({ clock, random, issuer }, tx, guardianId, { lifetimeMs }) : '';
  const { relation } = guardianshipBasis(kindOf(application), data.relation);
  // The language in which the family filled in the form.
  const lang = (await people.findPerson(tx, application.accountId))?.locale ?? DEFAULT_LANGUAGE;
  const write = (name: string) => ({
    lang,
    template: 'guardianship-created' as const,
    locals: {
      ...{ name, student: student.name, login: mailbox?.value ?? '', link: `${issuer}/account` },
      ...{ activation, hours: ACTIVATION_LINK_HOURS, isSuspended: student.isAdult ? 1 : 0, relation },
    },
  });
  if (mailbox !== undefined) {
    await mailVerifiedAddresses(tx, outbox, guardianId, write);
  } else if (row.emailVerifiedAt !== null) {
    const mail = write(data.name);
    await outbox.enqueue(tx, { kind: 'mail', to: data.email, ...mail, lang: existing?.locale ?? lang });
  }
}
