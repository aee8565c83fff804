import { z } from 'zod';
import type { Clock } from '../../domain/clock.ts';
import { isSessionActive } from '../../domain/sessions.ts';
import { openPayload } from '../../platform/crypto/sealed-payload.ts';
import { hashId, type Secrets } from '../../platform/crypto/secrets.ts';
import { ConcurrentChangeError } from '../../platform/errors.ts';
import * as sessions from '../../store/auth/sessions.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as consentStore from '../../store/oidc/consents.ts';
import * as records from '../../store/oidc/records.ts';
import * as people from '../../store/people/people.ts';
import type { Audit } from '../audit/audit.ts';

export interface ConsentAnswer {
  accepted: boolean;
  /** The interaction whose page was answered. */
  uid: string;
  personId: string;
  clientId: string;
  /** The session in which the person answered. */
  sessionHash: string;
  /** In their stored form: API scopes as returned by `apiScope`. */
  scopes: readonly string[];
  address: string;
}

export interface Consents {
  /** Returns true if the person has consented to all of these scopes. */
  hasConsent(personId: string, clientId: string, scopes: readonly string[]): Promise<boolean>;
  /**
   * Stores the answer of a consent page once: interaction, consent and audit entry share one transaction. A repeated identical answer changes
   * nothing.
   *
   * @param save writes the answer into the interaction
   * @throws {ConcurrentChangeError} if the interaction has ended or has another answer, or if the session has ended or expired
   */
  answer(answer: ConsentAnswer, save: (tx: Transaction) => Promise<unknown>): Promise<void>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
  audit: Audit;
}

const interaction = z.object({
  result: z.object({ error: z.string().optional(), consent: z.looseObject({}).optional() }).optional(),
});

export function createConsents({ store, clock, secrets, audit }: Deps): Consents {
  const hasSameAnswer = async (tx: Transaction, { uid, accepted }: ConsentAnswer): Promise<boolean> => {
    const record = await records.lockRecord(tx, 'Interaction', hashId(uid));
    if (record === undefined) throw new ConcurrentChangeError();
    const { result } = interaction.parse(openPayload(secrets, 'Interaction', record));
    if (result === undefined) return false;
    const isSame = accepted ? result.consent !== undefined && result.error === undefined : result.error !== undefined;
    if (!isSame) throw new ConcurrentChangeError();
    return true;
  };
  return {
    hasConsent: (personId, clientId, scopes) =>
      store.read((tx) => consentStore.hasConsent(tx, personId, clientId, scopes)),
    answer: (answer, save) =>
      store.write(async (tx) => {
        const { accepted, personId, clientId, sessionHash, scopes, address } = answer;
        // "Remove access" also locks the person and destroys the app's interactions, so an answer is stored before it or rejected.
        await people.lockPersonShared(tx, personId);
        if (await hasSameAnswer(tx, answer)) return;
        if (accepted) {
          const session = await sessions.findSession(tx, sessionHash);
          const now = clock.now();
          if (session?.personId !== personId || !isSessionActive(session, now)) throw new ConcurrentChangeError();
          await consentStore.insertConsents(tx, personId, clientId, scopes, now);
        }
        await save(tx);
        await audit.append(tx, {
          event: accepted ? 'consent.granted' : 'consent.denied',
          outcome: accepted ? 'ok' : 'refused',
          actorId: personId,
          subjectId: personId,
          clientId,
          address,
          detail: { scope: scopes.join(' ') },
        });
      }),
  };
}
