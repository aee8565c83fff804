import type { Context, Middleware } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { ACCOUNT_CLIENT_ID } from '../services/clients.ts';
import { hashId } from '../services/secrets.ts';
import type { ProviderPages } from '../oidc/deps.ts';
import { cookieNames } from '../oidc/options/cookies.ts';
import type { HttpDeps } from './deps.ts';
import { createDevicePages } from './device.ts';
import type { Pages } from './pages.ts';

const TOLD_MS = 60_000;

/**
 * After the provider has ended a session, everything else that the session gave ends too (grants of other tabs), and the next
 * page can say which apps were told.
 */
export function completeSignOut({ oidc, access }: Pick<HttpDeps, 'oidc' | 'access'>): Middleware {
  // The provider says that it signed somebody out. Its address would not do: it is taken in several spellings.
  const signedOut = new WeakMap<object, KoaContextWithOIDC['oidc']['session']>();
  oidc.provider.on('end_session.success', (ctx) => {
    signedOut.set(ctx.req, ctx.oidc.session);
  });
  return async (ctx, next) => {
    await next();
    const { accountId, uid, authorizations } = signedOut.get(ctx.req) ?? {};
    if (accountId === undefined || uid === undefined) return;
    if ((await oidc.provider.Session.findByUid(uid)) !== undefined) return;
    const told = Object.keys(authorizations ?? {}).filter((clientId) => clientId !== ACCOUNT_CLIENT_ID);
    await access.signOut(accountId, hashId(uid), ctx.ip);
    const options = { maxAge: TOLD_MS, httpOnly: true, sameSite: 'lax', signed: true } as const;
    ctx.cookies.set(cookieNames(ctx.secure).told, told.join('.'), options);
  };
}

/** The provider's pages around sign-out, and its errors. */
export function createProviderPages(
  pages: Pages,
  deps: Pick<HttpDeps, 'clients' | 'people' | 'i18n' | 'clock'>,
  error: ProviderPages['error'],
): ProviderPages {
  const { clients, people } = deps;
  /** Only apps with an address for being told: of the others nobody could promise that they are signed out too. */
  const names = (ctx: Context, ids: readonly string[]): string[] =>
    ids.filter((id) => clients.find(id)?.backchannel_logout_uri !== undefined).map((id) => pages.appName(ctx, id));
  return {
    error,
    device: createDevicePages({ ...deps, pages }),
    signOut: async (ctx: KoaContextWithOIDC, { action, xsrf }) => {
      const { accountId, authorizations } = ctx.oidc.session ?? {};
      const facts = accountId === undefined ? undefined : await people.activeFacts(accountId);
      const apps = names(ctx, Object.keys(authorizations ?? {}));
      pages.show(ctx, 'sign-out', { action, xsrf, apps, name: facts?.name });
    },
    signedOut: (ctx: KoaContextWithOIDC) => {
      const name = cookieNames(ctx.secure).told;
      const told = ctx.cookies.get(name, { signed: true }) ?? '';
      ctx.cookies.set(name, null, { signed: true });
      pages.show(ctx, 'signed-out', { apps: names(ctx, told.split('.')) });
    },
  };
}
