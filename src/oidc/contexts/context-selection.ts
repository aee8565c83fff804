import type { KoaContextWithOIDC } from 'oidc-provider';
import { z } from 'zod';
import { availableContexts, findRequestedContext, requiresSelection } from '../../domain/acting/contexts.ts';
import { contextId, pairwiseSub } from '../../domain/claims/pairwise.ts';
import { requiresActingContext } from '../../domain/claims/scopes.ts';
import { localDate } from '../../domain/clock.ts';
import type { ActingContext, PersonFacts } from '../../domain/model.ts';
import * as people from '../../store/people/people.ts';
import type { OidcDeps } from '../deps.ts';
import { sectorIdentifierOf } from './sector-identifier.ts';

/** What an app says when it wants one identity of the person (docs/claims.md, rule 7). */
const requestedActing = z.object({
  role: z.string(),
  child: z.string().optional(),
  school_code: z.string().optional(),
});

/** What the chooser answered; kept by the provider until the request is done. */
export const selectedContext = z.object({ contextId: z.string() });

export interface ContextSelection {
  /** Whether the request is about an identity at all. */
  requested: boolean;
  available: readonly ActingContext[];
  /** The one that the tokens will carry; `undefined` while the person has to choose, or has none. */
  selected: ActingContext | undefined;
}

export interface ContextResolver {
  /** The facts of a person, read once per request. */
  loadFacts(ctx: KoaContextWithOIDC, personId: string): Promise<PersonFacts | undefined>;
  /** Which identity this authorization request is for. */
  resolve(ctx: KoaContextWithOIDC): Promise<ContextSelection>;
}

type Deps = Pick<OidcDeps, 'store' | 'clock' | 'clients' | 'keys'>;

export function createContextResolver({ store, clock, clients, keys }: Deps): ContextResolver {
  const cache = new WeakMap<object, Map<string, Promise<PersonFacts | undefined>>>();
  const loadFacts = (ctx: KoaContextWithOIDC, personId: string): Promise<PersonFacts | undefined> => {
    const known = cache.get(ctx.req) ?? new Map<string, Promise<PersonFacts | undefined>>();
    cache.set(ctx.req, known);
    const facts =
      known.get(personId) ?? store.read((tx) => people.loadPersonFacts(tx, personId, localDate(clock.now())));
    known.set(personId, facts);
    return facts;
  };
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
      return {
        requested: true,
        available,
        selected: selectContext(ctx, available, {
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

/** The order counts: what the person chose just now, what the app asks for, and last the only one there is. */
function selectContext(
  ctx: KoaContextWithOIDC,
  contexts: readonly ActingContext[],
  names: PairwiseNames,
): ActingContext | undefined {
  const answer = selectedContext.safeParse(ctx.oidc.result?.['select_account']);
  if (answer.success) {
    const chosen = contexts.find((context) => names.idOf(context) === answer.data.contextId);
    if (chosen !== undefined) return chosen;
  }
  const wish = requestedActing.safeParse(ctx.oidc.claims.id_token?.['acting']?.value);
  if (wish.success) {
    const { role, child, school_code: schoolCode } = wish.data;
    return findRequestedContext(contexts, { role, child, schoolCode }, (id) => names.subOf(id));
  }
  return requiresSelection(contexts) ? undefined : contexts[0];
}
