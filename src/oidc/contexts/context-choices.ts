import { availableContexts, findContext, visibleChildren, type VisibleChild } from '../../domain/acting/contexts.ts';
import { contextId } from '../../domain/claims/pairwise.ts';
import { localDate } from '../../domain/clock.ts';
import type { ActingContext, Enrollment, PersonFacts, School } from '../../domain/model.ts';
import * as grants from '../../store/oidc/grants.ts';
import * as people from '../../store/people/people.ts';
import type { OidcDeps, Provider } from '../deps.ts';
import { sectorIdentifierOf } from './sector-identifier.ts';

/** One entry of the chooser. */
export interface ContextChoice {
  /** Opaque, and the same each time: `acting.ctx` of the tokens. */
  id: string;
  context: ActingContext;
  /** With role `parent`: whom it is about. */
  childName: string | undefined;
  school: School | undefined;
  /** Of the child, or of the student. */
  enrollment: Enrollment | undefined;
  /** Used last time at this app. */
  isLastUsed: boolean;
}

export type ListContextChoices = (personId: string, clientId: string) => Promise<readonly ContextChoice[]>;

type Deps = Pick<OidcDeps, 'store' | 'clock' | 'clients' | 'keys'>;

/** The identities that a person can take at an app, as the chooser shows them. */
export function createContextChoices({ store, clock, clients, keys }: Deps, provider: Provider): ListContextChoices {
  return async (personId, clientId) => {
    const client = await provider.Client.find(clientId);
    if (client === undefined) return [];
    const today = localDate(clock.now());
    const entitlements = clients.entitlementsOf(clientId);
    const [facts, last] = await Promise.all([
      store.read((tx) => people.loadPersonFacts(tx, personId, today)),
      store.read((tx) => grants.findLastContext(tx, personId, clientId)),
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
