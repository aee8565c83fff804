import { z } from 'zod';
import type { Clock } from '../../domain/clock.ts';
import { MINUTE_MS } from '../../domain/duration.ts';
import { openPayload, sealPayload } from '../../platform/crypto/sealed-payload.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Store } from '../../store/database/index.ts';
import { deleteRecords } from '../../store/oidc/record-revocation.ts';
import { findRecord, upsertRecord } from '../../store/oidc/records.ts';

/** The records are stored with those of the provider, whose job deletes expired ones. */
const MODEL = 'UnsentForm';

/** Time to enter the password and the second factor. */
const KEPT_MS = 30 * MINUTE_MS;

/** The form of a session. A person who signs in to the same session as another one does not see it. */
export interface FormOwner {
  personId: string;
  sessionHash: string;
}

const keptForm = z.object({
  personId: z.string(),
  path: z.string(),
  fields: z.record(z.string(), z.string()),
  createdAt: z.number(),
});

/** Keeps what a person typed into a form of the account, while the person signs in again. One form for each session. */
export interface UnsentForms {
  /** @param path the page of the form */
  keep(owner: FormOwner, path: string, fields: Readonly<Record<string, string>>): Promise<void>;
  /** @returns no fields if none are kept for this page */
  find(owner: FormOwner, path: string): Promise<Readonly<Partial<Record<string, string>>>>;
  delete(owner: FormOwner): Promise<void>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
}

export function createUnsentForms({ store, clock, secrets }: Deps): UnsentForms {
  return {
    keep: async ({ personId, sessionHash }, path, fields) => {
      const createdAt = clock.now();
      const record = {
        ...{ model: MODEL, idHash: sessionHash, accountId: personId, createdAt, expiresAt: createdAt + KEPT_MS },
        payload: sealPayload(secrets, MODEL, sessionHash, { personId, path, fields, createdAt }),
      };
      await store.write((tx) => upsertRecord(tx, record));
    },
    find: async ({ personId, sessionHash }, path) => {
      const record = await store.read((tx) => findRecord(tx, MODEL, sessionHash));
      if (record === undefined) return {};
      const kept = keptForm.parse(openPayload(secrets, MODEL, record));
      const isCurrent = kept.createdAt + KEPT_MS > clock.now();
      return isCurrent && kept.personId === personId && kept.path === path ? kept.fields : {};
    },
    delete: ({ sessionHash }) => store.write((tx) => deleteRecords(tx, MODEL, [sessionHash])),
  };
}
