import type Router from '@koa/router';
import type { Context } from 'koa';
import type { HttpDeps } from '../deps.ts';
import { parseForms } from '../forms/body.ts';
import { changeAnnouncement, showAnnouncementForm } from './announcement.ts';
import { endMembership, grantMembership, showGrantForm, showMemberships } from './memberships.ts';
import { addSchool, closeSchool, editSchool, showNewSchool, showSchool, showSchools } from './schools.ts';
import { ACTION_MAX_AGE_MS, FORM_MAX_AGE_MS, requireBureau, type SignedInStaff } from './session.ts';
import { changeSettings, showSettings } from './settings.ts';

/** The pages of the bureau: schools, duties, policies, announcement. Other staff get 404. */
export function addBureauRoutes(router: Router, deps: HttpDeps): void {
  type Page = (deps: HttpDeps, ctx: Context, staff: SignedInStaff) => Promise<void>;
  const show = (path: string, page: Page, maxAgeMs?: number): void => {
    router.get(
      path,
      requireBureau(deps, (ctx, staff) => page(deps, ctx, staff), maxAgeMs),
    );
  };
  const submit = (path: string, page: Page): void => {
    router.post(
      path,
      parseForms(),
      requireBureau(deps, (ctx, staff) => page(deps, ctx, staff), ACTION_MAX_AGE_MS),
    );
  };
  show('/settings', showSettings, FORM_MAX_AGE_MS);
  submit('/settings', changeSettings);
  show('/announcement', showAnnouncementForm, FORM_MAX_AGE_MS);
  submit('/announcement', changeAnnouncement);
  show('/schools', showSchools);
  show('/schools/new', showNewSchool, FORM_MAX_AGE_MS);
  submit('/schools/new', addSchool);
  show('/schools/:code', showSchool, FORM_MAX_AGE_MS);
  submit('/schools/:code', editSchool);
  submit('/schools/:code/close', closeSchool);
  show('/people/:id/memberships', showMemberships, FORM_MAX_AGE_MS);
  show('/people/:id/memberships/new', showGrantForm, FORM_MAX_AGE_MS);
  submit('/people/:id/memberships/new', grantMembership);
  submit('/people/:id/memberships/end', endMembership);
}
