import type { Context } from 'koa';
import type { Announcement } from '../../domain/access/settings.ts';
import { localDateTime, parseLocalDateTime } from '../../domain/clock.ts';
import type { FieldErrors } from '../../presentation/page-locals/common.ts';
import { MAX_ANNOUNCEMENT_LENGTH } from '../../services/settings/settings.ts';
import type { HttpDeps } from '../deps.ts';
import { field, instantVersion, readForm } from '../forms/body.ts';
import { takeNoticeText } from '../pages/page-notice.ts';
import { refusalOf } from './bureau-refusal.ts';
import { SAVED, confirmationFields, confirmChange } from './confirmation.ts';
import type { SignedInStaff } from './session.ts';

const PATH = '/console/announcement';
const FIELDS = ['chinese', 'english', 'from', 'until'] as const;
const announcementForm = confirmationFields.extend({
  version: instantVersion,
  chinese: field,
  english: field,
  from: field,
  until: field,
});
type Values = Record<(typeof FIELDS)[number], string>;

/** `GET /console/announcement`: the text for all users. */
export async function showAnnouncementForm(deps: HttpDeps, ctx: Context): Promise<void> {
  const { value, version } = await deps.console.bureauSettings.loadAnnouncement();
  render(deps, ctx, { values: valuesOf(value), version });
}

/** `POST /console/announcement`: shows the change, then makes it. Two empty texts remove the announcement. */
export async function changeAnnouncement(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const { version, reason, confirmed, ...rest } = readForm(ctx, announcementForm);
  const values: Values = { ...rest, chinese: rest.chinese.trim(), english: rest.english.trim() };
  const { pages, console: services } = deps;
  const isRemoval = values.chinese === '' && values.english === '';
  const stored = (await services.bureauSettings.loadAnnouncement()).value;
  const [after, errors] = isRemoval ? [null, removalErrors(deps, ctx, stored)] : parse(deps, ctx, values);
  if (Object.keys(errors).length > 0) {
    render(deps, ctx, { values, version, errors, status: 422 });
    return;
  }
  const before = valuesOf(stored);
  const shownAfter = valuesOf(after);
  await confirmChange(
    deps,
    ctx,
    {
      section: 'announcement',
      title: pages.t(ctx, isRemoval ? 'bureau.announcement.confirmRemoval' : 'bureau.announcement.confirm'),
      effects: [pages.t(ctx, isRemoval ? 'bureau.announcement.removalEffect' : 'bureau.announcement.effect')],
      changes: FIELDS.filter((name) => before[name] !== shownAfter[name]).map((name) => ({
        label: pages.t(ctx, `bureau.announcement.${name}`),
        before: before[name].replace('T', ' '),
        after: shownAfter[name].replace('T', ' '),
      })),
      action: PATH,
      fields: { version: String(version), ...values },
      cancelUrl: PATH,
    },
    { reason, confirmed },
    {
      apply: async (text) => {
        const request = { actorId: actor.id, reason: text, address: ctx.ip };
        const setting = { key: 'announcement' as const, value: after };
        return refusalOf(deps, ctx, await services.bureauSettings.change(request, setting, version));
      },
      doneUrl: PATH,
    },
  );
}

/** A form without texts removes the announcement, so there has to be one. */
function removalErrors({ pages }: HttpDeps, ctx: Context, stored: Announcement | null): Record<string, string> {
  return stored === null ? { chinese: pages.t(ctx, 'bureau.announcement.noneToRemove') } : {};
}

function valuesOf(value: Announcement | null): Values {
  if (value === null) return { chinese: '', english: '', from: '', until: '' };
  return {
    chinese: value.chinese,
    english: value.english,
    from: localDateTime(value.from),
    until: localDateTime(value.until),
  };
}

function parse({ pages }: HttpDeps, ctx: Context, values: Values): [Announcement, Record<string, string>] {
  const errors: Record<string, string> = {};
  for (const name of ['chinese', 'english'] as const) {
    if (values[name] === '') errors[name] = pages.t(ctx, 'bureau.announcement.bothLanguages');
    if (values[name].length > MAX_ANNOUNCEMENT_LENGTH) {
      errors[name] = pages.t(ctx, 'bureau.tooLong', { max: MAX_ANNOUNCEMENT_LENGTH });
    }
  }
  const [from, until] = [parseLocalDateTime(values.from), parseLocalDateTime(values.until)];
  if (from === undefined) errors['from'] = pages.t(ctx, 'bureau.announcement.noTime');
  if (until === undefined) errors['until'] = pages.t(ctx, 'bureau.announcement.noTime');
  else if (from !== undefined && until <= from) errors['until'] = pages.t(ctx, 'bureau.announcement.endsBeforeStart');
  return [{ chinese: values.chinese, english: values.english, from: from ?? 0, until: until ?? 0 }, errors];
}

interface FormState {
  values: Values;
  version: number;
  errors?: FieldErrors;
  status?: number;
}

function render(deps: HttpDeps, ctx: Context, { values, version, errors = {}, status = 200 }: FormState): void {
  const { pages } = deps;
  const label = (name: string): string => pages.t(ctx, `bureau.announcement.${name}`);
  pages.show(
    ctx,
    'console/form',
    {
      section: 'announcement',
      title: label('title'),
      intro: label('intro'),
      action: PATH,
      hidden: { version: String(version) },
      fields: [
        {
          kind: 'textarea',
          name: 'chinese',
          label: label('chinese'),
          value: values.chinese,
          maxLength: MAX_ANNOUNCEMENT_LENGTH,
        },
        {
          kind: 'textarea',
          name: 'english',
          label: label('english'),
          value: values.english,
          maxLength: MAX_ANNOUNCEMENT_LENGTH,
        },
        { kind: 'datetime-local', name: 'from', label: label('from'), value: values.from },
        { kind: 'datetime-local', name: 'until', label: label('until'), value: values.until },
      ],
      errors,
      notice: takeNoticeText(deps, ctx, SAVED, 'bureau.saved'),
    },
    status,
  );
}
