import { codePoints } from './text.ts';

const DOTS = '•••';

/**
 * Masks a login: its owner recognizes it, and the visible part does not suffice to sign in. Keeps the first character and the domain of an
 * email address, or the first and the last character of another login.
 */
export function maskLogin(value: string): string {
  const at = value.lastIndexOf('@');
  return `${value.slice(0, 1)}${DOTS}${value.slice(at > 0 ? at : -1)}`;
}

/** Masks a name for the audit log, which outlives the person: the first character, and the last one of a longer name. */
export function maskName(name: string): string {
  const letters = codePoints(name);
  return `${letters[0] ?? ''}${DOTS}${letters.length > 2 ? (letters.at(-1) ?? '') : ''}`;
}

/** Masks a national ID as staff see it: `Y1•••••108`. */
export function maskNationalId(id: string): string {
  return `${id.slice(0, 2)}•••••${id.slice(-3)}`;
}
