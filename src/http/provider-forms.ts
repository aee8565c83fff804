import type { Context, Middleware } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { z } from 'zod';
import { createDevicePages } from './device.ts';
import type { DeviceDeps } from './device.ts';
import type { Pages } from './pages.ts';

/** What the provider keeps in a session until its form for signing out comes back. */
const awaited = z.object({
  secret: z.string(),
  postLogoutRedirectUri: z.string().optional(),
  state: z.string().optional(),
});
type Awaited = z.infer<typeof awaited>;

/**
 * The provider posts some forms to itself by a script, on a page of its own: English, and bare without JavaScript. It does so at
 * sign-out where nobody is signed in, which needs no form at all; where another person signs in; and where the address of the device
 * page holds the code (RFC 8628, section 3.3.1). The last two get a page of ours.
 */
export function replaceProviderForms(deps: DeviceDeps): Middleware {
  return async (ctx, next) => {
    const policy = ctx.response.get('content-security-policy');
    await next();
    if (!isOfProvider(ctx)) return;
    const form = awaited.safeParse(ctx.oidc.session?.state);
    if (!form.success || !replace(deps, ctx, form.data)) return;
    // The provider allowed its script.
    ctx.set('content-security-policy', policy);
  };
}

function isOfProvider(ctx: Context): ctx is KoaContextWithOIDC {
  return 'oidc' in ctx;
}

/** @returns whether the answer was such a form */
function replace(deps: DeviceDeps, ctx: KoaContextWithOIDC, form: Awaited): boolean {
  const { route, session } = ctx.oidc;
  const signOut = ctx.oidc.urlFor('end_session_confirm');
  if (route === 'end_session' && session?.accountId === undefined && holdsForm(ctx, signOut)) {
    ctx.status = 303;
    ctx.redirect(whereTo(form) ?? ctx.oidc.urlFor('end_session_success'));
    return true;
  }
  if (route.endsWith('resume') && holdsForm(ctx, signOut)) {
    showSwitch(deps.pages, ctx, signOut, form.secret);
    return true;
  }
  if (route === 'code_verification' && holdsForm(ctx, ctx.oidc.urlFor('code_verification'))) {
    createDevicePages(deps).code(ctx, form.secret, undefined);
    return true;
  }
  return false;
}

function holdsForm(ctx: Context, action: string): boolean {
  return typeof ctx.body === 'string' && ctx.body.includes(` action="${action}"`);
}

/** Back to the app, with its `state` (RP-Initiated Logout 1.0, section 3). The provider has compared the address. */
function whereTo({ postLogoutRedirectUri, state }: Awaited): string | undefined {
  if (postLogoutRedirectUri === undefined || state === undefined) return postLogoutRedirectUri;
  const url = new URL(postLogoutRedirectUri);
  url.searchParams.set('state', state);
  return url.href;
}

/** One person is signed in and another one signs in: the first is signed out before, and their apps are told. */
function showSwitch(pages: Pages, ctx: Context, action: string, xsrf: string): void {
  pages.show(ctx, 'message', {
    title: pages.t(ctx, 'switchPerson.title'),
    text: pages.t(ctx, 'switchPerson.text'),
    actions: [],
    send: { action, fields: { xsrf, logout: 'yes' }, label: pages.t(ctx, 'switchPerson.submit') },
    status: 200,
  });
}
