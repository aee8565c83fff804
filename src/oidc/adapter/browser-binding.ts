import { AsyncLocalStorage } from 'node:async_hooks';
import type { Middleware } from 'koa';
import type Provider from 'oidc-provider';
import { z } from 'zod';
import { DAY_MS } from '../../domain/duration.ts';
import type { Random } from '../../domain/random.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import { cookieNames, UNSIGNED_COOKIE } from '../options/cookies.ts';

/*
 * Every interaction is bound to the browser that started it. The interaction and resume cookies do not bind it: a host of the same
 * registrable domain can set them in another browser. The browser cookie has the prefix `__Host-`, and each interaction stores its hash.
 */

interface BrowserIdentity {
  cookie: string;
  hash: string;
}

const currentBrowser = new AsyncLocalStorage<BrowserIdentity>();

const COOKIE_BYTES = 32;
const cookieShape = z.string().regex(/^[\w-]{43}$/);

/**
 * As long as the longest session. Interactions live for one hour; a longer cookie lets tabs that start at the same moment share it.
 */
const COOKIE_MAX_AGE_MS = 30 * DAY_MS;

/** Passes the browser of the request to the adapter. A browser without a cookie gets a random value that no interaction has. */
export function identifyBrowser(random: Random): Middleware {
  return async (ctx, next) => {
    const known = cookieShape.safeParse(ctx.cookies.get(cookieNames(ctx.secure).browser));
    const cookie = known.success ? known.data : random.bytes(COOKIE_BYTES).toString('base64url');
    await currentBrowser.run({ cookie, hash: hashId(cookie) }, next);
  };
}

/** Sets or refreshes the browser cookie when an interaction starts, at `/auth` and at `/device`. */
export function refreshBrowserCookie(provider: Provider): void {
  provider.on('interaction.started', (ctx) => {
    const browser = currentBrowser.getStore();
    if (browser === undefined) return;
    const options = { ...UNSIGNED_COOKIE, maxAge: COOKIE_MAX_AGE_MS };
    ctx.cookies.set(cookieNames(ctx.secure).browser, browser.cookie, options);
  });
}

/** Returns the browser hash of the current request; null outside of pages, where no interaction is found. */
export function currentBrowserHash(): string | null {
  return currentBrowser.getStore()?.hash ?? null;
}

/** Returns true if the browser of the current request started the interaction. Comparing hashes reveals nothing by timing. */
export function isOfCurrentBrowser({ browserHash }: { browserHash?: string | null | undefined }): boolean {
  const current = currentBrowserHash();
  return current !== null && browserHash === current;
}
