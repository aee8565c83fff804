import type { Control, ExtendedRequest, Message, Request } from '../protocol.ts';
import {
  contentOf,
  DecodeError,
  LimitError,
  readBoolean,
  readElement,
  readElements,
  readText,
  readUnsigned,
  TAG,
  type Element,
} from './ber.ts';
import { decodeAssertion, decodeFilter } from './filters.ts';

const REQUEST_TAGS: ReadonlyMap<number, Request['kind']> = new Map([
  [0x60, 'bind'],
  [0x42, 'unbind'],
  [0x63, 'search'],
  [0x66, 'modify'],
  [0x68, 'add'],
  [0x4a, 'delete'],
  [0x6c, 'modify_dn'],
  [0x6e, 'compare'],
  [0x50, 'abandon'],
  [0x77, 'extended'],
]);
const CONTROLS_TAG = 0xa0;
const SIMPLE_TAG = 0x80;
const SASL_TAG = 0xa3;
const EXTENDED_NAME_TAG = 0x80;
const EXTENDED_VALUE_TAG = 0x81;

/** A message that is valid, with a search above a limit. Other requests above a limit are no valid requests. */
export interface LimitedMessage {
  id: number;
  limited: string;
}

/** The parts of a message, not decoded yet. Decoded, a message can take 40 times its bytes, so this waits until the operation begins. */
export interface Envelope {
  id: number;
  kind: Request['kind'];
  operation: Element;
  controls: Element | undefined;
}

/** Splits a message. @throws {DecodeError} when the bytes are no message, or its operation is unknown */
export function openEnvelope(bytes: Buffer): Envelope {
  const [first, operation, controls, ...rest] = readElements(contentOf(readElement(bytes), TAG.sequence));
  if (operation === undefined || rest.length > 0) throw new DecodeError('message has no operation');
  const id = readUnsigned(first);
  // 0 is for messages of the server (RFC 4511, section 4.1.1.1).
  if (id === 0) throw new DecodeError('message has the id 0');
  const kind = REQUEST_TAGS.get(operation.tag);
  if (kind === undefined) throw new DecodeError('unknown operation');
  return { id, kind, operation, controls };
}

/** Decodes a message. @throws {DecodeError} when its parts are no request of LDAP */
export function decodeMessage({ id, kind, operation, controls }: Envelope): Message | LimitedMessage {
  try {
    return {
      id,
      request: decodeRequest(kind, operation.content),
      controls: controls === undefined ? [] : decodeControls(controls),
    };
  } catch (error) {
    if (error instanceof LimitError && kind === 'search') return { id, limited: error.message };
    throw error;
  }
}

function decodeRequest(kind: Request['kind'], content: Buffer): Request {
  switch (kind) {
    case 'bind':
      return decodeBind(content);
    case 'search':
      return decodeSearch(content);
    case 'compare':
      return decodeCompare(content);
    case 'extended':
      return decodeExtended(content);
    case 'abandon':
      return { kind, target: readUnsigned({ tag: TAG.integer, content }) };
    case 'unbind':
    // The content of a write is not read, because every write is refused.
    case 'modify':
    case 'add':
    case 'delete':
    case 'modify_dn':
      return { kind };
  }
}

function decodeCompare(content: Buffer): Request {
  const [name, assertion, ...rest] = readElements(content);
  if (rest.length > 0) throw new DecodeError('compare has more than two parts');
  const { attribute, value } = decodeAssertion(contentOf(assertion, TAG.sequence));
  return { kind: 'compare', name: readText(contentOf(name, TAG.octets)), attribute, value };
}

function decodeExtended(content: Buffer): Request {
  const [name, value, ...rest] = readElements(content);
  if (rest.length > 0) throw new DecodeError('extended operation has more than two parts');
  const oid = readText(contentOf(name, EXTENDED_NAME_TAG));
  return { kind: 'extended', oid, value: value && contentOf(value, EXTENDED_VALUE_TAG) };
}

/** Decodes the request to cancel an operation (RFC 3909, section 2.1). @returns the id of its message. @throws {DecodeError} */
export function decodeCancel({ value }: ExtendedRequest): number {
  if (value === undefined) throw new DecodeError('cancel has no value');
  return readUnsigned(readElement(contentOf(readElement(value), TAG.sequence)));
}

/** A request to change a password (RFC 3062, section 2). */
export interface PasswordModify {
  /** `undefined`: the person who is bound. */
  name: string | undefined;
  current: string | undefined;
  next: string | undefined;
}

const PASSWORD_MODIFY_TAGS = [0x80, 0x81, 0x82] as const;

/** @throws {DecodeError} */
export function decodePasswordModify({ value }: ExtendedRequest): PasswordModify {
  const elements = value === undefined ? [] : readElements(contentOf(readElement(value), TAG.sequence));
  const [name, current, next] = PASSWORD_MODIFY_TAGS.map((tag) => {
    const element = elements[0]?.tag === tag ? elements.shift() : undefined;
    return element && readText(element.content);
  });
  if (elements.length > 0) throw new DecodeError('unknown part of a password change');
  return { name, current, next };
}

function decodeBind(content: Buffer): Request {
  const [version, name, authentication, ...rest] = readElements(content);
  if (authentication === undefined || rest.length > 0) throw new DecodeError('bind has no authentication');
  const { tag } = authentication;
  if (tag !== SIMPLE_TAG && tag !== SASL_TAG) throw new DecodeError('unknown authentication');
  return {
    kind: 'bind',
    version: readUnsigned(version),
    name: readText(contentOf(name, TAG.octets)),
    password: tag === SIMPLE_TAG ? readText(authentication.content) : undefined,
  };
}

const SCOPES = ['base', 'one', 'sub'] as const;

function decodeSearch(content: Buffer): Request {
  const [base, scope, deref, size, time, typesOnly, filter, attributes, ...rest] = readElements(content);
  if (filter === undefined || rest.length > 0) throw new DecodeError('search has no filter');
  const scopeName = SCOPES[readUnsigned(scope, TAG.enumerated)];
  if (scopeName === undefined) throw new DecodeError('unknown scope');
  // There are no aliases.
  readUnsigned(deref, TAG.enumerated);
  return {
    kind: 'search',
    base: readText(contentOf(base, TAG.octets)),
    scope: scopeName,
    sizeLimit: readUnsigned(size),
    timeLimitSeconds: readUnsigned(time),
    typesOnly: readBoolean(typesOnly),
    filter: decodeFilter(filter),
    attributes: readElements(contentOf(attributes, TAG.sequence)).map((one) => readText(contentOf(one, TAG.octets))),
  };
}

/** Most controls of a message. Clients send one or two. */
const MAX_CONTROLS = 20;

function decodeControls(element: Element): Control[] {
  return readElements(contentOf(element, CONTROLS_TAG), MAX_CONTROLS).map((one) => {
    const [oid, ...optional] = readElements(contentOf(one, TAG.sequence));
    const [criticality] = optional[0]?.tag === TAG.boolean ? optional.splice(0, 1) : [];
    const [value, ...rest] = optional;
    if (rest.length > 0) throw new DecodeError('control has more than three parts');
    return {
      oid: readText(contentOf(oid, TAG.octets)),
      isCritical: criticality !== undefined && readBoolean(criticality),
      value: value && contentOf(value, TAG.octets),
    };
  });
}
