import type { Context } from 'koa';
import { z } from 'zod';
import { needsEvidence } from '../../domain/binding/applicants.ts';
import { MAX_EVIDENCE_BYTES } from '../../services/binding/evidence-check.ts';
import { MAX_EVIDENCE_FILES } from '../../services/binding/evidence-step.ts';
import type { StepProblem } from '../../services/binding/step-input.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { withUpload, type UploadedFile } from '../forms/upload.ts';
import { redirectWithNotice } from '../pages/page-notice.ts';
import type { SignedInFamily } from './guard.ts';
import {
  answerRejected,
  backButton,
  commonProblem,
  formVersion,
  goBack,
  openStep,
  pathOf,
  redirectToNext,
  shellOf,
  toForm,
  type Note,
  type Opened,
  type Problem,
} from './step.ts';

const uploadForm = z.object({ version: formVersion, stay: field, back: backButton });
const removeForm = z.object({ version: formVersion, file: field });
const MEGABYTE = 1024 * 1024;
const LIMITS = { count: MAX_EVIDENCE_FILES, megabytes: MAX_EVIDENCE_BYTES / MEGABYTE };
/** Files that were rejected are not stored. */
const REJECTED = { step: 'evidence', fields: {} } as const;

/** Proof documents: a court order, a letter of delegation. Parents can continue without. */
export async function showEvidence(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const opened = await openStep(deps, ctx, family, 'evidence');
  if (opened !== undefined) render(deps, ctx, opened, problemOf(deps, ctx, opened), 200);
}

export async function submitEvidence(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const { accountId: personId, sessionHash } = family;
  deps.rateLimiter.admitPerson('account', { personId, sessionHash });
  const limits = { files: MAX_EVIDENCE_FILES, fileBytes: MAX_EVIDENCE_BYTES };
  await withUpload(ctx, { memory: deps.uploadMemory, personId, limits }, async (upload) => {
    if (upload.kind === 'read') await storeEvidence(deps, ctx, family, upload.files);
    else if (upload.kind === 'too_large') await answerRejected(deps, ctx, family, REJECTED, { kind: 'too_large' });
    else await showBusy(deps, ctx, family);
  });
}

/** The process is short of memory. The same request may succeed later, so it is not stored as rejected. */
async function showBusy(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const opened = await openStep(deps, ctx, family, 'evidence');
  const errors = { evidence: deps.pages.t(ctx, 'binding.evidence.busy') };
  if (opened !== undefined) render(deps, ctx, opened, { errors }, 503);
}

async function storeEvidence(
  deps: HttpDeps,
  ctx: Context,
  family: SignedInFamily,
  files: readonly UploadedFile[],
): Promise<void> {
  const { version, stay, back } = readForm(ctx, uploadForm);
  const isBack = back !== '';
  const isDone = stay === '' && !isBack;
  if (!isBack || files.length > 0) {
    const result = await deps.binding.addEvidence({ ...toForm(ctx, family, version), files, isDone });
    if (result.kind !== 'saved') {
      await answerRejected(deps, ctx, family, REJECTED, result);
      return;
    }
  }
  if (isBack) await goBack(deps, ctx, family, { ...REJECTED, version }, () => ({}));
  else if (isDone) await redirectToNext(deps, ctx, family);
  else redirectToEvidence(deps, ctx, 'added');
}

export async function removeEvidence(deps: HttpDeps, ctx: Context, family: SignedInFamily): Promise<void> {
  const { version, file: id } = readForm(ctx, removeForm);
  const result = await deps.binding.removeEvidence({ ...toForm(ctx, family, version), id });
  if (result.kind === 'saved') redirectToEvidence(deps, ctx, 'removed');
  else await answerRejected(deps, ctx, family, REJECTED, result);
}

function redirectToEvidence(deps: HttpDeps, ctx: Context, note: Note): void {
  redirectWithNotice(deps, ctx, pathOf('evidence'), note);
}

function problemOf(deps: HttpDeps, ctx: Context, opened: Opened): Problem {
  const problem = opened.view.inputs.get('evidence')?.problem;
  const evidence = problem && errorOf(deps, ctx, problem);
  return evidence === undefined ? commonProblem(deps, ctx, opened, 'evidence') : { errors: { evidence } };
}

function errorOf({ pages }: HttpDeps, ctx: Context, problem: StepProblem): string | undefined {
  if (problem.kind === 'missing') return pages.t(ctx, 'binding.evidence.missing');
  if (problem.kind === 'too_many') return pages.t(ctx, 'binding.evidence.tooMany', LIMITS);
  if (problem.kind === 'too_large') return pages.t(ctx, 'binding.evidence.uploadTooLarge', LIMITS);
  if (problem.kind !== 'rejected') return undefined;
  return pages.t(ctx, `binding.evidenceProblem.${problem.problem}`, { ...LIMITS, file: problem.name });
}

function render(deps: HttpDeps, ctx: Context, opened: Opened, problem: Problem, status: number): void {
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
    status,
  );
}
