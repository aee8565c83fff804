import Provider from 'oidc-provider';
import type { Store } from '../../store/database/index.ts';
import { findGrantWithSession, type GrantWithSession } from '../../store/oidc/grants.ts';

type GrantsByHash = Map<string, Promise<GrantWithSession | undefined>>;

const byRequest = new WeakMap<object, GrantsByHash>();

/**
 * The grant that a token names, with its session and the provider's record, in one statement and once for each request: the
 * provider asks for its record, and who the person is rests on the same rows.
 */
export function loadGrantWithSession(store: Store, grantHash: string): Promise<GrantWithSession | undefined> {
  const request = Provider.ctx?.req;
  const known: GrantsByHash =
    (request && byRequest.get(request)) ?? new Map<string, Promise<GrantWithSession | undefined>>();
  if (request !== undefined) byRequest.set(request, known);
  const found = known.get(grantHash) ?? store.read((tx) => findGrantWithSession(tx, grantHash));
  known.set(grantHash, found);
  return found;
}
