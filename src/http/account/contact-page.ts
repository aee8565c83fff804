import type { Context } from 'koa';
import { formatLocalMobile } from '../../domain/credentials/identifiers.ts';
import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
import type { HttpDeps } from '../deps.ts';
import {
  findMarkedRejection,
  redirectRejected,
  REJECTED,
  type FormPage,
  type Rejection,
} from '../forms/rejected-form.ts';
import { CONTACTS_PATH, takeContactNotice } from './contact-notice.ts';
import type { SignedInPerson } from './session.ts';

export const CONTACT_KINDS = ['email', 'mobile', 'account'] as const;
export type ContactKind = (typeof CONTACT_KINDS)[number];

/** The page of the contacts, for the rejections of its forms. */
function contactsPage({ sessionHash }: SignedInPerson): FormPage {
  return { path: CONTACTS_PATH, owner: sessionHash };
}

/** Redirects to the contacts, which show the rejected input and why it was rejected. */
export function rejectContact(deps: HttpDeps, ctx: Context, signedIn: SignedInPerson, rejection: Rejection): void {
  redirectRejected(deps, ctx, contactsPage(signedIn), rejection, REJECTED);
}

/** `GET /account/contacts`: the logins, the contact details and the language of the mails. */
export async function showContacts(deps: HttpDeps, ctx: Context, signedIn: SignedInPerson): Promise<void> {
  const { contacts, pages, i18n } = deps;
  const { facts } = signedIn;
  const problem = findMarkedRejection(deps, ctx, contactsPage(signedIn)) ?? { status: 200 };
  const pending = await contacts.listPending(facts.id);
  const email = facts.identifiers.find(({ kind }) => kind === 'email');
  const locale = i18n.negotiate({ personLocale: facts.locale ?? DEFAULT_LANGUAGE });
  pages.show(
    ctx,
    'account/contacts',
    {
      email,
      pendingEmail: formatContact(pending, 'email'),
      mobile: formatContact(facts.identifiers, 'mobile'),
      pendingMobile: formatContact(pending, 'mobile'),
      account: formatContact(facts.identifiers, 'account'),
      values: { email: '', mobile: '', account: '', ...problem.values },
      languages: i18n.languages.map((tag) => ({ tag, name: i18n.names[tag] ?? tag, isChosen: tag === locale })),
      errors: problem.errors ?? {},
      alert: problem.alert,
      ...takeContactNotice(deps, ctx),
    },
    problem.status,
  );
}

/** Returns the contact of a kind as people write it. */
export function formatContact(
  contacts: readonly { kind: string; value: string }[],
  kind: ContactKind,
): string | undefined {
  const value = contacts.find((contact) => contact.kind === kind)?.value;
  return kind === 'mobile' && value !== undefined ? formatLocalMobile(value) : value;
}
