import type { Entry } from '../protocol.ts';
import type { DirectoryEntry, EntryAttribute } from './entries.ts';

interface Selection {
  /** As requested: names in any case, `*`, `+` or `1.1`. */
  attributes: readonly string[];
  typesOnly: boolean;
}

/** Returns how to select the requested attributes of an entry (RFC 4511, section 4.5.1.8; RFC 3673). */
export function createSelection({ attributes: requested, typesOnly }: Selection): (entry: DirectoryEntry) => Entry {
  const names = new Set(requested.map((one) => one.toLowerCase()));
  const hasAllUser = names.size === 0 || names.has('*');
  const isSelected = ({ name, isOperational }: EntryAttribute): boolean =>
    (isOperational ? names.has('+') : hasAllUser) || names.has(name.toLowerCase());
  return ({ name, attributes }) => {
    const present = attributes.filter((one) => isSelected(one) && one.values.length > 0);
    return { name, attributes: present.map((one) => ({ name: one.name, values: typesOnly ? [] : one.values })) };
  };
}
