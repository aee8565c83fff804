/** The pages of campus payment. Only paying a bill writes. */
import type { Router, RouterContext } from '@koa/router';
import { showEmptyState } from '../shared/empty-state.ts';
import { childOf, type Wording } from '../shared/identity.ts';
import {
  askAgain,
  seeOther,
  signedIn,
  type AppDeps,
  type Renewal,
  type AuthenticatedRequest,
} from '../shared/request-context.ts';
import type { Context } from '../shared/sessions.ts';
import { accessOf, isRecent, type Access } from './access.ts';
import { createLedger, type Bill, type Ledger } from './bills.ts';
import { addFamilyRoutes, familyParts, sumOf } from './family.ts';
import { isOurForm, newTransaction, recentSignIn, refuse } from './forms.ts';

type Bills = Extract<Access, { kind: 'bills' }>;
type BillHandler = (request: AuthenticatedRequest, access: Bills) => Promise<void>;

/** Runs the handler only for people who may see this child's bills. */
function withBills(deps: AppDeps, handler: BillHandler, renewal?: (ctx: RouterContext) => Renewal) {
  const handle = async (request: AuthenticatedRequest): Promise<void> => {
    const access = accessOf(request.context);
    if (access.kind === 'bills') await handler(request, access);
    else await showEmptyState(deps, request, access.kind);
  };
  return signedIn(deps, handle, renewal);
}

function isOpen({ payment }: Bill): boolean {
  return payment === undefined;
}

/** Returns what the whole family owes. `undefined` for a person with bills of one child only. */
function familyDue(wording: Wording, ledger: Ledger, context: Context): number | undefined {
  const parts = familyParts(wording, ledger, context);
  return parts.length > 1 ? parts.reduce((sum, { due }) => sum + due, 0) : undefined;
}

function list(deps: AppDeps, ledger: Ledger): BillHandler {
  return async ({ ctx, context }, { child, mayPay }) => {
    const wording = deps.pages.wording(ctx, context);
    const bills = ledger.billsOf(child);
    const locals = {
      title: wording.t('billsTitle'),
      bills,
      open: sumOf(bills.filter(isOpen)),
      familyDue: familyDue(wording, ledger, context),
      mayPay,
    };
    await deps.pages.show(ctx, 'bills', locals, context);
  };
}

/** Returns the unpaid bill that the page of a paid bill leads to: of this child, else a page with those of the others. */
function nextStep(wording: Wording, ledger: Ledger, context: Context, child: string) {
  const [bill] = ledger.billsOf(child).filter(isOpen);
  const base = `/c/${context.ctx}`;
  if (bill !== undefined) return { href: `${base}/bills/${bill.id}`, bill };
  return (familyDue(wording, ledger, context) ?? 0) > 0 ? { href: `${base}/family`, bill: undefined } : undefined;
}

function showBill(deps: AppDeps, ledger: Ledger): BillHandler {
  return async ({ ctx, context, session }, { child, mayPay }) => {
    const bill = ledger.billOf(child, ctx.params['id'] ?? '');
    if (bill === undefined) {
      ctx.throw(404);
      return;
    }
    const wording = deps.pages.wording(ctx, context);
    const locals = {
      title: wording.t(`bill.${bill.kind}`),
      bill,
      mayPay,
      school: childOf(context)?.school_name ?? '',
      next: mayPay ? nextStep(wording, ledger, context, child) : undefined,
      csrf: session.csrf,
      action: ctx.path,
      confirm: ctx.query['confirm'] === '1' && isRecent(context, deps.now()),
    };
    await deps.pages.show(ctx, bill.payment === undefined ? 'bill' : 'receipt', locals, context);
  };
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
      ledger.pay(child, id, newTransaction(deps, request));
      seeOther(ctx, `${ctx.path}#receipt`);
    }
  };
}

export function addPaymentRoutes(router: Router, deps: AppDeps): void {
  const ledger = createLedger(deps.now);
  router.get('/c/:ctx', withBills(deps, list(deps, ledger)));
  router.get('/c/:ctx/bills/:id', withBills(deps, showBill(deps, ledger)));
  router.post('/c/:ctx/bills/:id', withBills(deps, pay(deps, ledger), recentSignIn));
  addFamilyRoutes(router, deps, ledger);
}
