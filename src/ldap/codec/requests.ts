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

const REQUEST_TAG = {
  bind: 0x60,
  unbind: 0x42,
  search: 0x63,
  compare: 0x6e,
  abandon: 0x50,
  extended: 0x77,
} as const;
const WRITE_TAG = { modify: 0x66, add: 0x68, delete: 0x4a, modify_dn: 0x6c } as const;
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

/** Decodes a message. @throws {DecodeError} when the bytes are no request of LDAP */
export function decodeMessage(bytes: Buffer): Message | LimitedMessage {
  const [id, operation, controls, ...rest] = readElements(contentOf(readElement(bytes), TAG.sequence));
  if (operation === undefined || rest.length > 0) throw new DecodeError('message has no operation');
  const message = { id: readUnsigned(id), controls: controls === undefined ? [] : decodeControls(controls) };
  // 0 is for messages of the server (RFC 4511, section 4.1.1.1).
  if (message.id === 0) throw new DecodeError('message has the id 0');
  try {
    return { ...message, request: decodeRequest(operation) };
  } catch (error) {
    if (error instanceof LimitError && operation.tag === REQUEST_TAG.search)
      return { id: message.id, limited: error.message };
    throw error;
  }
}

function decodeRequest({ tag, content }: Element): Request {
  switch (tag) {
    case REQUEST_TAG.bind:
      return decodeBind(content);
    case REQUEST_TAG.search:
      return decodeSearch(content);
    case REQUEST_TAG.compare:
      return decodeCompare(content);
    case REQUEST_TAG.extended:
      return decodeExtended(content);
    case REQUEST_TAG.unbind:
      return { kind: 'unbind' };
    case REQUEST_TAG.abandon:
      return { kind: 'abandon', target: readUnsigned({ tag: TAG.integer, content }) };
    default:
      return decodeWrite(tag);
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

/** The content of a write is not read, because every write is refused. */
function decodeWrite(tag: number): Request {
  const kind = (['modify', 'add', 'delete', 'modify_dn'] as const).find((one) => WRITE_TAG[one] === tag);
  if (kind === undefined) throw new DecodeError('unknown operation');
  return { kind };
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

function decodeControls(element: Element): Control[] {
  return readElements(contentOf(element, CONTROLS_TAG)).map((one) => {
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
