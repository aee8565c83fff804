/** Result codes (RFC 4511, appendix A; RFC 3909, section 3). */
export const RESULT = {
  success: 0,
  operationsError: 1,
  protocolError: 2,
  timeLimitExceeded: 3,
  sizeLimitExceeded: 4,
  compareFalse: 5,
  compareTrue: 6,
  authMethodNotSupported: 7,
  adminLimitExceeded: 11,
  unavailableCriticalExtension: 12,
  confidentialityRequired: 13,
  noSuchAttribute: 16,
  constraintViolation: 19,
  noSuchObject: 32,
  invalidDnSyntax: 34,
  invalidCredentials: 49,
  insufficientAccessRights: 50,
  busy: 51,
  unavailable: 52,
  unwillingToPerform: 53,
  other: 80,
  canceled: 118,
  noSuchOperation: 119,
  tooLate: 120,
  cannotCancel: 121,
} as const;
export type ResultName = keyof typeof RESULT;

export const OID = {
  startTls: '1.3.6.1.4.1.1466.20037',
  whoAmI: '1.3.6.1.4.1.4203.1.11.3',
  passwordModify: '1.3.6.1.4.1.4203.1.11.1',
  cancel: '1.3.6.1.1.8',
  noticeOfDisconnection: '1.3.6.1.4.1.1466.20036',
  pagedResults: '1.2.840.113556.1.4.319',
  passwordPolicy: '1.3.6.1.4.1.42.2.27.8.5.1',
  /** All operational attributes by `+` (RFC 3673). */
  allOperationalAttributes: '1.3.6.1.4.1.4203.1.5.1',
} as const;

export interface Control {
  oid: string;
  isCritical: boolean;
  value: Buffer | undefined;
}

/**
 * Longest value that the service compares, in characters. The longest that it has, the name of an entry, is shorter. Unicode normalization of
 * 1 MiB of combining marks takes minutes.
 */
export const MAX_VALUE_LENGTH = 2_000;

/** A search filter (RFC 4511, section 4.5.1.7). Attribute names are in lower case. */
export type Filter =
  | { kind: 'and' | 'or'; filters: readonly Filter[] }
  | { kind: 'not'; filter: Filter }
  | { kind: 'equality' | 'greaterOrEqual' | 'lessOrEqual'; attribute: string; value: string }
  | { kind: 'present'; attribute: string }
  | {
      kind: 'substrings';
      attribute: string;
      initial: string | undefined;
      any: readonly string[];
      final: string | undefined;
    }
  /** A matching rule that the service does not have, so the result is Undefined. */
  | { kind: 'unknown' };

export interface BindRequest {
  kind: 'bind';
  version: number;
  name: string;
  /** `undefined`: SASL. */
  password: string | undefined;
}
export interface SearchRequest {
  kind: 'search';
  base: string;
  scope: 'base' | 'one' | 'sub';
  /** 0: no limit by the client. */
  sizeLimit: number;
  timeLimitSeconds: number;
  typesOnly: boolean;
  filter: Filter;
  attributes: readonly string[];
}
export interface CompareRequest {
  kind: 'compare';
  name: string;
  attribute: string;
  value: string;
}
export interface ExtendedRequest {
  kind: 'extended';
  oid: string;
  value: Buffer | undefined;
}
export type Request =
  | BindRequest
  | SearchRequest
  | CompareRequest
  | ExtendedRequest
  | { kind: 'unbind' }
  | { kind: 'abandon'; target: number }
  /** An operation that writes. The directory is read-only. */
  | { kind: 'modify' | 'add' | 'delete' | 'modify_dn' };

export interface Message {
  id: number;
  request: Request;
  controls: readonly Control[];
}

/** The result of an operation. */
export interface Result {
  result: ResultName;
  /** Diagnostic text, in English. */
  text?: string;
  /** The reason for the log, where the client must not learn it. Default: `text`. */
  reason?: string;
  /** The nearest entry that exists, for `noSuchObject`. */
  matched?: string;
  controls?: readonly Control[];
  /** Extended operations: the value of the response. */
  value?: Buffer;
}

/** An entry to return. */
export interface Entry {
  name: string;
  attributes: readonly { name: string; values: readonly string[] }[];
}
