import { availableContexts, findContext, visibleChildren, type VisibleChild } from '../../domain/acting/contexts.ts';
import { contextId } from '../../domain/claims/pairwise.ts';
import { dayInCity } from '../../domain/clock.ts';
import type { ActingContext, Enrolment, PersonFacts, School } from '../../domain/model.ts';
import * as grants from '../../store/oidc/grants.ts';
import * as people from '../../store/people/people.ts';
import type { OidcDeps, Provider } from '../deps.ts';
import { sectorOf } from './sector-identifier.ts';

/** One entry of the chooser. */
export interface Offer {
  /** Opaque, and the same each time: `acting.ctx` of the tokens. */
  id: string;
  context: ActingContext;
  /** With role `parent`: whom it is about. */
  childName: string | undefined;
  school: School | undefined;
  /** Of the child, or of the student. */
  enrolment: Enrolment | undefined;
  /** Used last time at this app. */
  last: boolean;
}

export type OffersAt = (personId: string, clientId: string) => Promise<readonly Offer[]>;

type Deps = Pick<OidcDeps, 'store' | 'clock' | 'clients' | 'keys'>;

/** The identities that a person can take at an app, as the chooser shows them. */
export function createOffers({ store, clock, clients, keys }: Deps, provider: Provider): OffersAt {
  return async (personId, clientId) => {
    const client = await provider.Client.find(clientId);
    if (client === undefined) return [];
    const today = dayInCity(clock.now());
    const registration = clients.registrationOf(clientId);
    const [facts, last] = await Promise.all([
      store.read((u) => people.personFacts(u, personId, today)),
      store.read((u) => grants.lastContext(u, personId, clientId)),
    ]);
    if (facts === undefined) return [];
    const contexts = availableContexts(facts, registration, today);
    const children = visibleChildren(facts, registration, today);
    const used =
      last &&
      findContext(contexts, {
        role: last.role,
        childId: last.childId ?? undefined,
        schoolCode: last.schoolCode ?? undefined,
      });
    const sector = sectorOf(client);
    return contexts.map((context) => ({
      id: contextId(keys.pairwiseKey, sector, personId, context),
      context,
      last: context === used,
      ...describe(context, facts, children),
    }));
  };
}

function describe(
  context: ActingContext,
  facts: PersonFacts,
  children: readonly VisibleChild[],
): Pick<Offer, 'childName' | 'school' | 'enrolment'> {
  if (context.childId !== undefined) {
    const found = children.find(({ child }) => child.guardianship.studentId === context.childId);
    return { childName: found?.child.name, school: found?.enrolment.school, enrolment: found?.enrolment };
  }
  const enrolment = facts.enrolments.find(({ id }) => id === context.basisId);
  const membership = facts.memberships.find(({ id }) => id === context.basisId);
  return { childName: undefined, school: enrolment?.school ?? membership?.school, enrolment };
}
