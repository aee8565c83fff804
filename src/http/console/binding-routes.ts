import type Router from '@koa/router';
import type { HttpDeps } from '../deps.ts';
import { parseForms } from '../forms/body.ts';
import { showBinding, showClassAnswers, showSchoolAnswers } from './binding-overviews.ts';
import {
  sendReminders,
  showLetters,
  showReminders,
  targetClass,
  targetSchool,
  type TargetOf,
} from './binding-reminders.ts';
import { downloadCity, downloadClass, downloadSchool } from './binding-reports.ts';
import { ACTION_MAX_AGE_MS, FORM_MAX_AGE_MS, requireBureau, requireStaff } from './session.ts';

/** The answers of families by class, school and city, and the reminders. */
export function addBindingRoutes(router: Router, deps: HttpDeps): void {
  router.get(
    '/binding',
    requireStaff(deps, (ctx, staff) => showBinding(deps, ctx, staff)),
  );
  router.get(
    '/binding/report.csv',
    requireBureau(deps, (ctx, staff) => downloadCity(deps, ctx, staff)),
  );
  router.get(
    '/binding/schools/:code',
    requireStaff(deps, (ctx, staff) => showSchoolAnswers(deps, ctx, staff)),
  );
  router.get(
    '/binding/schools/:code/report.csv',
    requireStaff(deps, (ctx, staff) => downloadSchool(deps, ctx, staff)),
  );
  router.get(
    '/binding/classes/:id',
    requireStaff(deps, (ctx, staff) => showClassAnswers(deps, ctx, staff)),
  );
  router.get(
    '/binding/classes/:id/report.csv',
    requireStaff(deps, (ctx, staff) => downloadClass(deps, ctx, staff)),
  );
  router.get(
    '/binding/classes/:id/letters',
    requireStaff(deps, (ctx, staff) => showLetters(deps, ctx, staff)),
  );
  const addReminders = (path: string, targetOf: TargetOf): void => {
    router.get(
      path,
      requireStaff(deps, (ctx, staff) => showReminders(deps, ctx, staff, targetOf(ctx)), FORM_MAX_AGE_MS),
    );
    router.post(
      path,
      parseForms(),
      requireStaff(deps, (ctx, staff) => sendReminders(deps, ctx, staff, targetOf(ctx)), ACTION_MAX_AGE_MS),
    );
  };
  addReminders('/binding/schools/:code/reminders', targetSchool);
  addReminders('/binding/classes/:id/reminders', targetClass);
}
