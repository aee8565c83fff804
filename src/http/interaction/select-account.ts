import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { findUnservedRoles } from '../../domain/acting/contexts.ts';
import { localDate } from '../../domain/clock.ts';
import type { Role } from '../../domain/model.ts';
import type { ContextChoice } from '../../oidc/contexts/context-choices.ts';
import { explainHidden } from '../account/available-apps.ts';
import type { HttpDeps } from '../deps.ts';
import { field, readForm } from '../forms/body.ts';
import { findRejection, redirectRejected } from '../forms/rejected-form.ts';
import { findNamedAccount } from '../named-account.ts';
import { loadContacts } from '../school-contacts/describe.ts';
import { destinationOf } from './destination.ts';
import { formPageOf, submitResult, type InteractionPage, type InteractionState } from './interaction.ts';

const form = z.object({ choice: field });

/** Lets the person select a context: as teacher, as parent of one child, or as student. */
export function createSelectAccountPage(deps: HttpDeps): InteractionPage {
  const { pages, oidc, listContextChoices } = deps;
  const listChoices = async (interaction: InteractionState): Promise<readonly ContextChoice[]> =>
    interaction.personId === undefined ? [] : listContextChoices(interaction.personId, interaction.clientId);
  const render = async (
    ctx: Context,
    interaction: InteractionState,
    choices: readonly ContextChoice[],
    status: number,
  ): Promise<void> => {
    if (choices.length === 0) {
      await showRefusal(deps, ctx, interaction, status);
      return;
    }
    const options = choices.map((choice) => ({
      value: choice.id,
      title: titleOf(deps, ctx, choice),
      role: choice.context.role,
      child: choice.childName,
      isLastUsed: choice.isLastUsed,
    }));
    pages.show(
      ctx,
      'interaction/select-account',
      {
        action: `/interaction/${interaction.uid}/select_account`,
        app: destinationOf(deps, ctx, interaction),
        choices: options,
        account: await findNamedAccount(deps, interaction.personId),
        otherAccountAction: `/interaction/${interaction.uid}/other-account`,
        cancelAction: `/interaction/${interaction.uid}/cancel`,
      },
      status,
    );
  };
  return {
    show: async (ctx, interaction) => {
      const { status } = findRejection(deps, ctx, formPageOf(interaction)) ?? { status: 200 };
      await render(ctx, interaction, await listChoices(interaction), status);
    },
    submit: async (ctx, interaction) => {
      const choices = await listChoices(interaction);
      if (choices.length === 0) {
        await submitResult(ctx, oidc, {
          error: 'access_denied',
          error_description:
            'the person has no context that this client may see: check permissions and school_types of its registration',
        });
        return;
      }
      const { choice } = readForm(ctx, form);
      if (choice === '') throw createError(400, 'choice is missing');
      // The choice has ended since the page was shown, or never existed.
      if (!choices.some(({ id }) => id === choice)) {
        redirectRejected(deps, ctx, formPageOf(interaction), { status: 409 });
        return;
      }
      await submitResult(ctx, oidc, { select_account: { contextId: choice } });
    },
  };
}

function titleOf({ pages }: HttpDeps, ctx: Context, choice: ContextChoice): string {
  const { context, childName, school, enrollment } = choice;
  return pages.t(ctx, `choose.as.${context.role}`, {
    child: childName ?? '',
    school: pages.schoolName(ctx, school) ?? '',
    class: enrollment === undefined ? '' : pages.className(ctx, enrollment),
  });
}

/** Says that the person has nothing to choose at this app, and whom to call. */
async function showRefusal(deps: HttpDeps, ctx: Context, interaction: InteractionState, status: number): Promise<void> {
  const { uid, personId = '', clientId } = interaction;
  const locals = {
    account: await findNamedAccount(deps, personId),
    app: destinationOf(deps, ctx, interaction),
    reasons: await explainRefusal(deps, ctx, { personId, clientId }),
    backAction: `/interaction/${uid}/select_account`,
    otherAccountAction: `/interaction/${uid}/other-account`,
    schoolContacts: await loadContacts(deps, ctx, { personId, clientId, problem: 'data' }),
  };
  deps.pages.show(ctx, 'interaction/no-context', locals, status);
}

/** Says why an app has nothing for a person. @returns the empty list if the person is told no reason (docs/claims.md, rule 5) */
async function explainRefusal(
  deps: HttpDeps,
  ctx: Context,
  { personId, clientId }: { personId: string; clientId: string },
): Promise<string[]> {
  const { clients, clock, pages, people } = deps;
  const facts = await people.findActive(personId);
  if (facts === undefined) return [];
  const today = localDate(clock.now());
  const entitlements = clients.entitlementsOf(clientId);
  const unserved = findUnservedRoles(facts, entitlements, today);
  const hidden = facts.children.flatMap((child) => explainHidden(deps, ctx, { child, clientId, today }) ?? []);
  if (unserved.length === 0) return hidden;
  const join = (roles: readonly Role[]): string =>
    roles.map((role) => pages.t(ctx, `role.${role}`)).join(pages.t(ctx, 'list.separator'));
  const served = join(entitlements.roles ?? []);
  return [pages.t(ctx, 'noChild.role', { app: pages.appName(ctx, clientId), served, own: join(unserved) }), ...hidden];
}
