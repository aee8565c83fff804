import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import type { ContextChoice } from '../../oidc/contexts/context-choices.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { submitResult, type InteractionPage, type InteractionState } from './interaction.ts';

const form = z.object({ choice: field });

/** "How do you want to continue?": as teacher, as parent of one child, as student. */
export function createSelectAccountPage(deps: HttpDeps): InteractionPage {
  const { pages, oidc, listContextChoices } = deps;
  const offersOf = async (interaction: InteractionState): Promise<readonly ContextChoice[]> =>
    interaction.personId === undefined ? [] : listContextChoices(interaction.personId, interaction.clientId);
  const title = (ctx: Context, { context, childName, school, enrollment }: ContextChoice): string =>
    pages.t(ctx, `choose.as.${context.role}`, {
      child: childName ?? '',
      school: pages.schoolName(ctx, school) ?? '',
      class: enrollment?.classtitle ?? '',
    });
  const draw = (
    ctx: Context,
    interaction: InteractionState,
    offers: readonly ContextChoice[],
    status: number,
  ): void => {
    const app = { name: pages.appName(ctx, interaction.clientId) };
    if (offers.length === 0) {
      const otherAccountAction = `/interaction/${interaction.uid}/other-account`;
      const backAction = `/interaction/${interaction.uid}/select_account`;
      pages.show(ctx, 'interaction/no-context', { app, backAction, otherAccountAction }, status);
      return;
    }
    const choices = offers.map((offer) => ({
      value: offer.id,
      title: title(ctx, offer),
      role: offer.context.role,
      selected: offer.isLastUsed,
    }));
    pages.show(
      ctx,
      'interaction/select-account',
      { action: `/interaction/${interaction.uid}/select_account`, app, choices },
      status,
    );
  };
  return {
    show: async (ctx, interaction) => {
      draw(ctx, interaction, await offersOf(interaction), 200);
    },
    submit: async (ctx, interaction) => {
      const offers = await offersOf(interaction);
      if (offers.length === 0) {
        await submitResult(ctx, oidc, {
          error: 'access_denied',
          error_description: 'this person has no identity that this client may see',
        });
        return;
      }
      const { choice } = readForm(ctx, form);
      if (choice === '') throw createError(400, 'nothing was chosen');
      // Gone since the page was drawn, or never one of ours: what is left is offered again.
      if (!offers.some(({ id }) => id === choice)) {
        draw(ctx, interaction, offers, 409);
        return;
      }
      await submitResult(ctx, oidc, { select_account: { contextId: choice } });
    },
  };
}
