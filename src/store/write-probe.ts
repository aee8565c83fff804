import { randomBytes } from 'node:crypto';
import { eq } from 'drizzle-orm';

import type { Dialect, Transaction } from './database/index.ts';

/** Expired since 1970, so that the purge deletes a row that is ever left. */
const EXPIRED = 0;
/** Bytes of the key. In SQLite it needs new pages, which a full disk refuses. PostgreSQL limits a key to 2,704 bytes. */
const KEY_BYTES: Readonly<Record<Dialect, number>> = { sqlite: 6_000, postgres: 1_500 };

/** Inserts a row and deletes it again. An empty transaction would succeed on a full disk and on a read-only server. */
export async function probeWrite(tx: Transaction): Promise<void> {
  const { usedChallenges } = tx.tables;
  const idHash = `probe:${randomBytes(KEY_BYTES[tx.dialect]).toString('base64url')}`;
  await tx.db.insert(usedChallenges).values({ idHash, expiresAt: EXPIRED });
  await tx.db.delete(usedChallenges).where(eq(usedChallenges.idHash, idHash));
}
