import type Router from '@koa/router';
import type { Context } from 'koa';
import { SUBJECT_REQUEST_KINDS } from '../../domain/binding/subject-requests.ts';
import { localDate } from '../../domain/clock.ts';
import type { PersonalData } from '../../services/personal-data/copy.ts';
import type { HttpDeps } from '../deps.ts';
import { parseForms } from '../forms/body.ts';
import { redirectWithNotice, takeNotice } from '../pages/page-notice.ts';
import { addDataRequestRoutes } from './data-requests.ts';
import { toSections } from './data-sections.ts';
import { requireRecentSignIn, requireSignIn, type SignedInPerson } from './session.ts';

const DATA_PATH = '/account/data';

/** Audit entries on the page. The download has more. */
const SHOWN_EVENTS = 50;

const NOTICES = ['confirmed', 'resumed'] as const;

/** Adds the pages with which people use their rights to their own data (Personal Data Protection Act, Article 3). */
export function addDataRoutes(router: Router, deps: HttpDeps): void {
  const forms = parseForms();
  const returnPath = (): string => DATA_PATH;
  router.get(
    '/data',
    requireSignIn(deps, (ctx, signedIn) => showData(deps, ctx, signedIn)),
  );
  router.post(
    '/data/download',
    forms,
    requireRecentSignIn(deps, (ctx, signedIn) => downloadData(deps, ctx, signedIn), { returnPath }),
  );
  router.post(
    '/data/resume',
    forms,
    requireRecentSignIn(
      deps,
      async (ctx, { facts }) => {
        await deps.subjectRequests.resumeSharing(facts.id, ctx.ip);
        redirectWithNotice(deps, ctx, DATA_PATH, 'resumed');
      },
      { returnPath },
    ),
  );
  addDataRequestRoutes(router, deps);
}

async function showData(deps: HttpDeps, ctx: Context, { facts, sessionHash }: SignedInPerson): Promise<void> {
  const { pages, rateLimiter } = deps;
  rateLimiter.admitPerson('account', { personId: facts.id, sessionHash });
  const data = await load(ctx, deps.personalData.load(facts.id, SHOWN_EVENTS));
  const { applicationDays, evidenceDays } = await deps.settings.loadPolicy();
  const taken = takeNotice(deps, ctx, NOTICES);
  pages.show(ctx, 'account/data', {
    sections: toSections(deps, ctx, data),
    hasMoreEvents: data.hasMoreEvents,
    requests: data.requests,
    kinds: SUBJECT_REQUEST_KINDS,
    ...{ isSharingStopped: facts.isSharingStopped, isSchoolAccount: facts.isSchoolAccount },
    retention: { applicationDays, evidenceDays },
    notice: taken && pages.t(ctx, `data.notice.${taken.name}`),
  });
}

async function downloadData(deps: HttpDeps, ctx: Context, { facts, sessionHash }: SignedInPerson): Promise<void> {
  deps.rateLimiter.admitPerson('account', { personId: facts.id, sessionHash });
  const data = await load(ctx, deps.personalData.download(facts.id, ctx.ip));
  ctx.attachment(`kinpass-${localDate(deps.clock.now())}.json`);
  ctx.type = 'json';
  ctx.set('cache-control', 'no-store');
  ctx.body = JSON.stringify(data, toIsoTime, 2);
}

/** The person can be deleted between the sign-in check and the copy. */
async function load(ctx: Context, loading: Promise<PersonalData | undefined>): Promise<PersonalData> {
  const data = await loading;
  if (data === undefined) ctx.throw(404, 'the person was deleted meanwhile');
  return data;
}

/** Writes instants as ISO 8601. */
function toIsoTime(name: string, value: unknown): unknown {
  return typeof value === 'number' && (name === 'at' || name.endsWith('At')) ? new Date(value).toISOString() : value;
}
