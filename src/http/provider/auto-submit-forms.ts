import type { Context, Middleware } from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { z } from 'zod';
import { ROUTES } from '../../oidc/routes.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import type { HttpDeps } from '../deps.ts';
import { createDevicePages, type DeviceDeps } from './device-pages.ts';
import { FORM_FIELD, sealForm } from './end-session-form.ts';

/** The state that the provider stores in a session for its form; `postLogoutRedirectUri` if the form signs out first. */
const expectedForms = z.object({ secret: z.string(), postLogoutRedirectUri: z.string().optional() });
type ExpectedForms = z.infer<typeof expectedForms>;
type Deps = DeviceDeps & Pick<HttpDeps, 'secrets'>;

/**
 * Replaces the pages on which the provider submits a form to itself with a script. They are in English and need JavaScript. There are
 * two: when another person signs in, and when the URL of the device page contains the code (RFC 8628, section 3.3.1).
 */
export function replaceAutoSubmitForms(deps: Deps): Middleware {
  return async (ctx, next) => {
    const policy = ctx.response.get('content-security-policy');
    await next();
    if (!isOfProvider(ctx)) return;
    const form = expectedForms.safeParse(ctx.oidc.session?.state);
    if (!form.success || !replace(deps, ctx, form.data)) return;
    // The provider extended the policy for its script.
    ctx.set('content-security-policy', policy);
  };
}

function isOfProvider(ctx: Context): ctx is KoaContextWithOIDC {
  return 'oidc' in ctx;
}

/** Returns true if the response was such a form. */
function replace(deps: Deps, ctx: KoaContextWithOIDC, form: ExpectedForms): boolean {
  const { route } = ctx.oidc;
  if (route.endsWith('resume') && hasForm(ctx, ctx.oidc.urlFor('end_session_confirm'))) {
    showSwitchPerson(deps, ctx, form.postLogoutRedirectUri);
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

/** Shows the form that signs out the previous person before another person signs in, and notifies the apps. */
function showSwitchPerson(
  { pages, secrets, clock }: Deps,
  ctx: KoaContextWithOIDC,
  resumeUrl: string | undefined,
): void {
  const resumePath = resumeUrl === undefined ? undefined : new URL(resumeUrl).pathname;
  const sessionHash = hashId(ctx.oidc.session?.uid ?? '');
  const request = sealForm(secrets, { sessionHash, issuedAt: clock.now(), resumePath });
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
