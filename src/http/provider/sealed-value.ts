import type { z } from 'zod';
import type { Secrets } from '../../platform/crypto/secrets.ts';

/** The use of a sealed value. It cannot be opened for another use. */
type SealContext = 'form' | 'notices';

/** Seals a value that the browser stores. */
export function sealValue(secrets: Secrets, context: SealContext, value: unknown): string {
  return secrets.seal('sign-out', context, JSON.stringify(value));
}

/** @returns undefined if the value is missing, was changed, or was sealed for another use */
export function openValue<T>(
  secrets: Secrets,
  context: SealContext,
  schema: z.ZodType<T>,
  sealed: unknown,
): T | undefined {
  if (typeof sealed !== 'string' || sealed === '') return undefined;
  try {
    return schema.parse(JSON.parse(secrets.open('sign-out', context, sealed)));
  } catch {
    return undefined;
  }
}
