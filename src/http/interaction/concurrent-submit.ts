import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from 'koa';
import type { HttpDeps } from '../deps.ts';
import { loadInteraction } from './interaction.ts';

/** In milliseconds. A concurrent submission stores its result a moment after the code. */
const CONCURRENT_SUBMIT_TIMEOUT_MS = 1_000;
const CONCURRENT_SUBMIT_POLL_MS = 20;

/** Waits for a concurrent submission of the same form that used the code. @returns the URL where the browser continues, if there is one */
export async function waitForConcurrentSubmit(
  { oidc }: HttpDeps,
  ctx: Context,
  uid: string,
): Promise<string | undefined> {
  const end = performance.now() + CONCURRENT_SUBMIT_TIMEOUT_MS;
  for (;;) {
    const { isAnswered, returnTo } = await loadInteraction(ctx, oidc, uid);
    if (isAnswered) return returnTo;
    if (performance.now() > end) return undefined;
    await sleep(CONCURRENT_SUBMIT_POLL_MS);
  }
}
