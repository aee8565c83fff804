import type { Context } from 'koa';
import type { CheckedAttempt } from '../../services/authentication/human-check-demand.ts';
import type { CheckedForm } from '../../services/authentication/human-check.ts';
import type { HttpDeps } from '../deps.ts';
import { field } from './body.ts';

/** The hidden field of the human check, in a form that may contain it. */
export const humanCheckField = { human_check: field };

/** Returns the field for a form that may ask for the check; undefined if it does not. */
export async function humanCheckFor(
  { humanCheck, humanCheckDemand }: Pick<HttpDeps, 'humanCheck' | 'humanCheckDemand'>,
  attempt: CheckedAttempt,
): Promise<string | undefined> {
  return (await humanCheckDemand.isRequired(attempt)) ? humanCheck.create(attempt.form) : undefined;
}

/**
 * Checks the field of a form.
 *
 * @returns undefined if it passed; otherwise the error and the field of the form to show again
 */
export async function rejectUnchecked(
  { humanCheck, pages }: Pick<HttpDeps, 'humanCheck' | 'pages'>,
  ctx: Context,
  form: CheckedForm,
  value: string,
): Promise<{ alert: string; humanCheck: string } | undefined> {
  const result = await humanCheck.verify(form, value, ctx.ip);
  switch (result.kind) {
    case 'passed':
      return undefined;
    case 'wait':
      // The same challenge, because its age counts.
      return { alert: pages.t(ctx, 'humanCheck.tooEarly', { seconds: result.seconds }), humanCheck: result.value };
    case 'failed':
      return { alert: pages.t(ctx, 'humanCheck.again'), humanCheck: await humanCheck.create(form) };
  }
}
