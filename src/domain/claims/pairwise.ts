import { createHmac, type KeyObject } from 'node:crypto';
import type { ActingContext } from '../model.ts';

/** A line break in a part is rejected: two different inputs would become the same text. */
function mac(key: KeyObject, version: string, parts: readonly string[]): string {
  if (key.symmetricKeySize === 0) throw new RangeError('pairwise key is empty');
  if (parts.some((part) => part.includes('\n')))
    throw new RangeError('parts of a pairwise id must not contain a line break');
  return createHmac('sha256', key)
    .update([version, ...parts].join('\n'))
    .digest('base64url');
}

/** Returns the sector of a URI: its host. Private-use schemes of native apps have no host, so the scheme is used (RFC 8252, section 7.1). */
export function sectorOfUri(uri: string): string {
  const { host, hostname, protocol } = new URL(uri);
  return hostname || host || protocol.replace(/:$/, '');
}

/**
 * Returns the id of a person at the clients of one sector (OpenID Connect Core 1.0, section 8.1; docs/claims.md, rule 2). Parents,
 * children and staff use the same function, so a parent sees a child under the child's own `sub`.
 *
 * @throws {RangeError} when the key or a part is empty, or a part contains a line break: people could get the same id
 */
export function pairwiseSub(key: KeyObject, sector: string, personId: string): string {
  if (sector === '' || personId === '') throw new RangeError('pairwise id needs a sector and a person');
  return mac(key, 'v1', [sector, personId]);
}

/**
 * Returns the opaque id of one context of a person in one sector, `acting.ctx`. It stays the same when a child changes school and at each
 * new sign-in.
 *
 * @throws {RangeError} as `pairwiseSub`
 */
export function contextId(
  key: KeyObject,
  sector: string,
  personId: string,
  context: Pick<ActingContext, 'role' | 'childId' | 'schoolCode'>,
): string {
  if (sector === '' || personId === '') throw new RangeError('context id needs a sector and a person');
  return mac(key, 'ctx-v1', [sector, personId, context.role, context.childId ?? context.schoolCode ?? '']);
}
