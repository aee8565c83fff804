import type { Context } from 'koa';
import type { NoticeLocals } from '../../presentation/page-locals/common.ts';
import type { HttpDeps } from '../deps.ts';
import { redirectWithNotice, takeNotice, type PageNotice } from '../pages/page-notice.ts';

const NOTICES = [
  ...(['passwordChanged', 'sessionEnded', 'othersEnded', 'deviceEnded', 'devicesEnded'] as const),
  ...(['appRevoked', 'namedAppRevoked', 'confirmed', 'removalCanceled', 'changesSeen'] as const),
];

/** Redirects to the account page, which shows the notice once. */
export function redirectToAccount(
  deps: HttpDeps,
  ctx: Context,
  name: (typeof NOTICES)[number],
  values?: PageNotice['values'],
): void {
  redirectWithNotice(deps, ctx, '/account', name, values);
}

/** Returns the notice of the account page, and deletes it. What has ended cannot be restored: its tokens are revoked. An app can be opened again. */
export function takeAccountNotice(deps: HttpDeps, ctx: Context): NoticeLocals {
  const { clients, pages } = deps;
  const taken = takeNotice(deps, ctx, NOTICES);
  if (taken === undefined) return {};
  const { name, values } = taken;
  if (name !== 'namedAppRevoked') return { notice: pages.t(ctx, `notice.${name}`, values) };
  const { app = '' } = values;
  const url = clients.launchUrl(app);
  return {
    notice: pages.t(ctx, 'notice.namedAppRevoked', { app: pages.appName(ctx, app) }),
    noticeLink: url === undefined ? undefined : { url, label: pages.t(ctx, 'notice.openAgain') },
  };
}
