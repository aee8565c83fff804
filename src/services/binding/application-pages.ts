import { homeroomClassIdsOf, registrarSchoolCodesOf } from '../../domain/access/capacities.ts';
import { administersCity, type DenialReason } from '../../domain/access/policy.ts';
import type { ApplicationState } from '../../domain/binding/application.ts';
import type { RegisterMatch } from '../../domain/binding/register.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import { maskNationalId } from '../../domain/masking.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { findApplication } from '../../store/binding/applications.ts';
import { findEvidence, listEvidence } from '../../store/binding/evidence.ts';
import { listApplicationQueue, type QueuePosition, type QueueRow } from '../../store/binding/review.ts';
import { findClass } from '../../store/console/classes.ts';
import { listPersonSummaries, type PersonSummary } from '../../store/console/person-summaries.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { listNames } from '../../store/people/people.ts';
import { isRegisterChecked } from '../../store/people/schools.ts';
import type { Audit } from '../audit/audit.ts';
import type { Authorization, StaffActor } from '../console/authorization.ts';
import { openText, type ApplicantData } from './applicant-data.ts';
import { checkApplication, type CheckedApplicant, type CheckedApplication } from './application-check.ts';
import { openEvidenceContent, openEvidenceName } from './evidence-file.ts';
import type { FamilyRegister } from './register.ts';
import { listEarlierDecisions, type EarlierDecision } from './review-history.ts';
import { authorizeReview } from './review.ts';

/** Applications on one page of the queue. */
const APPLICATIONS_PER_PAGE = 25;

/** The states that a reviewer sees. Drafts belong to the family. */
export const REVIEWED_STATES = ['submitted', 'returned', 'approved', 'rejected', 'withdrawn'] as const;
export type ReviewedState = (typeof REVIEWED_STATES)[number];

export interface QueueFilter {
  state: ReviewedState;
  /** The bureau chooses one; others may narrow their own. */
  schoolCode: string | undefined;
  classId: string | undefined;
  /** Submitted at this instant (ms) or earlier. */
  until: number | undefined;
  after: QueuePosition | undefined;
}

export interface QueueLine extends QueueRow {
  student: PersonSummary;
}

/** An applicant as the reviewer sees it. */
export interface ApplicantView {
  position: number;
  data: Omit<ApplicantData, 'nationalId'>;
  /** Masked; absent for homeroom teachers (docs/access-policy.md, rule 5). */
  nationalId: string | undefined;
  isEmailVerified: boolean;
  /** A person with this national ID has an account. Absent after the decision. */
  hasAccount: boolean | undefined;
  /** The comparison with the register, while the application waits at a school that uses it. */
  register: RegisterMatch | undefined;
  conflicts: CheckedApplicant['conflicts'];
}

export interface ApplicationPage {
  application: Pick<
    CheckedApplication['application'],
    'id' | 'version' | 'state' | 'applicantKind' | 'validTo' | 'studentConfirmedAt' | 'submittedAt' | 'decidedAt'
  >;
  decidedBy: string | undefined;
  student: PersonSummary;
  guardians: CheckedApplication['guardians'];
  /** Empty while the family corrects the application, and after a withdrawal. */
  applicants: readonly ApplicantView[];
  conflicts: CheckedApplication['conflicts'];
  isBlocked: boolean;
  /** Why it was returned or rejected. */
  reason: string | undefined;
  earlierDecisions: readonly EarlierDecision[];
  /** The report of the family about wrong data of the student. */
  report: string | undefined;
  files: readonly { id: string; name: string; contentType: string; size: number }[];
}

export type ApplicationView = { kind: 'page'; page: ApplicationPage } | { kind: 'denied'; reason: DenialReason };

/** Shows applications of families to the staff who review them. */
export interface ApplicationPages {
  /** Lists one page of the queue in the scope of the actor, the oldest first. */
  list(
    actor: StaffActor,
    filter: QueueFilter,
  ): Promise<{ lines: readonly QueueLine[]; next: QueuePosition | undefined }>;
  /** @returns `not_found` for an application out of scope, as for an unknown id */
  load(actor: StaffActor, applicationId: string): Promise<ApplicationView>;
  /** As `load`, and records the view. */
  view(actor: StaffActor, applicationId: string, address: string): Promise<ApplicationView>;
  /** Opens a file and records it. @returns undefined if the actor may not review the application, or there is no such file */
  openFile(
    actor: StaffActor,
    file: { applicationId: string; id: string; address: string },
  ): Promise<{ name: string; contentType: string; content: Buffer } | undefined>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
  audit: Audit;
  authorization: Authorization;
  register: FamilyRegister;
}

/** The data of an application that the family may be changing is not for the reviewer. */
const STATES_WITH_DATA: readonly ApplicationState[] = ['submitted', 'approved', 'rejected'];

export function createApplicationPages(deps: Deps): ApplicationPages {
  const { store, audit } = deps;
  const load: ApplicationPages['load'] = (actor, id) => store.read((tx) => loadIn(deps, tx, actor, id));
  return {
    list: (actor, filter) => store.read((tx) => listIn(deps, tx, actor, filter)),
    load,
    view: async (actor, applicationId, address) => {
      const view = await load(actor, applicationId);
      if (view.kind === 'denied') return view;
      const about = { actorId: actor.id, subjectId: view.page.student.id, address };
      const detail = { application: applicationId };
      await audit.record({ event: 'application.viewed', outcome: 'ok', ...about, detail });
      return view;
    },
    openFile: async (actor, { applicationId, id, address }) => {
      const view = await load(actor, applicationId);
      const row = await store.read((tx) => findEvidence(tx, applicationId, id));
      if (view.kind === 'denied' || view.page.files.every((file) => file.id !== id) || row === undefined)
        return undefined;
      const about = { actorId: actor.id, subjectId: view.page.student.id, address };
      const detail = { application: applicationId, file: id };
      await audit.record({ event: 'application.file_opened', outcome: 'ok', ...about, detail });
      const { contentType } = row;
      return {
        name: openEvidenceName(deps.secrets, row),
        contentType,
        content: openEvidenceContent(deps.secrets, row),
      };
    },
  };
}

async function listIn(
  { authorization, clock }: Deps,
  tx: Transaction,
  actor: StaffActor,
  filter: QueueFilter,
): Promise<{ lines: QueueLine[]; next: QueuePosition | undefined }> {
  const scope = await scopeOf(tx, actor, filter);
  if (scope === undefined) return { lines: [], next: undefined };
  const { state, until, after } = filter;
  const rows = await listApplicationQueue(tx, { ...scope, state, until, after, limit: APPLICATIONS_PER_PAGE + 1 });
  const page = rows.slice(0, APPLICATIONS_PER_PAGE);
  const ids = [...new Set(page.map(({ studentId }) => studentId))];
  const allowed = await authorization.filterAllowed(tx, actor, 'review_application', ids);
  const students = new Map((await listPersonSummaries(tx, ids, localDate(clock.now()))).map((one) => [one.id, one]));
  const lines = page.flatMap((row) => {
    const student = allowed.has(row.studentId) ? students.get(row.studentId) : undefined;
    return student === undefined ? [] : { ...row, student };
  });
  const last = rows.length > APPLICATIONS_PER_PAGE ? page.at(-1) : undefined;
  return { lines, next: last && { at: last.submittedAt, id: last.id } };
}

/** Returns the schools and classes to search; undefined for none. */
async function scopeOf(
  tx: Transaction,
  actor: StaffActor,
  { schoolCode, classId }: Pick<QueueFilter, 'schoolCode' | 'classId'>,
): Promise<{ schoolCodes: string[] | undefined; classIds: string[] | undefined } | undefined> {
  const { capacities } = actor;
  const schools = registrarSchoolCodesOf(capacities);
  const ownClasses = homeroomClassIdsOf(capacities);
  if (classId !== undefined) {
    const schoolClass = await findClass(tx, classId);
    const isInScope =
      ownClasses.includes(classId) ||
      (schoolClass !== undefined && (administersCity(actor) || schools.includes(schoolClass.school.code)));
    return isInScope ? { schoolCodes: undefined, classIds: [classId] } : undefined;
  }
  if (administersCity(actor)) {
    return schoolCode === undefined ? undefined : { schoolCodes: [schoolCode], classIds: undefined };
  }
  const chosen = schoolCode === undefined ? schools : schools.filter((code) => code === schoolCode);
  if (chosen.length > 0) return { schoolCodes: chosen, classIds: undefined };
  return ownClasses.length > 0 ? { schoolCodes: undefined, classIds: ownClasses } : undefined;
}

async function loadIn(deps: Deps, tx: Transaction, actor: StaffActor, id: string): Promise<ApplicationView> {
  const { clock, secrets, authorization } = deps;
  const application = await findApplication(tx, id);
  const isSubmitted = application !== undefined && application.state !== 'draft' && application.submittedAt !== null;
  const checked = isSubmitted ? await checkApplication(tx, secrets, application, localDate(clock.now())) : undefined;
  if (checked === undefined) return { kind: 'denied', reason: 'not_found' };
  const decision = await authorizeReview(tx, authorization, actor, checked);
  if (!decision.allowed) return { kind: 'denied', reason: decision.reason };
  const page = await describe(deps, tx, checked, decision.capacity !== 'homeroom_teacher');
  return page === undefined ? { kind: 'denied', reason: 'not_found' } : { kind: 'page', page };
}

async function describe(
  { secrets, clock, register }: Deps,
  tx: Transaction,
  checked: CheckedApplication,
  seesIds: boolean,
): Promise<ApplicationPage | undefined> {
  const { application, guardians, applicants, conflicts, isBlocked } = checked;
  const { id, decidedBy, state, studentId, schoolCode } = application;
  const [student] = await listPersonSummaries(tx, [studentId], localDate(clock.now()));
  if (student === undefined) return undefined;
  const names = await listNames(tx, decidedBy === null ? [] : [decidedBy]);
  const hasData = STATES_WITH_DATA.includes(state);
  const isPending = state === 'submitted';
  const files = hasData ? await listEvidence(tx, id) : [];
  const isCompared = isPending && (await isRegisterChecked(tx, schoolCode));
  const matches = isCompared ? await register.compare(tx, checked) : [];
  return {
    ...{ application, student, guardians },
    decidedBy: decidedBy === null ? undefined : names.get(decidedBy),
    applicants: hasData ? applicants.map((one, at) => toView(one, { seesIds, isPending, match: matches[at] })) : [],
    conflicts: isPending ? conflicts : [],
    isBlocked: isPending && isBlocked,
    reason: openText(secrets, 'reason', application),
    earlierDecisions: await listEarlierDecisions(tx, application),
    report: openText(secrets, 'report', application),
    files: files.map((file) => ({ ...file, name: openEvidenceName(secrets, file) })),
  };
}

/** After the decision the facts have changed, so conflicts and accounts are compared before it only. */
function toView(
  { row, data, existing, conflicts }: CheckedApplicant,
  { seesIds, isPending, match }: { seesIds: boolean; isPending: boolean; match: RegisterMatch | undefined },
): ApplicantView {
  const { nationalId, ...shown } = data;
  return {
    position: row.position,
    data: shown,
    nationalId: seesIds ? maskNationalId(nationalId) : undefined,
    isEmailVerified: row.emailVerifiedAt !== null,
    hasAccount: isPending ? existing !== undefined : undefined,
    register: match,
    conflicts: isPending ? conflicts : [],
  };
}
