import { fork, type ChildProcess } from 'node:child_process';
import { z } from 'zod';
import { signIn } from './flows.ts';
import { print, SECONDS, tokensFor, type BenchHarness } from './harness.ts';
import { runAtRate, resetConnections, type Measured } from './load-driver.ts';

const APPS = 4;

const report = z.object({
  measured: z.object({ rate: z.number(), p50: z.number(), p99: z.number(), done: z.number(), failed: z.number() }),
  held: z.array(z.string()),
});

/** Renews the tokens for so long; the new ones are in the answer. */
async function refreshTokens(
  app: ChildProcess,
  issuer: string,
  refreshTokens: string[],
  seconds: number,
): Promise<{ measured: Measured; held: string[] }> {
  const answer = new Promise((resolve, reject) => {
    app.once('message', resolve);
    app.once('exit', (code) => {
      reject(new Error(`a refresh failed: ${code ?? 'signal'}`));
    });
  });
  app.send({ issuer, held: refreshTokens, seconds });
  return report.parse(await answer);
}

/** Ten times as many people want to sign in as the service can serve; somebody else's app goes on renewing its tokens. */
export async function runSignInSpike(service: BenchHarness, capacity: number): Promise<void> {
  await resetConnections();
  const app = fork(new URL('./refresh-worker.ts', import.meta.url).pathname, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const tokens = await tokensFor(service, APPS);
  const first = tokens.map((one) => one.refresh_token);
  const warm = await refreshTokens(app, service.issuer, first, 1);
  const calm = await refreshTokens(app, service.issuer, warm.held, SECONDS);
  const told = { in: 0, wait: 0 };
  const [stormy] = await Promise.all([
    refreshTokens(app, service.issuer, calm.held, SECONDS * 2),
    runAtRate(capacity * 10, SECONDS * 2, async () => {
      const entered = await signIn(service.issuer, service.nextLogin());
      told[entered === undefined ? 'wait' : 'in'] += 1;
    }),
  ]);
  app.removeAllListeners('exit').disconnect();
  const { p99: before } = calm.measured;
  const { p99: during, failed } = stormy.measured;
  const value = `${(during / before).toFixed(1)} (${before.toFixed(0)} → ${during.toFixed(0)} ms)`;
  print('refresh p99 in a storm of sign-ins', 'refresh p99 at rest', value, '≤ 3');
  print('  failed refreshes; sign-ins let in, told to wait', '', `${failed}; ${told.in}, ${told.wait}`, '0; any');
}
