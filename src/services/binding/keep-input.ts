import { canOpenStep, type BindingStep } from '../../domain/binding/steps.ts';
import { deleteInput, upsertInput } from '../../store/binding/inputs.ts';
import { findOwn, type BindingDeps, type Refused } from './application-edit.ts';
import { sealStepInput, type StepInput } from './step-input.ts';

/**
 * Stores what was typed at a step without validation, for any version of the application, or deletes it. `not_open`: the step cannot be
 * changed now.
 */
export type KeepInput = (form: {
  accountId: string;
  step: BindingStep;
  input: StepInput | undefined;
}) => Promise<{ kind: 'saved' } | Refused>;

export function createKeepInput(deps: BindingDeps): KeepInput {
  return ({ accountId, step, input }) =>
    deps.store.write(async (tx) => {
      const context = await findOwn(tx, deps, accountId);
      if (context === undefined || !canOpenStep(step, context.view.progress)) return { kind: 'not_open' };
      const key = { applicationId: context.view.row.id, step };
      if (input === undefined) {
        await deleteInput(tx, key);
        return { kind: 'saved' };
      }
      const isStored = await upsertInput(tx, sealStepInput(deps.secrets, key, input), context.now);
      return { kind: isStored ? 'saved' : 'not_open' };
    });
}
