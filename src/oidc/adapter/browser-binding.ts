import { AsyncLocalStorage } from 'node:async_hooks';
import type { Middleware } from 'koa';
import type Provider from 'oidc-provider';
import { z } from 'zod';
import { DAY_MS } from '../../domain/duration.ts';
import type { Random } from '../../domain/random.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import { cookieNames } from '../options/cookies.ts';

/*
 * Every interaction is bound to the browser that began it. The step and resume cookies do not bind it: a host of the same registrable
 * domain can set them in another browser. The browser cookie carries `__Host-`, and an interaction is saved with its hash.
 */

interface BrowserIdentity {
  cookie: string;
  hash: string;
}

const currentBrowser = new AsyncLocalStorage<BrowserIdentity>();

const COOKIE_BYTES = 32;
const cookieShape = z.string().regex(/^[\w-]{43}$/);

/**
 * In milliseconds: as long as the longest session. An interaction lives for an hour; a cookie that is kept longer is shared by tabs that
 * begin at the same moment.
 */
const COOKIE_MAX_AGE_MS = 30 * DAY_MS;

/** Tells the adapter which browser sent the request. A browser without a cookie gets a random value that no interaction has. */
export function identifyBrowser(random: Random): Middleware {
  return async (ctx, next) => {
    const known = cookieShape.safeParse(ctx.cookies.get(cookieNames(ctx.secure).browser));
    const cookie = known.success ? known.data : random.bytes(COOKIE_BYTES).toString('base64url');
    await currentBrowser.run({ cookie, hash: hashId(cookie) }, next);
  };
}

/** Sets or refreshes the browser cookie when an interaction begins, at `/auth` and at `/device`. */
export function refreshBrowserCookie(provider: Provider): void {
  provider.on('interaction.started', (ctx) => {
    const browser = currentBrowser.getStore();
    if (browser === undefined) return;
    const options = {
      maxAge: COOKIE_MAX_AGE_MS,
      httpOnly: true,
      sameSite: 'lax',
      signed: false,
      overwrite: true,
    } as const;
    ctx.cookies.set(cookieNames(ctx.secure).browser, browser.cookie, options);
  });
}

/** The hash that an interaction of the present request is saved with; null outside of pages: nothing finds such an interaction. */
export function currentBrowserHash(): string | null {
  return currentBrowser.getStore()?.hash ?? null;
}

/** Returns true if the browser of the present request began the interaction. Compares hashes, so the time tells nothing about the cookie. */
export function isOfCurrentBrowser({ browserHash }: { browserHash?: string | null | undefined }): boolean {
  const current = currentBrowserHash();
  return current !== null && browserHash === current;
}
