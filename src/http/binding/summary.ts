import type { Context } from 'koa';
import { z } from 'zod';
import { stepsOf } from '../../domain/binding/steps.ts';
import { formatLocalMobile } from '../../domain/credentials/identifiers.ts';
import { maskNationalId } from '../../domain/masking.ts';
import type { HttpDeps } from '../deps.ts';
import { readForm } from '../forms/body.ts';
import { throttledText } from '../forms/password-form.ts';
import type { SignedInFamily } from './guard.ts';
import { answerRefused, formVersion, openStep, pathOf, shellOf, toForm, type Opened, type Problem } from './step.ts';

const form = z.object({ version: formVersion });

/** Everything that was entered, with a link to correct each part. */
export async function showSummary(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const opened = await openStep(deps, ctx, family, 'summary');
  if (opened !== undefined) render(deps, ctx, opened);
}

export async function submitSummary(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const { version } = readForm(ctx, form);
  const lang = deps.pages.langOf(ctx);
  if (lang !== family.locale) {
    await deps.contacts.changeLanguage({ personId: family.accountId, locale: lang, address: ctx.ip });
  }
  const result = await deps.binding.submit({ ...toForm(ctx, family, version), lang });
  const show = (opened: Opened, problem: Problem): void => {
    render(deps, ctx, opened, problem);
  };
  if (result.kind === 'saved') {
    ctx.status = 303;
    ctx.redirect('/binding');
  } else if (result.kind === 'conflict' || result.kind === 'limited') {
    const opened = await openStep(deps, ctx, family, 'summary');
    const problem =
      result.kind === 'conflict'
        ? { status: 422, alert: deps.pages.t(ctx, 'binding.note.conflict') }
        : { status: 429, alert: throttledText(deps, ctx, result.until, 'binding.summary.tooMany') };
    if (opened !== undefined) show(opened, problem);
  } else await answerRefused(deps, ctx, family, { step: 'summary', refused: result, show });
}

function render(deps: HttpDeps, ctx: Context, opened: Opened, problem: Problem = { status: 200 }): void {
  const { family, view } = opened;
  const { classno, seat } = family.enrollment;
  const kind = view.row.applicantKind ?? 'one';
  deps.pages.show(
    ctx,
    'binding/summary',
    {
      ...shellOf(deps, ctx, opened, 'summary', problem),
      school: deps.pages.schoolName(ctx, family.school) ?? '',
      ...{ number: family.student.number, classno, seat, report: view.report },
      ...{ kind, validTo: view.row.validTo ?? undefined, noticeVersion: view.notice.version },
      applicants: view.applicants.map(({ position, data }) => ({
        ...{ position, name: data.name, relation: data.relation, nationalId: maskNationalId(data.nationalId) },
        ...{ mobile: formatLocalMobile(data.mobile), email: data.email },
      })),
      files: view.evidence,
      links: Object.fromEntries(stepsOf(kind).map((step) => [step, pathOf(step)])),
      withdrawUrl: '/binding/withdraw',
    },
    problem.status,
  );
}
