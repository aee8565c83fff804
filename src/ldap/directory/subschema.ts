import { ATTRIBUTES, type Rule } from './schema.ts';

/** The arc of the attributes and classes of Kinpass: a UUID as an OID (ITU-T X.667). */
const ARC = '2.25.120506206903450784431623026471863243548';

/** OIDs of standard attributes (RFC 4512, 4519, 4524, 4530, 2798; eduPerson). Others get a number below the arc. */
const OIDS: Readonly<Record<string, string>> = {
  objectClass: '2.5.4.0',
  dc: '0.9.2342.19200300.100.1.25',
  ou: '2.5.4.11',
  uniqueIdentifier: '0.9.2342.19200300.100.1.44',
  uid: '0.9.2342.19200300.100.1.1',
  entryUUID: '1.3.6.1.1.16.4',
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
  name: 'EQUALITY distinguishedNameMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.12',
};

/** Describes the attributes (RFC 4512, section 4.1.2). */
export function attributeTypes(): string[] {
  return ATTRIBUTES.map(({ name, rule, isOperational }, at) => {
    const oid = Object.hasOwn(OIDS, name) ? OIDS[name] : undefined;
    const usage = isOperational === true ? ' NO-USER-MODIFICATION USAGE directoryOperation' : '';
    return `( ${oid ?? `${ARC}.1.${at + 1}`} NAME '${name}' ${SYNTAX[rule]}${usage} )`;
  });
}

/** Describes the object classes (RFC 4512, section 4.1.1). */
export function objectClasses(): string[] {
  const own = ATTRIBUTES.filter(({ name }) => name.startsWith('kinpass')).map(({ name }) => name);
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
    `( ${ARC}.2.2 NAME 'kinpassSchool' SUP top AUXILIARY MUST kinpassSchoolCode MAY o )`,
    `( ${ARC}.2.3 NAME 'kinpassGroup' SUP top AUXILIARY )`,
    `( ${ARC}.2.1 NAME 'kinpassPerson' SUP top AUXILIARY MUST uniqueIdentifier MAY ( memberOf $ ${own.join(' $ ')} ) )`,
  ];
}
