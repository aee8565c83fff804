import type { KoaContextWithOIDC } from 'oidc-provider';
import { z } from 'zod';
import { availableContexts, findRequestedContext, requiresSelection } from '../../domain/acting/contexts.ts';
import { contextId, pairwiseSub } from '../../domain/claims/pairwise.ts';
import { requiresActingContext } from '../../domain/claims/scopes.ts';
import { localDate } from '../../domain/clock.ts';
import type { ActingContext, PersonFacts } from '../../domain/model.ts';
import { findFacts } from '../../services/people/people.ts';
import type { OidcDeps } from '../deps.ts';
import { createRequestMemo } from '../request-memo.ts';
import { findHintedIdentity } from './id-token-hint.ts';
import { sectorIdentifierOf } from './sector-identifier.ts';

/** The value of the `acting` claims request: one context of the person (docs/claims.md, rule 7). */
const requestedActing = z.object({
  role: z.string(),
  child: z.string().optional(),
  school_code: z.string().optional(),
});

/** The result of the context selection page. The provider stores it with the interaction. */
const selectedContext = z.object({ contextId: z.string() });

export interface ContextSelection {
  /** True if the request needs a context. */
  requested: boolean;
  available: readonly ActingContext[];
  /** The context of the tokens; `undefined` if the person must select one, or has none. */
  selected: ActingContext | undefined;
}

export interface ContextResolver {
  /** Loads the facts of a person, once per request. */
  loadFacts(ctx: KoaContextWithOIDC, personId: string): Promise<PersonFacts | undefined>;
  /** Determines the context of an authorization request. */
  resolve(ctx: KoaContextWithOIDC): Promise<ContextSelection>;
}

type Deps = Pick<OidcDeps, 'store' | 'clock' | 'secrets' | 'log' | 'clients' | 'keys'>;

export function createContextResolver(deps: Deps): ContextResolver {
  const { clock, clients, keys } = deps;
  const factsOfRequest = createRequestMemo<PersonFacts | undefined>();
  const loadFacts = (ctx: KoaContextWithOIDC, personId: string): Promise<PersonFacts | undefined> =>
    factsOfRequest(ctx.req, personId, () => findFacts(deps, personId));
  return {
    loadFacts,
    resolve: async (ctx) => {
      const client = ctx.oidc.client;
      const personId = ctx.oidc.session?.accountId;
      const none: ContextSelection = { requested: false, available: [], selected: undefined };
      if (client === undefined || personId === undefined) return none;
      const entitlements = clients.entitlementsOf(client.clientId);
      if (!requiresActingContext([...ctx.oidc.requestParamScopes], entitlements)) return none;
      const facts = await loadFacts(ctx, personId);
      const available = facts === undefined ? [] : availableContexts(facts, entitlements, localDate(clock.now()));
      const sector = sectorIdentifierOf(client);
      const hinted = await findHintedIdentity(ctx);
      return {
        requested: true,
        available,
        selected: selectContext(ctx, available, hinted?.acting?.ctx, {
          subOf: (id) => pairwiseSub(keys.pairwiseKey, sector, id),
          idOf: (context) => contextId(keys.pairwiseKey, sector, personId, context),
        }),
      };
    },
  };
}

interface PairwiseNames {
  subOf(personId: string): string;
  idOf(context: ActingContext): string;
}

/**
 * Selects the context that the person chose in this request, else the one that the app requests, else that of the `id_token_hint`, else the
 * only one.
 */
function selectContext(
  ctx: KoaContextWithOIDC,
  contexts: readonly ActingContext[],
  hintedId: string | undefined,
  names: PairwiseNames,
): ActingContext | undefined {
  const answer = selectedContext.safeParse(ctx.oidc.result?.['select_account']);
  if (answer.success) {
    const chosen = contexts.find((context) => names.idOf(context) === answer.data.contextId);
    if (chosen !== undefined) return chosen;
  }
  const request = requestedActing.safeParse(ctx.oidc.claims.id_token?.['acting']?.value);
  if (request.success) {
    const { role, child, school_code: schoolCode } = request.data;
    return findRequestedContext(contexts, { role, child, schoolCode }, (id) => names.subOf(id));
  }
  if (hintedId !== undefined) return contexts.find((context) => names.idOf(context) === hintedId);
  return requiresSelection(contexts) ? undefined : contexts[0];
}
