import type { Clock } from '../../domain/clock.ts';
import { canOpenStep, type BindingStep } from '../../domain/binding/steps.ts';
import type { Random } from '../../domain/random.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import * as applications from '../../store/binding/applications.ts';
import { deleteInput } from '../../store/binding/inputs.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { loadFamily, loadView, type ApplicationView, type Family } from './application-view.ts';

export interface BindingDeps {
  store: Store;
  clock: Clock;
  random: Random;
  secrets: Secrets;
  audit: Pick<Audit, 'append'>;
  outbox: Outbox;
  issuer: string;
}

/** The form of a family: the school account that is signed in, and the version of the application that the form was shown for. */
export interface FamilyForm {
  accountId: string;
  version: number;
  /** Network address of the browser. */
  address: string;
}

/** `not_open`: the step cannot be changed now. `changed`: the application was changed after the form was shown. Nothing is stored then. */
export type Refused = { kind: 'not_open' } | { kind: 'changed' };

export interface EditContext {
  family: Family;
  view: ApplicationView;
  now: number;
}

/** The effect of an edit. `apply` runs after the application is locked; `event` is recorded last. */
export interface Edit<R> {
  result: R;
  /** Absent: nothing is stored. */
  change?: applications.ApplicationChange;
  apply?: (tx: Transaction) => Promise<unknown>;
  event?: Pick<AuditEvent, 'event' | 'detail'> & { outcome?: AuditEvent['outcome'] };
}

export type Decide<R> = (edit: EditContext, tx: Transaction) => Edit<R> | Promise<Edit<R>>;

/** Finds the open application of the student of an active school account that made it. */
export async function findOwn(
  tx: Transaction,
  deps: Pick<BindingDeps, 'clock' | 'secrets'>,
  accountId: string,
): Promise<EditContext | undefined> {
  if ((await people.lockPersonShared(tx, accountId))?.status !== 'active') return undefined;
  const family = await loadFamily(tx, deps.clock, accountId);
  const row = family && (await applications.findOpenApplication(tx, family.student.id));
  if (family === undefined || row?.accountId !== accountId) return undefined;
  return { family, view: await loadView(tx, deps, row), now: deps.clock.now() };
}

/**
 * Changes a step of the application of a family in one transaction. An edit that changes nothing succeeds for any version, so that a form
 * that is sent twice does too.
 */
export function editStep<R>(
  deps: BindingDeps,
  form: FamilyForm,
  step: BindingStep,
  decide: Decide<R>,
): Promise<R | Refused> {
  return editApplication(
    deps,
    form,
    ({ view }) => canOpenStep(step, view.progress),
    async (context, tx) => {
      const edit = await decide(context, tx);
      const { inputs, row } = context.view;
      if (!inputs.has(step)) return edit;
      // It is replaced by what the form has now. The lock on the application comes first where the edit changes it.
      const deleteOwn = (): Promise<void> => deleteInput(tx, { applicationId: row.id, step });
      if (edit.change === undefined) {
        await deleteOwn();
        return edit;
      }
      return {
        ...edit,
        apply: async (writing) => {
          await edit.apply?.(writing);
          await deleteOwn();
        },
      };
    },
  );
}

export function editApplication<R>(
  deps: BindingDeps,
  form: FamilyForm,
  isAllowed: (edit: EditContext) => boolean,
  decide: Decide<R>,
): Promise<R | Refused> {
  return deps.store.write(async (tx) => {
    const context = await findOwn(tx, deps, form.accountId);
    if (context === undefined || !isAllowed(context)) return { kind: 'not_open' };
    const { result, change, apply, event } = await decide(context, tx);
    if (change === undefined) return result;
    const shown = { id: context.view.row.id, version: form.version };
    if (!(await applications.updateApplication(tx, shown, change, context.now))) return { kind: 'changed' };
    await apply?.(tx);
    if (event !== undefined) await appendEvent(tx, deps, form, context, event);
    return result;
  });
}

export async function appendEvent(
  tx: Transaction,
  { audit }: Pick<BindingDeps, 'audit'>,
  { accountId, address }: Pick<FamilyForm, 'accountId' | 'address'>,
  { family, view }: Pick<EditContext, 'family'> & { view: Pick<ApplicationView, 'row'> },
  { event, detail, outcome = 'ok' }: NonNullable<Edit<unknown>['event']>,
): Promise<void> {
  await audit.append(tx, {
    ...{ event, outcome, actorId: accountId, subjectId: family.student.id, address },
    detail: { ...detail, application: view.row.id, school: family.school.code },
  });
}
