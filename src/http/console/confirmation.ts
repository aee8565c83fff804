import type { Context } from 'koa';
import { z } from 'zod';
import type { ConsoleConfirmLocals } from '../../presentation/page-locals/console.ts';
import type { HttpDeps } from '../deps.ts';
import { checkbox, field } from '../forms/body.ts';
import { redirectWithNotice } from '../pages/page-notice.ts';
import { reasonProblem } from './reason.ts';

/** The fields that the confirmation page adds to those of the form before it. */
export const confirmationFields = z.object({ reason: field, confirmed: checkbox });

export type Confirmation = Pick<
  ConsoleConfirmLocals,
  'section' | 'title' | 'effects' | 'changes' | 'texts' | 'action' | 'fields' | 'cancelUrl' | 'isDanger' | 'isEditable'
>;

/** The answer to a confirmed change that was not made. */
export interface Refusal {
  status: number;
  alert: string;
}

/** Nothing for a change that was made, or the page of the request that waits for a colleague. */
export type Applied = Refusal | { requestUrl: string } | undefined;

/** The notice of a change that was made. */
export const SAVED = 'saved';

/**
 * Shows what will happen and asks for a reason; the second time makes the change and redirects.
 *
 * @param apply makes the change with the reason
 * @param doneUrl the page that shows the notice `SAVED`
 */
export async function confirmChange(
  deps: HttpDeps,
  ctx: Context,
  confirmation: Confirmation,
  sent: z.infer<typeof confirmationFields>,
  { apply, doneUrl }: { apply: (reason: string) => Promise<Applied>; doneUrl: string },
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
  const applied = await apply(sent.reason.trim());
  if (applied !== undefined && 'alert' in applied) {
    show(applied.status, { alert: applied.alert });
    return;
  }
  if (applied === undefined) {
    redirectWithNotice(deps, ctx, doneUrl, SAVED);
    return;
  }
  ctx.status = 303;
  ctx.redirect(applied.requestUrl);
}
