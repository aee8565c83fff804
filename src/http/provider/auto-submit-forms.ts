import type { Context, Middleware } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { z } from 'zod';
import { ROUTES } from '../../oidc/routes.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import type { HttpDeps } from '../deps.ts';
import { createDevicePages, type DeviceDeps } from './device-pages.ts';
import { FORM_FIELD, sealForm } from './end-session-form.ts';

/** What the provider keeps in a session until its form comes back; `postLogoutRedirectUri` where it leads to a sign-out first. */
const expectedForms = z.object({ secret: z.string(), postLogoutRedirectUri: z.string().optional() });
type ExpectedForms = z.infer<typeof expectedForms>;
type Deps = DeviceDeps & Pick<HttpDeps, 'secrets'>;

/**
 * The provider posts some forms to itself by a script, on a page of its own: English, and bare without JavaScript. It does so where
 * another person signs in, and where the address of the device page holds the code (RFC 8628, section 3.3.1). Both get a page of ours.
 */
export function replaceAutoSubmitForms(deps: Deps): Middleware {
  return async (ctx, next) => {
    const policy = ctx.response.get('content-security-policy');
    await next();
    if (!isOfProvider(ctx)) return;
    const form = expectedForms.safeParse(ctx.oidc.session?.state);
    if (!form.success || !replace(deps, ctx, form.data)) return;
    // The provider allowed its script.
    ctx.set('content-security-policy', policy);
  };
}

function isOfProvider(ctx: Context): ctx is KoaContextWithOIDC {
  return 'oidc' in ctx;
}

/** @returns whether the answer was such a form */
function replace(deps: Deps, ctx: KoaContextWithOIDC, form: ExpectedForms): boolean {
  const { route } = ctx.oidc;
  if (route.endsWith('resume') && hasForm(ctx, ctx.oidc.urlFor('end_session_confirm'))) {
    showSwitch(deps, ctx, form.postLogoutRedirectUri);
    return true;
  }
  if (route === 'code_verification' && hasForm(ctx, ctx.oidc.urlFor('code_verification'))) {
    createDevicePages(deps).code(ctx, form.secret, undefined);
    return true;
  }
  return false;
}

function hasForm(ctx: Context, action: string): boolean {
  return typeof ctx.body === 'string' && ctx.body.includes(` action="${action}"`);
}

/** One person is signed in and another one signs in: the first is signed out before, and their apps are notified. */
function showSwitch({ pages, secrets }: Deps, ctx: KoaContextWithOIDC, resume: string | undefined): void {
  const redirectTo = resume === undefined ? undefined : new URL(resume).pathname;
  const request = sealForm(secrets, { sessionHash: hashId(ctx.oidc.session?.uid ?? ''), redirectTo });
  pages.show(ctx, 'message', {
    title: pages.t(ctx, 'switchPerson.title'),
    text: pages.t(ctx, 'switchPerson.text'),
    actions: [],
    autoSubmit: {
      action: ROUTES.endSessionConfirm,
      fields: { [FORM_FIELD]: request },
      label: pages.t(ctx, 'switchPerson.submit'),
    },
    status: 200,
  });
}
