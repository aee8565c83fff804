import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { changesSchoolSettings } from '../../domain/access/policy.ts';
import type { RegisterSchool } from '../../services/console/register-switch.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { takeNoticeText } from '../pages/page-notice.ts';
import { refusalOf } from './bureau-refusal.ts';
import { SAVED, confirmationFields, confirmChange } from './confirmation.ts';
import type { SignedInStaff } from './session.ts';

const PATH = '/console/register-check';
const switchForm = confirmationFields.extend({ school: field, turn: z.enum(['on', 'off']) });

/** `GET /console/register-check`: the schools of the actor, and whether the register approves exact matches there. */
export async function showRegisterCheck(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  if (!changesSchoolSettings(actor)) throw createError(404, 'the page is for registrars and the bureau');
  const { pages } = deps;
  const { schools, importedAt } = await deps.console.registerSwitch.list(actor);
  pages.show(ctx, 'console/register-check', {
    schools: schools.map((school) => ({
      ...{ code: school.code, name: pages.schoolName(ctx, school) ?? school.code },
      isOn: school.isRegisterChecked,
    })),
    importedAt,
    notice: takeNoticeText(deps, ctx, SAVED, 'bureau.saved'),
  });
}

/** `POST /console/register-check`: turns it on or off at one school, after a confirmation. */
export async function switchRegisterCheck(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  if (!changesSchoolSettings(actor)) throw createError(404, 'the page is for registrars and the bureau');
  const { school: schoolCode, turn, ...sent } = readForm(ctx, switchForm);
  const school = await findSchool(deps, { actor }, schoolCode);
  const isOn = turn === 'on';
  const { pages } = deps;
  const name = pages.schoolName(ctx, school) ?? school.code;
  const label = (value: boolean): string => pages.t(ctx, value ? 'registerCheck.on' : 'registerCheck.off');
  await confirmChange(
    deps,
    ctx,
    {
      section: 'register-check',
      title: pages.t(ctx, isOn ? 'registerCheck.confirmOn' : 'registerCheck.confirmOff', { name }),
      effects: (isOn ? ['on', 'rest'] : ['off']).map((key) => pages.t(ctx, `registerCheck.effect.${key}`)),
      changes: [{ label: name, before: label(!isOn), after: label(isOn) }],
      action: PATH,
      fields: { school: school.code, turn },
      cancelUrl: PATH,
      isDanger: isOn,
    },
    sent,
    {
      apply: async (reason) => {
        const request = { actorId: actor.id, reason, address: ctx.ip };
        return refusalOf(deps, ctx, await deps.console.registerSwitch.set(request, { schoolCode, isOn }));
      },
      doneUrl: PATH,
    },
  );
}

/** @throws {HttpError} 404 for a school out of scope, as for an unknown code */
async function findSchool(
  deps: HttpDeps,
  { actor }: Pick<SignedInStaff, 'actor'>,
  code: string,
): Promise<RegisterSchool> {
  const { schools } = await deps.console.registerSwitch.list(actor);
  const school = schools.find((one) => one.code === code);
  if (school === undefined) throw createError(404, 'no such school in the scope of this member of staff');
  return school;
}
