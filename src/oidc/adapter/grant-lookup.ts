import Provider from 'oidc-provider';
import type { Store } from '../../store/database/index.ts';
import { standingGrant, type StandingGrant } from '../../store/oidc/grants.ts';

type Known = Map<string, Promise<StandingGrant | undefined>>;

const byRequest = new WeakMap<object, Known>();

/**
 * The grant that a token names, with its session and the provider's record, in one statement and once for each request: the
 * provider asks for its record, and who the person is rests on the same rows.
 */
export function standingGrantOf(store: Store, grantHash: string): Promise<StandingGrant | undefined> {
  const request = Provider.ctx?.req;
  const known: Known = (request && byRequest.get(request)) ?? new Map<string, Promise<StandingGrant | undefined>>();
  if (request !== undefined) byRequest.set(request, known);
  const found = known.get(grantHash) ?? store.read((u) => standingGrant(u, grantHash));
  known.set(grantHash, found);
  return found;
}
