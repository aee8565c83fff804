/**
 * CSV for spreadsheets: the byte order mark makes them read UTF-8, and a value that they would calculate gets an apostrophe (OWASP, CSV
 * Injection).
 */
export const CSV_OPTIONS = { bom: true, quoted_string: true, escape_formulas: true } as const;
