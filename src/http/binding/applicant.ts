import type { Context } from 'koa';
import { z } from 'zod';
import { relationsFor, type StatedRelation } from '../../domain/binding/applicants.ts';
import { isPersonName, normalizePersonName } from '../../domain/binding/register.ts';
import { localDate } from '../../domain/clock.ts';
import { formatLocalMobile, isEmail, normalizeText, parseMobile } from '../../domain/credentials/identifiers.ts';
import { isNationalId, normalizeNationalId } from '../../domain/credentials/national-id.ts';
import type { ApplicantData } from '../../services/binding/applicant-data.ts';
import type { SavedApplicant } from '../../services/binding/applicant-step.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { throttledText } from '../forms/password-form.ts';
import type { SignedInFamily } from './guard.ts';
import {
  answerRefused,
  formVersion,
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
const form = z.object({ version: formVersion, new_code: field });

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
  const opened = await openStep(deps, ctx, family, `applicant-${position}`);
  if (opened === undefined) return;
  const data = opened.view.applicants.find((applicant) => applicant.position === position)?.data;
  render(deps, ctx, { opened, position, values: data === undefined ? NO_VALUES : toValues(data) });
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
  const { version, new_code: wanted } = readForm(ctx, form);
  const values = readValues(ctx, position);
  const step = `applicant-${position}` as const;
  const opened = await openStep(deps, ctx, family, step);
  if (opened === undefined) return;
  const show = (current: Opened, problem: Problem): void => {
    render(deps, ctx, { opened: current, position, values, problem });
  };
  const kind = opened.view.row.applicantKind;
  const checked = checkValues(deps, ctx, values, kind === null ? [] : relationsFor(kind));
  if (checked.data === undefined) {
    const isSecondEmailMissing = position === 2 && values.email.trim() === '';
    const second = isSecondEmailMissing ? { email: deps.pages.t(ctx, 'binding.applicant.secondEmailMissing') } : {};
    show(opened, { status: 422, errors: withPosition({ ...checked.errors, ...second }, position) });
    return;
  }
  const result = await deps.binding.saveApplicant({
    ...toForm(ctx, family, version),
    ...{ position, data: checked.data, code: normalizeText(values.email_code).replace(/\s/g, '') },
    ...{ wantsCode: wanted !== '', lang: deps.pages.langOf(ctx) },
  });
  if (result.kind === 'not_open' || result.kind === 'changed')
    await answerRefused(deps, ctx, family, { step, refused: result, show });
  else await answerSaved(deps, ctx, family, { position, result, show });
}

async function answerSaved(
  deps: HttpDeps,
  ctx: Context,
  family: SignedInFamily,
  {
    position,
    result,
    show,
  }: {
    position: Position;
    result: SavedApplicant;
    show: (opened: Opened, problem: Problem) => void;
  },
): Promise<void> {
  if (result.kind === 'complete') {
    await redirectToNext(deps, ctx, family);
    return;
  }
  if (result.kind === 'code_sent') {
    ctx.status = 303;
    ctx.redirect(`${pathOf(`applicant-${position}`)}?note=code`);
    return;
  }
  // Loaded again: the code and the version have changed.
  const opened = await openStep(deps, ctx, family, `applicant-${position}`);
  if (opened !== undefined) show(opened, problemOf(deps, ctx, position, result));
}

/** The results that show the page again. */
type Unfinished = Exclude<SavedApplicant, { kind: 'complete' } | { kind: 'code_sent' }>;

function problemOf(deps: HttpDeps, ctx: Context, position: Position, result: Unfinished): Problem {
  const { pages } = deps;
  const at = (name: FieldName, text: string): Problem => ({
    status: 422,
    errors: withPosition({ [name]: text }, position),
  });
  switch (result.kind) {
    case 'limited':
      return { status: 429, alert: throttledText(deps, ctx, result.until, 'binding.applicant.tooManyCodes') };
    case 'conflict': {
      const name = result.conflict === 'same_email' ? 'email' : 'national_id';
      return at(name, pages.t(ctx, `binding.conflict.${result.conflict}`));
    }
    case 'code_wrong':
      return at('email_code', pages.t(ctx, 'binding.applicant.codeWrong', { left: result.left }));
    case 'code_closed':
      return at('email_code', pages.t(ctx, 'binding.applicant.codeClosed'));
    case 'code_missing':
      return at('email_code', pages.t(ctx, 'binding.applicant.codeMissing'));
  }
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
  const email = normalizeText(values.email).toLowerCase();
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

interface Page {
  opened: Opened;
  position: Position;
  values: Values;
  problem?: Problem;
}

function render(deps: HttpDeps, ctx: Context, { opened, position, values, problem = { status: 200 } }: Page): void {
  const { view } = opened;
  const kind = view.row.applicantKind;
  const stored = view.applicants.find((applicant) => applicant.position === position);
  const same = stored?.data.email === normalizeText(values.email).toLowerCase() ? stored : undefined;
  deps.pages.show(
    ctx,
    'binding/applicant',
    {
      ...shellOf(deps, ctx, opened, `applicant-${position}`, problem),
      ...{ position, values, relations: kind === null ? [] : relationsFor(kind) },
      hasSecond: kind === 'two',
      isEmailVerified: same?.isEmailVerified === true,
      codeSentTo: same?.isEmailVerified === false ? same.data.email : undefined,
    },
    problem.status,
  );
}
