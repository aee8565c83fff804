import type { Context } from 'koa';
import { z } from 'zod';
import { NOTICE_ANSWERS } from '../../domain/binding/notice.ts';
import { DEFAULT_LANGUAGE } from '../../domain/text.ts';
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

const form = z.object({ version: formVersion, notice_version: formVersion, notice: field, back: backButton });
const answerShape = z.enum(NOTICE_ANSWERS);

const storedFields = ({ progress, notice }: Opened['view']): Record<string, string> => ({
  ...{ notice: progress.answer ?? '', notice_version: String(notice.version) },
});

/** The personal-data notice. Agreement and refusal are both recorded. */
export async function showNotice(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const opened = await openStep(deps, ctx, family, 'notice');
  if (opened === undefined) return;
  const { inputs, notice } = opened.view;
  const fields = fieldsOf(opened, 'notice', storedFields(opened.view));
  // An answer that was chosen for another version is not selected.
  const isCurrent = fields['notice_version'] === String(notice.version);
  const answer = isCurrent ? (fields['notice'] ?? '') : '';
  const isInvalid = inputs.get('notice')?.problem?.kind === 'invalid';
  const problem = isInvalid
    ? { errors: { notice: deps.pages.t(ctx, 'binding.notice.missing') } }
    : commonProblem(deps, ctx, opened, 'notice');
  const isChinese = deps.pages.langOf(ctx) === DEFAULT_LANGUAGE;
  deps.pages.show(ctx, 'binding/notice', {
    ...shellOf(deps, ctx, opened, 'notice', problem),
    ...{ noticeVersion: notice.version, text: isChinese ? notice.chinese : notice.english },
    ...{ answers: NOTICE_ANSWERS, answer },
  });
}

export async function submitNotice(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const { version, notice_version: noticeVersion, notice: typed, back } = readForm(ctx, form);
  const sent = { step: 'notice', version, fields: { notice: typed, notice_version: String(noticeVersion) } } as const;
  if (back !== '') {
    await goBack(deps, ctx, family, sent, storedFields);
    return;
  }
  const answer = answerShape.safeParse(typed);
  if (!answer.success) {
    await answerRejected(deps, ctx, family, sent, { kind: 'invalid' });
    return;
  }
  const result = await deps.binding.answerNotice({
    ...toForm(ctx, family, version),
    ...{ noticeVersion, answer: answer.data },
  });
  if (result.kind === 'saved') await redirectToNext(deps, ctx, family);
  else await answerRejected(deps, ctx, family, sent, result);
}
