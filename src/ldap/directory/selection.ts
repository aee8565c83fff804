import type { Entry } from '../protocol.ts';
import type { DirectoryEntry } from './entries.ts';

interface Selection {
  /** As requested: names in any case, `*`, `+` or `1.1`. */
  attributes: readonly string[];
  typesOnly: boolean;
}

/** Returns the requested attributes of an entry (RFC 4511, section 4.5.1.8; RFC 3673). */
export function selectAttributes(
  { name, attributes }: DirectoryEntry,
  { attributes: requested, typesOnly }: Selection,
): Entry {
  const names = new Set(requested.map((one) => one.toLowerCase()));
  const hasAllUser = names.size === 0 || names.has('*');
  const selected = attributes.filter(
    (one) => names.has(one.name.toLowerCase()) || (one.isOperational ? names.has('+') : hasAllUser),
  );
  return { name, attributes: selected.map((one) => ({ name: one.name, values: typesOnly ? [] : one.values })) };
}
