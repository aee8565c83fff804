import { OID } from '../protocol.ts';
import { openEntry, type DirectoryEntry, type EntryAttribute } from './entries.ts';
import { SUBSCHEMA_NAME, type Tree } from './tree.ts';
import { attributeTypes, objectClasses } from './subschema.ts';

function attribute(name: string, values: readonly string[], isOperational = true): EntryAttribute {
  return { name, values, isOperational };
}

/** Returns what the directory supports (RFC 4512, section 5.1). */
export function rootDse(tree: Tree): DirectoryEntry {
  return openEntry('', [
    attribute('objectClass', ['top'], false),
    attribute('namingContexts', [tree.base]),
    attribute('subschemaSubentry', [SUBSCHEMA_NAME]),
    attribute('supportedLDAPVersion', ['3']),
    attribute('supportedExtension', [OID.startTls, OID.whoAmI, OID.passwordModify, OID.cancel]),
    attribute('supportedControl', [OID.pagedResults, OID.passwordPolicy]),
    attribute('supportedFeatures', [OID.allOperationalAttributes]),
    attribute('vendorName', ['Kinpass']),
  ]);
}

/** Returns the attributes and object classes (RFC 4512, section 4.2). */
export function subschema(): DirectoryEntry {
  return openEntry(SUBSCHEMA_NAME, [
    attribute('objectClass', ['top', 'subentry', 'subschema'], false),
    attribute('cn', ['subschema'], false),
    attribute('attributeTypes', attributeTypes()),
    attribute('objectClasses', objectClasses()),
  ]);
}
