import type { z } from 'zod';
import type { SealPurpose, Secrets } from '../platform/crypto/secrets.ts';

/** The purpose and the owner of a sealed value. It cannot be opened for another. */
interface SealContext {
  purpose: SealPurpose;
  row: string;
}

/** Seals a value that the browser stores. */
export function sealValue(secrets: Pick<Secrets, 'seal'>, { purpose, row }: SealContext, value: unknown): string {
  return secrets.seal(purpose, row, JSON.stringify(value));
}

/** @returns undefined if the value is missing, was changed, or was sealed for another context */
export function openValue<T>(
  secrets: Pick<Secrets, 'open'>,
  { purpose, row }: SealContext,
  schema: z.ZodType<T>,
  sealed: unknown,
): T | undefined {
  if (typeof sealed !== 'string' || sealed === '') return undefined;
  try {
    return schema.parse(JSON.parse(secrets.open(purpose, row, sealed)));
  } catch {
    return undefined;
  }
}
