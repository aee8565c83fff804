import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { changesSchoolSettings } from '../../domain/access/policy.ts';
import { CONTACT_SUBJECTS, type ContactSubject, type SchoolContact } from '../../domain/school-contacts.ts';
import { hasInvisibleCharacters } from '../../domain/text.ts';
import type { FieldErrors } from '../../presentation/page-locals/common.ts';
import type { ConsoleFormLocals } from '../../presentation/page-locals/console.ts';
import type { SchoolWithContacts } from '../../services/people/school-contacts.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { contactNumber, contactText } from '../school-contacts/describe.ts';
import { takeNoticeText } from '../pages/page-notice.ts';
import { refusalOf } from './bureau-refusal.ts';
import { SAVED, confirmationFields, confirmChange, type Confirmation } from './confirmation.ts';
import type { SignedInStaff } from './session.ts';

const PATH = '/console/school-contacts';
const MAX_LENGTHS = { desk: 30, deskEn: 60, phone: 20, extension: 6 } as const;
const PARTS = ['desk', 'deskEn', 'phone', 'extension'] as const;
type Part = (typeof PARTS)[number];

const text = field.transform((value) => value.trim());
const contactFields = z.object({ desk: text, deskEn: text, phone: text, extension: text });
const contactsForm = confirmationFields.extend({
  shown: field,
  ...Object.fromEntries(CONTACT_SUBJECTS.flatMap((subject) => PARTS.map((part) => [`${subject}_${part}`, text]))),
});
/** An escape in JSON may decode to a NUL. */
const shownText = z.string().refine((value) => !value.includes('\0'));
const shownContacts = z.array(
  z.object({
    ...{ subject: z.enum(CONTACT_SUBJECTS), desk: shownText, deskEn: shownText },
    ...{ phone: shownText, extension: shownText },
  }),
);

/** `GET /console/school-contacts`: the schools of the actor with their contacts. */
export async function showSchoolContacts(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  if (!changesSchoolSettings(actor)) throw createError(404, 'the page is for registrars and the bureau');
  const { pages } = deps;
  const schools = await deps.console.schoolContacts.list(actor);
  pages.show(ctx, 'console/school-contacts', {
    schools: schools.map(({ school, contacts }) => ({
      ...{ code: school.code, name: pages.schoolName(ctx, school) ?? school.code },
      lines: contacts.map((contact) =>
        pages.t(ctx, 'common.problemOf', {
          label: subjectLabel(deps, ctx, contact.subject),
          problem: contactText(deps, ctx, contact),
        }),
      ),
    })),
    notice: takeNoticeText(deps, ctx, SAVED, 'bureau.saved'),
  });
}

/** `GET /console/school-contacts/:code` */
export async function showSchoolContactsForm(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const { school, contacts } = await findSchool(deps, ctx, staff);
  render(deps, ctx, school, { shown: JSON.stringify(contacts), contacts: fillContacts(contacts) });
}

/** `POST /console/school-contacts/:code`: replaces the contacts of a school, after a confirmation. */
export async function changeSchoolContacts(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const { school } = await findSchool(deps, ctx, staff);
  const { shown, reason, confirmed, ...sent } = readForm(ctx, contactsForm);
  const before = parseShown(shown);
  const contacts = readContacts(sent);
  const filled = contacts.filter(isFilled);
  const errors = findErrors(deps, ctx, filled);
  const changes = changesOf(deps, ctx, before, filled);
  const { pages } = deps;
  const alert = changes.length === 0 ? pages.t(ctx, 'bureau.nothingChanged') : undefined;
  if (Object.keys(errors).length > 0 || alert !== undefined) {
    render(deps, ctx, school, { shown, contacts, errors, alert, status: 422 });
    return;
  }
  await confirmChange(
    deps,
    ctx,
    {
      section: 'school-contacts',
      title: pages.t(ctx, 'schoolContacts.confirm', { name: pages.schoolName(ctx, school) ?? school.code }),
      effects: [pages.t(ctx, 'schoolContacts.effect')],
      changes,
      action: `${PATH}/${school.code}`,
      fields: { shown, ...toFields(contacts) },
      cancelUrl: `${PATH}/${school.code}`,
    },
    { reason, confirmed },
    {
      apply: async (why) => {
        const request = { actorId: staff.actor.id, reason: why, address: ctx.ip };
        const change = { schoolCode: school.code, shown: before, contacts: filled };
        return refusalOf(deps, ctx, await deps.console.schoolContacts.replace(request, change));
      },
      doneUrl: PATH,
    },
  );
}

/** @throws {HttpError} 404 for a school out of scope, as for an unknown code */
async function findSchool(
  deps: HttpDeps,
  ctx: Context,
  { actor }: Pick<SignedInStaff, 'actor'>,
): Promise<SchoolWithContacts> {
  const { code } = z.object({ code: z.string() }).parse(ctx['params']);
  const schools = changesSchoolSettings(actor) ? await deps.console.schoolContacts.list(actor) : [];
  const found = schools.find(({ school }) => school.code === code);
  if (found === undefined) throw createError(404, 'no such school in the scope of this member of staff');
  return found;
}

/** @throws {HttpError} 400 if the field is not from our own page */
function parseShown(json: string): SchoolContact[] {
  try {
    return shownContacts.parse(JSON.parse(json));
  } catch (cause) {
    throw createError(400, 'the form has no valid earlier state', { cause });
  }
}

function readContacts(sent: Readonly<Record<string, unknown>>): SchoolContact[] {
  return CONTACT_SUBJECTS.map((subject) => ({
    subject,
    ...contactFields.parse(Object.fromEntries(PARTS.map((part) => [part, sent[`${subject}_${part}`]]))),
  }));
}

/** Adds an empty contact for each subject without one. */
function fillContacts(contacts: readonly SchoolContact[]): SchoolContact[] {
  const empty = { desk: '', deskEn: '', phone: '', extension: '' };
  return CONTACT_SUBJECTS.map((subject) => ({
    subject,
    ...(contacts.find((one) => one.subject === subject) ?? empty),
  }));
}

function isFilled(contact: SchoolContact): boolean {
  return PARTS.some((part) => contact[part] !== '');
}

function toFields(contacts: readonly SchoolContact[]): Record<string, string> {
  return Object.fromEntries(
    contacts.flatMap((contact) => PARTS.map((part) => [`${contact.subject}_${part}`, contact[part]])),
  );
}

/** Returns true if the value of a part can be stored. */
const IS_VALID: Readonly<Record<Part, (value: string) => boolean>> = {
  desk: (value) => value !== '' && !hasInvisibleCharacters(value),
  deskEn: (value) => !hasInvisibleCharacters(value),
  phone: (value) => /^\+?[\d() -]+$/.test(value) && value.replace(/\D/g, '').length >= 3,
  extension: (value) => /^\d*$/.test(value),
};

function findErrors({ pages }: HttpDeps, ctx: Context, contacts: readonly SchoolContact[]): Record<string, string> {
  const isWrong = (contact: SchoolContact, part: Part): boolean =>
    contact[part].length > MAX_LENGTHS[part] || !IS_VALID[part](contact[part]);
  const wrong = contacts.flatMap((contact) =>
    PARTS.filter((part) => isWrong(contact, part)).map((part) => ({ name: `${contact.subject}_${part}`, part })),
  );
  return Object.fromEntries(wrong.map(({ name, part }) => [name, pages.t(ctx, `schoolContacts.wrong.${part}`)]));
}

function changesOf(
  deps: HttpDeps,
  ctx: Context,
  before: readonly SchoolContact[],
  after: readonly SchoolContact[],
): Confirmation['changes'] {
  const show = (contacts: readonly SchoolContact[], subject: ContactSubject): string => {
    const found = contacts.find((one) => one.subject === subject);
    if (found === undefined) return '';
    const { desk, deskEn, phone, extension } = found;
    const name = deskEn === '' ? desk : `${desk} (${deskEn})`;
    return `${name} ${contactNumber(deps, ctx, { phone, extension })}`;
  };
  return CONTACT_SUBJECTS.map((subject) => ({
    label: subjectLabel(deps, ctx, subject),
    before: show(before, subject),
    after: show(after, subject),
  })).filter((change) => change.before !== change.after);
}

function subjectLabel({ pages }: HttpDeps, ctx: Context, subject: ContactSubject): string {
  return pages.t(ctx, `schoolContacts.subject.${subject}`);
}

interface FormState {
  shown: string;
  contacts: readonly SchoolContact[];
  errors?: FieldErrors;
  alert?: string | undefined;
  status?: number;
}

function render(
  deps: HttpDeps,
  ctx: Context,
  school: SchoolWithContacts['school'],
  { shown, contacts, errors = {}, alert, status = 200 }: FormState,
): void {
  const { pages } = deps;
  const fields: ConsoleFormLocals['fields'] = contacts.flatMap((contact) =>
    PARTS.map((part) => ({
      kind: 'text' as const,
      name: `${contact.subject}_${part}`,
      label: pages.t(ctx, `schoolContacts.field.${part}`, { subject: subjectLabel(deps, ctx, contact.subject) }),
      value: contact[part],
      maxLength: MAX_LENGTHS[part],
      isOptional: true,
    })),
  );
  pages.show(
    ctx,
    'console/form',
    {
      section: 'school-contacts',
      title: pages.t(ctx, 'schoolContacts.edit', { name: pages.schoolName(ctx, school) ?? school.code }),
      intro: pages.t(ctx, 'schoolContacts.intro'),
      action: `${PATH}/${school.code}`,
      hidden: { shown },
      fields,
      errors,
      alert,
      cancelUrl: PATH,
    },
    status,
  );
}
