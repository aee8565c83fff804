import type { Random } from '../random.ts';
import { formatCode, normalizeRecoveryCode } from './recovery-codes.ts';

/** 144 random bits, of which the 28 characters hold 140. A plain hash protects them in the database. */
const PASSWORD_BYTES = 18;
const PASSWORD_CHARACTERS = 28;

/** Creates a password as the person sees it, in small letters, which are easier to type on a phone: `xxxx-xxxx-xxxx-xxxx-xxxx-xxxx-xxxx`. */
export function createApplicationPassword(random: Pick<Random, 'bytes'>): string {
  return formatCode(random.bytes(PASSWORD_BYTES)).toLowerCase();
}

/** Normalizes a typed application password. @returns undefined for a text of another length */
export function normalizeApplicationPassword(typed: string): string | undefined {
  const normalized = normalizeRecoveryCode(typed);
  return normalized.length === PASSWORD_CHARACTERS ? normalized : undefined;
}
