import type { Context, Middleware } from 'koa';
import { RECENT_SECOND_FACTOR_SECONDS } from '../../domain/sessions.ts';
import type { HttpDeps } from '../deps.ts';
import { requireAssurance, requireRecentSignIn, type Handler, type TypedForm } from './session.ts';

interface CredentialChange {
  /** The page to return to after a form. */
  page: string;
  maxAgeSeconds: number;
  typedForm?: TypedForm;
}

/**
 * Requires a recent sign-in, and a recent second factor of a person who has one: the password alone neither adds nor removes a factor, and
 * creates no application password. Afterwards the person presses the button again.
 */
export function requireCredentialChange(
  deps: HttpDeps,
  { page, maxAgeSeconds, typedForm }: CredentialChange,
  handler: Handler,
): Middleware {
  const returnPath = (ctx: Context): string => (ctx.method === 'GET' ? ctx.path : page);
  const assurance = { maxAgeMs: RECENT_SECOND_FACTOR_SECONDS * 1000, returnPath, typedForm };
  const withSecondFactor = requireAssurance(deps, assurance, handler);
  return requireRecentSignIn(
    deps,
    async (ctx, signedIn) => {
      if (await deps.secondFactors.has(signedIn.facts.id)) await withSecondFactor(ctx, () => Promise.resolve());
      else await handler(ctx, signedIn);
    },
    { maxAgeSeconds, returnPath, typedForm },
  );
}
