import { OID, type Control } from '../protocol.ts';
import { contentOf, encode, integer, octets, readElement, readElements, readUnsigned, TAG } from './ber.ts';

/** A request for a page (RFC 2696, section 2). */
export interface PageRequest {
  size: number;
  /** Empty in the first request. */
  cookie: Buffer;
}

/** @throws {DecodeError} */
export function decodePageRequest(value: Buffer): PageRequest {
  const [size, cookie] = readElements(contentOf(readElement(value), TAG.sequence));
  return { size: readUnsigned(size), cookie: contentOf(cookie, TAG.octets) };
}

/** @param cookie empty after the last page */
export function pagedResults(cookie: Buffer): Control {
  // 0: the service does not count the entries.
  const value = encode({ tag: TAG.sequence, content: [integer(0), octets(cookie)] });
  return { oid: OID.pagedResults, isCritical: false, value };
}

const ERROR_TAG = 0x81;
const CHANGE_AFTER_RESET = 2;

/** The password is correct, and only allows to set an own one (draft-behera-ldap-password-policy-10, section 6.2). */
export function changeAfterReset(): Control {
  const value = encode({ tag: TAG.sequence, content: [integer(CHANGE_AFTER_RESET, ERROR_TAG)] });
  return { oid: OID.passwordPolicy, isCritical: false, value };
}
