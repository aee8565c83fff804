import type { Store } from '../../src/store/database/index.ts';
import type { Execute, Transaction } from '../../src/store/database/transaction.ts';

/** Runs `work` and returns the plan of its last statement. */
export function explainLastStatement(store: Store, work: (tx: Transaction) => Promise<unknown>): Promise<string> {
  return store.write(async (tx) => {
    const statements: [text: string, values: unknown[]][] = [];
    const execute: Execute = (text, values, name) => {
      statements.push([text, [...values]]);
      return tx.execute(text, values, name);
    };
    const watched: Transaction = { ...tx, db: tx.engine.queries(execute), execute };
    // With few rows PostgreSQL prefers a sequential scan.
    if (tx.dialect === 'postgres') await tx.execute('set local enable_seqscan = off', []);
    await work(watched);
    const [text, values] = statements.at(-1) ?? ['', []];
    const rows = await tx.execute(`${tx.dialect === 'postgres' ? 'explain' : 'explain query plan'} ${text}`, values);
    return rows.map((row) => row.join(' ')).join('\n');
  });
}
