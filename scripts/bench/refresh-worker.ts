/**
 * An app that goes on renewing its tokens, in a process of its own: what it measures is how long the service takes, not how long a
 * driver takes that sends a storm beside it. Started by sign-in-spike.ts, which sends the issuer and the refresh tokens.
 */
import { z } from 'zod';
import { refresh } from './flows.ts';
import { drive } from './load-driver.ts';

const order = z.object({ issuer: z.string(), held: z.array(z.string()), seconds: z.number() });

process.on('message', (message) => {
  void work(order.parse(message));
});

async function work({ issuer, held, seconds }: z.infer<typeof order>): Promise<void> {
  const measured = await drive(held.length, seconds, async (lane) => {
    const next = await refresh(issuer, held[lane] ?? '').catch(() => undefined);
    held[lane] = next?.refresh_token ?? held[lane] ?? '';
    return next !== undefined;
  });
  process.send?.({ measured, held });
}
