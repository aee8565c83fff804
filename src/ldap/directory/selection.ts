import type { Entry } from '../protocol.ts';
import type { AttributeName, DirectoryEntry } from './entries.ts';

interface Selection {
  /** As requested: names in any case, `*`, `+` or `1.1`. */
  attributes: readonly string[];
  typesOnly: boolean;
}

/** Returns how to select the requested attributes of an entry (RFC 4511, section 4.5.1.8; RFC 3673). */
export function createSelection({ attributes: requested, typesOnly }: Selection): (entry: DirectoryEntry) => Entry {
  const names = new Set(requested.map((one) => one.toLowerCase()));
  const hasAllUser = names.size === 0 || names.has('*');
  const isSelected = ({ name, isOperational }: AttributeName): boolean =>
    (isOperational ? names.has('+') : hasAllUser) || names.has(name.toLowerCase());
  let known: readonly AttributeName[] | undefined;
  let selected: readonly AttributeName[] = [];
  return ({ name: entryName, attributes, valuesOf }) => {
    if (attributes !== known) {
      known = attributes;
      selected = attributes.filter(isSelected);
    }
    const present: { name: string; values: readonly string[] }[] = [];
    for (const { name } of selected) {
      const values = valuesOf(name);
      if (values.length > 0) present.push({ name, values: typesOnly ? [] : values });
    }
    return { name: entryName, attributes: present };
  };
}
