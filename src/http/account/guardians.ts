import type Router from '@koa/router';
import createError from 'http-errors';
import type { Context } from 'koa';
import { z } from 'zod';
import type { HttpDeps } from '../deps.ts';
import { parseForms, readForm } from '../forms/body.ts';
import { guardianshipIdOf } from './guardianship-id.ts';
import { confirmedNotice, requireRecentSignIn, requireSignIn, type SignedInPerson } from './session.ts';

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
      returnPath: (ctx) => `${ctx.path}?done=confirmed`,
    }),
  );
}

async function showGuardians(deps: HttpDeps, ctx: Context, { facts }: SignedInPerson): Promise<void> {
  const guardians = await listGuardians(deps, ctx, facts.id);
  const done = CONSENT_DECISIONS.find((one) => one === ctx.query['done']);
  const notice = done && deps.pages.t(ctx, `adulthood.done.${done}`);
  deps.pages.show(ctx, 'account/guardians', { guardians, notice });
}

async function showGuardian(deps: HttpDeps, ctx: Context, { facts }: SignedInPerson): Promise<void> {
  const id = guardianshipIdOf(ctx);
  const guardian = (await listGuardians(deps, ctx, facts.id)).find(({ guardianshipId }) => guardianshipId === id);
  if (guardian === undefined) throw createError(404, 'no such guardian');
  deps.pages.show(ctx, 'account/guardian', { guardian, notice: confirmedNotice(deps, ctx) });
}

async function changeConsent(deps: HttpDeps, ctx: Context, { facts }: SignedInPerson): Promise<void> {
  const { decision } = readForm(ctx, consentForm);
  const isKnown = await deps.adulthood.changeConsent({
    studentId: facts.id,
    guardianshipId: guardianshipIdOf(ctx),
    isGiven: decision === 'consent',
    address: ctx.ip,
  });
  if (!isKnown) throw createError(404, 'no such guardian');
  ctx.status = 303;
  ctx.redirect(`${PATH}?done=${decision}`);
}

/** @throws {HttpError} 404 for minors */
async function listGuardians({ adulthood, pages }: HttpDeps, ctx: Context, personId: string) {
  const guardians = await adulthood.listGuardians(personId);
  if (guardians === undefined) throw createError(404, 'the page is for adult students');
  return guardians.map(({ relationLabel, ...one }) => ({ ...one, relation: pages.relationName(ctx, relationLabel) }));
}
