import type { Context } from 'koa';
import { z } from 'zod';
import { codePoints } from '../../domain/text.ts';
import type { HttpDeps } from '../deps.ts';
import { checkbox, field, readForm } from '../forms/body.ts';
import type { SignedInFamily } from './guard.ts';
import {
  answerRejected,
  commonProblem,
  fieldsOf,
  formVersion,
  openStep,
  redirectToNext,
  shellOf,
  toForm,
  type Problem,
} from './step.ts';

const MAX_REPORT_LENGTH = 500;

const form = z.object({ version: formVersion, confirm_student: checkbox, report: field });

interface Values {
  isConfirmed: boolean;
  report: string;
}

/** The data of the student: the family confirms it, or reports what is wrong to the school. */
export async function showStudent(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const opened = await openStep(deps, ctx, family, 'student');
  if (opened === undefined) return;
  const { inputs, row, report: stored = '' } = opened.view;
  const isConfirmed = row.studentConfirmedAt !== null && stored === '';
  const fields = fieldsOf(opened, 'student', { confirm_student: isConfirmed ? 'yes' : '', report: stored });
  const values = { isConfirmed: fields['confirm_student'] === 'yes', report: fields['report'] ?? '' };
  const isInvalid = inputs.get('student')?.problem?.kind === 'invalid';
  const problem = isInvalid ? { errors: checkAnswer(deps, ctx, values) } : commonProblem(deps, ctx, opened, 'student');
  const { family: own } = opened;
  deps.pages.show(ctx, 'binding/student', {
    ...shellOf(deps, ctx, opened, 'student', problem),
    school: deps.pages.schoolName(ctx, own.school) ?? '',
    class: deps.pages.className(ctx, own.enrollment),
    ...{ number: own.student.number, seat: own.enrollment.seat, values },
  });
}

export async function submitStudent(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const { version, confirm_student: isConfirmed, report } = readForm(ctx, form);
  const sent = { step: 'student', fields: { confirm_student: isConfirmed ? 'yes' : '', report } } as const;
  if (Object.keys(checkAnswer(deps, ctx, { isConfirmed, report })).length > 0) {
    await answerRejected(deps, ctx, family, sent, { kind: 'invalid' });
    return;
  }
  const result = await deps.binding.confirmStudent({ ...toForm(ctx, family, version), report: report.trim() });
  if (result.kind === 'saved') await redirectToNext(deps, ctx, family);
  else await answerRejected(deps, ctx, family, sent, result);
}

function checkAnswer({ pages }: HttpDeps, ctx: Context, values: Values): NonNullable<Problem['errors']> {
  const report = values.report.trim();
  if (report === '' && !values.isConfirmed) return { confirm_student: pages.t(ctx, 'binding.student.missing') };
  const isTooLong = codePoints(report).length > MAX_REPORT_LENGTH;
  return isTooLong ? { report: pages.t(ctx, 'binding.student.reportTooLong', { count: MAX_REPORT_LENGTH }) } : {};
}
