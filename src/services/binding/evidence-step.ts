import { needsEvidence } from '../../domain/binding/applicants.ts';
import * as evidenceStore from '../../store/binding/evidence.ts';
import { editStep, type BindingDeps, type FamilyForm, type Refused } from './application-edit.ts';
import { checkEvidence, type EvidenceProblem } from './evidence-check.ts';
import { sealEvidence } from './evidence-file.ts';

/** Most files of an application. */
export const MAX_EVIDENCE_FILES = 5;

export interface UploadedFile {
  name: string;
  content: Buffer;
}

export type EvidenceResult =
  | { kind: 'saved' }
  | { kind: 'missing' }
  | { kind: 'too_many' }
  | { kind: 'rejected'; name: string; problem: EvidenceProblem };

export interface EvidenceSteps {
  /** Stores the files and passes the step. `missing`: this kind of applicant needs a file. */
  addEvidence(
    form: FamilyForm & { files: readonly UploadedFile[]; isDone: boolean },
  ): Promise<EvidenceResult | Refused>;
  removeEvidence(form: FamilyForm & { id: string }): Promise<{ kind: 'saved' } | Refused>;
}

export function createEvidenceSteps(deps: BindingDeps): EvidenceSteps {
  const { random, secrets } = deps;
  return {
    addEvidence: ({ files, isDone, ...form }) => {
      const checked = files.map((file) => ({ ...file, ...checkEvidence(file.content) }));
      return editStep<EvidenceResult>(deps, form, 'evidence', ({ view, now }) => {
        for (const { name, problem } of checked) {
          if (problem !== undefined) return { result: { kind: 'rejected', name, problem } };
        }
        const kind = view.row.applicantKind;
        const count = view.evidence.length + checked.length;
        if (count > MAX_EVIDENCE_FILES) return { result: { kind: 'too_many' } };
        if (isDone && count === 0 && kind !== null && needsEvidence(kind)) return { result: { kind: 'missing' } };
        if (checked.length === 0 && (!isDone || view.row.evidenceDoneAt !== null)) return { result: { kind: 'saved' } };
        return {
          result: { kind: 'saved' },
          change: isDone ? { evidenceDoneAt: now } : {},
          apply: async (tx) => {
            for (const { name, content, contentType = '' } of checked) {
              const id = random.uuid();
              await evidenceStore.insertEvidence(tx, {
                ...{ id, applicationId: view.row.id, contentType, size: content.length, createdAt: now },
                ...sealEvidence(secrets, id, { name, content }),
              });
            }
          },
          event: { event: 'binding.evidence_added', detail: { files: checked.length } },
        };
      });
    },
    removeEvidence: ({ id, ...form }) =>
      editStep(deps, form, 'evidence', ({ view }) => {
        if (!view.evidence.some((file) => file.id === id)) return { result: { kind: 'saved' } };
        return {
          result: { kind: 'saved' },
          change: {},
          apply: (tx) => evidenceStore.deleteEvidence(tx, view.row.id, id),
          event: { event: 'binding.evidence_removed' },
        };
      }),
  };
}
