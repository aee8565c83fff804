/** The bills of all children of a parent, paid together after one recent sign-in. */
import type { Router } from '@koa/router';
import { z } from 'zod';
import { avatarOf, place, type Avatar, type Wording } from '../shared/identity.ts';
import { askAgain, seeOther, signedIn, type AppDeps, type AuthenticatedRequest } from '../shared/request-context.ts';
import type { Context } from '../shared/sessions.ts';
import { familyOf, isRecent, type FamilyMember } from './access.ts';
import type { Bill, Ledger } from './bills.ts';
import { isOurForm, newTransaction, recentSignIn, refuse } from './forms.ts';

/** A bill on a page of the family, with the address of its own page. */
interface FamilyBill extends Bill {
  href: string;
  /** For the form: child and bill. */
  value: string;
}

/** The bills of one child. */
export interface FamilyPart {
  name: string;
  detail: string;
  avatar: Avatar;
  href: string;
  mayPay: boolean;
  bills: FamilyBill[];
  /** The sum of the unpaid bills. */
  due: number;
}

const MAX_BILLS = 100;
const oneOrMore = z
  .union([z.string(), z.array(z.string()).max(MAX_BILLS)])
  .transform((value) => (typeof value === 'string' ? [value] : value));
const familyForm = z.object({ bill: oneOrMore });

/** Returns a link to a page of a child. A page of another child needs that child's context. */
function linkTo({ acting, ctx }: Context, child: string, path: string): string {
  if (acting?.child === child) return `/c/${ctx}/${path}`;
  return `/switch?${new URLSearchParams({ child, ...(path === '' ? {} : { open: path }) }).toString()}`;
}

function partOf(wording: Wording, ledger: Ledger, context: Context, { child, mayPay }: FamilyMember): FamilyPart {
  const bills = ledger.billsOf(child.sub).map((bill) => ({
    ...bill,
    href: linkTo(context, child.sub, `bills/${bill.id}`),
    value: `${bill.id}/${child.sub}`,
  }));
  return {
    name: child.name ?? wording.t('childUnnamed'),
    detail: place(wording, child),
    avatar: avatarOf(context, child),
    href: linkTo(context, child.sub, ''),
    mayPay,
    bills,
    due: sumOf(bills.filter(({ payment }) => payment === undefined)),
  };
}

export function sumOf(bills: readonly Bill[]): number {
  return bills.reduce((sum, { amount }) => sum + amount, 0);
}

/** Returns the parts of the family page, one for each child whose bills the person may read. */
export function familyParts(wording: Wording, ledger: Ledger, context: Context): FamilyPart[] {
  return familyOf(context).map((member) => partOf(wording, ledger, context, member));
}

function payable(parts: readonly FamilyPart[]): FamilyBill[] {
  return parts.flatMap(({ mayPay, bills }) => (mayPay ? bills.filter(({ payment }) => payment === undefined) : []));
}

function show(deps: AppDeps, ledger: Ledger) {
  return async ({ ctx, context, session }: AuthenticatedRequest): Promise<void> => {
    const wording = deps.pages.wording(ctx, context);
    const parts = familyParts(wording, ledger, context);
    if (parts.length === 0) {
      seeOther(ctx, `/c/${context.ctx}/`);
      return;
    }
    const open = payable(parts);
    const locals = {
      title: wording.t('familyTitle'),
      scope: wording.t('allChildren', { count: parts.length }),
      parts,
      due: parts.reduce((sum, part) => sum + part.due, 0),
      open,
      total: sumOf(open),
      csrf: session.csrf,
      action: `/c/${context.ctx}/family`,
      confirm: ctx.query['confirm'] === '1' && isRecent(context, deps.now()),
    };
    await deps.pages.show(ctx, 'family', locals, context);
  };
}

/** Pays the bills that the page listed. Each must belong to a child for whom the person may pay now. */
function pay(deps: AppDeps, ledger: Ledger) {
  return async (request: AuthenticatedRequest): Promise<void> => {
    const { ctx, context } = request;
    const form = familyForm.safeParse(ctx.request.body);
    if (!form.success || !isOurForm(request, deps.config.baseUrl)) {
      await refuse(deps, request, 'stale');
      return;
    }
    const members = familyOf(context).filter(({ mayPay }) => mayPay);
    const bills = members.flatMap(({ child }) => ledger.billsOf(child.sub).map(({ id }) => ({ child: child.sub, id })));
    const chosen = bills.filter(({ child, id }) => form.data.bill.includes(`${id}/${child}`));
    if (chosen.length < new Set(form.data.bill).size) await refuse(deps, request, 'mayNotPay');
    else if (!isRecent(context, deps.now())) await askAgain(deps, request, recentSignIn(ctx));
    else {
      const transaction = newTransaction(deps, request);
      const paid = chosen.map(({ child, id }) => ledger.pay(child, id, transaction)?.payment);
      // A second submission, or the other guardian, may have paid some bills before.
      const shown = paid.find((payment) => payment?.id === transaction.id) ?? paid[0];
      seeOther(ctx, `/c/${context.ctx}/family/payments/${shown?.id ?? ''}#receipt`);
    }
  };
}

function showPayment(deps: AppDeps, ledger: Ledger) {
  return async ({ ctx, context }: AuthenticatedRequest): Promise<void> => {
    const wording = deps.pages.wording(ctx, context);
    const parts = familyParts(wording, ledger, context);
    const paid = parts
      .map((part) => ({ ...part, bills: part.bills.filter(({ payment }) => payment?.id === ctx.params['id']) }))
      .filter(({ bills }) => bills.length > 0);
    const bills = paid.flatMap((part) => part.bills);
    const payment = bills[0]?.payment;
    if (payment === undefined) {
      ctx.throw(404);
      return;
    }
    const due = parts.reduce((sum, part) => sum + part.due, 0);
    const locals = {
      title: wording.t('paidTitle'),
      scope: wording.t('allChildren', { count: parts.length }),
      parts: paid,
      payment,
      count: bills.length,
      total: sumOf(bills),
      due,
      familyUrl: `/c/${context.ctx}/family`,
    };
    await deps.pages.show(ctx, 'family-payment', locals, context);
  };
}

export function addFamilyRoutes(router: Router, deps: AppDeps, ledger: Ledger): void {
  router.get('/c/:ctx/family', signedIn(deps, show(deps, ledger)));
  router.post('/c/:ctx/family', signedIn(deps, pay(deps, ledger), recentSignIn));
  router.get('/c/:ctx/family/payments/:id', signedIn(deps, showPayment(deps, ledger)));
}
