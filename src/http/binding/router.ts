import Router from '@koa/router';
import type { Context } from 'koa';
import type { HttpDeps } from '../deps.ts';
import { parseForms } from '../forms/body.ts';
import { showApplicant, submitApplicant } from './applicant.ts';
import { showApplicants, submitApplicants } from './applicants.ts';
import { removeEvidence, showEvidence, submitEvidence } from './evidence.ts';
import { requireSchoolAccount, type SignedInFamily } from './guard.ts';
import { showNotice, submitNotice } from './notice.ts';
import { restart, showStatus, showWithdrawal, withdraw } from './status.ts';
import { showStudent, submitStudent } from './student.ts';
import { showSummary, submitSummary } from './summary.ts';

type Page = (deps: HttpDeps, ctx: Context, family: SignedInFamily) => Promise<void>;

/** The application of a family for the binding of its child. Only school accounts reach it. */
export function createBindingRouter(deps: HttpDeps): Router {
  const router = new Router({ prefix: '/binding' });
  const forms = parseForms();
  const addPage = (path: string, show: Page): void => {
    router.get(
      path,
      requireSchoolAccount(deps, (ctx, family) => show(deps, ctx, family)),
    );
  };
  // Each form stores data, also a rejected one.
  const addForm = (path: string, submit: Page): void => {
    router.post(
      path,
      forms,
      requireSchoolAccount(deps, (ctx, family) => {
        deps.rateLimiter.admitPerson('account', { personId: family.accountId, sessionHash: family.sessionHash });
        return submit(deps, ctx, family);
      }),
    );
  };
  addPage('/', showStatus);
  addForm('/restart', restart);
  addPage('/withdraw', showWithdrawal);
  addForm('/withdraw', withdraw);
  addPage('/student', showStudent);
  addForm('/student', submitStudent);
  addPage('/notice', showNotice);
  addForm('/notice', submitNotice);
  addPage('/applicants', showApplicants);
  addForm('/applicants', submitApplicants);
  for (const position of [1, 2] as const) {
    addPage(`/applicant/${String(position)}`, (_deps, ctx, family) => showApplicant(deps, ctx, family, position));
    addForm(`/applicant/${String(position)}`, (_deps, ctx, family) => submitApplicant(deps, ctx, family, position));
  }
  addPage('/evidence', showEvidence);
  // The files are parsed after the sign-in is checked.
  router.post(
    '/evidence',
    requireSchoolAccount(deps, (ctx, family) => submitEvidence(deps, ctx, family)),
  );
  addForm('/evidence/remove', removeEvidence);
  addPage('/summary', showSummary);
  addForm('/summary', submitSummary);
  return router;
}
