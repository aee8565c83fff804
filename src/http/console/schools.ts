import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { SCHOOL_TYPES } from '../../domain/model.ts';
import { hasInvisibleCharacters } from '../../domain/text.ts';
import type { ConsoleFormLocals } from '../../presentation/page-locals/console.ts';
import type { FieldErrors } from '../../presentation/page-locals/common.ts';
import type { SchoolFields, SchoolRow } from '../../services/console/schools.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { takeNoticeText } from '../pages/page-notice.ts';
import { refusalOf } from './bureau-refusal.ts';
import { SAVED, confirmationFields, confirmChange, type Confirmation } from './confirmation.ts';
import type { SignedInStaff } from './session.ts';

const PATH = '/console/schools';
const MAX_NAME_LENGTH = 100;
const MAX_DISTRICT_LENGTH = 20;
const FIELDS = ['name', 'nameEn', 'type', 'district'] as const;

const schoolType = z.enum(SCHOOL_TYPES).catch('elementary');
/** `shown`: the school that the form was shown for, as JSON. */
const schoolForm = confirmationFields.extend({
  code: field,
  name: field,
  nameEn: field,
  type: schoolType,
  district: field.transform((value) => value.trim()),
  shown: field,
});
const newSchoolForm = schoolForm.omit({ shown: true });
const closeForm = confirmationFields.extend({ close: z.enum(['yes', 'no']), shown: field });
/** An escape in JSON may decode to a NUL. */
const shownText = z.string().refine((value) => !value.includes('\0'));
const shownSchool = z.object({
  code: shownText,
  name: shownText,
  nameEn: shownText,
  type: z.enum(SCHOOL_TYPES),
  district: shownText,
  closedAt: z.number().int().nullable(),
});

/** `GET /console/schools`: all schools of the city. */
export async function showSchools(deps: HttpDeps, ctx: Context): Promise<void> {
  const { pages } = deps;
  const schools = await deps.console.schools.list();
  pages.show(ctx, 'console/schools', {
    schools: schools.map(({ closedAt, ...school }) => ({
      code: school.code,
      name: pages.schoolName(ctx, school) ?? '',
      type: school.type,
      district: school.district,
      isClosed: closedAt !== null,
    })),
    notice: takeNoticeText(deps, ctx, SAVED, 'bureau.saved'),
  });
}

/** `GET /console/schools/new` */
export function showNewSchool(deps: HttpDeps, ctx: Context): Promise<void> {
  render(deps, ctx, undefined, { school: { code: '', name: '', nameEn: '', type: 'elementary', district: '' } });
  return Promise.resolve();
}

/** `POST /console/schools/new` */
export async function addSchool(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const { reason, confirmed, ...school } = readForm(ctx, newSchoolForm);
  const errors = findErrors(deps, ctx, school);
  if (Object.keys(errors).length > 0) {
    render(deps, ctx, undefined, { school, errors, status: 422 });
    return;
  }
  const { pages } = deps;
  await confirmChange(
    deps,
    ctx,
    {
      ...common(`${PATH}/new`),
      title: pages.t(ctx, 'bureau.school.confirmAdd'),
      effects: [pages.t(ctx, 'bureau.school.addEffect')],
      changes: [
        { label: pages.t(ctx, 'bureau.school.code'), before: '', after: school.code },
        ...changesOf(deps, ctx, undefined, school),
      ],
      fields: school,
      cancelUrl: PATH,
    },
    { reason, confirmed },
    {
      apply: async (text) =>
        refusalOf(
          deps,
          ctx,
          await deps.console.schools.add({ actorId: actor.id, reason: text, address: ctx.ip }, school),
        ),
      doneUrl: PATH,
    },
  );
}

/** `GET /console/schools/:code` */
export async function showSchool(deps: HttpDeps, ctx: Context): Promise<void> {
  const school = await findSchool(deps, ctx);
  render(deps, ctx, school, { school });
}

/** `POST /console/schools/:code`: changes names, type and district. */
export async function editSchool(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const current = await findSchool(deps, ctx);
  const { reason, confirmed, shown, ...sent } = readForm(ctx, schoolForm);
  const school = { ...sent, code: current.code };
  const before = parseShown(shown);
  const errors = findErrors(deps, ctx, school);
  const changes = changesOf(deps, ctx, before, school);
  const alert = changes.length === 0 ? deps.pages.t(ctx, 'bureau.nothingChanged') : undefined;
  if (Object.keys(errors).length > 0 || alert !== undefined) {
    render(deps, ctx, current, { school, errors, alert, status: 422 });
    return;
  }
  const { pages } = deps;
  await confirmChange(
    deps,
    ctx,
    {
      ...common(`${PATH}/${current.code}`),
      title: pages.t(ctx, 'bureau.school.confirmEdit'),
      effects: [pages.t(ctx, 'bureau.school.editEffect')],
      changes,
      fields: { ...school, shown },
      cancelUrl: `${PATH}/${current.code}`,
    },
    { reason, confirmed },
    {
      apply: async (text) => {
        const request = { actorId: actor.id, reason: text, address: ctx.ip };
        return refusalOf(deps, ctx, await deps.console.schools.edit(request, before, school));
      },
      doneUrl: PATH,
    },
  );
}

/** `POST /console/schools/:code/close`: closes the school, or opens it again. */
export async function closeSchool(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const current = await findSchool(deps, ctx);
  const { reason, confirmed, shown, close } = readForm(ctx, closeForm);
  const isClosing = close === 'yes';
  const { pages } = deps;
  const effects = isClosing ? ['closeEffect', 'closeKeeps', 'closeStaff'] : ['reopenEffect'];
  await confirmChange(
    deps,
    ctx,
    {
      ...common(`${PATH}/${current.code}/close`),
      title: pages.t(ctx, isClosing ? 'bureau.school.confirmClose' : 'bureau.school.confirmReopen', {
        name: pages.schoolName(ctx, current) ?? '',
      }),
      effects: effects.map((key) => pages.t(ctx, `bureau.school.${key}`)),
      changes: [],
      fields: { close, shown },
      cancelUrl: `${PATH}/${current.code}`,
      isDanger: isClosing,
    },
    { reason, confirmed },
    {
      apply: async (text) => {
        const request = { actorId: actor.id, reason: text, address: ctx.ip };
        return refusalOf(deps, ctx, await deps.console.schools.setClosed(request, parseShown(shown), isClosing));
      },
      doneUrl: PATH,
    },
  );
}

function common(action: string): Pick<Confirmation, 'section' | 'action'> {
  return { section: 'schools', action };
}

/** @throws {HttpError} 404 for an unknown code */
async function findSchool(deps: HttpDeps, ctx: Context): Promise<SchoolRow> {
  const { code } = z.object({ code: z.string() }).parse(ctx['params']);
  const school = await deps.console.schools.find(code);
  if (school === undefined) throw createError(404, 'no such school');
  return school;
}

/** @throws {HttpError} 400 if the field is not from our own page */
function parseShown(text: string): SchoolRow {
  try {
    return shownSchool.parse(JSON.parse(text));
  } catch (cause) {
    throw createError(400, 'the form has no valid earlier state', { cause });
  }
}

function findErrors(
  { pages }: HttpDeps,
  ctx: Context,
  { code, name, nameEn, district }: SchoolFields,
): Record<string, string> {
  const errors: Record<string, string> = {};
  if (!/^\d{6}$/.test(code)) errors['code'] = pages.t(ctx, 'bureau.school.wrongCode');
  for (const [key, value] of [
    ['name', name],
    ['nameEn', nameEn],
  ] as const) {
    if (value.trim() === '' || value.length > MAX_NAME_LENGTH || hasInvisibleCharacters(value)) {
      errors[key] = pages.t(ctx, 'bureau.school.wrongName', { max: MAX_NAME_LENGTH });
    }
  }
  if (district.length > MAX_DISTRICT_LENGTH || hasInvisibleCharacters(district)) {
    errors['district'] = pages.t(ctx, 'bureau.school.wrongDistrict', { max: MAX_DISTRICT_LENGTH });
  }
  return errors;
}

function changesOf(
  { pages }: HttpDeps,
  ctx: Context,
  before: SchoolFields | undefined,
  after: SchoolFields,
): Confirmation['changes'] {
  const show = (school: SchoolFields | undefined, name: (typeof FIELDS)[number]): string => {
    if (school === undefined) return '';
    return name === 'type' ? pages.t(ctx, `schoolType.${school.type}`) : school[name];
  };
  return FIELDS.filter((name) => before?.[name] !== after[name]).map((name) => ({
    label: pages.t(ctx, `bureau.school.${name}`),
    before: show(before, name),
    after: show(after, name),
  }));
}

interface FormState {
  school: SchoolFields;
  errors?: FieldErrors;
  alert?: string | undefined;
  status?: number;
}

function render(
  deps: HttpDeps,
  ctx: Context,
  existing: SchoolRow | undefined,
  { school, errors = {}, alert, status = 200 }: FormState,
): void {
  const { pages } = deps;
  const label = (name: string): string => pages.t(ctx, `bureau.school.${name}`);
  const shown = existing === undefined ? '' : JSON.stringify(existing);
  pages.show(
    ctx,
    'console/form',
    {
      section: 'schools',
      title: existing === undefined ? label('add') : (pages.schoolName(ctx, existing) ?? ''),
      action: existing === undefined ? `${PATH}/new` : `${PATH}/${existing.code}`,
      hidden: { shown },
      fields: [
        ...(existing === undefined
          ? [
              {
                kind: 'text' as const,
                name: 'code',
                label: label('code'),
                hint: label('codeHint'),
                value: school.code,
                maxLength: 6,
              },
            ]
          : []),
        { kind: 'text', name: 'name', label: label('name'), value: school.name, maxLength: MAX_NAME_LENGTH },
        { kind: 'text', name: 'nameEn', label: label('nameEn'), value: school.nameEn, maxLength: MAX_NAME_LENGTH },
        {
          kind: 'select',
          name: 'type',
          label: label('type'),
          value: school.type,
          options: SCHOOL_TYPES.map((value) => ({ value, label: pages.t(ctx, `schoolType.${value}`) })),
        },
        {
          ...{ kind: 'text', name: 'district', label: label('district'), hint: label('districtHint') },
          ...{ value: school.district, maxLength: MAX_DISTRICT_LENGTH, isOptional: true },
        },
      ],
      errors,
      alert,
      other: existing && closeAction(deps, ctx, existing),
      cancelUrl: PATH,
    },
    status,
  );
}

function closeAction({ pages }: HttpDeps, ctx: Context, school: SchoolRow): ConsoleFormLocals['other'] {
  const isClosed = school.closedAt !== null;
  return {
    title: pages.t(ctx, isClosed ? 'bureau.school.reopen' : 'bureau.school.close'),
    text: pages.t(ctx, isClosed ? 'bureau.school.reopenEffect' : 'bureau.school.closeEffect'),
    action: `${PATH}/${school.code}/close`,
    fields: { shown: JSON.stringify(school), close: isClosed ? 'no' : 'yes' },
    isDanger: !isClosed,
  };
}
