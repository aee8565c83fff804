import type { Context } from 'koa';
import { z } from 'zod';
import { APPLICANT_KINDS } from '../../domain/binding/applicants.ts';
import { isDate, localDate } from '../../domain/clock.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import type { SignedInFamily } from './guard.ts';
import {
  answerRefused,
  formVersion,
  openStep,
  redirectToNext,
  shellOf,
  toForm,
  type Opened,
  type Problem,
} from './step.ts';

const form = z.object({ version: formVersion, applicants: field, valid_to: field });
const kindShape = z.enum(APPLICANT_KINDS);

interface Values {
  kind: string;
  validTo: string;
}

/** The kind of the applicants. A caregiver states the last day of the delegation. */
export async function showApplicants(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const opened = await openStep(deps, ctx, family, 'applicants');
  if (opened === undefined) return;
  const { applicantKind, validTo } = opened.view.row;
  render(deps, ctx, opened, { kind: applicantKind ?? '', validTo: validTo ?? '' });
}

export async function submitApplicants(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const { version, applicants, valid_to: validTo } = readForm(ctx, form);
  const show = (opened: Opened, problem: Problem): void => {
    render(deps, ctx, opened, { kind: applicants, validTo }, problem);
  };
  const kind = kindShape.safeParse(applicants);
  const errors = checkAnswer(deps, ctx, kind.data, validTo);
  if (!kind.success || Object.keys(errors).length > 0) {
    const opened = await openStep(deps, ctx, family, 'applicants');
    if (opened !== undefined) show(opened, { status: 422, errors });
    return;
  }
  const result = await deps.binding.chooseApplicants({
    ...toForm(ctx, family, version),
    ...{ applicantKind: kind.data, validTo: kind.data === 'caregiver' ? validTo : undefined },
  });
  if (result.kind === 'saved') await redirectToNext(deps, ctx, family);
  else await answerRefused(deps, ctx, family, { step: 'applicants', refused: result, show });
}

function checkAnswer(
  { pages, clock }: HttpDeps,
  ctx: Context,
  kind: z.infer<typeof kindShape> | undefined,
  validTo: string,
): Record<string, string> {
  if (kind === undefined) return { applicants: pages.t(ctx, 'binding.applicants.missing') };
  if (kind !== 'caregiver') return {};
  if (!isDate(validTo)) return { valid_to: pages.t(ctx, 'binding.applicants.noEndDate') };
  const isPast = validTo < localDate(clock.now());
  return isPast ? { valid_to: pages.t(ctx, 'binding.applicants.pastEndDate') } : {};
}

function render(
  deps: HttpDeps,
  ctx: Context,
  opened: Opened,
  values: Values,
  problem: Problem = { status: 200 },
): void {
  const locals = { ...shellOf(deps, ctx, opened, 'applicants', problem), kinds: APPLICANT_KINDS, values };
  deps.pages.show(ctx, 'binding/applicants', locals, problem.status);
}
