import { ATTRIBUTES, findAttribute, type Rule } from './schema.ts';

/** The arc of the attributes and classes of Kinpass: a UUID as an OID (ITU-T X.667). */
const ARC = '2.25.120506206903450784431623026471863243548';

/** OIDs of standard attributes (RFC 4512, 4519, 4524, 4530, 2798, 2307; eduPerson). Others get a number below the arc. */
const OIDS: Readonly<Record<string, string>> = {
  objectClass: '2.5.4.0',
  dc: '0.9.2342.19200300.100.1.25',
  ou: '2.5.4.11',
  uniqueIdentifier: '0.9.2342.19200300.100.1.44',
  uid: '0.9.2342.19200300.100.1.1',
  entryUUID: '1.3.6.1.1.16.4',
  uidNumber: '1.3.6.1.1.1.1.0',
  gidNumber: '1.3.6.1.1.1.1.1',
  homeDirectory: '1.3.6.1.1.1.1.3',
  createTimestamp: '2.5.18.1',
  modifyTimestamp: '2.5.18.2',
  cn: '2.5.4.3',
  displayName: '2.16.840.1.113730.3.1.241',
  sn: '2.5.4.4',
  givenName: '2.5.4.42',
  preferredLanguage: '2.16.840.1.113730.3.1.39',
  mail: '0.9.2342.19200300.100.1.3',
  mobile: '0.9.2342.19200300.100.1.41',
  o: '2.5.4.10',
  eduPersonAffiliation: '1.3.6.1.4.1.5923.1.1.1.1',
  eduPersonScopedAffiliation: '1.3.6.1.4.1.5923.1.1.1.9',
  member: '2.5.4.31',
  memberOf: '1.2.840.113556.1.2.102',
};

const SYNTAX: Readonly<Record<Rule, string>> = {
  ignoreCase: 'EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15',
  identifier: 'EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15',
  login: 'EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15',
  telephone: 'EQUALITY telephoneNumberMatch SUBSTR telephoneNumberSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.50',
  time: 'EQUALITY generalizedTimeMatch ORDERING generalizedTimeOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24',
  integer: 'EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27',
  name: 'EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12',
};

const SYNTAXES = '1.3.6.1.4.1.1466.115.121.1';
/** Attributes of the root DSE, of the subschema, and of every entry (RFC 4512, sections 3.4, 4.2 and 5.1; RFC 3045). */
const OPERATIONAL: readonly { name: string; oid: string; syntax: number; usage: string }[] = [
  { name: 'objectClasses', oid: '2.5.21.6', syntax: 37, usage: 'directoryOperation' },
  { name: 'attributeTypes', oid: '2.5.21.5', syntax: 3, usage: 'directoryOperation' },
  { name: 'ldapSyntaxes', oid: '1.3.6.1.4.1.1466.101.120.16', syntax: 54, usage: 'directoryOperation' },
  { name: 'matchingRules', oid: '2.5.21.4', syntax: 30, usage: 'directoryOperation' },
  { name: 'matchingRuleUse', oid: '2.5.21.8', syntax: 31, usage: 'directoryOperation' },
  { name: 'dITContentRules', oid: '2.5.21.2', syntax: 16, usage: 'directoryOperation' },
  { name: 'dITStructureRules', oid: '2.5.21.1', syntax: 17, usage: 'directoryOperation' },
  { name: 'nameForms', oid: '2.5.21.7', syntax: 35, usage: 'directoryOperation' },
  { name: 'subschemaSubentry', oid: '2.5.18.10', syntax: 12, usage: 'directoryOperation' },
  { name: 'createTimestamp', oid: '2.5.18.1', syntax: 24, usage: 'directoryOperation' },
  { name: 'namingContexts', oid: '1.3.6.1.4.1.1466.101.120.5', syntax: 12, usage: 'dSAOperation' },
  { name: 'altServer', oid: '1.3.6.1.4.1.1466.101.120.6', syntax: 26, usage: 'dSAOperation' },
  { name: 'supportedExtension', oid: '1.3.6.1.4.1.1466.101.120.7', syntax: 38, usage: 'dSAOperation' },
  { name: 'supportedControl', oid: '1.3.6.1.4.1.1466.101.120.13', syntax: 38, usage: 'dSAOperation' },
  { name: 'supportedSASLMechanisms', oid: '1.3.6.1.4.1.1466.101.120.14', syntax: 15, usage: 'dSAOperation' },
  { name: 'supportedLDAPVersion', oid: '1.3.6.1.4.1.1466.101.120.15', syntax: 27, usage: 'dSAOperation' },
  { name: 'supportedFeatures', oid: '1.3.6.1.4.1.4203.1.3.5', syntax: 38, usage: 'dSAOperation' },
  { name: 'vendorName', oid: '1.3.6.1.1.4', syntax: 15, usage: 'dSAOperation' },
];

/**
 * Describes the attributes (RFC 4512, section 4.1.2). It includes those of the root DSE and of the subschema: ldap3 of Python refuses to
 * request an attribute that the schema does not describe.
 */
export function attributeTypes(): string[] {
  const operational = OPERATIONAL.filter(({ name }) => findAttribute(name) === undefined).map(
    ({ name, oid, syntax, usage }) => `( ${oid} NAME '${name}' SYNTAX ${SYNTAXES}.${syntax} USAGE ${usage} )`,
  );
  return [...describeAttributes(), ...operational];
}

function describeAttributes(): string[] {
  return ATTRIBUTES.map(({ name, rule, isOperational }, at) => {
    const oid = Object.hasOwn(OIDS, name) ? OIDS[name] : undefined;
    const usage = isOperational === true ? ' NO-USER-MODIFICATION USAGE directoryOperation' : '';
    return `( ${oid ?? `${ARC}.1.${at + 1}`} NAME '${name}' ${SYNTAX[rule]}${usage} )`;
  });
}

/** Describes the object classes (RFC 4512, section 4.1.1). */
export function objectClasses(): string[] {
  const own = ATTRIBUTES.filter(({ name }) => name.startsWith('kinpass')).map(({ name }) => name);
  // People without `posixAccount` have these, too.
  const ofPeople = ['memberOf', 'uidNumber', 'gidNumber', 'homeDirectory', ...own];
  return [
    "( 2.5.6.0 NAME 'top' ABSTRACT MUST objectClass )",
    "( 1.3.6.1.4.1.1466.344 NAME 'dcObject' SUP top AUXILIARY MUST dc )",
    "( 2.5.6.4 NAME 'organization' SUP top STRUCTURAL MUST o )",
    "( 2.5.6.5 NAME 'organizationalUnit' SUP top STRUCTURAL MUST ou )",
    "( 2.5.6.6 NAME 'person' SUP top STRUCTURAL MUST ( sn $ cn ) )",
    "( 2.5.6.7 NAME 'organizationalPerson' SUP person STRUCTURAL )",
    "( 2.16.840.1.113730.3.2.2 NAME 'inetOrgPerson' SUP organizationalPerson STRUCTURAL MAY ( displayName $ givenName $ mail $ mobile $ o $ preferredLanguage $ uid ) )",
    "( 1.3.6.1.4.1.5923.1.1.2 NAME 'eduPerson' SUP top AUXILIARY MAY ( eduPersonAffiliation $ eduPersonScopedAffiliation ) )",
    "( 2.5.6.9 NAME 'groupOfNames' SUP top STRUCTURAL MUST cn MAY member )",
    "( 1.3.6.1.1.1.2.0 NAME 'posixAccount' SUP top AUXILIARY MUST ( cn $ uid $ uidNumber $ gidNumber $ homeDirectory ) )",
    "( 1.3.6.1.1.1.2.2 NAME 'posixGroup' SUP top STRUCTURAL MUST ( cn $ gidNumber ) )",
    `( ${ARC}.2.2 NAME 'kinpassSchool' SUP top AUXILIARY MUST kinpassSchoolCode MAY o )`,
    `( ${ARC}.2.3 NAME 'kinpassGroup' SUP top AUXILIARY )`,
    `( ${ARC}.2.1 NAME 'kinpassPerson' SUP top AUXILIARY MUST uniqueIdentifier MAY ( ${ofPeople.join(' $ ')} ) )`,
  ];
}
