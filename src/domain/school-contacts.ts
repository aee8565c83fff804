import { isActiveOn } from './acting/guardianship.ts';
import { sortOldestFirst } from './acting/siblings.ts';
import type { Permission, PersonFacts, School } from './model.ts';

/** Subjects of the questions that families ask a school. */
export const CONTACT_SUBJECTS = ['account', 'portfolio_sign_in', 'portfolio', 'payment'] as const;
export type ContactSubject = (typeof CONTACT_SUBJECTS)[number];

/** The desk of a school that answers questions about a subject. */
export interface SchoolContact {
  subject: ContactSubject;
  /** Such as 出納組. */
  desk: string;
  /** Empty if the school has no English name for the desk. */
  deskEn: string;
  /** As people write it: `02-2321-6256`. */
  phone: string;
  /** Digits; empty for a direct line. */
  extension: string;
}

/** `sign_in`: the person cannot sign in. `data`: the person misses a student, a document or a bill. */
export type ContactProblem = 'sign_in' | 'data';

/** Returns the subjects of a problem, the most fitting first. @param permissions those of the app; empty for the account itself */
export function contactSubjectsOf(permissions: readonly Permission[], problem: ContactProblem): ContactSubject[] {
  const isPortfolio = permissions.includes('portfolio:read');
  const isPayment = permissions.includes('fees:read') || permissions.includes('fees:pay');
  if (problem === 'sign_in') return isPortfolio ? ['portfolio_sign_in', 'account'] : ['account'];
  const ofData: ContactSubject[] = [
    ...(isPortfolio ? ['portfolio' as const] : []),
    ...(isPayment ? ['payment' as const] : []),
  ];
  return [...ofData, 'account'];
}

/** Returns the URL that dials a contact. A comma waits before the extension. */
export function telephoneUrl({ phone, extension }: Pick<SchoolContact, 'phone' | 'extension'>): string {
  const number = phone.replace(/[^\d+]/g, '');
  return `tel:${number}${extension === '' ? '' : `,${extension}`}`;
}

/**
 * Lists the schools that help a person: those of the children, then the person's own. A suspended guardian is not told the school of the
 * child.
 */
export function listHelpingSchools(
  facts: Pick<PersonFacts, 'children' | 'enrollments' | 'memberships'>,
  today: string,
): School[] {
  const ofChildren = sortOldestFirst(facts.children)
    .filter(({ guardianship }) => isActiveOn(guardianship, today))
    .flatMap(({ enrollments }) => enrollments.map(({ school }) => school));
  const own = [...facts.enrollments, ...facts.memberships].flatMap(({ school }) => school ?? []);
  return [...new Map([...ofChildren, ...own].map((school) => [school.code, school])).values()];
}
