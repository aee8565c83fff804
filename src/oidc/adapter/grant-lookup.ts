import Provider from 'oidc-provider';
import type { Store } from '../../store/database/index.ts';
import { findGrantWithSession, type GrantWithSession } from '../../store/oidc/grants.ts';

type GrantsByHash = Map<string, Promise<GrantWithSession | undefined>>;

const byRequest = new WeakMap<object, GrantsByHash>();

/**
 * Loads the grant of a token with its session and the provider's record: one statement per request. The provider needs the record, and
 * `findAccount` needs the other rows.
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
