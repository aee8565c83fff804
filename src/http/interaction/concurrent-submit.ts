import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from 'koa';
import type { HttpDeps } from '../deps.ts';
import { loadInteraction } from './interaction.ts';

/** In milliseconds. A concurrent submission stores its result a moment after it used the code, link or first password. */
const CONCURRENT_SUBMIT_TIMEOUT_MS = 1_000;
const CONCURRENT_SUBMIT_POLL_MS = 20;

/**
 * Waits for a concurrent submission of the same form.
 *
 * @param isPossible ends the wait when it returns false
 * @returns the URL where the browser continues; undefined if there is no concurrent submission
 */
export async function waitForConcurrentSubmit(
  { oidc }: HttpDeps,
  ctx: Context,
  uid: string,
  isPossible: () => Promise<boolean> = () => Promise.resolve(true),
): Promise<string | undefined> {
  const end = performance.now() + CONCURRENT_SUBMIT_TIMEOUT_MS;
  for (;;) {
    const { isAnswered, returnTo } = await loadInteraction(ctx, oidc, uid);
    if (isAnswered) return returnTo;
    if (performance.now() > end || !(await isPossible())) return undefined;
    await sleep(CONCURRENT_SUBMIT_POLL_MS);
  }
}
