import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { createQrCode } from '../../presentation/qr-code.ts';
import type { ReminderPlan, ReminderTarget } from '../../services/console/binding-reminders.ts';
import type { HttpDeps } from '../deps.ts';
import { readForm, rowVersion } from '../forms/body.ts';
import { redirectWithNotice } from '../pages/page-notice.ts';
import { classUrl, schoolCodeOf, schoolUrl, SENT } from './binding-overviews.ts';
import { classLine } from './classes.ts';
import { pathIdOf } from './path-id.ts';
import type { SignedInStaff } from './session.ts';

/** The target of a page, from its path. */
export type TargetOf = (ctx: Context) => ReminderTarget;
export const targetClass: TargetOf = (ctx) => ({ classId: pathIdOf(ctx) });
export const targetSchool: TargetOf = (ctx) => ({ schoolCode: schoolCodeOf(ctx) });

const pageOf = (target: ReminderTarget): string =>
  'classId' in target ? classUrl(target.classId) : schoolUrl(target.schoolCode);

/** `GET …/reminders`: says how many mails would be sent, and to whom not. */
export async function showReminders(
  deps: HttpDeps,
  ctx: Context,
  { actor }: SignedInStaff,
  target: ReminderTarget,
): Promise<void> {
  render(deps, ctx, target, await deps.console.bindingReminders.plan(actor, target), { status: 200 });
}

const form = z.object({ mails: rowVersion });

/** `POST …/reminders`: sends the mails if their number is still the one that the form showed. */
export async function sendReminders(
  deps: HttpDeps,
  ctx: Context,
  { actor }: SignedInStaff,
  target: ReminderTarget,
): Promise<void> {
  const { pages } = deps;
  const plan = await deps.console.bindingReminders.plan(actor, target);
  if (plan === undefined) throw createError(404, 'no such class or school in the scope of this member of staff');
  const { mails } = readForm(ctx, form);
  const request = { actorId: actor.id, target, shown: mails, address: ctx.ip };
  const result = await deps.console.bindingReminders.send(request);
  switch (result.kind) {
    case 'done':
      redirectWithNotice(deps, ctx, pageOf(target), SENT, { count: String(result.mails) });
      return;
    case 'not_found':
      throw createError(404, 'no such class or school in the scope of this member of staff');
    case 'school_closed':
      render(deps, ctx, target, { ...plan, isSchoolClosed: true }, { status: 403 });
      return;
    case 'changed_meanwhile': {
      const now = await deps.console.bindingReminders.plan(actor, target);
      render(deps, ctx, target, now, { status: 409, alert: pages.t(ctx, 'reminders.changed') });
    }
  }
}

/** `GET /console/binding/classes/:id/letters`: a page to print for each family that no mail reaches. */
export async function showLetters(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const found = await deps.console.bindingReminders.listLetters(actor, pathIdOf(ctx), ctx.ip);
  if (found === undefined) throw createError(404, 'no such class in the scope of this member of staff');
  const { schoolClass, letters } = found;
  const signInUrl = `${deps.issuer}/binding`;
  deps.pages.show(ctx, 'console/binding-letters', {
    ...classLine(deps, ctx, schoolClass),
    schoolCode: schoolClass.school.code,
    letters: letters.map((letter) => ({ ...letter, account: letter.account.toUpperCase() })),
    signInUrl,
    qr: createQrCode(signInUrl),
    backUrl: classUrl(schoolClass.id),
  });
}

/** @throws {HttpError} 404 without a plan */
function render(
  deps: HttpDeps,
  ctx: Context,
  target: ReminderTarget,
  plan: ReminderPlan | undefined,
  { status, alert }: { status: number; alert?: string },
): void {
  if (plan === undefined) throw createError(404, 'no such class or school in the scope of this member of staff');
  const { school, schoolClass, ...numbers } = plan;
  const backUrl = pageOf(target);
  const schoolName = deps.pages.schoolName(ctx, school) ?? '';
  const place = schoolClass === undefined ? schoolName : `${schoolName} ${deps.pages.className(ctx, schoolClass)}`;
  const lettersUrl = schoolClass && `${backUrl}/letters`;
  deps.pages.show(
    ctx,
    'console/binding-reminders',
    {
      ...{ ...numbers, place, action: `${backUrl}/reminders`, lettersUrl, backUrl },
      alert: plan.isSchoolClosed ? deps.pages.t(ctx, 'reminders.closed') : alert,
    },
    status,
  );
}
