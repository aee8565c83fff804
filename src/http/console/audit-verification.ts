import type { Context } from 'koa';
import type { HttpDeps } from '../deps.ts';
import type { SignedInStaff } from './session.ts';

/** `POST /console/audit/verify`: starts a verification of the audit log unless one is running. */
export function startVerification(
  { console: services }: HttpDeps,
  ctx: Context,
  { actor }: SignedInStaff,
): Promise<void> {
  services.auditVerification.start({ actorId: actor.id, address: ctx.ip });
  ctx.status = 303;
  ctx.redirect('/console/audit/verify');
  return Promise.resolve();
}

/** `GET /console/audit/verify`: the last verification of this node, or the progress of the current one. */
export function showVerification({ pages, console: services }: HttpDeps, ctx: Context): Promise<void> {
  const state = services.auditVerification.state();
  pages.show(ctx, 'console/audit-verification', {
    state: state.kind,
    startedAt: state.kind === 'none' ? undefined : state.startedAt,
    endedAt: 'endedAt' in state ? state.endedAt : undefined,
    progress: state.kind === 'running' ? { verified: state.verified, total: state.total } : undefined,
    lastEntry: state.kind === 'intact' ? state.head : undefined,
    archived: state.kind === 'intact' ? state.archived : 0,
    problem: state.kind === 'broken' ? state.problem : undefined,
  });
  return Promise.resolve();
}
