import type { Context } from 'koa';
import { z } from 'zod';
import { NOTICE_ANSWERS } from '../../domain/binding/notice.ts';
import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
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

const form = z.object({ version: formVersion, notice_version: formVersion, notice: field });
const answerShape = z.enum(NOTICE_ANSWERS);

/** The personal-data notice. Agreement and refusal are both recorded. */
export async function showNotice(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const opened = await openStep(deps, ctx, family, 'notice');
  if (opened !== undefined) render(deps, ctx, opened, opened.view.progress.answer ?? '');
}

export async function submitNotice(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const { version, notice_version: noticeVersion, notice: typed } = readForm(ctx, form);
  const answer = answerShape.safeParse(typed);
  const show = (opened: Opened, problem: Problem): void => {
    render(deps, ctx, opened, typed, problem);
  };
  if (!answer.success) {
    const opened = await openStep(deps, ctx, family, 'notice');
    const errors = { notice: deps.pages.t(ctx, 'binding.notice.missing') };
    if (opened !== undefined) show(opened, { status: 422, errors });
    return;
  }
  const result = await deps.binding.answerNotice({
    ...toForm(ctx, family, version),
    ...{ noticeVersion, answer: answer.data },
  });
  if (result.kind === 'saved') await redirectToNext(deps, ctx, family);
  else await answerRefused(deps, ctx, family, { step: 'notice', refused: result, show });
}

function render(
  deps: HttpDeps,
  ctx: Context,
  opened: Opened,
  answer: string,
  problem: Problem = { status: 200 },
): void {
  const { version, chinese, english } = opened.view.notice;
  const isChinese = deps.pages.langOf(ctx) === DEFAULT_LANGUAGE;
  deps.pages.show(
    ctx,
    'binding/notice',
    {
      ...shellOf(deps, ctx, opened, 'notice', problem),
      ...{ noticeVersion: version, text: isChinese ? chinese : english, answers: NOTICE_ANSWERS, answer },
    },
    problem.status,
  );
}
