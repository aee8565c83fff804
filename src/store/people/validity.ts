import type { Validity } from '../../domain/model.ts';

/** Returns the validity of a row; null in the database means an open end. */
export function toValidity(row: { validFrom: string | null; validTo: string | null }): Validity {
  return { validFrom: row.validFrom ?? undefined, validTo: row.validTo ?? undefined };
}
