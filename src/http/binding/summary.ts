import type { Context } from 'koa';
import { z } from 'zod';
import { stepsOf } from '../../domain/binding/steps.ts';
import { formatLocalMobile } from '../../domain/credentials/identifiers.ts';
import { maskNationalId } from '../../domain/masking.ts';
import type { HttpDeps } from '../deps.ts';
import { readForm } from '../forms/body.ts';
import { throttledText } from '../forms/password-form.ts';
import type { SignedInFamily } from './guard.ts';
import {
  answerRejected,
  backButton,
  commonProblem,
  formVersion,
  goBack,
  openStep,
  pathOf,
  shellOf,
  toForm,
  type Opened,
  type Problem,
} from './step.ts';

const form = z.object({ version: formVersion, back: backButton });

/** Everything that was entered, with a link to correct each part. */
export async function showSummary(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const opened = await openStep(deps, ctx, family, 'summary');
  if (opened !== undefined) render(deps, ctx, opened, problemOf(deps, ctx, opened));
}

function problemOf(deps: HttpDeps, ctx: Context, opened: Opened): Problem {
  const problem = opened.view.inputs.get('summary')?.problem;
  if (problem?.kind === 'conflict') return { alert: deps.pages.t(ctx, 'binding.summary.conflict') };
  if (problem?.kind !== 'limited') return commonProblem(deps, ctx, opened, 'summary');
  const { until } = problem;
  return until > deps.clock.now() ? { alert: throttledText(deps, ctx, until, 'binding.summary.tooMany') } : {};
}

export async function submitSummary(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const { version, back } = readForm(ctx, form);
  const sent = { step: 'summary', version, fields: {} } as const;
  if (back !== '') {
    await goBack(deps, ctx, family, sent, () => ({}));
    return;
  }
  const lang = deps.pages.langOf(ctx);
  if (lang !== family.locale) {
    await deps.contacts.changeLanguage({ personId: family.accountId, locale: lang, address: ctx.ip });
  }
  const result = await deps.binding.submit({ ...toForm(ctx, family, version), lang });
  if (result.kind === 'saved') {
    ctx.status = 303;
    ctx.redirect('/binding');
  } else await answerRejected(deps, ctx, family, sent, result);
}

function render(deps: HttpDeps, ctx: Context, opened: Opened, problem: Problem): void {
  const { family, view } = opened;
  const kind = view.row.applicantKind ?? 'one';
  deps.pages.show(ctx, 'binding/summary', {
    ...shellOf(deps, ctx, opened, 'summary', problem),
    school: deps.pages.schoolName(ctx, family.school) ?? '',
    class: deps.pages.className(ctx, family.enrollment),
    ...{ number: family.student.number, seat: family.enrollment.seat, report: view.report },
    ...{ kind, validTo: view.row.validTo ?? undefined, noticeVersion: view.notice.version },
    applicants: view.applicants.map(({ position, data }) => ({
      ...{ position, name: data.name, relation: data.relation, nationalId: maskNationalId(data.nationalId) },
      ...{ mobile: formatLocalMobile(data.mobile), email: data.email },
    })),
    files: view.evidence,
    links: Object.fromEntries(stepsOf(kind).map((step) => [step, pathOf(step)])),
    withdrawUrl: '/binding/withdraw',
  });
}
