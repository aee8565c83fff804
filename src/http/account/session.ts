import { createHash, randomBytes } from 'node:crypto';
import type { Context, Middleware } from 'koa';
import type { PersonFacts } from '../../domain/model.ts';
import { ROUTES } from '../../oidc/routes.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import { ACCOUNT_CLIENT_ID } from '../../services/access/client-registry.ts';
import type { HttpDeps } from '../deps.ts';
import { isLocalPath } from '../middleware/locale.ts';

/** Who is signed in at the service itself. */
export interface SignedInPerson {
  facts: PersonFacts;
  sessionHash: string;
}

/** The person behind the session cookie; `undefined` when nobody is signed in, or the account was disabled. */
export async function findSignedIn({ oidc, people }: HttpDeps, ctx: Context): Promise<SignedInPerson | undefined> {
  const session = await oidc.provider.Session.get(ctx);
  if (session.accountId === undefined) return undefined;
  const facts = await people.findActive(session.accountId);
  return facts === undefined ? undefined : { facts, sessionHash: hashId(session.uid) };
}

type Handler = (ctx: Context, signedIn: SignedInPerson) => Promise<void>;

/** Deny by default: every account page is written with this around it. Who is not signed in is sent to do so, and comes back. */
export function requireSignIn(deps: HttpDeps, handler: Handler): Middleware {
  return async (ctx) => {
    const signedIn = await findSignedIn(deps, ctx);
    if (signedIn === undefined) {
      ctx.status = 303;
      ctx.redirect(signInUrl(deps.issuer, ctx.method === 'GET' ? ctx.path : '/account'));
      return;
    }
    await handler(ctx, signedIn);
  };
}

/**
 * Signing in for the account page takes the same road as for every app. Nothing is redeemed at its end, so the PKCE challenge
 * belongs to a verifier that nobody keeps.
 */
function signInUrl(issuer: string, back: string): string {
  const params = new URLSearchParams({
    client_id: ACCOUNT_CLIENT_ID,
    response_type: 'code',
    scope: 'openid',
    redirect_uri: `${issuer}/account/callback`,
    state: back,
    code_challenge: createHash('sha256').update(randomBytes(32)).digest('base64url'),
    code_challenge_method: 'S256',
  });
  return `${ROUTES.authorization}?${params.toString()}`;
}

/** `GET /account/callback`: the end of that road. The code is thrown away, and the person goes where they wanted. */
export function signedInCallback({ oidc }: HttpDeps): (ctx: Context) => Promise<void> {
  return async (ctx) => {
    const { code, state } = ctx.query;
    if (typeof code === 'string') await (await oidc.provider.AuthorizationCode.find(code))?.destroy();
    ctx.status = 303;
    ctx.redirect(typeof state === 'string' && isLocalPath(state) && state.startsWith('/account') ? state : '/account');
  };
}
