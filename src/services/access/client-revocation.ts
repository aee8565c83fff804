import type { Store } from '../../store/database/index.ts';
import * as clientStore from '../../store/oidc/clients.ts';
import * as grantStore from '../../store/oidc/grants.ts';
import * as people from '../../store/people/people.ts';

/** Grants per transaction. */
const BATCH_SIZE = 500;

export interface ClientRevocation {
  /**
   * Deletes the grants of disabled clients with their codes and tokens. Every endpoint already refuses these clients, and stores no grant for
   * them, so one pass over the grants finds all. Several nodes may run it at the same time.
   */
  revokeDisabled(): Promise<void>;
}

export function createClientRevocation({ store }: { store: Store }): ClientRevocation {
  const revokeGrantsOf = async (clientId: string): Promise<void> => {
    for (let after: string | undefined = ''; after !== undefined;) {
      const from: string = after;
      const { found, next } = await store.read((tx) =>
        grantStore.listGrantsOfClientAfter(tx, clientId, from, BATCH_SIZE),
      );
      if (found.length > 0) {
        await store.write(async (tx) => {
          for (const personId of [...new Set(found.map((grant) => grant.personId))].sort()) {
            await people.lockPerson(tx, personId);
          }
          await grantStore.revokeGrants(
            tx,
            found.map(({ grantHash }) => grantHash),
          );
        });
      }
      after = next;
    }
  };
  return {
    revokeDisabled: async () => {
      for (const client of await store.read((tx) => clientStore.listRevokingClients(tx))) {
        await revokeGrantsOf(client.clientId);
        await store.write((tx) => clientStore.markRevoked(tx, client));
      }
    },
  };
}
