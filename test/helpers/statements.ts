import type { Store, Transaction } from '../../src/store/database/index.ts';
import type { Execute } from '../../src/store/database/transaction.ts';

export interface RecordedStore {
  store: Store;
  /** Returns the texts of the statements since the last call, in order. */
  takeStatements(): string[];
}

/** Wraps a store to record the statements of its reads and writes. */
export function recordStatements(store: Store): RecordedStore {
  let statements: string[] = [];
  const record = (tx: Transaction): Transaction => {
    const execute: Execute = (text, values, name) => {
      statements.push(text);
      return tx.execute(text, values, name);
    };
    return { ...tx, db: tx.engine.queries(execute), execute };
  };
  return {
    store: {
      ...store,
      read: (work) => store.read((tx) => work(record(tx))),
      write: (work) => store.write((tx) => work(record(tx))),
    },
    takeStatements: () => {
      const taken = statements;
      statements = [];
      return taken;
    },
  };
}
