import type { KoaContextWithOIDC } from 'oidc-provider';
import { z } from 'zod';
import { availableContexts, findRequestedContext, needsChoice } from '../../domain/acting/contexts.ts';
import { contextId, pairwiseSub } from '../../domain/claims/pairwise.ts';
import { asksForActing } from '../../domain/claims/scopes.ts';
import { dayInCity } from '../../domain/clock.ts';
import type { ActingContext, PersonFacts } from '../../domain/model.ts';
import * as people from '../../store/people/people.ts';
import type { OidcDeps } from '../deps.ts';
import { sectorOf } from './sector-identifier.ts';

/** What an app says when it wants one identity of the person (docs/claims.md, rule 7). */
const requestedActing = z.object({
  role: z.string(),
  child: z.string().optional(),
  school_code: z.string().optional(),
});

/** What the chooser answered; kept by the provider until the request is done. */
export const chosenContext = z.object({ contextId: z.string() });

export interface Identity {
  /** Whether the request is about an identity at all. */
  asked: boolean;
  contexts: readonly ActingContext[];
  /** The one that the tokens will carry; `undefined` while the person has to choose, or has none. */
  chosen: ActingContext | undefined;
}

export interface Identities {
  /** The facts of a person, read once per request. */
  factsOf(ctx: KoaContextWithOIDC, personId: string): Promise<PersonFacts | undefined>;
  /** Which identity this authorization request is for. */
  identityOf(ctx: KoaContextWithOIDC): Promise<Identity>;
}

type Deps = Pick<OidcDeps, 'store' | 'clock' | 'clients' | 'keys'>;

export function createIdentities({ store, clock, clients, keys }: Deps): Identities {
  const cache = new WeakMap<object, Map<string, Promise<PersonFacts | undefined>>>();
  const factsOf = (ctx: KoaContextWithOIDC, personId: string): Promise<PersonFacts | undefined> => {
    const known = cache.get(ctx.req) ?? new Map<string, Promise<PersonFacts | undefined>>();
    cache.set(ctx.req, known);
    const facts = known.get(personId) ?? store.read((u) => people.personFacts(u, personId, dayInCity(clock.now())));
    known.set(personId, facts);
    return facts;
  };
  return {
    factsOf,
    identityOf: async (ctx) => {
      const client = ctx.oidc.client;
      const personId = ctx.oidc.session?.accountId;
      const none: Identity = { asked: false, contexts: [], chosen: undefined };
      if (client === undefined || personId === undefined) return none;
      const registration = clients.registrationOf(client.clientId);
      if (!asksForActing([...ctx.oidc.requestParamScopes], registration)) return none;
      const facts = await factsOf(ctx, personId);
      const contexts = facts === undefined ? [] : availableContexts(facts, registration, dayInCity(clock.now()));
      const sector = sectorOf(client);
      return {
        asked: true,
        contexts,
        chosen: choose(ctx, contexts, {
          subOf: (id) => pairwiseSub(keys.pairwiseKey, sector, id),
          idOf: (context) => contextId(keys.pairwiseKey, sector, personId, context),
        }),
      };
    },
  };
}

interface Naming {
  subOf(personId: string): string;
  idOf(context: ActingContext): string;
}

/** The order counts: what the person chose just now, what the app asks for, and last the only one there is. */
function choose(
  ctx: KoaContextWithOIDC,
  contexts: readonly ActingContext[],
  naming: Naming,
): ActingContext | undefined {
  const answer = chosenContext.safeParse(ctx.oidc.result?.['select_account']);
  if (answer.success) {
    const chosen = contexts.find((context) => naming.idOf(context) === answer.data.contextId);
    if (chosen !== undefined) return chosen;
  }
  const wish = requestedActing.safeParse(ctx.oidc.claims.id_token?.['acting']?.value);
  if (wish.success) {
    const { role, child, school_code: schoolCode } = wish.data;
    return findRequestedContext(contexts, { role, child, schoolCode }, (id) => naming.subOf(id));
  }
  return needsChoice(contexts) ? undefined : contexts[0];
}
