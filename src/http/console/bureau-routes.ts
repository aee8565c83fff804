import type Router from '@koa/router';
import type { Context } from 'koa';
import type { HttpDeps } from '../deps.ts';
import { parseForms } from '../forms/body.ts';
import { changeAnnouncement, showAnnouncementForm } from './announcement.ts';
import { endMembership, grantMembership, showGrantForm, showMemberships } from './memberships.ts';
import { publishNotice, showNotice, showNoticeForm, showNotices } from './notices.ts';
import { addSchool, closeSchool, editSchool, showNewSchool, showSchool, showSchools } from './schools.ts';
import { ACTION_MAX_AGE_MS, FORM_MAX_AGE_MS, requireBureau, type SignedInStaff } from './session.ts';
import { changeSettings, showSettings } from './settings.ts';

/** Two texts of Chinese characters, which take nine bytes each in a form. */
const MAX_NOTICE_FORM_SIZE = '128kb';

/** The pages of the bureau: schools, duties, policies, announcement. Other staff get 404. */
export function addBureauRoutes(router: Router, deps: HttpDeps): void {
  type Page = (deps: HttpDeps, ctx: Context, staff: SignedInStaff) => Promise<void>;
  const show = (path: string, page: Page, maxAgeMs?: number): void => {
    router.get(
      path,
      requireBureau(deps, (ctx, staff) => page(deps, ctx, staff), maxAgeMs),
    );
  };
  const submit = (path: string, page: Page, formLimit?: string): void => {
    router.post(
      path,
      parseForms(formLimit),
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
  show('/notices', showNotices);
  show('/notices/new', showNoticeForm, FORM_MAX_AGE_MS);
  submit('/notices/new', publishNotice, MAX_NOTICE_FORM_SIZE);
  show('/notices/:id', showNotice);
  show('/people/:id/memberships', showMemberships, FORM_MAX_AGE_MS);
  show('/people/:id/memberships/new', showGrantForm, FORM_MAX_AGE_MS);
  submit('/people/:id/memberships/new', grantMembership);
  submit('/people/:id/memberships/end', endMembership);
}
