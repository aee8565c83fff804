import type { AuditEntry } from '../../domain/audit-chain.ts';
import type { Store } from '../../store/database/index.ts';
import * as changes from '../../store/people/account-changes.ts';
import type { Audit } from '../audit/audit.ts';

/** More than a person reads; the rest follows when these are confirmed. */
const SHOWN_CHANGES = 10;

/**
 * Changes of an account that its owner has not confirmed. Mail tells most people about them. The account page tells everyone, because people
 * without an email address get none, and a thief can read or delete a mail.
 */
export interface AccountChanges {
  /**
   * Lists the unconfirmed changes, newest first.
   *
   * @param signedInAt ms since 1970; later changes of the person themself are left out, because the same session may have made them
   */
  listUnseen(personId: string, signedInAt: number): Promise<AuditEntry[]>;
  /** Records that the person has seen the changes up to the entry with this number. */
  confirmSeen(confirmation: { personId: string; through: number; address: string }): Promise<void>;
}

interface Deps {
  store: Store;
  audit: Audit;
}

export function createAccountChanges({ store, audit }: Deps): AccountChanges {
  return {
    listUnseen: (personId, signedInAt) =>
      store.read(async (tx) => {
        const entries = await changes.listAccountChanges(tx, personId, SHOWN_CHANGES);
        if (entries.length === 0) return [];
        const through = Number((await changes.findSeenEntry(tx, personId))?.detail['through'] ?? 0);
        return entries.filter(({ seq, at, actorId }) => seq > through && (actorId !== personId || at < signedInAt));
      }),
    confirmSeen: async ({ personId, through: shown, address }) => {
      const [newest] = await store.read((tx) => changes.listAccountChanges(tx, personId, 1));
      // A later change must appear, even if the form has a higher number.
      const through = Math.min(shown, newest?.seq ?? 0);
      const who = { actorId: personId, subjectId: personId };
      await audit.record({ event: changes.CHANGES_SEEN_EVENT, outcome: 'ok', ...who, address, detail: { through } });
    },
  };
}
