import type { Context } from 'koa';
import { z } from 'zod';
import { APPLICANT_KINDS } from '../../domain/binding/applicants.ts';
import { isDate, localDate } from '../../domain/clock.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import type { SignedInFamily } from './guard.ts';
import {
  answerRejected,
  backButton,
  commonProblem,
  fieldsOf,
  formVersion,
  goBack,
  openStep,
  redirectToNext,
  shellOf,
  toForm,
  type Opened,
} from './step.ts';

const form = z.object({ version: formVersion, applicants: field, valid_to: field, back: backButton });
const kindShape = z.enum(APPLICANT_KINDS);

const storedFields = ({ row }: Opened['view']): Record<string, string> => ({
  ...{ applicants: row.applicantKind ?? '', valid_to: row.validTo ?? '' },
});

/** The kind of the applicants. A caregiver states the last day of the delegation. */
export async function showApplicants(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const opened = await openStep(deps, ctx, family, 'applicants');
  if (opened === undefined) return;
  const fields = fieldsOf(opened, 'applicants', storedFields(opened.view));
  const values = { kind: fields['applicants'] ?? '', validTo: fields['valid_to'] ?? '' };
  const isInvalid = opened.view.inputs.get('applicants')?.problem?.kind === 'invalid';
  const problem = isInvalid
    ? { errors: checkAnswer(deps, ctx, kindShape.safeParse(values.kind).data, values.validTo) }
    : commonProblem(deps, ctx, opened, 'applicants');
  const shell = shellOf(deps, ctx, opened, 'applicants', problem);
  deps.pages.show(ctx, 'binding/applicants', { ...shell, kinds: APPLICANT_KINDS, values });
}

export async function submitApplicants(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const { version, applicants, valid_to: validTo, back } = readForm(ctx, form);
  const sent = { step: 'applicants', version, fields: { applicants, valid_to: validTo } } as const;
  if (back !== '') {
    await goBack(deps, ctx, family, sent, storedFields);
    return;
  }
  const kind = kindShape.safeParse(applicants);
  if (!kind.success || Object.keys(checkAnswer(deps, ctx, kind.data, validTo)).length > 0) {
    await answerRejected(deps, ctx, family, sent, { kind: 'invalid' });
    return;
  }
  const result = await deps.binding.chooseApplicants({
    ...toForm(ctx, family, version),
    ...{ applicantKind: kind.data, validTo: kind.data === 'caregiver' ? validTo : undefined },
  });
  if (result.kind === 'saved') await redirectToNext(deps, ctx, family);
  else await answerRejected(deps, ctx, family, sent, result);
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
