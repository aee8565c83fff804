import type { Context } from 'koa';
import { z } from 'zod';
import { normalizeLoginName } from '../../domain/credentials/identifiers.ts';
import { DAY_MS } from '../../domain/duration.ts';
import type { SchoolContactsLocals } from '../../presentation/page-locals/common.ts';
import { cookieNames, UNSIGNED_COOKIE } from '../../oidc/options/cookies.ts';
import { HashQueueFullError } from '../../platform/errors.ts';
import { deviceOf } from '../account/device-name.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { humanCheckField, rejectUnchecked } from '../forms/human-check.ts';
import { readDeviceToken, rememberDevice } from '../forms/known-device-cookie.ts';
import { busyProblem, type FormProblem } from '../forms/password-form.ts';
import { findRejection, redirectRejected, type FormPage, type Rejection } from '../forms/rejected-form.ts';
import { describeContacts } from '../school-contacts/describe.ts';
import { destinationOf, purposeOf } from './destination.ts';
import { loginResult, submitResult, submitSignIn, type InteractionPage, type InteractionState } from './interaction.ts';
import { isReauthentication, onlyPerson, OTHER_ACCOUNT, problemOf, shouldRemember } from './login.ts';

/** Longest time that the browser keeps the last school. */
const SCHOOL_COOKIE_MS = 400 * DAY_MS;
/** Most schools that the error of an ambiguous name lists. */
const MAX_LISTED = 5;

const form = z.object({ school: field, account: field, password: field, ...humanCheckField });
type Typed = Pick<z.infer<typeof form>, 'school' | 'account' | 'password'>;
type Problem = FormProblem & { humanCheck?: string; schoolContacts?: readonly SchoolContactsLocals[] };

/** Sign-in with a school account. The human check is required each time (source text, step 2: 驗證碼). */
export function createSchoolLoginPage(deps: HttpDeps): Pick<InteractionPage, 'show' | 'submit'> {
  return {
    show: async (ctx, interaction) => {
      const { values, ...problem } = findRejection(deps, ctx, schoolPageOf(interaction)) ?? { status: 200 };
      const typed = { school: values?.['school'] ?? readSchool(ctx), account: values?.['account'] ?? '', password: '' };
      const shown = { ...typed, ...(await findKnownAccount(deps, interaction)) };
      const school = problem.alert === undefined ? undefined : await deps.schoolContacts.find(shown.school);
      const schoolContacts = describeContacts(deps, ctx, school === undefined ? [] : [school], ['account']);
      await render(deps, ctx, interaction, shown, { ...problem, schoolContacts });
    },
    submit: async (ctx, interaction) => {
      const { human_check: check, ...sent } = readForm(ctx, form);
      const typed: Typed = { ...sent, ...(await findKnownAccount(deps, interaction)) };
      const { schoolCode, errors } = await checkFields(deps, ctx, typed);
      if (schoolCode === undefined) {
        reject(deps, ctx, interaction, typed, { status: 422, errors });
        return;
      }
      const unchecked = await rejectUnchecked(deps, ctx, 'school-sign-in', check);
      if (unchecked !== undefined) {
        await render(deps, ctx, interaction, typed, { status: 422, ...unchecked });
        return;
      }
      try {
        await signIn(deps, ctx, interaction, { ...typed, schoolCode });
      } catch (error) {
        if (!(error instanceof HashQueueFullError)) throw error;
        await render(deps, ctx, interaction, typed, busyProblem(deps, ctx, {}));
      }
    },
  };
}

function schoolPageOf({ uid }: InteractionState): FormPage {
  return { path: `/interaction/${uid}/school`, owner: 'school' };
}

/** Redirects to the page, which shows the problem and what was typed, without the password. */
function reject(
  deps: HttpDeps,
  ctx: Context,
  interaction: InteractionState,
  { school, account }: Typed,
  problem: Rejection,
): void {
  redirectRejected(deps, ctx, schoolPageOf(interaction), { ...problem, values: { school, account } });
}

function readSchool(ctx: Context): string {
  const code = ctx.cookies.get(cookieNames(ctx.secure).school, { signed: false }) ?? '';
  return /^\d{6}$/.test(code) ? code : '';
}

/** Returns the only accepted school account of a re-authentication. */
async function findKnownAccount(
  { schoolDirectory }: HttpDeps,
  interaction: InteractionState,
): Promise<Pick<Typed, 'school' | 'account'> | undefined> {
  const only = onlyPerson(interaction);
  const login = only === undefined ? undefined : await schoolDirectory.findLogin(only);
  return login && { school: login.schoolCode, account: login.account.toUpperCase() };
}

async function checkFields(
  { schoolDirectory, pages }: HttpDeps,
  ctx: Context,
  { school, account, password }: Typed,
): Promise<{ schoolCode?: string; errors: Record<string, string> }> {
  const errors: Record<string, string> = {};
  const matches = await schoolDirectory.match(school);
  const [first] = matches;
  if (school.trim() === '') errors['school'] = pages.t(ctx, 'schoolSignIn.schoolMissing');
  else if (first === undefined) errors['school'] = pages.t(ctx, 'schoolSignIn.schoolUnknown');
  else if (matches.length > 1) {
    const schools = matches.slice(0, MAX_LISTED).map((one) => `${pages.schoolName(ctx, one) ?? ''} (${one.code})`);
    errors['school'] = pages.t(ctx, 'schoolSignIn.schoolAmbiguous', { schools: schools.join('、') });
  }
  if (account.trim() === '') errors['account'] = pages.t(ctx, 'schoolSignIn.accountMissing');
  else if (!normalizeLoginName(account).startsWith('p')) errors['account'] = pages.t(ctx, 'schoolSignIn.accountPrefix');
  if (password === '') errors['password'] = pages.t(ctx, 'required.password');
  return Object.keys(errors).length === 0 && first !== undefined ? { schoolCode: first.code, errors } : { errors };
}

async function signIn(
  deps: HttpDeps,
  ctx: Context,
  interaction: InteractionState,
  typed: Typed & { schoolCode: string },
): Promise<void> {
  const result = await deps.signIn.attempt({
    ...{ login: typed.account, schoolCode: typed.schoolCode, password: typed.password, address: ctx.ip },
    clientId: interaction.clientId,
    device: readDeviceToken(ctx),
    deviceName: deviceOf(ctx),
    ...(isReauthentication(interaction) ? { expectedPersonId: interaction.personId } : {}),
  });
  switch (result.kind) {
    case 'throttled':
    case 'failed': {
      const problem = problemOf(deps, ctx, result, 'schoolSignIn.failed');
      reject(deps, ctx, interaction, { ...typed, school: typed.schoolCode }, problem);
      return;
    }
    case 'second_factor_required':
      throw new Error('a school account has a second factor');
    case 'succeeded':
    case 'password_change_required': {
      const { personId, credentialVersion } = result;
      const remember = await shouldRemember(deps, interaction, { remember: false });
      const verified = { personId, credentialVersion, isSchoolAccount: true };
      rememberSchool(ctx, typed.schoolCode);
      if (result.kind === 'password_change_required')
        return submitResult(ctx, deps.oidc, { first_password: { ...verified, remember } });
      rememberDevice(deps, ctx, personId);
      return submitSignIn(deps, ctx, { login: loginResult(verified, remember, deps.clock.now()) });
    }
  }
}

function rememberSchool(ctx: Context, code: string): void {
  ctx.cookies.set(cookieNames(ctx.secure).school, code, { ...UNSIGNED_COOKIE, maxAge: SCHOOL_COOKIE_MS });
}

async function render(
  deps: HttpDeps,
  ctx: Context,
  interaction: InteractionState,
  values: Typed,
  problem: Problem = { status: 200 },
): Promise<void> {
  const { uid } = interaction;
  const schools = await deps.schoolDirectory.list();
  const chosen = schools.find(({ code }) => code === values.school);
  deps.pages.show(
    ctx,
    'interaction/school-sign-in',
    {
      action: `/interaction/${uid}/school`,
      app: destinationOf(deps, ctx, interaction),
      values,
      schoolName: chosen && deps.pages.schoolName(ctx, chosen),
      schools: schools.map((one) => ({
        code: one.code,
        label: `${one.district} ${deps.pages.schoolName(ctx, one) ?? ''}`.trim(),
      })),
      alert: problem.alert,
      errors: problem.errors ?? {},
      humanCheck: problem.humanCheck ?? (await deps.humanCheck.create('school-sign-in')),
      isReauthentication: isReauthentication(interaction),
      purpose: isReauthentication(interaction) ? purposeOf(deps, ctx, interaction) : undefined,
      otherAccountUrl: `/interaction/${uid}?${OTHER_ACCOUNT}`,
      schoolContacts: problem.schoolContacts,
    },
    problem.status,
  );
}
