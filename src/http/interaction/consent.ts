import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import { localize, type LocalizedText } from '../../config/localized-text.ts';
import { apiScope, allowedScopes, type Scope } from '../../domain/claims/scopes.ts';
import type { HttpDeps } from '../deps.ts';
import { readForm } from '../forms/body.ts';
import { findNamedAccount } from '../named-account.ts';
import { submitResultWith, type InteractionPage, type InteractionState } from './interaction.ts';

const form = z.object({ consent: z.enum(['accept', 'deny']) });
const requested = z.object({
  scope: z.string().default(''),
  resource: z.union([z.string().transform((one) => [one]), z.array(z.string())]).default([]),
});

/** Asks for consent: lists what a third-party app will receive, in plain words. */
export function createConsentPage(deps: HttpDeps): InteractionPage {
  const { pages, clients, consents, oidc } = deps;
  const listItems = (ctx: Context, interaction: InteractionState): { title: string; detail: string }[] => {
    const { own, ofApis } = requestedItems(deps, interaction);
    return [
      ...own.map((name) => ({
        title: pages.t(ctx, `scope.${name}.title`),
        detail: pages.t(ctx, `scope.${name}.detail`),
      })),
      ...ofApis.map(({ text, host }) => ({ title: localize(text, pages.langOf(ctx)), detail: host })),
    ];
  };
  return {
    show: async (ctx, interaction) => {
      const client = clients.find(interaction.clientId);
      if (client === undefined) throw createError(410, 'the client is no longer registered');
      pages.show(ctx, 'interaction/consent', {
        action: `/interaction/${interaction.uid}/consent`,
        app: { name: pages.appName(ctx, interaction.clientId), url: client.client_uri },
        account: await findNamedAccount(deps, interaction.personId),
        otherAccountAction: `/interaction/${interaction.uid}/other-account`,
        items: listItems(ctx, interaction),
      });
    },
    submit: async (ctx, interaction) => {
      const accepted = readForm(ctx, form).consent === 'accept';
      const { uid, personId, sessionHash, clientId } = interaction;
      if (personId === undefined || sessionHash === undefined) throw createError(410, 'this interaction has expired');
      const { own, ofApis } = requestedItems(deps, interaction);
      const scopes = [...own, ...ofApis.map(({ name }) => name)];
      const decision = { accepted, uid, personId, sessionHash, clientId, scopes, address: ctx.ip };
      await submitResultWith(ctx, oidc, accepted ? { consent: {} } : DENIED, (save) => consents.answer(decision, save));
    },
  };
}

const DENIED = { error: 'access_denied', error_description: 'the person denied consent' };

interface Items {
  own: Scope[];
  /** `name` is the scope without the resource identifier. */
  ofApis: { name: string; text: LocalizedText; host: string }[];
}

/** Returns the requested scopes that the app is entitled to. */
function requestedItems({ clients }: HttpDeps, interaction: InteractionState): Items {
  const { scope, resource } = requested.parse(interaction.params);
  const requestedScopes = scope.split(' ');
  const own = allowedScopes(requestedScopes, clients.entitlementsOf(interaction.clientId));
  const ofApis = resource.flatMap((identifier) =>
    Object.entries(clients.findResource(interaction.clientId, identifier)?.scopes ?? {})
      .filter(([name]) => requestedScopes.includes(name))
      .map(([name, text]) => ({ name: apiScope(identifier, name), text, host: new URL(identifier).host })),
  );
  return { own, ofApis };
}
