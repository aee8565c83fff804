import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { dutyOf, GRANTED_DUTIES } from '../../domain/access/duties.ts';
import type { DutyActionName } from '../../domain/access/person-actions.ts';
import { isDate, localDate } from '../../domain/clock.ts';
import type { FieldErrors } from '../../presentation/page-locals/common.ts';
import { formatDuty } from '../../services/console/duty-effects.ts';
import type { MembershipPage } from '../../services/console/memberships.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm, rowVersion } from '../forms/body.ts';
import { takeNoticeText } from '../pages/page-notice.ts';
import { actionRefusal } from './action.ts';
import { SAVED, confirmationFields, confirmChange, type Applied } from './confirmation.ts';
import { pathIdOf } from './path-id.ts';
import type { SignedInStaff } from './session.ts';

const duty = z.enum(GRANTED_DUTIES).catch('teacher');
const grantForm = confirmationFields.extend({ version: rowVersion, duty, school: field, from: field, until: field });
const endForm = confirmationFields.extend({ version: rowVersion, membership: field });
type Values = Omit<z.infer<typeof grantForm>, 'reason' | 'confirmed' | 'version'>;

const pathOf = (personId: string): string => `/console/people/${personId}/memberships`;

/** `GET /console/people/:id/memberships`: the duties of a person, past and future ones included. */
export async function showMemberships(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const { pages } = deps;
  const personId = pathIdOf(ctx);
  const { name, version: current, memberships } = await load(deps, staff, personId);
  pages.show(ctx, 'console/memberships', {
    id: personId,
    name,
    version: current,
    memberships: memberships.map((one) => ({
      id: one.id,
      duty: dutyOf(one),
      school: pages.schoolName(ctx, one.school),
      from: one.validFrom,
      until: one.validTo,
      isEnded: one.isEnded,
    })),
    notice: takeNoticeText(deps, ctx, SAVED, 'bureau.saved'),
  });
}

/** `GET /console/people/:id/memberships/new` */
export async function showGrantForm(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const personId = pathIdOf(ctx);
  const values = { duty: 'teacher' as const, school: '', from: localDate(deps.clock.now()), until: '' };
  await render(deps, ctx, personId, await load(deps, staff, personId), { values });
}

/** `POST /console/people/:id/memberships/new` */
export async function grantMembership(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const personId = pathIdOf(ctx);
  const page = await load(deps, staff, personId);
  const { reason, confirmed, version: shown, ...values } = readForm(ctx, grantForm);
  const schools = await deps.console.schools.list();
  const school = schools.find(({ code, closedAt }) => code === values.school && closedAt === null);
  const errors = findErrors(deps, ctx, values, school !== undefined);
  if (Object.keys(errors).length > 0) {
    await render(deps, ctx, personId, page, { values, errors, status: 422 });
    return;
  }
  const { pages } = deps;
  const schoolCode = values.duty === 'bureau_admin' ? undefined : values.school;
  const validTo = values.until === '' ? undefined : values.until;
  const input = formatDuty({ duty: values.duty, schoolCode, validFrom: values.from, validTo });
  const label = (name: string): string => pages.t(ctx, `bureau.membership.${name}`);
  const where = schoolCode === undefined ? '' : (pages.schoolName(ctx, school) ?? '');
  const changes = [
    { label: label('duty'), before: '', after: pages.t(ctx, `bureau.duty.${values.duty}`) },
    ...(where === '' ? [] : [{ label: label('school'), before: '', after: where }]),
    { label: label('from'), before: '', after: values.from },
    ...(values.until === '' ? [] : [{ label: label('until'), before: '', after: values.until }]),
  ];
  await confirmChange(
    deps,
    ctx,
    {
      section: 'person',
      title: pages.t(ctx, 'bureau.membership.confirmGrant', { name: page.name }),
      effects: [label('grantEffect'), label('notified')],
      changes,
      action: `${pathOf(personId)}/new`,
      fields: { ...values, version: String(shown) },
      cancelUrl: pathOf(personId),
    },
    { reason, confirmed },
    {
      apply: (text) => change(deps, ctx, staff, { action: 'grant-duty', input, reason: text, version: shown }),
      doneUrl: pathOf(personId),
    },
  );
}

/** `POST /console/people/:id/memberships/end` */
export async function endMembership(deps: HttpDeps, ctx: Context, staff: SignedInStaff): Promise<void> {
  const personId = pathIdOf(ctx);
  const page = await load(deps, staff, personId);
  const { reason, confirmed, version: shown, membership } = readForm(ctx, endForm);
  const found = page.memberships.find(({ id }) => id === membership);
  if (found === undefined) throw createError(404, 'no such membership of this person');
  const { pages } = deps;
  const what = [pages.t(ctx, `bureau.duty.${dutyOf(found)}`), pages.schoolName(ctx, found.school)];
  await confirmChange(
    deps,
    ctx,
    {
      section: 'person',
      title: pages.t(ctx, 'bureau.membership.confirmEnd', {
        name: page.name,
        duty: what.filter((part) => part !== undefined).join(' · '),
      }),
      effects: [pages.t(ctx, 'bureau.membership.endEffect'), pages.t(ctx, 'bureau.membership.notified')],
      changes: [],
      action: `${pathOf(personId)}/end`,
      fields: { membership, version: String(shown) },
      cancelUrl: pathOf(personId),
      isDanger: true,
    },
    { reason, confirmed },
    {
      apply: (text) =>
        change(deps, ctx, staff, { action: 'end-duty', input: membership, reason: text, version: shown }),
      doneUrl: pathOf(personId),
    },
  );
}

interface DutyChange {
  action: DutyActionName;
  input: string;
  reason: string;
  version: number;
}

/** Makes a change, or requests it among bureau administrators. */
async function change(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff, duty: DutyChange): Promise<Applied> {
  const about = { actorId: actor.id, personId: pathIdOf(ctx), address: ctx.ip };
  const result = await deps.console.personActions.perform({ ...about, ...duty });
  if (result.kind === 'done') return undefined;
  if (result.kind === 'requested') return { requestUrl: `/console/requests/${result.requestId}` };
  return actionRefusal(deps, ctx, result);
}

/** @throws {HttpError} 404 for an unknown person */
async function load(deps: HttpDeps, { actor }: SignedInStaff, personId: string): Promise<MembershipPage> {
  const page = await deps.console.memberships.load(actor, personId);
  if (page === undefined) throw createError(404, 'no such person');
  return page;
}

function findErrors(
  { pages, clock }: HttpDeps,
  ctx: Context,
  { duty: sent, from, until }: Values,
  hasSchool: boolean,
): Record<string, string> {
  const errors: Record<string, string> = {};
  if (sent !== 'bureau_admin' && !hasSchool) errors['school'] = pages.t(ctx, 'bureau.membership.noSchool');
  if (!isDate(from)) errors['from'] = pages.t(ctx, 'bureau.membership.wrongDate');
  if (until === '') return errors;
  if (!isDate(until)) errors['until'] = pages.t(ctx, 'bureau.membership.wrongDate');
  else if (until < from || until < localDate(clock.now())) errors['until'] = pages.t(ctx, 'bureau.membership.past');
  return errors;
}

interface FormState {
  values: Values;
  errors?: FieldErrors;
  status?: number;
}

async function render(
  deps: HttpDeps,
  ctx: Context,
  personId: string,
  { name, version: current }: MembershipPage,
  { values, errors = {}, status = 200 }: FormState,
): Promise<void> {
  const { pages } = deps;
  const open = (await deps.console.schools.list()).filter(({ closedAt }) => closedAt === null);
  const label = (key: string): string => pages.t(ctx, `bureau.membership.${key}`);
  const schools = open.map((one) => ({ value: one.code, label: `${one.code} ${pages.schoolName(ctx, one) ?? ''}` }));
  pages.show(
    ctx,
    'console/form',
    {
      section: 'person',
      title: pages.t(ctx, 'bureau.membership.grantTo', { name }),
      action: `${pathOf(personId)}/new`,
      hidden: { version: String(current) },
      fields: [
        {
          kind: 'select',
          ...{ name: 'duty', label: label('duty'), value: values.duty },
          options: GRANTED_DUTIES.map((value) => ({ value, label: pages.t(ctx, `bureau.duty.${value}`) })),
        },
        {
          kind: 'select',
          ...{ name: 'school', label: label('school'), hint: label('schoolHint'), value: values.school },
          options: [{ value: '', label: '—' }, ...schools],
        },
        { kind: 'date', name: 'from', label: label('from'), value: values.from },
        {
          kind: 'date',
          name: 'until',
          label: label('until'),
          hint: label('untilHint'),
          value: values.until,
          isOptional: true,
        },
      ],
      errors,
      cancelUrl: pathOf(personId),
    },
    status,
  );
}
