import type { Context, Middleware } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { z } from 'zod';
import type { Pages } from './pages.ts';

/** What the provider keeps in a session until its form for signing out comes back. */
const awaited = z.object({
  secret: z.string(),
  postLogoutRedirectUri: z.string().optional(),
  state: z.string().optional(),
});
type Awaited = z.infer<typeof awaited>;

/**
 * For signing out the provider posts a form to itself by a script, on a page of its own: English, and bare without JavaScript. It
 * does so where nobody is signed in, which needs no form at all, and where another person signs in, which gets a page of ours.
 */
export function replaceProviderForms({ pages }: { pages: Pages }): Middleware {
  return async (ctx, next) => {
    const policy = ctx.response.get('content-security-policy');
    await next();
    if (!isOfProvider(ctx)) return;
    const action = ctx.oidc.urlFor('end_session_confirm');
    const { session } = ctx.oidc;
    const form = awaited.safeParse(session?.state);
    if (!form.success || typeof ctx.body !== 'string' || !ctx.body.includes(` action="${action}"`)) return;
    if (ctx.oidc.route === 'end_session' && session?.accountId === undefined) {
      ctx.status = 303;
      ctx.redirect(whereTo(form.data) ?? ctx.oidc.urlFor('end_session_success'));
    } else if (ctx.oidc.route.endsWith('resume')) {
      showSwitch(pages, ctx, action, form.data.secret);
    } else return;
    // The provider allowed its script.
    ctx.set('content-security-policy', policy);
  };
}

function isOfProvider(ctx: Context): ctx is KoaContextWithOIDC {
  return 'oidc' in ctx;
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
