/** Invented bills and simulated payments, in memory. */
import { createHash } from 'node:crypto';

/** One submission of a form, which may pay several bills. */
export interface Transaction {
  /** Random and safe in a URL. */
  id: string;
  /** The name of the person who paid. All guardians of the child see it. */
  payer: string;
}

export interface Payment extends Transaction {
  /** Milliseconds since 1970. */
  at: number;
  receipt: string;
}

export interface Bill {
  id: string;
  /** What the bill is for. `bill.<kind>` is its text. */
  kind: string;
  term: string;
  /** Payment number: 14 digits. */
  number: string;
  /** New Taiwan dollars, an integer. */
  amount: number;
  /** ISO day. */
  due: string;
  payment: Payment | undefined;
}

export interface Ledger {
  billsOf(child: string): Bill[];
  billOf(child: string, id: string): Bill | undefined;
  /** Pays a bill once. A second call changes nothing. `undefined` if there is no such bill. */
  pay(child: string, id: string, transaction: Transaction): Bill | undefined;
}

/** Kind, minimum amount, number of steps, and size of a step. */
const KINDS = [
  ['tuition', 1_800, 9, 120],
  ['insurance', 175, 1, 0],
  ['lunch', 2_400, 8, 150],
  ['books', 1_150, 12, 65],
  ['trip', 600, 10, 90],
  ['club', 250, 8, 50],
] as const;
const BILLS = 4;

/** Returns a number from 0 to `limit` - 1 that depends only on the name. */
function pick(name: string, limit: number): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) % limit;
}

function invent(child: string): Omit<Bill, 'payment'>[] {
  return KINDS.map(([kind, least, steps, step]) => {
    const name = `${child}/${kind}`;
    return {
      id: kind,
      kind,
      term: '115-1',
      number: `9915${String(pick(`${name}/number`, 4_000_000_000)).padStart(10, '0')}`,
      amount: least + step * pick(`${name}/amount`, steps),
      due: `2026-12-${String(5 + pick(`${name}/due`, 20)).padStart(2, '0')}`,
    };
  })
    .sort((a, b) => pick(`${child}/order/${a.kind}`, 1_000_000) - pick(`${child}/order/${b.kind}`, 1_000_000))
    .slice(0, BILLS)
    .sort((a, b) => a.due.localeCompare(b.due));
}

/**
 * Payments belong to the child, so a bill that one guardian paid is paid for the other one too.
 *
 * @param now the present in milliseconds since 1970
 */
export function createLedger(now: () => number): Ledger {
  const payments = new Map<string, Payment>();
  const key = (child: string, id: string): string => `${id}/${child}`;

  const billsOf = (child: string): Bill[] =>
    invent(child).map((bill) => ({ ...bill, payment: payments.get(key(child, bill.id)) }));
  const billOf = (child: string, id: string): Bill | undefined => billsOf(child).find((bill) => bill.id === id);

  function pay(child: string, id: string, transaction: Transaction): Bill | undefined {
    const bill = billOf(child, id);
    if (bill === undefined || bill.payment !== undefined) return bill;
    const payment = { ...transaction, at: now(), receipt: `R${bill.number.slice(-8)}` };
    payments.set(key(child, id), payment);
    return { ...bill, payment };
  }

  return { billsOf, billOf, pay };
}
