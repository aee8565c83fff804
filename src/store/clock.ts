import { desc } from 'drizzle-orm';

import { z } from 'zod';

import type { Store } from './database/index.ts';

const SERVER_TIME = 'select (extract(epoch from clock_timestamp()) * 1000)::bigint';
const serverTime = z.array(z.tuple([z.coerce.number()]));

/** A time that the database knows. */
export interface KnownTime {
  /** Milliseconds since 1970. */
  at: number;
  source: string;
}

/** Finds the latest of the times that a correct clock has passed: the last audit entry, the newest key, and the clock of PostgreSQL. */
export async function findLatestTime(store: Store): Promise<KnownTime | undefined> {
  const times = await store.read(async (tx): Promise<KnownTime[]> => {
    const { audit, keys } = tx.tables;
    const entries = await tx.db.select({ at: audit.at }).from(audit).orderBy(desc(audit.seq)).limit(1);
    const newest = await tx.db.select({ at: keys.createdAt }).from(keys).orderBy(desc(keys.createdAt)).limit(1);
    const server = tx.dialect === 'postgres' ? serverTime.parse(await tx.execute(SERVER_TIME, [])) : [];
    return [
      ...server.map(([at]) => ({ at, source: 'the PostgreSQL server' })),
      ...entries.map(({ at }) => ({ at, source: 'the last entry of the audit log' })),
      ...newest.map(({ at }) => ({ at, source: 'the newest signing key' })),
    ];
  });
  return times.reduce<KnownTime | undefined>(
    (latest, time) => (latest && latest.at >= time.at ? latest : time),
    undefined,
  );
}
