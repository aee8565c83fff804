/**
 * Returns the letters of a typed user code in the form in which it is stored (RFC 8628, section 6.1). Input methods of phones and computers
 * insert full-width letters, other spaces and other dashes.
 */
export function normalizeUserCode(typed: string): string {
  return typed
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[^A-Z]/g, '');
}

/** Formats a normalized user code as the device shows it. */
export function formatUserCode(code: string): string {
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}
