import type { z } from 'zod';
import type { Secrets } from '../../platform/crypto/secrets.ts';

/** Where a sealed text lies: it opens nowhere else. */
type SealContext = 'form' | 'notices';

/** Seals a value that the browser keeps for us. */
export function sealValue(secrets: Secrets, place: SealContext, value: unknown): string {
  return secrets.seal('sign-out', place, JSON.stringify(value));
}

/** @returns undefined when the text is missing, was changed, or was sealed elsewhere */
export function openValue<T>(
  secrets: Secrets,
  place: SealContext,
  schema: z.ZodType<T>,
  sealed: unknown,
): T | undefined {
  if (typeof sealed !== 'string' || sealed === '') return undefined;
  try {
    return schema.parse(JSON.parse(secrets.open('sign-out', place, sealed)));
  } catch {
    return undefined;
  }
}
