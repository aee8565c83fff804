/**
 * Measures refresh requests in its own process, so that the load driver of the sign-in spike does not delay them. Started by
 * sign-in-spike.ts, which sends the issuer and the refresh tokens.
 */
import { z } from 'zod';
import { runRefreshes } from './flows.ts';

const order = z.object({
  issuer: z.string(),
  refreshTokens: z.array(z.string()),
  workers: z.number(),
  seconds: z.number(),
});

process.on('message', (message) => {
  void work(order.parse(message));
});

async function work({ issuer, refreshTokens, workers, seconds }: z.infer<typeof order>): Promise<void> {
  const measured = await runRefreshes(issuer, refreshTokens, workers, seconds);
  process.send?.({ measured, refreshTokens });
}
