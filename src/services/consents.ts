import type { Clock } from '../domain/clock.ts';
import * as consentStore from '../store/consents.ts';
import type { Store } from '../store/database/index.ts';
import * as people from '../store/people.ts';
import * as sessions from '../store/sessions.ts';
import type { Audit } from './audit.ts';
import { OvertakenError } from './errors.ts';

export interface Consent {
  personId: string;
  clientId: string;
  /** The session in which the person agreed. */
  sessionHash: string;
  /** As they are stored: scopes of APIs as `apiScope` writes them. */
  scopes: readonly string[];
  address: string;
}

export interface Consents {
  /** Stores what a person agreed to. @throws {OvertakenError} when the session has ended */
  give(consent: Consent): Promise<void>;
}

interface Deps {
  store: Store;
  clock: Clock;
  audit: Audit;
}

export function createConsents({ store, clock, audit }: Deps): Consents {
  return {
    give: ({ personId, clientId, sessionHash, scopes, address }) =>
      store.write(async (tx) => {
        await people.lockPersonShared(tx, personId);
        const session = await sessions.sessionByHash(tx, sessionHash);
        if (session?.personId !== personId || session.endedAt !== null) throw new OvertakenError();
        await consentStore.insertConsents(tx, personId, clientId, scopes, clock.now());
        await audit.append(tx, {
          event: 'consent.given',
          outcome: 'ok',
          actorId: personId,
          subjectId: personId,
          clientId,
          address,
          detail: { scope: scopes.join(' ') },
        });
      }),
  };
}
