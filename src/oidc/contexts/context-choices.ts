import { availableContexts, findContext, visibleChildren, type VisibleChild } from '../../domain/acting/contexts.ts';
import { contextId } from '../../domain/claims/pairwise.ts';
import { localDate } from '../../domain/clock.ts';
import type { ActingContext, Enrollment, PersonFacts, School } from '../../domain/model.ts';
import { findLastContext } from '../../services/access/grants.ts';
import { findFacts } from '../../services/people/people.ts';
import type { OidcDeps, Provider } from '../deps.ts';
import { sectorIdentifierOf } from './sector-identifier.ts';

/** One entry of the context selection page. */
export interface ContextChoice {
  /** Opaque and constant: `acting.ctx` of the tokens. */
  id: string;
  context: ActingContext;
  /** The child; with role `parent` only. */
  childName: string | undefined;
  school: School | undefined;
  /** Of the child, or of the student. */
  enrollment: Enrollment | undefined;
  /** The person selected this context at the last sign-in to the app. */
  isLastUsed: boolean;
}

export type ListContextChoices = (personId: string, clientId: string) => Promise<readonly ContextChoice[]>;

type Deps = Pick<OidcDeps, 'store' | 'clock' | 'secrets' | 'log' | 'clients' | 'keys'>;

/** Lists the contexts that a person can select at an app, for the context selection page. */
export function createContextChoices(deps: Deps, provider: Provider): ListContextChoices {
  const { clock, clients, keys } = deps;
  return async (personId, clientId) => {
    const client = await provider.Client.find(clientId);
    if (client === undefined) return [];
    const today = localDate(clock.now());
    const entitlements = clients.entitlementsOf(clientId);
    const [facts, last] = await Promise.all([
      findFacts(deps, personId),
      findLastContext(deps.store, personId, clientId),
    ]);
    if (facts === undefined) return [];
    const contexts = availableContexts(facts, entitlements, today);
    const children = visibleChildren(facts, entitlements, today);
    const used =
      last &&
      findContext(contexts, {
        role: last.role,
        childId: last.childId ?? undefined,
        schoolCode: last.schoolCode ?? undefined,
      });
    const sector = sectorIdentifierOf(client);
    return contexts.map((context) => ({
      id: contextId(keys.pairwiseKey, sector, personId, context),
      context,
      isLastUsed: context === used,
      ...describe(context, facts, children),
    }));
  };
}

function describe(
  context: ActingContext,
  facts: PersonFacts,
  children: readonly VisibleChild[],
): Pick<ContextChoice, 'childName' | 'school' | 'enrollment'> {
  if (context.childId !== undefined) {
    const found = children.find(({ child }) => child.guardianship.studentId === context.childId);
    return { childName: found?.child.name, school: found?.enrollment.school, enrollment: found?.enrollment };
  }
  const enrollment = facts.enrollments.find(({ id }) => id === context.basisId);
  const membership = facts.memberships.find(({ id }) => id === context.basisId);
  return { childName: undefined, school: enrollment?.school ?? membership?.school, enrollment };
}
