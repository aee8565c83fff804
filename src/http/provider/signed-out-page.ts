import type { Context } from 'koa';
import { z } from 'zod';
import { MINUTE_MS } from '../../domain/duration.ts';
import { cookieNames, UNSIGNED_COOKIE } from '../../oidc/options/cookies.ts';
import type { LogoutNotice } from '../../services/access/revocation.ts';
import type { HttpDeps } from '../deps.ts';
import { openValue, sealValue } from '../sealed-value.ts';

/** Long enough for a reload or a language change, short for a shared computer. */
const COOKIE_MAX_AGE_MS = MINUTE_MS;
/** Browsers accept cookies of up to 4,096 bytes (RFC 6265, section 6.1). Sealing adds a third. */
const MAX_COOKIE_LENGTH = 2_700;

/** `expiresAt` in milliseconds: only browsers delete an expired cookie. */
const sealedNotices = z.object({
  notices: z.array(z.object({ clientId: z.string(), jobId: z.string() })),
  expiresAt: z.number(),
});

/** Stores the notices for the next page and replaces those of an earlier sign-out. */
export function rememberNotices({ secrets, clock }: HttpDeps, ctx: Context, allNotices: readonly LogoutNotice[]): void {
  if (allNotices.length === 0) {
    ctx.cookies.set(cookieNames(ctx.secure).logoutNotices, null, UNSIGNED_COOKIE);
    return;
  }
  let kept = [...allNotices];
  while (JSON.stringify(kept).length > MAX_COOKIE_LENGTH) kept = kept.slice(0, -1);
  const value = sealValue(
    secrets,
    { purpose: 'sign-out', row: 'notices' },
    { notices: kept, expiresAt: clock.now() + COOKIE_MAX_AGE_MS },
  );
  ctx.cookies.set(cookieNames(ctx.secure).logoutNotices, value, { ...UNSIGNED_COOKIE, maxAge: COOKIE_MAX_AGE_MS });
}

/** Shows which apps have been notified so far. A reload reads the state again. */
export async function showSignedOut(deps: HttpDeps, ctx: Context): Promise<void> {
  const sent = readNotices(deps, ctx);
  const delivered = await deps.outbox.waitForDelivery(sent.map(({ jobId }) => jobId));
  const names = (selected: readonly LogoutNotice[]): string[] =>
    selected.map(({ clientId }) => deps.pages.appName(ctx, clientId));
  deps.pages.show(ctx, 'signed-out', {
    notified: names(sent.filter(({ jobId }) => delivered.has(jobId))),
    pending: names(sent.filter(({ jobId }) => !delivered.has(jobId))),
  });
}

/** Lists the names of the apps with back-channel logout. Other apps may keep their sessions. */
export function appsWithLogout({ clients, pages }: HttpDeps, ctx: Context, clientIds: readonly string[]): string[] {
  return clientIds
    .filter((id) => clients.find(id)?.backchannel_logout_uri !== undefined)
    .map((id) => pages.appName(ctx, id));
}

function readNotices({ secrets, clock }: HttpDeps, ctx: Context): LogoutNotice[] {
  const sealed = ctx.cookies.get(cookieNames(ctx.secure).logoutNotices);
  const kept = openValue(secrets, { purpose: 'sign-out', row: 'notices' }, sealedNotices, sealed);
  return kept !== undefined && clock.now() < kept.expiresAt ? kept.notices : [];
}
