import type { Context } from 'koa';
import { z } from 'zod';
import { relationsFor, type StatedRelation } from '../../domain/binding/applicants.ts';
import { isPersonName, normalizePersonName } from '../../domain/binding/register.ts';
import { localDate } from '../../domain/clock.ts';
import {
  formatLocalMobile,
  isEmail,
  normalizeLoginName,
  normalizeText,
  parseMobile,
} from '../../domain/credentials/identifiers.ts';
import { isNationalId, normalizeNationalId } from '../../domain/credentials/national-id.ts';
import type { ApplicantData } from '../../services/binding/applicant-data.ts';
import type { StepProblem } from '../../services/binding/step-input.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { throttledText } from '../forms/password-form.ts';
import { redirectWithNotice } from '../pages/page-notice.ts';
import type { SignedInFamily } from './guard.ts';
import {
  answerRejected,
  backButton,
  commonProblem,
  fieldsOf,
  formVersion,
  goBack,
  openStep,
  pathOf,
  redirectToNext,
  shellOf,
  toForm,
  type Opened,
  type Problem,
} from './step.ts';

const FIELDS = ['name', 'relation', 'national_id', 'mobile', 'email', 'email_code'] as const;
type FieldName = (typeof FIELDS)[number];
type Values = Record<FieldName, string>;
export type Position = 1 | 2;

const NO_VALUES: Values = { name: '', relation: '', national_id: '', mobile: '', email: '', email_code: '' };
const form = z.object({ version: formVersion, new_code: field, back: backButton });
const stepOf = (position: Position) => `applicant-${position}` as const;

function readValues(ctx: Context, position: Position): Values {
  const names = FIELDS.map((name) => [`${name}_${String(position)}`, field] as const);
  const sent = readForm(ctx, z.object(Object.fromEntries(names)));
  const valueOf = (name: FieldName): string => sent[`${name}_${String(position)}`] ?? '';
  return {
    ...{ name: valueOf('name'), relation: valueOf('relation'), national_id: valueOf('national_id') },
    ...{ mobile: valueOf('mobile'), email: valueOf('email'), email_code: valueOf('email_code') },
  };
}

/** The data of one applicant. After the first submission the page also asks for the mailed code. */
export async function showApplicant(
  deps: HttpDeps,
  ctx: Context,
  family: SignedInFamily,
  position: Position,
): Promise<void> {
  const step = stepOf(position);
  const opened = await openStep(deps, ctx, family, step);
  if (opened === undefined) return;
  const { view } = opened;
  const kind = view.row.applicantKind;
  const relations = kind === null ? [] : relationsFor(kind);
  const values = { ...NO_VALUES, ...fieldsOf(opened, step, storedFields(view, position)) };
  const stored = view.applicants.find((applicant) => applicant.position === position);
  const same = stored?.data.email === normalizeLoginName(values.email) ? stored : undefined;
  const problem = problemOf(deps, ctx, { opened, position, values, relations });
  deps.pages.show(ctx, 'binding/applicant', {
    ...shellOf(deps, ctx, opened, step, problem),
    ...{ position, values, relations },
    hasSecond: kind === 'two',
    isEmailVerified: same?.isEmailVerified === true,
    codeSentTo: same?.isEmailVerified === false ? same.data.email : undefined,
  });
}

function storedFields({ applicants }: Opened['view'], position: Position): Values {
  const stored = applicants.find((applicant) => applicant.position === position);
  return stored === undefined ? NO_VALUES : toValues(stored.data);
}

function toValues({ name, relation, nationalId, mobile, email }: ApplicantData): Values {
  return { name, relation, national_id: nationalId, mobile: formatLocalMobile(mobile), email, email_code: '' };
}

export async function submitApplicant(
  deps: HttpDeps,
  ctx: Context,
  family: SignedInFamily,
  position: Position,
): Promise<void> {
  const { version, new_code: wanted, back } = readForm(ctx, form);
  const values = readValues(ctx, position);
  const sent = { step: stepOf(position), version, fields: { ...values } };
  if (back !== '') {
    await goBack(deps, ctx, family, sent, (view) => ({ ...storedFields(view, position) }));
    return;
  }
  // A code is entered once.
  const rejected = { ...sent, fields: { ...values, email_code: '' } };
  const opened = await openStep(deps, ctx, family, sent.step);
  if (opened === undefined) return;
  const kind = opened.view.row.applicantKind;
  const { data } = checkValues(deps, ctx, values, kind === null ? [] : relationsFor(kind));
  if (data === undefined) {
    await answerRejected(deps, ctx, family, sent, { kind: 'invalid' });
    return;
  }
  const result = await deps.binding.saveApplicant({
    ...toForm(ctx, family, version),
    ...{ position, data, code: normalizeText(values.email_code).replace(/\s/g, '') },
    ...{ wantsCode: wanted !== '', lang: deps.pages.langOf(ctx) },
  });
  if (result.kind === 'complete') await redirectToNext(deps, ctx, family);
  else if (result.kind === 'code_sent') redirectWithNotice(deps, ctx, pathOf(sent.step), 'code');
  else await answerRejected(deps, ctx, family, rejected, result);
}

interface Shown {
  opened: Opened;
  position: Position;
  values: Values;
  relations: readonly StatedRelation[];
}

/** Returns the messages of the rejection that the page shows. */
function problemOf(deps: HttpDeps, ctx: Context, shown: Shown): Problem {
  const { opened, position } = shown;
  const step = stepOf(position);
  const problem = opened.view.inputs.get(step)?.problem;
  if (problem?.kind === 'limited') {
    const { until } = problem;
    return until > deps.clock.now() ? { alert: throttledText(deps, ctx, until, 'binding.applicant.tooManyCodes') } : {};
  }
  const errors = problem === undefined ? undefined : errorsOf(deps, ctx, shown, problem);
  return errors === undefined ? commonProblem(deps, ctx, opened, step) : { errors: withPosition(errors, position) };
}

function errorsOf(
  deps: HttpDeps,
  ctx: Context,
  { position, values, relations }: Shown,
  problem: StepProblem,
): Partial<Values> | undefined {
  const { pages } = deps;
  if (problem.kind === 'invalid') {
    const { errors } = checkValues(deps, ctx, values, relations);
    const isSecondEmailMissing = position === 2 && values.email.trim() === '';
    return isSecondEmailMissing ? { ...errors, email: pages.t(ctx, 'binding.applicant.secondEmailMissing') } : errors;
  }
  if (problem.kind === 'conflict') {
    const name = problem.conflict === 'same_email' ? 'email' : 'national_id';
    return { [name]: pages.t(ctx, `binding.conflict.${problem.conflict}`) };
  }
  if (problem.kind === 'code_wrong')
    return { email_code: pages.t(ctx, 'binding.applicant.codeWrong', { left: problem.left }) };
  if (problem.kind === 'code_closed') return { email_code: pages.t(ctx, 'binding.applicant.codeClosed') };
  if (problem.kind === 'code_missing') return { email_code: pages.t(ctx, 'binding.applicant.codeMissing') };
  return undefined;
}

function withPosition(errors: Partial<Values>, position: Position): Record<string, string> {
  return Object.fromEntries(Object.entries(errors).map(([name, text]) => [`${name}_${String(position)}`, text]));
}

/** Normalizes what was entered. @returns the messages of the fields that are wrong, without data */
function checkValues(
  { pages, clock }: HttpDeps,
  ctx: Context,
  values: Values,
  relations: readonly StatedRelation[],
): { data?: ApplicantData; errors: Partial<Values> } {
  const name = normalizePersonName(values.name);
  const relation = relations.find((one) => one === values.relation);
  const nationalId = normalizeNationalId(values.national_id);
  const mobile = parseMobile(values.mobile);
  const email = normalizeLoginName(values.email);
  const wrong = {
    name: !isPersonName(name) || /[<>]/.test(name),
    relation: relation === undefined,
    national_id: !isNationalId(nationalId, localDate(clock.now())),
    mobile: mobile === undefined,
    email: !isEmail(email),
  };
  const errors: Partial<Values> = {};
  for (const key of ['name', 'relation', 'national_id', 'mobile', 'email'] as const) {
    if (!wrong[key]) continue;
    const isMissing = values[key].trim() === '';
    errors[key] = pages.t(ctx, isMissing ? `binding.missing.${key}` : `binding.invalid.${key}`);
  }
  if (Object.keys(errors).length > 0 || relation === undefined || mobile === undefined) return { errors };
  return { data: { name, relation, nationalId, mobile, email }, errors };
}
