import type Router from '@koa/router';
import type { HttpDeps } from '../deps.ts';
import { parseForms } from '../forms/body.ts';
import { exportAudit, showAudit, showHistory } from './audit.ts';
import { showVerification, startVerification } from './audit-verification.ts';
import { requireBureau, requireStaff } from './session.ts';

/** The audit log of the city for the bureau, and of one person for other staff. */
export function addAuditRoutes(router: Router, deps: HttpDeps): void {
  router.get(
    '/people/:id/history',
    requireStaff(deps, (ctx, staff) => showHistory(deps, ctx, staff)),
  );
  router.get(
    '/audit',
    requireBureau(deps, (ctx) => showAudit(deps, ctx)),
  );
  router.get(
    '/audit/export',
    requireBureau(deps, (ctx, staff) => exportAudit(deps, ctx, staff)),
  );
  router.get(
    '/audit/verify',
    requireBureau(deps, (ctx) => showVerification(deps, ctx)),
  );
  router.post(
    '/audit/verify',
    parseForms(),
    requireBureau(deps, (ctx, staff) => startVerification(deps, ctx, staff)),
  );
}
