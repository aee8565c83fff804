import type { FamilyConflict } from '../../domain/binding/conflicts.ts';
import { EDITABLE_STATES } from '../../domain/binding/application.ts';
import { isReadyToSubmit } from '../../domain/binding/steps.ts';
import { DAY_MS } from '../../domain/duration.ts';
import { listSubmissionTimes, type ApplicationChange } from '../../store/binding/applications.ts';
import { deleteInputs } from '../../store/binding/inputs.ts';
import type { Transaction } from '../../store/database/index.ts';
import { isRegisterChecked } from '../../store/people/schools.ts';
import type { MailJob } from '../notifications/outbox.ts';
import { findFamilyConflict } from './applicant-step.ts';
import {
  appendEvent,
  editApplication,
  type BindingDeps,
  type Edit,
  type EditContext,
  type FamilyForm,
  type Refused,
} from './application-edit.ts';
import type { CheckedApplication } from './application-check.ts';
import { lockAndCheck, retryOnConflict } from './application-lock.ts';
import type { Approve } from './approval.ts';
import { checkByRegister, type FamilyRegister } from './register.ts';

/** Applications that an account may submit in 24 hours, so that no account tries names and relations against the register. */
export const MAX_SUBMISSIONS_PER_DAY = 5;

export interface SubmissionDeps extends BindingDeps {
  register: FamilyRegister;
  approve: Approve;
}

export type SubmissionResult =
  | { kind: 'saved' }
  /** An applicant cannot apply as entered. */
  | { kind: 'conflict'; conflict: FamilyConflict }
  /** `until`: ms since 1970 of the next submission. */
  | { kind: 'limited'; until: number };

/**
 * Submits the application and mails every applicant. Where the school compares with the register, an exact match is approved in the same
 * transaction. The result does not tell the family which.
 */
export type Submit = (form: FamilyForm & { lang: string }) => Promise<SubmissionResult | Refused>;

export function createSubmit(deps: SubmissionDeps): Submit {
  return ({ lang, ...form }) =>
    retryOnConflict(() =>
      editApplication<SubmissionResult | Refused>(
        deps,
        form,
        ({ view }) => EDITABLE_STATES.includes(view.row.state) && isReadyToSubmit(view.progress),
        async (context, tx) => {
          const { family, view, now } = context;
          const until = await findLimit(tx, context);
          if (until !== undefined) return { result: { kind: 'limited', until } };
          const conflict = await findFamilyConflict(tx, deps, family, view);
          if (conflict !== undefined) return { result: { kind: 'conflict', conflict } };
          const checked = await findApprovable(tx, deps, context);
          return checked === undefined
            ? submitToReviewer(deps, context, lang)
            : approveByRegister(deps, form, context, checked, submittedAt(now));
        },
      ),
    );
}

async function findLimit(tx: Transaction, { family, view, now }: EditContext): Promise<number | undefined> {
  const since = now - DAY_MS;
  const times = await listSubmissionTimes(tx, { accountId: family.accountId, except: view.row.id, since });
  const oldest = times[MAX_SUBMISSIONS_PER_DAY - 1];
  return oldest === undefined ? undefined : oldest + DAY_MS;
}

function submittedAt(now: number): ApplicationChange {
  return { state: 'submitted', submittedAt: now, decidedAt: null, decidedBy: null, reasonSealed: null };
}

/** Returns the application with locked people if the register approves it. */
async function findApprovable(
  tx: Transaction,
  deps: SubmissionDeps,
  { family, view }: EditContext,
): Promise<CheckedApplication | undefined> {
  if (!(await isRegisterChecked(tx, family.school.code))) return undefined;
  const checked = await lockAndCheck(tx, deps, view.row);
  return checked !== undefined && (await checkByRegister(tx, deps.register, checked)) ? checked : undefined;
}

const submissionEvent = ({ row }: EditContext['view']): NonNullable<Edit<unknown>['event']> => ({
  event: 'binding.submitted',
  detail: { kind: row.applicantKind ?? '' },
});

function submitToReviewer(
  { outbox, issuer }: BindingDeps,
  { family, view, now }: EditContext,
  lang: string,
): Edit<SubmissionResult> {
  const mails = view.applicants.map(({ data }): MailJob => ({
    ...{ kind: 'mail', to: data.email, template: 'binding-received', lang },
    locals: { name: data.name, student: family.student.name, link: `${issuer}/binding` },
  }));
  return {
    result: { kind: 'saved' },
    change: submittedAt(now),
    apply: async (tx) => {
      await deleteInputs(tx, view.row.id);
      await outbox.enqueueAll(tx, mails);
    },
    event: submissionEvent(view),
  };
}

/** No person decides, so `decidedBy` and the actor of the entries stay empty. */
function approveByRegister(
  deps: SubmissionDeps,
  form: FamilyForm,
  context: EditContext,
  checked: CheckedApplication,
  submission: ApplicationChange,
): Edit<SubmissionResult> {
  const { family, view, now } = context;
  return {
    result: { kind: 'saved' },
    change: { ...submission, state: 'approved', decidedAt: now },
    apply: async (tx) => {
      await deleteInputs(tx, view.row.id);
      const { events } = await deps.approve(tx, checked, undefined);
      await appendEvent(tx, deps, form, context, submissionEvent(view));
      await deps.audit.append(tx, {
        ...{ event: 'register.approved', outcome: 'ok', subjectId: family.student.id },
        detail: {
          ...{ application: view.row.id, capacity: 'register', school: family.school.code },
          ...{ before: 'submitted', after: 'approved' },
        },
      });
      for (const event of events) await deps.audit.append(tx, event);
    },
  };
}
