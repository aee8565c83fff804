/** The pages of the portfolio. All are read-only. */
import type { Router } from '@koa/router';
import { showEmptyState } from '../shared/empty-state.ts';
import { className } from '../shared/identity.ts';
import { signedIn, type AppDeps, type AuthenticatedRequest } from '../shared/request-context.ts';
import { accessOf, type Access } from './access.ts';
import { classOf, DRAWERS, filesOf, type Drawer } from './files.ts';

type DrawersAccess = Extract<Access, { kind: 'drawers' }>;

async function showDrawers(
  deps: AppDeps,
  { ctx, context }: AuthenticatedRequest,
  { student, drawers }: DrawersAccess,
): Promise<void> {
  const t = deps.pages.translate(ctx, context);
  const counted = drawers.map((drawer) => ({ drawer, count: filesOf(student, drawer).length }));
  const locals = { title: t('drawersTitle'), drawers: counted, readOnly: context.acting?.role === 'parent' };
  await deps.pages.show(ctx, 'drawers', locals, context);
}

async function showClass(deps: AppDeps, { ctx, context }: AuthenticatedRequest, schoolCode: string): Promise<void> {
  const wording = deps.pages.wording(ctx, context);
  const { pupils, ...classData } = classOf(schoolCode);
  const locals = { title: wording.t('classTitle'), pupils, className: className(wording, classData) };
  await deps.pages.show(ctx, 'class', locals, context);
}

function home(deps: AppDeps) {
  return async (request: AuthenticatedRequest): Promise<void> => {
    const access = accessOf(request.context);
    if (access.kind === 'drawers') await showDrawers(deps, request, access);
    else if (access.kind === 'class') await showClass(deps, request, access.schoolCode);
    else await showEmptyState(deps, request, access.kind);
  };
}

/** Runs `show` for a drawer that this context may open. Others get a message. */
function inDrawer(
  deps: AppDeps,
  drawerOf: (parameter: string) => string,
  show: (request: AuthenticatedRequest, student: string, drawer: Drawer) => Promise<void>,
) {
  return async (request: AuthenticatedRequest): Promise<void> => {
    const { ctx, context } = request;
    const requested = drawerOf(ctx.params['id'] ?? '');
    const drawer = DRAWERS.find((one) => one === requested);
    const access = accessOf(context);
    if (drawer === undefined) {
      ctx.throw(404);
    } else if (access.kind === 'drawers' && access.drawers.includes(drawer)) {
      await show(request, access.student, drawer);
      return;
    }
    const t = deps.pages.translate(ctx, context);
    const actions = [{ label: t('toDrawers'), href: `/c/${context.ctx}/` }];
    await deps.pages.message(ctx, { status: 403, title: t('closedTitle'), text: t('closed'), actions }, context);
  };
}

export function addPortfolioRoutes(router: Router, deps: AppDeps): void {
  const openDrawer = inDrawer(
    deps,
    (id) => id,
    async ({ ctx, context }, student, drawer) => {
      const t = deps.pages.translate(ctx, context);
      const locals = { title: t(`drawer.${drawer}`), drawer, files: filesOf(student, drawer) };
      await deps.pages.show(ctx, 'drawer', locals, context);
    },
  );
  const openFile = inDrawer(
    deps,
    (id) => id.split('-')[0] ?? '',
    async ({ ctx, context }, student, drawer) => {
      const file = filesOf(student, drawer).find(({ id }) => id === ctx.params['id']);
      if (file === undefined) ctx.throw(404);
      else await deps.pages.show(ctx, 'file', { title: file.title, file }, context);
    },
  );
  router.get('/c/:ctx', signedIn(deps, home(deps)));
  router.get('/c/:ctx/drawers/:id', signedIn(deps, openDrawer));
  router.get('/c/:ctx/files/:id', signedIn(deps, openFile));
}
