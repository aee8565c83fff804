import Router from '@koa/router';
import type { HttpDeps } from '../deps.ts';
import { parseForms } from '../forms/body.ts';
import { showClientForm, showNewClient, saveClient, saveNewClient } from './clients/edit.ts';
import { performClientAction, showClient, showClientAction, showClients } from './clients/pages.ts';
import { performAction, showActionForm } from './action.ts';
import { addApplicationRoutes } from './application-routes.ts';
import { addFamilyRequestRoutes } from './family-requests.ts';
import { addAuditRoutes } from './audit-routes.ts';
import { addBindingRoutes } from './binding-routes.ts';
import { addBureauRoutes } from './bureau-routes.ts';
import { downloadReport, printSlips, showBulkRun, startBulkRun } from './bulk.ts';
import { prepareBulkRun, showClass, showClasses, typedBulkForm } from './classes.ts';
import { showHome } from './home.ts';
import {
  performDeadLetterAction,
  rotateKeys,
  showDeadLetterAction,
  showDeadLetters,
  showKeys,
  showRotation,
} from './operations.ts';
import { showPerson } from './person.ts';
import { answerRequest, showRequest, showRequests } from './requests.ts';
import { showResults } from './search.ts';
import { addSubjectRequestRoutes } from './subject-requests.ts';
import { ACTION_MAX_AGE_MS, FORM_MAX_AGE_MS, requireBureau, requireStaff } from './session.ts';

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
  addClientRoutes(router, deps);
  addApplicationRoutes(router, deps);
  addFamilyRequestRoutes(router, deps);
  addBindingRoutes(router, deps);
  addRequestRoutes(router, deps);
  addSubjectRequestRoutes(router, deps);
  addAuditRoutes(router, deps);
  addOperationRoutes(router, deps);
  addBureauRoutes(router, deps);
  addClassRoutes(router, deps);
  return router;
}

function addOperationRoutes(router: Router, deps: HttpDeps): void {
  router.get(
    '/keys',
    requireBureau(deps, (ctx) => showKeys(deps, ctx)),
  );
  router.get(
    '/keys/rotate',
    requireBureau(deps, (ctx) => showRotation(deps, ctx), FORM_MAX_AGE_MS),
  );
  router.post(
    '/keys/rotate',
    parseForms(),
    requireBureau(deps, (ctx, staff) => rotateKeys(deps, ctx, staff), ACTION_MAX_AGE_MS),
  );
  router.get(
    '/dead-letters',
    requireBureau(deps, (ctx) => showDeadLetters(deps, ctx)),
  );
  router.get(
    '/dead-letters/action',
    requireBureau(deps, (ctx) => showDeadLetterAction(deps, ctx), FORM_MAX_AGE_MS),
  );
  router.post(
    '/dead-letters/action',
    parseForms(),
    requireBureau(deps, (ctx, staff) => performDeadLetterAction(deps, ctx, staff), ACTION_MAX_AGE_MS),
  );
}

function addClientRoutes(router: Router, deps: HttpDeps): void {
  router.get(
    '/clients',
    requireBureau(deps, (ctx) => showClients(deps, ctx)),
  );
  router.get(
    '/clients/new',
    requireBureau(deps, (ctx) => showNewClient(deps, ctx), FORM_MAX_AGE_MS),
  );
  router.post(
    '/clients/new',
    parseForms(),
    requireBureau(deps, (ctx, staff) => saveNewClient(deps, ctx, staff), ACTION_MAX_AGE_MS),
  );
  router.get(
    '/clients/:id',
    requireBureau(deps, (ctx) => showClient(deps, ctx)),
  );
  router.get(
    '/clients/:id/edit',
    requireBureau(deps, (ctx) => showClientForm(deps, ctx), FORM_MAX_AGE_MS),
  );
  router.post(
    '/clients/:id/edit',
    parseForms(),
    requireBureau(deps, (ctx, staff) => saveClient(deps, ctx, staff), ACTION_MAX_AGE_MS),
  );
  router.get(
    '/clients/:id/action',
    requireBureau(deps, (ctx) => showClientAction(deps, ctx), FORM_MAX_AGE_MS),
  );
  router.post(
    '/clients/:id/action',
    parseForms(),
    requireBureau(deps, (ctx, staff) => performClientAction(deps, ctx, staff), ACTION_MAX_AGE_MS),
  );
}

function addRequestRoutes(router: Router, deps: HttpDeps): void {
  router.get(
    '/requests',
    requireStaff(deps, (ctx, staff) => showRequests(deps, ctx, staff)),
  );
  router.get(
    '/requests/:id',
    requireStaff(deps, (ctx, staff) => showRequest(deps, ctx, staff), FORM_MAX_AGE_MS),
  );
  router.post(
    '/requests/:id',
    parseForms(),
    requireStaff(deps, (ctx, staff) => answerRequest(deps, ctx, staff), ACTION_MAX_AGE_MS),
  );
}

function addClassRoutes(router: Router, deps: HttpDeps): void {
  router.get(
    '/classes',
    requireStaff(deps, (ctx, staff) => showClasses(deps, ctx, staff)),
  );
  router.get(
    '/classes/:id',
    requireStaff(deps, (ctx, staff) => showClass(deps, ctx, staff)),
  );
  router.post(
    '/classes/:id',
    parseForms(),
    requireStaff(deps, (ctx, staff) => prepareBulkRun(deps, ctx, staff), ACTION_MAX_AGE_MS, typedBulkForm),
  );
  router.get(
    '/bulk/:id',
    requireStaff(deps, (ctx, staff) => showBulkRun(deps, ctx, staff)),
  );
  router.post(
    '/bulk/:id',
    parseForms(),
    requireStaff(deps, (ctx, staff) => startBulkRun(deps, ctx, staff), ACTION_MAX_AGE_MS),
  );
  router.get(
    '/bulk/:id/report.csv',
    requireStaff(deps, (ctx, staff) => downloadReport(deps, ctx, staff)),
  );
  router.post(
    '/bulk/:id/slips',
    parseForms(),
    requireStaff(deps, (ctx, staff) => printSlips(deps, ctx, staff), ACTION_MAX_AGE_MS),
  );
}
