import { fork, type ChildProcess } from 'node:child_process';
import { z } from 'zod';
import { signIn } from './flows.ts';
import { print, SECONDS, tokensFor, type BenchHarness } from './harness.ts';
import { runAtRate, resetConnections, type Measured } from './load-driver.ts';

const APPS = 4;
/** With 60 refreshes each they last for 720 refreshes per second in all rounds. */
const REFRESHED_GRANTS = 120;

const report = z.object({
  measured: z.object({
    rate: z.number(),
    p50: z.number(),
    p95: z.number(),
    p99: z.number(),
    done: z.number(),
    failed: z.number(),
  }),
  refreshTokens: z.array(z.string()),
});

/** Lets the worker refresh the tokens for some seconds. @returns the measurement and the new tokens */
async function refreshRepeatedly(
  app: ChildProcess,
  issuer: string,
  refreshTokens: string[],
  seconds: number,
): Promise<{ measured: Measured; refreshTokens: string[] }> {
  const answer = new Promise((resolve, reject) => {
    app.once('message', resolve);
    app.once('exit', (code) => {
      reject(new Error(`the refresh worker exited with ${code ?? 'a signal'}`));
    });
  });
  app.send({ issuer, refreshTokens, workers: APPS, seconds });
  return report.parse(await answer);
}

/** Measures refresh requests of an app while ten times as many sign-ins start as the service can serve. */
export async function runSignInSpike(service: BenchHarness, capacity: number): Promise<void> {
  await resetConnections();
  const app = fork(new URL('./refresh-worker.ts', import.meta.url).pathname, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const tokens = await tokensFor(service, REFRESHED_GRANTS);
  const first = tokens.map((one) => one.refresh_token);
  const warmUp = await refreshRepeatedly(app, service.issuer, first, 1);
  const idle = await refreshRepeatedly(app, service.issuer, warmUp.refreshTokens, SECONDS);
  const outcomes = { completed: 0, rejected: 0 };
  const [spike] = await Promise.all([
    refreshRepeatedly(app, service.issuer, idle.refreshTokens, SECONDS * 2),
    runAtRate(capacity * 10, SECONDS * 2, async () => {
      const signedIn = await signIn(service.issuer, service.nextLogin());
      outcomes[signedIn === undefined ? 'rejected' : 'completed'] += 1;
    }),
  ]);
  app.removeAllListeners('exit').disconnect();
  const { p99: before } = idle.measured;
  const { p99: during, failed } = spike.measured;
  const value = `${(during / before).toFixed(1)} (${before.toFixed(0)} → ${during.toFixed(0)} ms)`;
  print('refresh p99 during a sign-in spike', 'refresh p99 without load', value, '≤ 3');
  print('  failed refresh requests', '', String(failed), '0');
  print('  sign-ins: completed, rejected with 503', '', `${outcomes.completed}, ${outcomes.rejected}`, '');
}
