import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import type { Offer } from '../../oidc/contexts/context-choices.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { finish, type Screen, type Step } from './interaction.ts';

const form = z.object({ choice: field });

/** "How do you want to continue?": as teacher, as parent of one child, as student. */
export function createSelectAccountScreen(deps: HttpDeps): Screen {
  const { pages, oidc, offersAt } = deps;
  const offersOf = async (step: Step): Promise<readonly Offer[]> =>
    step.personId === undefined ? [] : offersAt(step.personId, step.clientId);
  const title = (ctx: Context, { context, childName, school, enrolment }: Offer): string =>
    pages.t(ctx, `choose.as.${context.role}`, {
      child: childName ?? '',
      school: pages.schoolName(ctx, school) ?? '',
      class: enrolment?.classtitle ?? '',
    });
  const draw = (ctx: Context, step: Step, offers: readonly Offer[], status: number): void => {
    const app = { name: pages.appName(ctx, step.clientId) };
    if (offers.length === 0) {
      const otherAccountAction = `/interaction/${step.uid}/other-account`;
      const backAction = `/interaction/${step.uid}/select_account`;
      pages.show(ctx, 'interaction/no-context', { app, backAction, otherAccountAction }, status);
      return;
    }
    const choices = offers.map((offer) => ({
      value: offer.id,
      title: title(ctx, offer),
      role: offer.context.role,
      selected: offer.last,
    }));
    pages.show(
      ctx,
      'interaction/select-account',
      { action: `/interaction/${step.uid}/select_account`, app, choices },
      status,
    );
  };
  return {
    show: async (ctx, step) => {
      draw(ctx, step, await offersOf(step), 200);
    },
    submit: async (ctx, step) => {
      const offers = await offersOf(step);
      if (offers.length === 0) {
        await finish(ctx, oidc, {
          error: 'access_denied',
          error_description: 'this person has no identity that this client may see',
        });
        return;
      }
      const { choice } = readForm(ctx, form);
      if (choice === '') throw createError(400, 'nothing was chosen');
      // Gone since the page was drawn, or never one of ours: what is left is offered again.
      if (!offers.some(({ id }) => id === choice)) {
        draw(ctx, step, offers, 409);
        return;
      }
      await finish(ctx, oidc, { select_account: { contextId: choice } });
    },
  };
}
