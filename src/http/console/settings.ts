import type { Context } from 'koa';
import type { z } from 'zod';
import { POLICY_LIMITS, type BureauPolicy } from '../../domain/access/settings.ts';
import type { FormField } from '../../presentation/page-locals/console.ts';
import type { FieldErrors } from '../../presentation/page-locals/common.ts';
import type { HttpDeps } from '../deps.ts';
import { checkbox, field, instantVersion, readForm } from '../forms/body.ts';
import { takeNoticeText } from '../pages/page-notice.ts';
import { refusalOf } from './bureau-refusal.ts';
import { SAVED, confirmationFields, confirmChange } from './confirmation.ts';
import type { SignedInStaff } from './session.ts';

const PATH = '/console/settings';

const NUMBERS = ['passwordMinLength', 'firstPasswordDays', 'applicationDays', 'evidenceDays', 'reminderDays'] as const;
const SWITCHES = ['isGuardianContactConfirmed', 'isFirstPasswordRestorable', 'isSecondFactorRequiredForStaff'] as const;

const settingsForm = confirmationFields.extend({
  version: instantVersion,
  passwordMinLength: field,
  firstPasswordDays: field,
  applicationDays: field,
  evidenceDays: field,
  reminderDays: field,
  isGuardianContactConfirmed: checkbox,
  isFirstPasswordRestorable: checkbox,
  isSecondFactorRequiredForStaff: checkbox,
});
type Sent = z.infer<typeof settingsForm>;

/** `GET /console/settings`: the policies of the bureau. */
export async function showSettings(deps: HttpDeps, ctx: Context): Promise<void> {
  const { value, version } = await deps.console.bureauSettings.loadPolicy();
  const values = {
    ...value,
    passwordMinLength: String(value.passwordMinLength),
    firstPasswordDays: String(value.firstPasswordDays),
    applicationDays: String(value.applicationDays),
    evidenceDays: String(value.evidenceDays),
    reminderDays: String(value.reminderDays),
  };
  render(deps, ctx, { values, version });
}

/** `POST /console/settings`: shows the changes, then makes them. */
export async function changeSettings(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const sent = readForm(ctx, settingsForm);
  const { pages, console: services } = deps;
  const { value: before } = await services.bureauSettings.loadPolicy();
  const [after, errors] = parse(deps, ctx, sent);
  if (Object.keys(errors).length > 0) {
    render(deps, ctx, { values: sent, version: sent.version, errors, status: 422 });
    return;
  }
  const changes = listChanges(deps, ctx, before, after);
  if (changes.length === 0) {
    const alert = pages.t(ctx, 'bureau.nothingChanged');
    render(deps, ctx, { values: sent, version: sent.version, alert, status: 422 });
    return;
  }
  await confirmChange(
    deps,
    ctx,
    {
      section: 'settings',
      title: pages.t(ctx, 'bureau.policy.confirm'),
      effects: [pages.t(ctx, 'bureau.policy.effect')],
      changes,
      action: PATH,
      fields: fieldsOf(sent),
      cancelUrl: PATH,
    },
    sent,
    {
      apply: async (reason) => {
        const request = { actorId: actor.id, reason, address: ctx.ip };
        const setting = { key: 'policy' as const, value: after };
        return refusalOf(deps, ctx, await services.bureauSettings.change(request, setting, sent.version));
      },
      doneUrl: PATH,
    },
  );
}

function parse({ pages }: HttpDeps, ctx: Context, sent: Sent): [BureauPolicy, Record<string, string>] {
  const errors: Record<string, string> = {};
  const numbers = Object.fromEntries(
    NUMBERS.map((name) => {
      const { min, max } = POLICY_LIMITS[name];
      const value = /^\d{1,4}$/.test(sent[name].trim()) ? Number(sent[name]) : NaN;
      if (!(value >= min && value <= max)) errors[name] = pages.t(ctx, 'bureau.outOfRange', { min, max });
      return [name, value];
    }),
  );
  const { isGuardianContactConfirmed, isFirstPasswordRestorable, isSecondFactorRequiredForStaff } = sent;
  return [
    {
      passwordMinLength: numbers['passwordMinLength'] ?? 0,
      firstPasswordDays: numbers['firstPasswordDays'] ?? 0,
      applicationDays: numbers['applicationDays'] ?? 0,
      evidenceDays: numbers['evidenceDays'] ?? 0,
      reminderDays: numbers['reminderDays'] ?? 0,
      isGuardianContactConfirmed,
      isFirstPasswordRestorable,
      isSecondFactorRequiredForStaff,
    },
    errors,
  ];
}

function listChanges({ pages }: HttpDeps, ctx: Context, before: BureauPolicy, after: BureauPolicy) {
  const show = (value: number | boolean): string =>
    typeof value === 'number' ? String(value) : pages.t(ctx, value ? 'bureau.on' : 'bureau.off');
  return [...NUMBERS, ...SWITCHES]
    .filter((name) => before[name] !== after[name])
    .map((name) => ({
      label: pages.t(ctx, `bureau.policy.${name}`),
      before: show(before[name]),
      after: show(after[name]),
    }));
}

function fieldsOf(sent: Sent): Record<string, string> {
  return {
    version: String(sent.version),
    passwordMinLength: sent.passwordMinLength,
    firstPasswordDays: sent.firstPasswordDays,
    applicationDays: sent.applicationDays,
    evidenceDays: sent.evidenceDays,
    reminderDays: sent.reminderDays,
    ...Object.fromEntries(SWITCHES.filter((name) => sent[name]).map((name) => [name, 'yes'])),
  };
}

interface FormState {
  values: Pick<Sent, (typeof NUMBERS)[number] | (typeof SWITCHES)[number]>;
  version: number;
  errors?: FieldErrors;
  alert?: string;
  status?: number;
}

function render(deps: HttpDeps, ctx: Context, { values, version, errors = {}, alert, status = 200 }: FormState): void {
  const { pages } = deps;
  const numbers = NUMBERS.map((name): FormField => {
    const { min, max } = POLICY_LIMITS[name];
    const hint = pages.t(ctx, `bureau.policy.${name}Hint`, { min, max });
    const label = pages.t(ctx, `bureau.policy.${name}`);
    return { kind: 'number', name, label, hint, value: values[name], min, max };
  });
  const switches = SWITCHES.map((name): FormField => {
    const hint = pages.t(ctx, `bureau.policy.${name}Hint`);
    return { kind: 'checkbox', name, label: pages.t(ctx, `bureau.policy.${name}`), hint, isChecked: values[name] };
  });
  pages.show(
    ctx,
    'console/form',
    {
      section: 'settings',
      title: pages.t(ctx, 'bureau.policy.title'),
      intro: pages.t(ctx, 'bureau.policy.intro'),
      action: PATH,
      hidden: { version: String(version) },
      fields: [...numbers, ...switches],
      errors,
      alert,
      notice: takeNoticeText(deps, ctx, SAVED, 'bureau.saved'),
    },
    status,
  );
}
