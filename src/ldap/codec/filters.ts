import type { Filter } from '../protocol.ts';
import { contentOf, DecodeError, LimitError, readElement, readElements, readText, TAG, type Element } from './ber.ts';

const MAX_FILTER_DEPTH = 20;
/** Most conditions of a filter. */
const MAX_CONDITIONS = 500;
/** Most bytes of a filter. A search evaluates it on each entry that it reads. */
const MAX_FILTER_BYTES = 64 * 1024;

const FILTER_TAG = {
  and: 0xa0,
  or: 0xa1,
  not: 0xa2,
  equality: 0xa3,
  substrings: 0xa4,
  greaterOrEqual: 0xa5,
  lessOrEqual: 0xa6,
  present: 0x87,
  approximate: 0xa8,
  extensible: 0xa9,
} as const;
const SUBSTRING_TAG = { initial: 0x80, any: 0x81, final: 0x82 } as const;

/**
 * @throws {DecodeError} when the element is no filter
 * @throws {LimitError}
 */
export function decodeFilter(element: Element): Filter {
  if (element.content.length > MAX_FILTER_BYTES) throw new LimitError('filter is too long');
  let conditions = 0;
  const decode = ({ tag, content }: Element, depth: number): Filter => {
    conditions += 1;
    if (depth > MAX_FILTER_DEPTH || conditions > MAX_CONDITIONS) throw new LimitError('filter is too complex');
    switch (tag) {
      case FILTER_TAG.and:
      case FILTER_TAG.or: {
        const filters = readElements(content).map((one) => decode(one, depth + 1));
        return { kind: tag === FILTER_TAG.and ? 'and' : 'or', filters };
      }
      case FILTER_TAG.not:
        return { kind: 'not', filter: decode(readElement(content), depth + 1) };
      default:
        return decodeCondition({ tag, content });
    }
  };
  return decode(element, 1);
}

function decodeCondition({ tag, content }: Element): Filter {
  switch (tag) {
    case FILTER_TAG.equality:
    // A server without approximate matching treats it as equality (RFC 4511, section 4.5.1.7.6).
    case FILTER_TAG.approximate:
      return { kind: 'equality', ...decodeAssertion(content) };
    case FILTER_TAG.greaterOrEqual:
      return { kind: 'greaterOrEqual', ...decodeAssertion(content) };
    case FILTER_TAG.lessOrEqual:
      return { kind: 'lessOrEqual', ...decodeAssertion(content) };
    case FILTER_TAG.present:
      return { kind: 'present', attribute: readText(content).toLowerCase() };
    case FILTER_TAG.substrings:
      return decodeSubstrings(content);
    case FILTER_TAG.extensible:
      return { kind: 'unknown' };
    default:
      throw new DecodeError('unknown kind of filter');
  }
}

/** Decodes an AttributeValueAssertion. @throws {DecodeError} */
export function decodeAssertion(content: Buffer): { attribute: string; value: string } {
  const [attribute, value, ...rest] = readElements(content);
  if (rest.length > 0) throw new DecodeError('assertion has more than two parts');
  return {
    attribute: readText(contentOf(attribute, TAG.octets)).toLowerCase(),
    // Bytes that are not UTF-8 match nothing.
    value: contentOf(value, TAG.octets).toString('utf8'),
  };
}

function decodeSubstrings(content: Buffer): Filter {
  const [attribute, list, ...rest] = readElements(content);
  const parts = readElements(contentOf(list, TAG.sequence));
  if (rest.length > 0 || parts.length === 0) throw new DecodeError('substrings are empty');
  let initial: string | undefined;
  let final: string | undefined;
  const any: string[] = [];
  parts.forEach((part, at) => {
    const text = part.content.toString('utf8');
    if (part.tag === SUBSTRING_TAG.initial && at === 0) initial = text;
    else if (part.tag === SUBSTRING_TAG.final && at === parts.length - 1) final = text;
    else if (part.tag === SUBSTRING_TAG.any) any.push(text);
    else throw new DecodeError('substrings are out of order');
  });
  return {
    kind: 'substrings',
    attribute: readText(contentOf(attribute, TAG.octets)).toLowerCase(),
    initial,
    any,
    final,
  };
}
