import { randomUUID } from 'node:crypto';

import type { TestService } from './service.ts';

/** Stores a mail with a reset link that was given up. @returns the id of its job */
export async function insertDeadMail(
  { container: { store, secrets } }: TestService,
  to: string,
  deadAt = Date.now(),
): Promise<string> {
  const id = randomUUID();
  const job = {
    kind: 'mail',
    to,
    template: 'reset-link',
    lang: 'en',
    locals: { name: '王大明', link: 'https://x', minutes: 30 },
  };
  const payload = secrets.seal('outbox', id, JSON.stringify(job));
  await store.write((tx) =>
    tx.db.insert(tx.tables.outbox).values({
      ...{ id, kind: 'mail', payload, attempts: 45, nextAt: deadAt, createdAt: deadAt, deadAt },
      lastError: 'ECONNREFUSED',
    }),
  );
  return id;
}
