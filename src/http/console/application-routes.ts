import type Router from '@koa/router';
import type { HttpDeps } from '../deps.ts';
import { parseForms } from '../forms/body.ts';
import { downloadEvidence, reviewApplication, showApplication } from './application.ts';
import { showApplications } from './application-queue.ts';
import { changeSchoolContacts, showSchoolContacts, showSchoolContactsForm } from './school-contacts.ts';
import { showRegisterCheck, switchRegisterCheck } from './register-check.ts';
import { ACTION_MAX_AGE_MS, FORM_MAX_AGE_MS, requireStaff } from './session.ts';

/** The queue of applications of families, their review, and the settings of schools. */
export function addApplicationRoutes(router: Router, deps: HttpDeps): void {
  router.get(
    '/applications',
    requireStaff(deps, (ctx, staff) => showApplications(deps, ctx, staff)),
  );
  router.get(
    '/applications/:id',
    requireStaff(deps, (ctx, staff) => showApplication(deps, ctx, staff), FORM_MAX_AGE_MS),
  );
  router.post(
    '/applications/:id',
    parseForms(),
    requireStaff(deps, (ctx, staff) => reviewApplication(deps, ctx, staff), ACTION_MAX_AGE_MS),
  );
  router.get(
    '/register-check',
    requireStaff(deps, (ctx, staff) => showRegisterCheck(deps, ctx, staff), FORM_MAX_AGE_MS),
  );
  router.post(
    '/register-check',
    parseForms(),
    requireStaff(deps, (ctx, staff) => switchRegisterCheck(deps, ctx, staff), ACTION_MAX_AGE_MS),
  );
  router.get(
    '/school-contacts',
    requireStaff(deps, (ctx, staff) => showSchoolContacts(deps, ctx, staff)),
  );
  router.get(
    '/school-contacts/:code',
    requireStaff(deps, (ctx, staff) => showSchoolContactsForm(deps, ctx, staff), FORM_MAX_AGE_MS),
  );
  router.post(
    '/school-contacts/:code',
    parseForms(),
    requireStaff(deps, (ctx, staff) => changeSchoolContacts(deps, ctx, staff), ACTION_MAX_AGE_MS),
  );
  router.get(
    '/applications/:id/evidence/:file',
    requireStaff(deps, (ctx, staff) => downloadEvidence(deps, ctx, staff)),
  );
}
