import type { Context } from 'koa';
import { z } from 'zod';
import { needsEvidence } from '../../domain/binding/applicants.ts';
import { MAX_EVIDENCE_BYTES } from '../../services/binding/evidence-check.ts';
import { MAX_EVIDENCE_FILES, type EvidenceResult } from '../../services/binding/evidence-step.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { withUpload, type UploadedFile } from '../forms/upload.ts';
import type { SignedInFamily } from './guard.ts';
import {
  answerRefused,
  formVersion,
  openStep,
  pathOf,
  redirectToNext,
  shellOf,
  toForm,
  type Note,
  type Opened,
  type Problem,
} from './step.ts';

const uploadForm = z.object({ version: formVersion, stay: field });
const removeForm = z.object({ version: formVersion, file: field });
const MEGABYTE = 1024 * 1024;
const LIMITS = { count: MAX_EVIDENCE_FILES, megabytes: MAX_EVIDENCE_BYTES / MEGABYTE };

/** Proof documents: a court order, a letter of delegation. Parents can continue without. */
export async function showEvidence(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const opened = await openStep(deps, ctx, family, 'evidence');
  if (opened !== undefined) render(deps, ctx, opened);
}

export async function submitEvidence(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const { accountId: personId, sessionHash } = family;
  deps.rateLimiter.admitPerson('account', { personId, sessionHash });
  const limits = { files: MAX_EVIDENCE_FILES, fileBytes: MAX_EVIDENCE_BYTES };
  await withUpload(ctx, { memory: deps.uploadMemory, personId, limits }, async (upload) => {
    if (upload.kind === 'read') await storeEvidence(deps, ctx, family, upload.files);
    else await showUnread(deps, ctx, family, upload.kind);
  });
}

async function showUnread(
  deps: HttpDeps,
  ctx: Context,
  family: SignedInFamily,
  kind: 'too_large' | 'busy',
): Promise<void> {
  const opened = await openStep(deps, ctx, family, 'evidence');
  if (opened === undefined) return;
  const problem =
    kind === 'busy'
      ? { ...problemAt(deps.pages.t(ctx, 'binding.evidence.busy')), status: 503 }
      : { ...problemAt(deps.pages.t(ctx, 'binding.evidence.uploadTooLarge', LIMITS)), status: 413 };
  render(deps, ctx, opened, problem);
}

async function storeEvidence(
  deps: HttpDeps,
  ctx: Context,
  family: SignedInFamily,
  files: readonly UploadedFile[],
): Promise<void> {
  const show = (opened: Opened, problem: Problem): void => {
    render(deps, ctx, opened, problem);
  };
  const { version, stay } = readForm(ctx, uploadForm);
  const isDone = stay === '';
  const result = await deps.binding.addEvidence({ ...toForm(ctx, family, version), files, isDone });
  if (result.kind === 'not_open' || result.kind === 'changed')
    return answerRefused(deps, ctx, family, { step: 'evidence', refused: result, show });
  if (result.kind !== 'saved') {
    const opened = await openStep(deps, ctx, family, 'evidence');
    if (opened !== undefined) show(opened, problemAt(textOf(deps, ctx, result)));
  } else if (isDone) await redirectToNext(deps, ctx, family);
  else redirectToEvidence(ctx, 'added');
}

export async function removeEvidence(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const { version, file: id } = readForm(ctx, removeForm);
  const result = await deps.binding.removeEvidence({ ...toForm(ctx, family, version), id });
  if (result.kind === 'saved') redirectToEvidence(ctx, 'removed');
  else {
    const show = (opened: Opened, problem: Problem): void => {
      render(deps, ctx, opened, problem);
    };
    await answerRefused(deps, ctx, family, { step: 'evidence', refused: result, show });
  }
}

function redirectToEvidence(ctx: Context, note: Note): void {
  ctx.status = 303;
  ctx.redirect(`${pathOf('evidence')}?note=${note}`);
}

const problemAt = (text: string): Problem => ({ status: 422, errors: { evidence: text } });

function textOf({ pages }: HttpDeps, ctx: Context, result: Exclude<EvidenceResult, { kind: 'saved' }>): string {
  if (result.kind === 'missing') return pages.t(ctx, 'binding.evidence.missing');
  if (result.kind === 'too_many') return pages.t(ctx, 'binding.evidence.tooMany', LIMITS);
  return pages.t(ctx, `binding.evidenceProblem.${result.problem}`, { ...LIMITS, file: result.name });
}

function render(deps: HttpDeps, ctx: Context, opened: Opened, problem: Problem = { status: 200 }): void {
  const { evidence, row } = opened.view;
  deps.pages.show(
    ctx,
    'binding/evidence',
    {
      ...shellOf(deps, ctx, opened, 'evidence', problem),
      ...{ kind: row.applicantKind ?? 'one', files: evidence, limits: LIMITS },
      removeAction: `${pathOf('evidence')}/remove`,
      isRequired: row.applicantKind !== null && needsEvidence(row.applicantKind),
    },
    problem.status,
  );
}
