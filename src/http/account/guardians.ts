import type Router from '@koa/router';
import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import type { HttpDeps } from '../deps.ts';
import { parseForms, readForm } from '../forms/body.ts';
import { redirectWithNotice, takeNotice, takeNoticeText } from '../pages/page-notice.ts';
import { guardianshipIdOf } from './guardianship-id.ts';
import { requireRecentSignIn, requireSignIn, type SignedInPerson } from './session.ts';

const PATH = '/account/guardians';
const CONSENT_DECISIONS = ['consent', 'decline', 'withdraw'] as const;
const consentForm = z.object({ decision: z.enum(CONSENT_DECISIONS) });

/** The pages on which an adult student consents to each guardianship. */
export function addGuardianRoutes(router: Router, deps: HttpDeps): void {
  router.get(
    '/guardians',
    requireSignIn(deps, (ctx, signedIn) => showGuardians(deps, ctx, signedIn)),
  );
  router.get(
    '/guardians/:id',
    requireRecentSignIn(deps, (ctx, signedIn) => showGuardian(deps, ctx, signedIn), { returnPath: (ctx) => ctx.path }),
  );
  router.post(
    '/guardians/:id',
    parseForms(),
    requireRecentSignIn(deps, (ctx, signedIn) => changeConsent(deps, ctx, signedIn), {
      returnPath: (ctx) => ctx.path,
    }),
  );
}

async function showGuardians(deps: HttpDeps, ctx: Context, { facts }: SignedInPerson): Promise<void> {
  const guardians = await listGuardians(deps, ctx, facts.id);
  const { pages } = deps;
  const taken = takeNotice(deps, ctx, CONSENT_DECISIONS);
  const { id = '', guardian = '' } = taken?.values ?? {};
  pages.show(ctx, 'account/guardians', {
    guardians,
    notice: taken && pages.t(ctx, `adulthood.done.${taken.name}`, { guardian }),
    // A consent needs the page that says what the guardian sees, so no button of the notice gives it.
    noticeLink: taken && { url: `${PATH}/${id}`, label: pages.t(ctx, 'adulthood.decideAgain') },
  });
}

async function showGuardian(deps: HttpDeps, ctx: Context, { facts }: SignedInPerson): Promise<void> {
  const id = guardianshipIdOf(ctx);
  const guardian = (await listGuardians(deps, ctx, facts.id)).find(({ guardianshipId }) => guardianshipId === id);
  if (guardian === undefined) throw createError(404, 'no such guardian');
  deps.pages.show(ctx, 'account/guardian', {
    guardian,
    notice: takeNoticeText(deps, ctx, 'confirmed', 'notice.confirmed'),
  });
}

async function changeConsent(deps: HttpDeps, ctx: Context, { facts }: SignedInPerson): Promise<void> {
  const { decision } = readForm(ctx, consentForm);
  const guardianshipId = guardianshipIdOf(ctx);
  const guardian = (await listGuardians(deps, ctx, facts.id)).find((one) => one.guardianshipId === guardianshipId);
  const isKnown = await deps.adulthood.changeConsent({
    studentId: facts.id,
    guardianshipId,
    isGiven: decision === 'consent',
    address: ctx.ip,
  });
  if (!isKnown) throw createError(404, 'no such guardian');
  redirectWithNotice(deps, ctx, PATH, decision, { id: guardianshipId, guardian: guardian?.name ?? '' });
}

/** @throws {HttpError} 404 for minors */
async function listGuardians({ adulthood, pages }: HttpDeps, ctx: Context, personId: string) {
  const guardians = await adulthood.listGuardians(personId);
  if (guardians === undefined) throw createError(404, 'the page is for adult students');
  return guardians.map(({ relationLabel, ...one }) => ({ ...one, relation: pages.relationName(ctx, relationLabel) }));
}
