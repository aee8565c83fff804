import type { Context } from 'koa';
import type { NoticeLocals } from '../../presentation/page-locals/common.ts';
import type { HttpDeps } from '../deps.ts';
import { redirectWithNotice, takeNotice } from '../pages/page-notice.ts';

export const CONTACTS_PATH = '/account/contacts';

const NOTICES = [
  ...(['emailSent', 'emailChanged', 'mobileChanged', 'accountChanged', 'mobileRemoved', 'accountRemoved'] as const),
  ...(['unchanged', 'language', 'confirmed'] as const),
];
type Name = (typeof NOTICES)[number];

/**
 * The forms that enter an earlier value again. An email address is restored with the link that was mailed to it. Staff confirm a mobile
 * number again before it is a login.
 */
const UNDO: Partial<Record<Name, { action: string; field: string; label: 'enterAgain' | 'restore' | 'changeBack' }>> = {
  mobileRemoved: { action: `${CONTACTS_PATH}/mobile`, field: 'mobile', label: 'enterAgain' },
  accountRemoved: { action: `${CONTACTS_PATH}/account`, field: 'account', label: 'restore' },
  accountChanged: { action: `${CONTACTS_PATH}/account`, field: 'account', label: 'changeBack' },
  language: { action: '/account/language', field: 'language', label: 'changeBack' },
};

/** Values as people write them; empty if there is none. */
interface Values {
  value?: string | undefined;
  before?: string | undefined;
}

/** Redirects to the contacts, which show the notice once. */
export function redirectToContacts(
  deps: HttpDeps,
  ctx: Context,
  name: Name,
  { value = '', before = '' }: Values,
): void {
  redirectWithNotice(deps, ctx, CONTACTS_PATH, name, { value, before });
}

/** Returns the notice and deletes it, with a form that enters the earlier value again. The form has the checks and limits of every change. */
export function takeContactNotice(deps: HttpDeps, ctx: Context): NoticeLocals {
  const { pages, i18n } = deps;
  const taken = takeNotice(deps, ctx, NOTICES);
  if (taken === undefined) return {};
  const { name, values } = taken;
  const { before = '' } = values;
  const undo = before === '' ? undefined : UNDO[name];
  const named = name === 'language' ? (i18n.names[before] ?? before) : before;
  return {
    notice: pages.t(ctx, `contacts.notice.${name}`, values),
    noticeUndo: undo && {
      ...undo,
      value: before,
      label: pages.t(ctx, `contacts.undo.${undo.label}`, { value: named }),
    },
  };
}
