import { z } from 'zod';
import { FAMILY_CONFLICTS } from '../../domain/binding/conflicts.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { InputRow } from '../../store/binding/inputs.ts';
import { EVIDENCE_PROBLEMS } from './evidence-check.ts';

const stepProblem = z.discriminatedUnion('kind', [
  /** The fields say what is wrong. */
  z.object({ kind: z.literal('invalid') }),
  z.object({ kind: z.literal('changed') }),
  /** `until`: ms since 1970. */
  z.object({ kind: z.literal('limited'), until: z.number() }),
  z.object({ kind: z.literal('conflict'), conflict: z.enum(FAMILY_CONFLICTS) }),
  z.object({ kind: z.literal('code_missing') }),
  z.object({ kind: z.literal('code_closed') }),
  z.object({ kind: z.literal('code_wrong'), left: z.number() }),
  z.object({ kind: z.literal('missing') }),
  z.object({ kind: z.literal('too_many') }),
  z.object({ kind: z.literal('too_large') }),
  z.object({ kind: z.literal('rejected'), name: z.string(), problem: z.enum(EVIDENCE_PROBLEMS) }),
]);
/** Why a submission of a step was rejected. */
export type StepProblem = z.infer<typeof stepProblem>;

const stepInput = z.object({ fields: z.record(z.string(), z.string()), problem: stepProblem.optional() });
/** Input of a step, as typed. It becomes part of the application when a submission of the step validates it. */
export type StepInput = z.infer<typeof stepInput>;

type InputKey = Pick<InputRow, 'applicationId' | 'step'>;
const rowOf = ({ applicationId, step }: InputKey): string => `${applicationId}:${step}`;

export function sealStepInput(secrets: Pick<Secrets, 'seal'>, key: InputKey, input: StepInput): InputRow {
  return { ...key, payloadSealed: secrets.seal('binding-input', rowOf(key), JSON.stringify(input)) };
}

export function openStepInput(secrets: Pick<Secrets, 'open'>, row: InputRow): StepInput {
  return stepInput.parse(JSON.parse(secrets.open('binding-input', rowOf(row), row.payloadSealed)));
}
