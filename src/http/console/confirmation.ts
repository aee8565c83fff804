import type { Context } from 'koa';
import { z } from 'zod';
import type { ConsoleConfirmLocals } from '../../presentation/page-locals/console.ts';
import type { HttpDeps } from '../deps.ts';
import { checkbox, field } from '../forms/body.ts';
import { reasonProblem } from './reason.ts';

/** The fields that the confirmation page adds to those of the form before it. */
export const confirmationFields = z.object({ reason: field, confirmed: checkbox });

export type Confirmation = Pick<
  ConsoleConfirmLocals,
  'section' | 'title' | 'effects' | 'changes' | 'action' | 'fields' | 'cancelUrl' | 'isDanger'
>;

/** The answer to a confirmed change that was not made. */
export interface Refusal {
  status: number;
  alert: string;
}

/**
 * Shows what will happen and asks for a reason; the second time makes the change and redirects.
 *
 * @param apply makes the change with the reason @returns undefined if it was made
 */
export async function confirmChange(
  deps: HttpDeps,
  ctx: Context,
  confirmation: Confirmation,
  sent: z.infer<typeof confirmationFields>,
  { apply, doneUrl }: { apply: (reason: string) => Promise<Refusal | undefined>; doneUrl: string },
): Promise<void> {
  const { pages } = deps;
  const show = (status: number, problem: { error?: string; alert?: string }): void => {
    ctx.state['pagePath'] = confirmation.cancelUrl;
    const errors = problem.error === undefined ? {} : { reason: problem.error };
    const locals = { ...confirmation, values: { reason: sent.reason }, errors, alert: problem.alert };
    pages.show(ctx, 'console/confirm', locals, status);
  };
  if (!sent.confirmed) {
    show(200, {});
    return;
  }
  const error = reasonProblem(deps, ctx, sent.reason);
  if (error !== undefined) {
    show(422, { error });
    return;
  }
  const refusal = await apply(sent.reason.trim());
  if (refusal !== undefined) {
    show(refusal.status, { alert: refusal.alert });
    return;
  }
  ctx.status = 303;
  ctx.redirect(doneUrl);
}
