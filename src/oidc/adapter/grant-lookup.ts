import Provider from 'oidc-provider';
import type { Store } from '../../store/database/index.ts';
import { findGrantWithSession, type GrantWithSession } from '../../store/oidc/grants.ts';
import { createRequestMemo } from '../request-memo.ts';

const grantOfRequest = createRequestMemo<GrantWithSession | undefined>();

/**
 * Loads the grant of a token with its session and the provider's record: one statement per request. The provider needs the record, and
 * `findAccount` needs the other rows.
 */
export function loadGrantWithSession(store: Store, grantHash: string): Promise<GrantWithSession | undefined> {
  return grantOfRequest(Provider.ctx?.req, grantHash, () => store.read((tx) => findGrantWithSession(tx, grantHash)));
}
