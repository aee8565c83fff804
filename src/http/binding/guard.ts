import type { Context, Middleware } from 'koa';
import { ACCOUNT_CLIENT_ID } from '../../services/access/client-registry.ts';
import { findSignedIn, schoolSignInUrl, type SignedInPerson } from '../account/session.ts';
import type { HttpDeps } from '../deps.ts';
import { findNamedAccount } from '../named-account.ts';
import { loadContacts } from '../school-contacts/describe.ts';

/** The school account of a family. */
export interface SignedInFamily {
  accountId: string;
  sessionHash: string;
  /** The language of the mails about the decision. */
  locale: string | undefined;
}

export type FamilyHandler = (ctx: Context, family: SignedInFamily) => Promise<void>;

/** Redirects unauthenticated requests to the sign-in with a school account, then back. Other accounts get a page that explains it. */
export function requireSchoolAccount(deps: HttpDeps, handler: FamilyHandler): Middleware {
  return async (ctx) => {
    const signedIn = await findSignedIn(deps, ctx);
    if (signedIn?.facts.isSchoolAccount === true) {
      const { id: accountId, locale } = signedIn.facts;
      await handler(ctx, { accountId, sessionHash: signedIn.sessionHash, locale });
      return;
    }
    const url = schoolSignInUrl(deps, ctx.method === 'GET' ? ctx.path + ctx.search : '/binding');
    if (signedIn === undefined) {
      ctx.status = 303;
      ctx.redirect(url);
    } else await showOtherAccount(deps, ctx, signedIn, url);
  };
}

async function showOtherAccount(
  deps: HttpDeps,
  ctx: Context,
  { facts: { id: personId } }: SignedInPerson,
  signInUrl: string,
): Promise<void> {
  ctx.state['pagePath'] = '/binding';
  const locals = {
    account: await findNamedAccount(deps, personId),
    signInUrl,
    schoolContacts: await loadContacts(deps, ctx, { personId, clientId: ACCOUNT_CLIENT_ID, problem: 'sign_in' }),
  };
  deps.pages.show(ctx, 'binding/other-account', locals, 403);
}
