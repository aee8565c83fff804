/** The pages of campus payment. Only paying a bill writes. */
import { timingSafeEqual } from 'node:crypto';
import type { Router, RouterContext } from '@koa/router';
import { z } from 'zod';
import { showEmptyState } from '../shared/empty-state.ts';
import {
  askAgain,
  seeOther,
  signedIn,
  type AppDeps,
  type Renewal,
  type AuthenticatedRequest,
} from '../shared/request-context.ts';
import { accessOf, isRecent, MAX_AUTH_AGE_SECONDS, type Access } from './access.ts';
import { createLedger, type Ledger } from './bills.ts';

type Bills = Extract<Access, { kind: 'bills' }>;
type BillHandler = (request: AuthenticatedRequest, access: Bills) => Promise<void>;

const payForm = z.object({ csrf: z.string().max(200) });

/** Runs the handler only for people who may see this child's bills. */
function withBills(deps: AppDeps, handler: BillHandler, renewal?: (ctx: RouterContext) => Renewal) {
  const handle = async (request: AuthenticatedRequest): Promise<void> => {
    const access = accessOf(request.context);
    if (access.kind === 'bills') await handler(request, access);
    else await showEmptyState(deps, request, access.kind);
  };
  return signedIn(deps, handle, renewal);
}

/** Requests a recent sign-in, and returns to the bill with a request to submit again. */
function recentSignIn(ctx: RouterContext): Renewal {
  return { maxAge: MAX_AUTH_AGE_SECONDS, returnTo: `${ctx.path}?confirm=1` };
}

function list(deps: AppDeps, ledger: Ledger): BillHandler {
  return async ({ ctx, context }, { child, mayPay }) => {
    const t = deps.pages.translate(ctx, context);
    const bills = ledger.billsOf(child);
    const open = bills.filter(({ payment }) => payment === undefined).reduce((sum, { amount }) => sum + amount, 0);
    await deps.pages.show(ctx, 'bills', { title: t('billsTitle'), bills, open, mayPay }, context);
  };
}

function showBill(deps: AppDeps, ledger: Ledger): BillHandler {
  return async ({ ctx, context, session }, { child, mayPay }) => {
    const bill = ledger.billOf(child, ctx.params['id'] ?? '');
    if (bill === undefined) {
      ctx.throw(404);
      return;
    }
    const t = deps.pages.translate(ctx, context);
    const confirm = ctx.query['confirm'] === '1' && isRecent(context, deps.now());
    const locals = { title: t(`bill.${bill.kind}`), bill, mayPay, csrf: session.csrf, action: ctx.path, confirm };
    await deps.pages.show(ctx, 'bill', locals, context);
  };
}

/** Returns true if the form contains the secret of the session and no other origin sent it. */
function isOurForm({ ctx, session }: AuthenticatedRequest, baseUrl: string): boolean {
  const form = payForm.safeParse(ctx.request.body);
  const origin = ctx.get('Origin');
  if (!form.success || (origin !== '' && origin !== baseUrl)) return false;
  const given = Buffer.from(form.data.csrf);
  const known = Buffer.from(session.csrf);
  return given.length === known.length && timingSafeEqual(given, known);
}

async function refuse(
  deps: AppDeps,
  { ctx, context }: AuthenticatedRequest,
  why: 'mayNotPay' | 'stale',
): Promise<void> {
  const t = deps.pages.translate(ctx, context);
  const actions = [{ label: t('back'), href: ctx.path }];
  await deps.pages.message(ctx, { status: 403, title: t('notPaidTitle'), text: t(why), actions }, context);
}

/** Pays a bill once, also when submitted twice. An old sign-in is renewed at the service first. */
function pay(deps: AppDeps, ledger: Ledger): BillHandler {
  return async (request, { child, mayPay }) => {
    const { ctx, context } = request;
    const id = ctx.params['id'] ?? '';
    if (ledger.billOf(child, id) === undefined) ctx.throw(404);
    if (!mayPay) await refuse(deps, request, 'mayNotPay');
    else if (!isOurForm(request, deps.config.baseUrl)) await refuse(deps, request, 'stale');
    else if (!isRecent(context, deps.now())) {
      await askAgain(deps, request, recentSignIn(ctx));
    } else {
      ledger.pay(child, id);
      seeOther(ctx, ctx.path);
    }
  };
}

export function addPaymentRoutes(router: Router, deps: AppDeps): void {
  const ledger = createLedger(deps.now);
  router.get('/c/:ctx', withBills(deps, list(deps, ledger)));
  router.get('/c/:ctx/bills/:id', withBills(deps, showBill(deps, ledger)));
  router.post('/c/:ctx/bills/:id', withBills(deps, pay(deps, ledger), recentSignIn));
}
