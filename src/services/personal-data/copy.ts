import type { AuditEntry } from '../../domain/audit-chain.ts';
import type { Clock } from '../../domain/clock.ts';
import { maskNationalId } from '../../domain/masking.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { listApplicationPasswords } from '../../store/auth/application-passwords.ts';
import { listEvidence } from '../../store/binding/evidence.ts';
import { listInputs, type InputRow } from '../../store/binding/inputs.ts';
import { listHistory, listNamedGuardianships } from '../../store/console/person-details.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as rows from '../../store/personal-data/copy.ts';
import { listRequestsOf } from '../../store/personal-data/requests.ts';
import { findPerson } from '../../store/people/people.ts';
import { listSchoolsByCode } from '../../store/people/schools.ts';
import type { Audit } from '../audit/audit.ts';
import { openApplicant, openText } from '../binding/applicant-data.ts';
import { openEvidenceName } from '../binding/evidence-file.ts';
import { openStepInput } from '../binding/step-input.ts';
import { openRequestPayload } from './request-payload.ts';

/** Audit entries in a copy, the newest. More would make a download of any size. */
const MAX_COPIED_ENTRIES = 5_000;

export type PersonalData = NonNullable<Awaited<ReturnType<typeof loadIn>>>;

/** A copy of everything that is held about a person (Personal Data Protection Act, Article 3). */
export interface PersonalDataCopy {
  /** @returns undefined if there is no such person */
  load(personId: string, maxEntries?: number): Promise<PersonalData | undefined>;
  /** As `load`, and records the download. */
  download(personId: string, address: string): Promise<PersonalData | undefined>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
  audit: Audit;
}

export function createPersonalDataCopy(deps: Deps): PersonalDataCopy {
  const { store, audit } = deps;
  return {
    load: (personId, maxEntries = MAX_COPIED_ENTRIES) => store.read((tx) => loadIn(deps, tx, personId, maxEntries)),
    download: async (personId, address) => {
      const data = await store.read((tx) => loadIn(deps, tx, personId, MAX_COPIED_ENTRIES));
      const about = { actorId: personId, subjectId: personId, address };
      if (data !== undefined) await audit.record({ event: 'personal_data.downloaded', outcome: 'ok', ...about });
      return data;
    },
  };
}

/** Loads the copy. It has no secret, no reason that only staff see, and nothing about other people except the names of the family. */
async function loadIn(deps: Deps, tx: Transaction, personId: string, maxEntries: number) {
  const person = await findPerson(tx, personId);
  if (person === undefined) return undefined;
  const { id, kind, name, locale, localeChosenAt, status, sharingStoppedAt, createdAt, updatedAt } = person;
  const [identifiers, pendingContacts] = await rows.listContactRows(tx, personId);
  const [memberships, homeroomClasses, enrollments, accounts] = await rows.listAffiliationRows(tx, personId);
  const [staffRequests, bulkRuns, merges] = await rows.listStaffRows(tx, personId);
  const [sessions, grants, consents, lastContexts] = await rows.listAccessRows(tx, personId);
  const entries = await listHistory(tx, personId, Number.MAX_SAFE_INTEGER, maxEntries + 1);
  const [account] = accounts;
  const schoolAccounts = accounts.map(({ school, student }) => ({ school, student }));
  const applications = await loadApplications(deps, tx, person);
  const noticeAnswers = await rows.listNoticeAnswerRows(tx, account?.studentId ?? id, account && id);
  const named = [identifiers, memberships, homeroomClasses, enrollments, schoolAccounts, applications, noticeAnswers];
  const codes = [...named, grants, lastContexts].flatMap((part) => part.map(({ school }) => school ?? ''));
  return {
    createdAt: deps.clock.now(),
    person: {
      ...{ id, kind, name, locale, localeChosenAt, status, ...openIdentity(deps, person) },
      ...{ sharingStoppedAt, createdAt, updatedAt },
    },
    ...{ identifiers, pendingContacts, ...(await loadCredentials(tx, personId)) },
    ...{ memberships, homeroomClasses, enrollments },
    ...{ schoolAccounts, guardianships: await loadGuardianships(deps, tx, personId), applications, noticeAnswers },
    /** The schools whose codes the copy has. */
    schools: await listSchoolsByCode(tx, [...new Set(codes)]),
    reminders: await rows.listReminderRows(tx, account?.studentId ?? id),
    requests: (await listRequestsOf(tx, personId)).map((row) => ({
      ...{ id: row.id, kind: row.kind, state: row.state, ...openRequestPayload(deps.secrets, row) },
      ...{ createdAt: row.createdAt, dueAt: row.dueAt, extendedAt: row.extendedAt, decidedAt: row.decidedAt },
    })),
    ...{ staffRequests, bulkRuns, merges, sessions, grants, consents, lastContexts },
    events: entries.slice(0, maxEntries).map((entry) => toEvent(entry, personId)),
    hasMoreEvents: entries.length > maxEntries,
  };
}

type PersonRow = NonNullable<Awaited<ReturnType<typeof findPerson>>>;

/** The national ID stays masked: a stolen session would reveal it. The school shows it in full. */
function openIdentity({ secrets }: Deps, { id, nationalIdSealed, birthDateSealed }: PersonRow) {
  return {
    nationalId: nationalIdSealed === null ? null : maskNationalId(secrets.open('national-id', id, nationalIdSealed)),
    birthDate: birthDateSealed === null ? null : secrets.open('birth-date', id, birthDateSealed),
  };
}

async function loadCredentials(tx: Transaction, personId: string) {
  const [[password], [first], [reset], secondFactors, codes, [removal]] = await rows.listCredentialRows(tx, personId);
  return {
    credentials: {
      passwordChangedAt: password?.changedAt ?? null,
      firstPassword: first ?? null,
      resetLink: reset ?? null,
      recoveryCodes: codes.length,
      secondFactorRemoval: removal ?? null,
    },
    secondFactors,
    applicationPasswords: (await listApplicationPasswords(tx, personId)).map(
      ({ name, clientId, createdAt, lastUsedAt }) => ({ name, app: clientId, createdAt, lastUsedAt }),
    ),
  };
}

/**
 * The other person of a guardianship by name only. Why it was suspended is for staff (docs/claims.md, rule 5), and a request to end it is for
 * the guardian who wrote it.
 */
async function loadGuardianships({ secrets }: Deps, tx: Transaction, personId: string) {
  const all = await listNamedGuardianships(tx, personId);
  return all.map((row) => {
    const { id, guardian, student, relation, relationLabel, authority, state, validFrom, validTo } = row;
    const { endRequestedAt, endRequestSealed: sealed } = row;
    const isOwn = guardian.id === personId;
    return {
      ...{ guardian: guardian.name, student: student.name, relation, relationLabel, authority, state },
      ...{ validFrom: validFrom ?? null, validTo: validTo ?? null, endRequestedAt: isOwn ? endRequestedAt : null },
      endRequest: isOwn && sealed !== null ? secrets.open('end-request', id, sealed) : null,
    };
  });
}

/**
 * A school account gets its applications whole, as their status page shows them. A student and an applicant get the state, and an applicant
 * the own entry: the other one may be a former partner.
 */
async function loadApplications({ secrets }: Deps, tx: Transaction, { id: personId, nationalIdLookup }: PersonRow) {
  const own = await rows.listApplicationsAbout(tx, personId);
  const entries = await rows.listApplicantsAbout(tx, personId, nationalIdLookup);
  const others = entries.map(({ application }) => application).filter(({ id }) => own.every((one) => one.id !== id));
  const applicants = await rows.listApplicantsOf(
    tx,
    own.map(({ id }) => id),
  );
  const shown = [...own, ...new Map(others.map((one) => [one.id, one])).values()];
  return Promise.all(
    shown.map(async (application) => {
      const { id, state, schoolCode: school, applicantKind: kind, submittedAt, decidedAt, createdAt } = application;
      const isFamily = application.accountId === personId;
      const visible = isFamily
        ? applicants.filter(({ applicationId }) => applicationId === id)
        : entries.filter((one) => one.application.id === id).map(({ applicant }) => applicant);
      const files = isFamily ? await listEvidence(tx, id) : [];
      return {
        ...{ id, state, school, kind, createdAt, submittedAt, decidedAt },
        applicants: visible.map((row) => {
          const { nationalId, ...data } = openApplicant(secrets, row);
          return { ...data, nationalId: maskNationalId(nationalId) };
        }),
        files: files.map((file) => ({
          ...{ name: openEvidenceName(secrets, file), contentType: file.contentType },
          ...{ size: file.size, createdAt: file.createdAt },
        })),
        unsent: isFamily ? (await listInputs(tx, id)).map((row) => toUnsent(secrets, row)) : [],
        report: isFamily ? (openText(secrets, 'report', application) ?? null) : null,
        reason: isFamily ? (openText(secrets, 'reason', application) ?? null) : null,
      };
    }),
  );
}

/** Returns the unsent input of a step. A code that confirms an address is no personal data. */
function toUnsent(secrets: Pick<Secrets, 'open'>, row: InputRow) {
  const typed = Object.entries(openStepInput(secrets, row).fields).filter(([name]) => name !== 'email_code');
  const shown = typed.map(([name, value]): [string, string] => [
    name,
    name === 'national_id' ? maskNationalId(value) : value,
  ]);
  return { step: row.step, fields: Object.fromEntries(shown) };
}

/** Staff are not named, and their address is not shown. The details of an entry can hold their reasons. */
function toEvent({ at, event, outcome, actorId, address, clientId }: AuditEntry, personId: string) {
  const by = actorId === null ? ('service' as const) : actorId === personId ? ('self' as const) : ('staff' as const);
  return { at, event, outcome, by, address: by === 'staff' ? null : address, app: clientId };
}
