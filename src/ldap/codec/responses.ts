import { OID, RESULT, type Control, type Entry, type Request, type Result } from '../protocol.ts';
import { encode, integer, octets, TAG, type Node } from './ber.ts';

type Answered = Exclude<Request['kind'], 'unbind' | 'abandon'>;
const RESPONSE_TAG: Readonly<Record<Answered, number>> = {
  bind: 0x61,
  search: 0x65,
  modify: 0x67,
  add: 0x69,
  delete: 0x6b,
  modify_dn: 0x6d,
  compare: 0x6f,
  extended: 0x78,
};
const ENTRY_TAG = 0x64;
const CONTROLS_TAG = 0xa0;
const RESPONSE_NAME_TAG = 0x8a;
const RESPONSE_VALUE_TAG = 0x8b;

/** Encodes the result of an operation. */
export function encodeResult(id: number, kind: Answered, result: Result): Buffer {
  const { value, controls = [] } = result;
  const response = resultNodes(result);
  if (kind === 'extended' && value !== undefined) response.push(octets(value, RESPONSE_VALUE_TAG));
  return encodeMessage(id, { tag: RESPONSE_TAG[kind], content: response }, controls);
}

/** Encodes an entry of a search. */
export function encodeEntry(id: number, { name, attributes }: Entry): Buffer {
  const list = attributes.map((attribute): Node => ({
    tag: TAG.sequence,
    content: [octets(attribute.name), { tag: TAG.set, content: attribute.values.map((value) => octets(value)) }],
  }));
  return encodeMessage(id, { tag: ENTRY_TAG, content: [octets(name), { tag: TAG.sequence, content: list }] }, []);
}

/** Encodes the message before the service closes a connection (RFC 4511, section 4.4.1). */
export function encodeDisconnection(result: Result): Buffer {
  const content = [...resultNodes(result), octets(OID.noticeOfDisconnection, RESPONSE_NAME_TAG)];
  return encodeMessage(0, { tag: RESPONSE_TAG.extended, content }, []);
}

function resultNodes({ result, text = '', matched = '' }: Result): Node[] {
  return [integer(RESULT[result], TAG.enumerated), octets(matched), octets(text)];
}

function encodeMessage(id: number, operation: Node, controls: readonly Control[]): Buffer {
  const content: Node[] = [integer(id), operation];
  if (controls.length > 0) {
    content.push({
      tag: CONTROLS_TAG,
      content: controls.map(({ oid, value }): Node => {
        return { tag: TAG.sequence, content: [octets(oid), ...(value === undefined ? [] : [octets(value)])] };
      }),
    });
  }
  return encode({ tag: TAG.sequence, content });
}
