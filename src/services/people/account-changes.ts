import type { AuditEntry } from '../../domain/audit-chain.ts';
import type { Store } from '../../store/database/index.ts';
import * as changes from '../../store/people/account-changes.ts';
import type { Audit } from '../audit/audit.ts';

/** More than a person reads. The oldest come first, and the rest follows when these are confirmed. */
const SHOWN_CHANGES = 10;

/**
 * Changes of an account that its owner has not confirmed. Mail tells most people about them. The account page tells everyone, because people
 * without an email address get none, and a thief can read or delete a mail.
 */
export interface AccountChanges {
  /**
   * Lists the oldest unconfirmed changes, newest first.
   *
   * @param signedInAt ms since 1970. The list ends before a later change of the person themself: the same session may have made it. If not,
   * the person sees it at the next sign-in, so it must not be confirmed now.
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
        const after = Number((await changes.findSeenEntry(tx, personId))?.detail['through'] ?? 0);
        const entries = await changes.listAccountChanges(tx, personId, { after, limit: SHOWN_CHANGES });
        const own = entries.findIndex(({ at, actorId }) => actorId === personId && at >= signedInAt);
        return entries.slice(0, own === -1 ? undefined : own).reverse();
      }),
    confirmSeen: async ({ personId, through: shown, address }) => {
      const newest = await store.read((tx) => changes.findNewestChange(tx, personId));
      // A later change must appear, even if the form has a higher number.
      const through = Math.min(shown, newest);
      const who = { actorId: personId, subjectId: personId };
      await audit.record({ event: changes.CHANGES_SEEN_EVENT, outcome: 'ok', ...who, address, detail: { through } });
    },
  };
}
