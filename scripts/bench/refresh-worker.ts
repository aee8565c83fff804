/**
 * An app that goes on renewing its tokens, in a process of its own: what it measures is how long the service takes, not how long a
 * driver takes that sends a storm beside it. Started by sign-in-spike.ts, which sends the issuer and the refresh tokens.
 */
import { z } from 'zod';
import { refresh } from './flows.ts';
import { runWorkers } from './load-driver.ts';

const order = z.object({ issuer: z.string(), held: z.array(z.string()), seconds: z.number() });

process.on('message', (message) => {
  void work(order.parse(message));
});

async function work({ issuer, held: refreshTokens, seconds }: z.infer<typeof order>): Promise<void> {
  const measured = await runWorkers(refreshTokens.length, seconds, async (worker) => {
    const next = await refresh(issuer, refreshTokens[worker] ?? '').catch(() => undefined);
    refreshTokens[worker] = next?.refresh_token ?? refreshTokens[worker] ?? '';
    return next !== undefined;
  });
  process.send?.({ measured, held: refreshTokens });
}
