import createError from 'http-errors';
import type { Context, Middleware } from 'koa';
import { z } from 'zod';
import { administersCity, changesSchoolSettings } from '../../domain/access/policy.ts';
import { HOUR_MS, MINUTE_MS } from '../../domain/duration.ts';
import { canReview } from '../../services/binding/review.ts';
import type { StaffActor } from '../../services/console/authorization.ts';
import { canSeeFamilyRequests } from '../../services/console/family-requests.ts';
import { canSeeRequests } from '../../services/console/staff-requests.ts';
import { ACCOUNT_CLIENT_ID } from '../../services/access/client-registry.ts';
import {
  otherSignInUrl,
  requireAssurance,
  requireSignIn,
  type Handler,
  type SignedInPerson,
  type TypedForm,
} from '../account/session.ts';
import type { HttpDeps } from '../deps.ts';
import { field } from '../forms/body.ts';
import { loadContacts } from '../school-contacts/describe.ts';
import { findNamedAccount } from '../named-account.ts';
import { recordActivity } from './activity-cookie.ts';

/** Maximum age of the second factor of a session in the console (docs/access-policy.md, rule 6). */
const CONSOLE_MAX_AGE_MS = 12 * HOUR_MS;
/** Maximum age for an action that changes someone's access. */
export const ACTION_MAX_AGE_MS = 15 * MINUTE_MS;
/** Maximum age for a form: five minutes less, which is the time to fill it in. */
export const FORM_MAX_AGE_MS = 10 * MINUTE_MS;

/** A member of staff in the console. */
export interface SignedInStaff extends SignedInPerson {
  actor: StaffActor;
}

/** Maximum age after an idle time: the person has to enter the second factor again. */
const NEW_FACTOR_MAX_AGE_MS = MINUTE_MS;

type StaffHandler = (ctx: Context, staff: SignedInStaff) => Promise<void>;

/**
 * Requires a sign-in of staff with a second factor, in a session that was not idle. People without a capacity get 403 before any second
 * factor is asked for.
 *
 * @param maxAgeMs maximum age of the second factor
 * @param typedForm reads what the page of a form shows again after a sign-in
 */
export function requireStaff(
  deps: HttpDeps,
  handler: StaffHandler,
  maxAgeMs = CONSOLE_MAX_AGE_MS,
  typedForm?: TypedForm,
): Middleware {
  const handle: Handler = async (ctx, signedIn) => {
    assertStorable(ctx);
    const actor = await deps.console.authorization.findActor(signedIn.facts.id);
    if (actor === undefined) throw createError(403, 'the console is for staff');
    ctx.state['isBureau'] = administersCity(actor);
    ctx.state['hasRequests'] = canSeeRequests(actor);
    ctx.state['hasFamilyRequests'] = canSeeFamilyRequests(actor);
    ctx.state['hasApplications'] = canReview(actor);
    ctx.state['hasSchoolSettings'] = changesSchoolSettings(actor);
    await handler(ctx, { ...signedIn, actor });
  };
  const options = { returnPath: pageOf, typedForm };
  const withAssurance = requireAssurance(deps, { ...options, maxAgeMs }, handle);
  const withNewFactor = requireAssurance(deps, { ...options, maxAgeMs: NEW_FACTOR_MAX_AGE_MS }, handle);
  return requireSignIn(
    deps,
    async (ctx, signedIn) => {
      if ((await deps.console.authorization.findActor(signedIn.facts.id)) === undefined) {
        await showNotStaff(deps, ctx, signedIn);
        return;
      }
      const { secondFactorAt } = signedIn.assurance;
      const isActive =
        secondFactorAt !== undefined &&
        recordActivity(ctx, { ...deps, sessionHash: signedIn.sessionHash, secondFactorAt, now: deps.clock.now() });
      await (isActive ? withAssurance : withNewFactor)(ctx, () => Promise.resolve());
    },
    pageOf,
  );
}

/** The last segment of paths that only take forms: their page is one level higher. */
const WITHOUT_PAGE = /\/(?:close|end|slips)$/;
/** The fields of a form that its page takes as parameters. */
const pageParameters = z.object({ action: field, job: field });

/** Returns the page that a request is for: for a form, the page that shows it. */
function pageOf(ctx: Context): string {
  if (ctx.method === 'GET') return ctx.path + ctx.search;
  const path = ctx.path.replace(WITHOUT_PAGE, '');
  if (!path.endsWith('/action')) return path;
  const sent = pageParameters.safeParse(ctx.request.body ?? {});
  const filled = Object.entries(sent.data ?? {}).filter(([, value]) => value !== '');
  return `${path}?${new URLSearchParams(filled).toString()}`;
}

/** Requires a bureau administrator, as `requireStaff` requires staff. Other staff get 404. */
export function requireBureau(deps: HttpDeps, handler: StaffHandler, maxAgeMs = CONSOLE_MAX_AGE_MS): Middleware {
  return requireStaff(
    deps,
    async (ctx, staff) => {
      if (!administersCity(staff.actor)) throw createError(404, 'the page is for the bureau');
      await handler(ctx, staff);
    },
    maxAgeMs,
  );
}

/** @throws {HttpError} 400 if the URL has a NUL: no id and no search has one, and PostgreSQL refuses the query */
function assertStorable(ctx: Context): void {
  if (ctx.url.includes('%00')) throw createError(400, 'the URL has a NUL');
}

/** Says that the console is for staff, and offers another account. */
async function showNotStaff(deps: HttpDeps, ctx: Context, { facts: { id: personId } }: SignedInPerson): Promise<void> {
  const { pages } = deps;
  const page = pageOf(ctx);
  ctx.state['pagePath'] = page;
  pages.show(
    ctx,
    'message',
    {
      title: pages.t(ctx, 'message.forbidden.title'),
      text: pages.t(ctx, 'message.forbidden.text'),
      account: await findNamedAccount(deps, personId),
      actions: [
        { label: pages.t(ctx, 'noChild.other'), href: otherSignInUrl(deps, page), primary: true },
        { label: pages.t(ctx, 'action.home'), href: '/account', primary: false },
      ],
      schoolContacts: await loadContacts(deps, ctx, { personId, clientId: ACCOUNT_CLIENT_ID, problem: 'sign_in' }),
      status: 403,
    },
    403,
  );
}
