import type { Context } from 'koa';
import { z } from 'zod';
import type { OwnGuardian } from '../../services/people/adulthood.ts';
import type { HttpDeps } from '../deps.ts';
import { readForm } from '../forms/body.ts';
import { findRejection, redirectRejected } from '../forms/rejected-form.ts';
import { formPageOf, redirectTo, submitResult, type InteractionPage, type InteractionState } from './interaction.ts';

const form = z.discriminatedUnion('decision', [
  z.object({ decision: z.literal('later') }),
  z.object({ decision: z.enum(['consent', 'decline']), guardianship: z.guid() }),
]);

/** Asks an adult student for a decision about each guardian, or to decide later. */
export function createAdulthoodPage(deps: HttpDeps): InteractionPage {
  const { pages, adulthood, oidc } = deps;
  const findUndecided = async ({ personId }: InteractionState): Promise<OwnGuardian | undefined> => {
    const guardians = personId === undefined ? [] : await adulthood.listGuardians(personId);
    return guardians?.find(({ isUndecided }) => isUndecided);
  };
  /** Shows the next guardian. After the last one, continues to the app. */
  const showNext = async (ctx: Context, interaction: InteractionState): Promise<void> => {
    const { status } = findRejection(deps, ctx, formPageOf(interaction)) ?? { status: 200 };
    const guardian = await findUndecided(interaction);
    if (guardian === undefined) {
      await submitResult(ctx, oidc, { adulthood: {} });
      return;
    }
    const locals = {
      app: { name: pages.appName(ctx, interaction.clientId) },
      action: `/interaction/${interaction.uid}/adulthood`,
      guardian: {
        guardianshipId: guardian.guardianshipId,
        name: guardian.name,
        relation: pages.relationName(ctx, guardian.relationLabel),
      },
      otherAccountAction: `/interaction/${interaction.uid}/other-account`,
    };
    pages.show(ctx, 'interaction/adulthood', locals, status);
  };
  return {
    show: (ctx, interaction) => showNext(ctx, interaction),
    submit: async (ctx, interaction) => {
      const sent = readForm(ctx, form);
      if (sent.decision === 'later' || interaction.personId === undefined) {
        await submitResult(ctx, oidc, { adulthood: {} });
        return;
      }
      const isKnown = await adulthood.changeConsent({
        studentId: interaction.personId,
        guardianshipId: sent.guardianship,
        isGiven: sent.decision === 'consent',
        address: ctx.ip,
      });
      // The guardianship has ended since the page was shown, or never existed.
      if (isKnown) redirectTo(ctx, formPageOf(interaction).path);
      else redirectRejected(deps, ctx, formPageOf(interaction), { status: 409 });
    },
  };
}
