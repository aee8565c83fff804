/** The pages of the portfolio. All are read-only. */
import type { Router } from '@koa/router';
import { showEmptyState } from '../shared/empty-state.ts';
import { signedIn, type AppDeps, type AuthenticatedRequest } from '../shared/request-context.ts';
import { accessOf, type Access } from './access.ts';
import { classOf, DRAWERS, filesOf, type Drawer } from './files.ts';

type DrawersHandler = Extract<Access, { kind: 'drawers' }>;

async function showDrawers(
  parts: AppDeps,
  { ctx, context }: AuthenticatedRequest,
  { student, drawers }: DrawersHandler,
): Promise<void> {
  const t = parts.pages.translate(ctx, context);
  const counted = drawers.map((drawer) => ({ drawer, count: filesOf(student, drawer).length }));
  const locals = { title: t('drawersTitle'), drawers: counted, readOnly: context.acting?.role === 'parent' };
  await parts.pages.show(ctx, 'drawers', locals, context);
}

async function showClass(parts: AppDeps, { ctx, context }: AuthenticatedRequest, schoolCode: string): Promise<void> {
  const t = parts.pages.translate(ctx, context);
  await parts.pages.show(ctx, 'class', { title: t('classTitle'), ...classOf(schoolCode) }, context);
}

function home(parts: AppDeps) {
  return async (visit: AuthenticatedRequest): Promise<void> => {
    const access = accessOf(visit.context);
    if (access.kind === 'drawers') await showDrawers(parts, visit, access);
    else if (access.kind === 'class') await showClass(parts, visit, access.schoolCode);
    else await showEmptyState(parts, visit, access.kind);
  };
}

/** Runs `show` for a drawer that this context may open. Others get a message. */
function inDrawer(
  parts: AppDeps,
  drawerOf: (parameter: string) => string,
  show: (visit: AuthenticatedRequest, student: string, drawer: Drawer) => Promise<void>,
) {
  return async (visit: AuthenticatedRequest): Promise<void> => {
    const { ctx, context } = visit;
    const wanted = drawerOf(ctx.params['id'] ?? '');
    const drawer = DRAWERS.find((one) => one === wanted);
    const access = accessOf(context);
    if (drawer === undefined) {
      ctx.throw(404);
    } else if (access.kind === 'drawers' && access.drawers.includes(drawer)) {
      await show(visit, access.student, drawer);
      return;
    }
    const t = parts.pages.translate(ctx, context);
    const actions = [{ label: t('toDrawers'), href: `/c/${context.ctx}/` }];
    await parts.pages.message(ctx, { status: 403, title: t('closedTitle'), text: t('closed'), actions }, context);
  };
}

export function addPortfolioRoutes(router: Router, parts: AppDeps): void {
  const openDrawer = inDrawer(
    parts,
    (id) => id,
    async ({ ctx, context }, student, drawer) => {
      const t = parts.pages.translate(ctx, context);
      const locals = { title: t(`drawer.${drawer}`), drawer, files: filesOf(student, drawer) };
      await parts.pages.show(ctx, 'drawer', locals, context);
    },
  );
  const openFile = inDrawer(
    parts,
    (id) => id.split('-')[0] ?? '',
    async ({ ctx, context }, student, drawer) => {
      const file = filesOf(student, drawer).find(({ id }) => id === ctx.params['id']);
      if (file === undefined) ctx.throw(404);
      else await parts.pages.show(ctx, 'file', { title: file.title, file }, context);
    },
  );
  router.get('/c/:ctx', signedIn(parts, home(parts)));
  router.get('/c/:ctx/drawers/:id', signedIn(parts, openDrawer));
  router.get('/c/:ctx/files/:id', signedIn(parts, openFile));
}
