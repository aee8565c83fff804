import type { Action } from './pages.ts';
import type { AppDeps, AuthenticatedRequest } from './request-context.ts';

/** Why a context sees nothing. Each app has its own text for `noPermission` and `noRole`. */
export type EmptyStateReason = 'noChild' | 'noPermission' | 'noRole';

/** Shows why there is nothing to see, and a link. */
export async function showEmptyState(
  deps: AppDeps,
  { ctx, context }: AuthenticatedRequest,
  why: EmptyStateReason,
): Promise<void> {
  const t = deps.pages.translate(ctx, context);
  const role = t(`role.${context.acting?.role ?? 'parent'}`);
  const message = {
    noChild: { status: 200, title: t('noChildTitle'), text: t('noChild', { app: t('appName') }) },
    noPermission: { status: 403, title: t('notPermittedTitle'), text: t('noPermission') },
    noRole: { status: 200, title: t('noRoleTitle'), text: t('noRole', { role }) },
  }[why];
  const actions: Action[] = [
    { label: t('chooseAgain'), href: '/sign-in?choose=1' },
    { label: t('signOut'), href: '/sign-out', method: 'post' },
  ];
  await deps.pages.message(ctx, { ...message, actions }, context);
}
