import { applicantCount, type ApplicantKind } from '../../domain/binding/applicants.ts';
import type { ApplicationState } from '../../domain/binding/application.ts';
import { isRefusal, type NoticeAnswer } from '../../domain/binding/notice.ts';
import * as applications from '../../store/binding/applications.ts';
import * as evidenceStore from '../../store/binding/evidence.ts';
import { deleteInput, deleteInputs } from '../../store/binding/inputs.ts';
import { findFamily } from '../../store/binding/families.ts';
import { findLatestAnswer, insertNoticeAnswer } from '../../store/binding/notices.ts';
import type { Transaction } from '../../store/database/index.ts';
import { mailRegistrars } from '../notifications/registrars.ts';
import { countRepeatedChange } from '../people/repeated-change-limit.ts';
import { sealText } from './applicant-data.ts';
import { createSaveApplicant, type SaveApplicant } from './applicant-step.ts';
import {
  appendEvent,
  editApplication,
  editStep,
  type BindingDeps,
  type FamilyForm,
  type Refused,
} from './application-edit.ts';
import { loadFamily, loadView, type ApplicationView, type Family } from './application-view.ts';
import { createEvidenceSteps, type EvidenceSteps } from './evidence-step.ts';
import { storeDefaultNotice } from './notices.ts';
import { createKeepInput, type KeepInput } from './keep-input.ts';
import { createSubmit, type Submit, type SubmissionDeps } from './submission.ts';
import { followStudent } from './transfers.ts';

interface Saved {
  kind: 'saved';
}
const SAVED: Saved = { kind: 'saved' };
const NO_REPORT = { reportSealed: null, reportOpenedAt: null };

/** `ended`: the student is not enrolled at the school of the account. */
export type OpenedApplication = { kind: 'open'; family: Family; view: ApplicationView } | { kind: 'ended' };

interface Visit {
  accountId: string;
  address: string;
  /** The relying party that the family came from. */
  clientId: string | undefined;
}

/** The application of a family for the binding of its child. Every write checks account, state, step and version in its transaction. */
export interface BindingApplications extends EvidenceSteps {
  /** Loads the open application, or else the newest one. The first visit creates a draft. */
  open(visit: Visit): Promise<OpenedApplication>;
  /** Finds the state of the newest application of a school account. */
  findState(accountId: string): Promise<ApplicationState | undefined>;
  /** Creates a new draft after an application that has a result. */
  restart(visit: Visit): Promise<void>;
  /** Confirms the data of the student, or reports what is wrong in it. */
  confirmStudent(form: FamilyForm & { report: string }): Promise<Saved | Refused>;
  /** Records the answer to a version of the notice. `changed` if it is not the current one. */
  answerNotice(form: FamilyForm & { noticeVersion: number; answer: NoticeAnswer }): Promise<Saved | Refused>;
  chooseApplicants(
    form: FamilyForm & { applicantKind: ApplicantKind; validTo: string | undefined },
  ): Promise<Saved | Refused>;
  saveApplicant: SaveApplicant;
  keepInput: KeepInput;
  submit: Submit;
  /** Withdraws the application and deletes what was entered. */
  withdraw(form: FamilyForm): Promise<Saved | Refused>;
}

export function createBindingApplications(deps: SubmissionDeps): BindingApplications {
  return {
    open: (visit) => openApplication(deps, visit),
    findState: (accountId) =>
      deps.store.read(async (tx) => {
        const family = await findFamily(tx, accountId);
        return family && (await applications.findCurrentApplication(tx, family.studentId))?.state;
      }),
    restart: (visit) => restart(deps, visit),
    ...createEvidenceSteps(deps),
    ...createSimpleSteps(deps),
    saveApplicant: createSaveApplicant(deps),
    keepInput: createKeepInput(deps),
    submit: createSubmit(deps),
    withdraw: (form) =>
      editApplication(
        deps,
        form,
        () => true,
        ({ view }) => ({
          result: SAVED,
          change: { state: 'withdrawn', decidedAt: deps.clock.now(), ...NO_REPORT },
          apply: (tx) => deleteEntered(tx, view.row.id),
          event: { event: 'binding.withdrawn', detail: { from: view.row.state } },
        }),
      ),
  };
}

async function deleteEntered(tx: Transaction, applicationId: string): Promise<void> {
  await applications.deleteApplicants(tx, applicationId);
  await evidenceStore.deleteAllEvidence(tx, applicationId);
  await deleteInputs(tx, applicationId);
}

async function openApplication(deps: BindingDeps, visit: Visit): Promise<OpenedApplication> {
  const { store, clock } = deps;
  const found = await store.read(async (tx) => {
    const family = await loadFamily(tx, clock, visit.accountId);
    if (family === undefined) return { kind: 'ended' as const };
    const row = await findRow(tx, family);
    const isCurrent = row !== undefined && (visit.clientId === undefined || row.clientId === visit.clientId);
    return isCurrent ? { kind: 'open' as const, family, view: await loadView(tx, deps, row) } : undefined;
  });
  if (found !== undefined) return found;
  return store.write(async (tx) => {
    const family = await loadFamily(tx, clock, visit.accountId);
    if (family === undefined) return { kind: 'ended' };
    const row = (await takeRow(tx, deps, family)) ?? (await createDraft(tx, deps, family, visit));
    const { clientId } = visit;
    if (clientId !== undefined && row.clientId !== clientId) await applications.updateClient(tx, row.id, clientId);
    return { kind: 'open', family, view: await loadView(tx, deps, { ...row, clientId: clientId ?? row.clientId }) };
  });
}

/** Finds the open application, else the newest, if the account made it. */
async function findRow(
  tx: Transaction,
  { accountId, student }: Family,
): Promise<applications.ApplicationRow | undefined> {
  const row = await applications.findCurrentApplication(tx, student.id);
  return row?.accountId === accountId ? row : undefined;
}

/** As `findRow`. An open application that the account of the former school made moves to this account with its student. */
async function takeRow(
  tx: Transaction,
  deps: BindingDeps,
  family: Family,
): Promise<applications.ApplicationRow | undefined> {
  const open = await applications.findOpenApplication(tx, family.student.id);
  if (open !== undefined && open.accountId !== family.accountId) {
    await followStudent(tx, deps, open);
    await applications.updateAccount(tx, open, family.accountId);
  }
  return findRow(tx, family);
}

async function createDraft(
  tx: Transaction,
  deps: BindingDeps,
  family: Family,
  visit: Visit,
): Promise<applications.ApplicationRow> {
  const { clock, random } = deps;
  const now = clock.now();
  const id = random.uuid();
  const isNew = await applications.insertApplication(tx, {
    ...{ id, accountId: family.accountId, studentId: family.student.id, schoolCode: family.school.code },
    ...{ state: 'draft', clientId: visit.clientId ?? null, createdAt: now, updatedAt: now },
  });
  const row = await applications.findOpenApplication(tx, family.student.id);
  if (row === undefined) throw new Error('failed to create a draft: the open application was closed meanwhile');
  if (isNew) await appendEvent(tx, deps, visit, { family, view: { row } }, { event: 'binding.started' });
  return row;
}

function restart(deps: BindingDeps, visit: Visit): Promise<void> {
  return deps.store.write(async (tx) => {
    const family = await loadFamily(tx, deps.clock, visit.accountId);
    if (family === undefined || (await applications.findOpenApplication(tx, family.student.id)) !== undefined) return;
    await countRepeatedChange(tx, 'application', family.accountId, deps.clock.now());
    await createDraft(tx, deps, family, visit);
  });
}

function createSimpleSteps(
  deps: BindingDeps,
): Pick<BindingApplications, 'confirmStudent' | 'answerNotice' | 'chooseApplicants'> {
  const { random, clock } = deps;
  return {
    confirmStudent: (form) => confirmStudent(deps, form),
    answerNotice: ({ noticeVersion, answer, ...form }) =>
      editStep<Saved | Refused>(deps, form, 'notice', ({ family, view, now }) => {
        if (noticeVersion !== view.notice.version) return { result: { kind: 'changed' } };
        if (view.progress.answer === answer) return { result: SAVED };
        const { id: studentId } = family.student;
        return {
          result: SAVED,
          // After a refusal, nothing that was entered about people is kept.
          change: isRefusal(answer) ? { applicantKind: null, validTo: null, evidenceDoneAt: null } : {},
          apply: async (tx) => {
            await countRepeatedChange(tx, 'notice-answer', family.accountId, now);
            if (isRefusal(answer)) await deleteEntered(tx, view.row.id);
            await storeDefaultNotice(tx, clock.now());
            // Two answers in one millisecond keep their order.
            const earlier = await findLatestAnswer(tx, studentId);
            await insertNoticeAnswer(tx, {
              ...{ id: random.uuid(), studentId, accountId: family.accountId, schoolCode: family.school.code },
              ...{ noticeVersion, answer, answeredAt: Math.max(now, (earlier?.answeredAt ?? 0) + 1) },
            });
          },
          event: { event: 'binding.notice_answered', detail: { answer, version: noticeVersion } },
        };
      }),
    chooseApplicants: ({ applicantKind, validTo = null, ...form }) =>
      editStep(deps, form, 'applicants', ({ view }) => {
        const { row } = view;
        if (row.applicantKind === applicantKind && row.validTo === validTo) return { result: SAVED };
        return {
          result: SAVED,
          change: {
            ...{ applicantKind, validTo },
            // Another kind may need other evidence.
            ...(row.applicantKind === applicantKind ? {} : { evidenceDoneAt: null }),
          },
          apply: async (tx) => {
            if (applicantCount(applicantKind) === 2) return;
            await applications.deleteApplicant(tx, row.id, 2);
            await deleteInput(tx, { applicationId: row.id, step: 'applicant-2' });
          },
          event: { event: 'binding.applicants_chosen', detail: { kind: applicantKind } },
        };
      }),
  };
}

function confirmStudent(
  deps: BindingDeps,
  { report, ...form }: FamilyForm & { report: string },
): Promise<Saved | Refused> {
  return editStep(deps, form, 'student', ({ family, view, now }) => {
    const isUnchanged = (view.report ?? '') === report;
    if (view.row.studentConfirmedAt !== null && isUnchanged) return { result: SAVED };
    const hasReport = report !== '';
    const reported = {
      reportSealed: hasReport ? sealText(deps.secrets, 'report', view.row, report) : null,
      reportOpenedAt: hasReport ? now : null,
    };
    return {
      result: SAVED,
      change: { studentConfirmedAt: now, ...(isUnchanged ? {} : reported) },
      apply: async (tx) => {
        if (!hasReport || isUnchanged) return;
        await countRepeatedChange(tx, 'report', family.accountId, now);
        await mailRegistrars(tx, deps, [family.school.code], 'wrong_data');
      },
      event: { event: 'binding.student_confirmed', detail: { reported: hasReport } },
    };
  });
}
