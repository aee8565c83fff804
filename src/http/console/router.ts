import Router from '@koa/router';
import type { HttpDeps } from '../deps.ts';
import { parseForms } from '../forms/body.ts';
import { performAction, showActionForm } from './action.ts';
import { showHome } from './home.ts';
import { showPerson } from './person.ts';
import { showResults } from './search.ts';
import { ACTION_MAX_AGE_MS, FORM_MAX_AGE_MS, requireStaff } from './session.ts';

/** The pages of the staff console. Each of them asks the access policy through its service. */
export function createConsoleRouter(deps: HttpDeps): Router {
  const router = new Router({ prefix: '/console' });
  router.get(
    '/',
    requireStaff(deps, (ctx, staff) => showHome(deps, ctx, staff)),
  );
  router.get(
    '/search',
    requireStaff(deps, (ctx, staff) => showResults(deps, ctx, staff)),
  );
  router.get(
    '/people/:id',
    requireStaff(deps, (ctx, staff) => showPerson(deps, ctx, staff)),
  );
  router.get(
    '/people/:id/action',
    requireStaff(deps, (ctx, staff) => showActionForm(deps, ctx, staff), FORM_MAX_AGE_MS),
  );
  router.post(
    '/people/:id/action',
    parseForms(),
    requireStaff(deps, (ctx, staff) => performAction(deps, ctx, staff), ACTION_MAX_AGE_MS),
  );
  return router;
}
