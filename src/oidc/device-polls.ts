import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import type { Clock } from '../domain/clock.ts';
import { firstPoll, pacePoll, POLL_INTERVAL_SECONDS, type PollState } from '../domain/device-polls.ts';
import { hashId } from '../services/secrets.ts';
import type { Store, Unit } from '../store/database/index.ts';
import * as records from '../store/oidc-records.ts';
import { DEVICE_CODE_SECONDS } from './options/ttl.ts';
import { normalizePath, ROUTES } from './routes.ts';

/** Records of this kind are ours; the provider has no such model. They are purged with the device codes. */
const MODEL = 'DevicePoll';

const pendingPoll = z.object({
  status: z.literal(400),
  body: z.object({ error: z.literal('authorization_pending') }),
  oidc: z.object({ params: z.object({ device_code: z.string() }) }),
});
const deviceAuthorization = z.object({
  status: z.literal(200),
  body: z.looseObject({ device_code: z.string() }),
  oidc: z.object({ route: z.literal('device_authorization') }),
});
const pollState = z.object({ intervalSeconds: z.number(), acceptedAt: z.number() });

/**
 * Announces the polling interval to devices, and answers `slow_down` to those that poll faster (RFC 8628, sections 3.2 and 3.5). The
 * provider does neither.
 *
 * `slow_down` stands only for `authorization_pending`: a code that was approved, refused, used or invented is answered as ever, however
 * early. So only the client of a live code has state here: one small record per code, shared by all nodes and updated in place. A poll
 * that is too early writes nothing once the interval has its longest value.
 */
export function paceDevicePolls(deps: { store: Store; clock: Clock }): Middleware {
  return async (ctx, next) => {
    const path = normalizePath(ctx.path);
    await next();
    if (path !== ROUTES.token && path !== ROUTES.deviceAuthorization) return;
    announceInterval(ctx);
    const poll = ctx.status === 400 ? pendingPoll.safeParse(ctx) : undefined;
    if (poll?.success !== true) return;
    const seconds = await tooEarly(deps, poll.data.oidc.params.device_code);
    if (seconds === undefined) return;
    ctx.body = { error: 'slow_down', error_description: `poll at most every ${String(seconds)} seconds` };
  };
}

function announceInterval(ctx: Context): void {
  if (!('oidc' in ctx)) return;
  const answer = deviceAuthorization.safeParse(ctx);
  if (answer.success) ctx.body = { ...answer.data.body, interval: POLL_INTERVAL_SECONDS };
}

/** Returns the new interval in seconds if the poll is too early. */
async function tooEarly(
  { store, clock }: { store: Store; clock: Clock },
  deviceCode: string,
): Promise<number | undefined> {
  const idHash = hashId(deviceCode);
  return store.write(async (tx) => {
    const now = clock.now();
    const known = await records.findRecord(tx, MODEL, idHash);
    if (known === undefined && (await insertFirst(tx, idHash, now))) return undefined;
    const state = known === undefined ? firstPoll(now) : pollState.parse(JSON.parse(known.payload));
    const paced = pacePoll(state, now);
    const isStored = known === undefined || (await replaceState(tx, idHash, known.payload, paced.next));
    // A parallel poll, perhaps on another node, was first: this one is too early after it.
    return paced.tooEarly || !isStored ? paced.next.intervalSeconds : undefined;
  });
}

function insertFirst(tx: Unit, idHash: string, now: number): Promise<boolean> {
  return records.putFirst(tx, {
    model: MODEL,
    idHash,
    payload: JSON.stringify(firstPoll(now)),
    expiresAt: now + DEVICE_CODE_SECONDS * 1000,
    createdAt: now,
  });
}

/** @returns false when the state is not `old` any more */
async function replaceState(tx: Unit, idHash: string, old: string, next: PollState): Promise<boolean> {
  const payload = JSON.stringify(next);
  return payload === old || records.replacePayload(tx, MODEL, idHash, { old, next: payload });
}
