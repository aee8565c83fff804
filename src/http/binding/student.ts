import type { Context } from 'koa';
import { z } from 'zod';
import { codePoints } from '../../domain/text.ts';
import type { HttpDeps } from '../deps.ts';
import { checkbox, field, readForm } from '../forms/body.ts';
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

const MAX_REPORT_LENGTH = 500;

const form = z.object({ version: formVersion, confirm_student: checkbox, report: field });

/** The data of the student: the family confirms it, or reports what is wrong to the school. */
export async function showStudent(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const opened = await openStep(deps, ctx, family, 'student');
  if (opened === undefined) return;
  const { row, report = '' } = opened.view;
  render(deps, ctx, opened, { isConfirmed: row.studentConfirmedAt !== null && report === '', report });
}

export async function submitStudent(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const { version, confirm_student: isConfirmed, report: typed } = readForm(ctx, form);
  const report = typed.trim();
  const show = (opened: Opened, problem: Problem): void => {
    render(deps, ctx, opened, { isConfirmed, report: typed }, problem);
  };
  const errors = checkAnswer(deps, ctx, isConfirmed, report);
  if (Object.keys(errors).length > 0) {
    const opened = await openStep(deps, ctx, family, 'student');
    if (opened !== undefined) show(opened, { status: 422, errors });
    return;
  }
  const result = await deps.binding.confirmStudent({ ...toForm(ctx, family, version), report });
  if (result.kind === 'saved') await redirectToNext(deps, ctx, family);
  else await answerRefused(deps, ctx, family, { step: 'student', refused: result, show });
}

function checkAnswer({ pages }: HttpDeps, ctx: Context, isConfirmed: boolean, report: string): Record<string, string> {
  if (report === '' && !isConfirmed) return { confirm_student: pages.t(ctx, 'binding.student.missing') };
  const isTooLong = codePoints(report).length > MAX_REPORT_LENGTH;
  return isTooLong ? { report: pages.t(ctx, 'binding.student.reportTooLong', { count: MAX_REPORT_LENGTH }) } : {};
}

function render(
  deps: HttpDeps,
  ctx: Context,
  opened: Opened,
  values: { isConfirmed: boolean; report: string },
  problem: Problem = { status: 200 },
): void {
  const { family } = opened;
  const { grade, classno, classtitle, seat } = family.enrollment;
  deps.pages.show(
    ctx,
    'binding/student',
    {
      ...shellOf(deps, ctx, opened, 'student', problem),
      school: deps.pages.schoolName(ctx, family.school) ?? '',
      ...{ number: family.student.number, grade, classno, classtitle, seat, values },
    },
    problem.status,
  );
}
