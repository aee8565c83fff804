/** Finds the session and the context of a request, and keeps the data of the person current. */
import type { RouterContext } from '@koa/router';
import { requestFor } from './claims.ts';
import type { RelyingPartyConfig } from './config.ts';
import { knownLanguage } from './language.ts';
import type { Pages } from './pages.ts';
import type { Provider, SignInRequest } from './provider.ts';
import { NO_CONTEXT, storePending, type Context, type Session, type Sessions } from './sessions.ts';

/** The dependencies that the routes of an app use. */
export interface AppDeps {
  name: string;
  config: RelyingPartyConfig;
  provider: Provider;
  sessions: Sessions;
  pages: Pages;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** One request of a person who is signed in. */
export interface AuthenticatedRequest {
  ctx: RouterContext;
  session: Session;
  context: Context;
}

export type Handler = (ctx: RouterContext) => Promise<void>;

/** Milliseconds after which UserInfo is read again before a page, so that an ended guardianship takes effect. */
const MAX_PERSON_AGE_MS = 60_000;

/** Browsers share cookies between the ports of one host, so each app has its own cookie name. */
function cookieName({ name, config }: AppDeps): string {
  return config.baseUrl.startsWith('https:') ? `__Host-${name}` : `${name}_session`;
}

export function sessionOf(deps: AppDeps, ctx: RouterContext): Session | undefined {
  return deps.sessions.find(ctx.cookies.get(cookieName(deps), { signed: false }));
}

/** Sets the session cookie. It contains only the id. */
export function setCookie(deps: AppDeps, ctx: RouterContext, session: Session): void {
  const secure = deps.config.baseUrl.startsWith('https:');
  // TLS may end at a proxy, so the public URL decides.
  ctx.cookies.secure = secure;
  ctx.cookies.set(cookieName(deps), session.id, {
    httpOnly: true,
    sameSite: 'lax',
    secure,
    path: '/',
    signed: false,
    overwrite: true,
  });
}

/** Returns true if no page of another origin sent the form. */
export function isFromOurPage(ctx: RouterContext, baseUrl: string): boolean {
  const origin = ctx.get('Origin');
  return origin === '' || origin === baseUrl;
}

/** Redirects with 303: the browser continues with GET after any method. */
export function seeOther(ctx: RouterContext, target: string): void {
  ctx.redirect(target);
  ctx.status = 303;
}

/** Redirects the browser to the sign-in service. */
export async function sendToSignIn(deps: AppDeps, ctx: RouterContext, request: SignInRequest): Promise<void> {
  const session = sessionOf(deps, ctx) ?? deps.sessions.create();
  const uiLocales = knownLanguage(ctx, deps.name, session.last);
  const { pending, url } = await deps.provider.start({ ...request, uiLocales });
  storePending(session, pending);
  setCookie(deps, ctx, session);
  ctx.set('Cache-Control', 'no-store');
  seeOther(ctx, url.href);
}

/** Options for a new authorization request from a page. */
export type Renewal = Pick<SignInRequest, 'prompt' | 'maxAge' | 'returnTo'>;

/** Requests the same context again, and returns to this page. */
export async function askAgain(deps: AppDeps, { ctx, context }: AuthenticatedRequest, more: Renewal): Promise<void> {
  const acting = context.acting && requestFor(context.acting);
  await sendToSignIn(deps, ctx, { returnTo: ctx.path, acting, renews: context.ctx, ...more });
}

/** Reads UserInfo again. Returns true if `acting` still is the context of the URL. */
async function refresh(deps: AppDeps, { session, context }: AuthenticatedRequest): Promise<'fresh' | 'ask' | 'ended'> {
  if (deps.now() - context.readAt <= MAX_PERSON_AGE_MS) return 'fresh';
  if (deps.now() >= context.accessUntil) return 'ask';
  const person = await deps.provider.readPerson(context.accessToken, context.sub);
  // A back-channel logout may have arrived during the request.
  if (session.contexts.get(context.ctx) !== context) return 'ended';
  if (person === undefined) return 'ask';
  if ((person.acting?.ctx ?? NO_CONTEXT) !== context.ctx) {
    deps.sessions.drop(session, context.ctx);
    return 'ended';
  }
  Object.assign(context, { person, acting: person.acting, readAt: deps.now() });
  return 'fresh';
}

/**
 * Wraps a handler for `/c/:ctx/…`: it runs only for a person who is signed in with that context. Others are redirected to
 * the start page. If only the access token has ended, the browser goes through the service with `prompt=none`, unless
 * `renewal` says otherwise.
 */
export function signedIn(
  deps: AppDeps,
  handler: (request: AuthenticatedRequest) => Promise<void>,
  renewal: (ctx: RouterContext) => Renewal = () => ({ prompt: 'none' }),
): Handler {
  return async (ctx) => {
    const session = sessionOf(deps, ctx);
    const context = session?.contexts.get(ctx.params['ctx'] ?? '');
    const toStart = (): void => {
      seeOther(ctx, `/?${new URLSearchParams({ return: ctx.path }).toString()}`);
    };
    if (session === undefined || context === undefined) {
      toStart();
      return;
    }
    const request = { ctx, session, context };
    const state = await refresh(deps, request);
    if (state === 'ended') toStart();
    else if (state === 'ask') await askAgain(deps, request, renewal(ctx));
    else {
      session.last = context;
      await handler(request);
    }
  };
}
