import type { Context } from 'koa';
import {
  contactSubjectsOf,
  telephoneUrl,
  type ContactProblem,
  type ContactSubject,
  type SchoolContact,
} from '../../domain/school-contacts.ts';
import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
import type { SchoolContactsLocals } from '../../presentation/page-locals/common.ts';
import type { SchoolWithContacts } from '../../services/people/school-contacts.ts';
import type { HttpDeps } from '../deps.ts';

type Deps = Pick<HttpDeps, 'pages'>;

/** Returns the number of a contact as people read it: `02-2321-6256 轉 256`. */
export function contactNumber(
  { pages }: Deps,
  ctx: Context,
  contact: Pick<SchoolContact, 'phone' | 'extension'>,
): string {
  const { phone, extension } = contact;
  return extension === '' ? phone : pages.t(ctx, 'schoolContacts.number', { phone, extension });
}

/** Returns the desk and the number of a contact. */
export function contactText(deps: Deps, ctx: Context, contact: SchoolContact): string {
  return `${deskName(deps, ctx, contact).desk} ${contactNumber(deps, ctx, contact)}`;
}

/** Describes the contacts of schools. @param subjects undefined for all; the first one of a school that has a contact, otherwise */
export function describeContacts(
  deps: Deps,
  ctx: Context,
  schools: readonly SchoolWithContacts[],
  subjects?: readonly ContactSubject[],
): SchoolContactsLocals[] {
  return schools
    .map(({ school, contacts }) => ({
      name: deps.pages.schoolName(ctx, school) ?? school.code,
      contacts: chooseContacts(contacts, subjects).map((contact) => ({
        subject: deps.pages.t(ctx, `schoolContacts.subject.${contact.subject}`),
        ...deskName(deps, ctx, contact),
        number: contactNumber(deps, ctx, contact),
        url: telephoneUrl(contact),
      })),
    }))
    .filter(({ contacts }) => contacts.length > 0);
}

function chooseContacts(
  contacts: readonly SchoolContact[],
  subjects: readonly ContactSubject[] | undefined,
): readonly SchoolContact[] {
  if (subjects === undefined) return contacts;
  const found = subjects.flatMap((subject) => contacts.find((contact) => contact.subject === subject) ?? []);
  return found.slice(0, 1);
}

/** Returns the desk in the language of the page, and its language if that is another. */
function deskName({ pages }: Deps, ctx: Context, { desk, deskEn }: SchoolContact): { desk: string; deskLang?: string } {
  if (pages.langOf(ctx) === DEFAULT_LANGUAGE) return { desk };
  return deskEn === '' ? { desk, deskLang: DEFAULT_LANGUAGE } : { desk: deskEn };
}

/** Loads the desks that help a person with a problem at an app. */
export async function loadContacts(
  deps: Pick<HttpDeps, 'pages' | 'clients' | 'schoolContacts'>,
  ctx: Context,
  { personId, clientId, problem }: { personId: string; clientId: string; problem: ContactProblem },
): Promise<SchoolContactsLocals[]> {
  const permissions = deps.clients.find(clientId)?.permissions ?? [];
  const schools = await deps.schoolContacts.listOfPerson(personId);
  return describeContacts(deps, ctx, schools, contactSubjectsOf(permissions, problem));
}
