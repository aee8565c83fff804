/**
 * Measures refresh requests in its own process, so that the load driver of the sign-in spike does not delay them. Started by
 * sign-in-spike.ts, which sends the issuer and the refresh tokens.
 */
import { z } from 'zod';
import { refresh } from './flows.ts';
import { runWorkers } from './load-driver.ts';

const order = z.object({ issuer: z.string(), refreshTokens: z.array(z.string()), seconds: z.number() });

process.on('message', (message) => {
  void work(order.parse(message));
});

async function work({ issuer, refreshTokens, seconds }: z.infer<typeof order>): Promise<void> {
  const measured = await runWorkers(refreshTokens.length, seconds, async (worker) => {
    const next = await refresh(issuer, refreshTokens[worker] ?? '').catch(() => undefined);
    refreshTokens[worker] = next?.refresh_token ?? refreshTokens[worker] ?? '';
    return next !== undefined;
  });
  process.send?.({ measured, refreshTokens });
}
