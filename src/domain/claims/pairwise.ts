import { createHmac, type KeyObject } from 'node:crypto';
import type { ActingContext } from '../model.ts';

/** A line break inside a part would let two different inputs become one text. */
function mac(key: KeyObject, version: string, parts: readonly string[]): string {
  if (key.symmetricKeySize === 0) throw new RangeError('The pairwise key is empty.');
  if (parts.some((part) => part.includes('\n'))) throw new RangeError('No part of a pairwise id holds a line break.');
  return createHmac('sha256', key)
    .update([version, ...parts].join('\n'))
    .digest('base64url');
}

/**
 * The id of a person at the clients of one sector (OpenID Connect Core 1.0, section 8.1; docs/claims.md, rule 2). Parents, children
 * and staff all go through it, so the child that a parent sees has the child's own `sub`.
 *
 * @throws RangeError when the key or a part is empty, or a part holds a line break: one id for everybody would be worse.
 */
export function pairwiseSub(key: KeyObject, sector: string, personId: string): string {
  if (sector === '' || personId === '') throw new RangeError('A pairwise id needs a sector and a person.');
  return mac(key, 'v1', [sector, personId]);
}

/**
 * The id of one identity of a person in one sector, `acting.ctx`. It stays the same when a child changes school and at each new
 * sign-in, and tells nothing by itself.
 *
 * @throws RangeError as `pairwiseSub`.
 */
export function contextId(
  key: KeyObject,
  sector: string,
  personId: string,
  context: Pick<ActingContext, 'role' | 'childId' | 'schoolCode'>,
): string {
  if (sector === '' || personId === '') throw new RangeError('A context id needs a sector and a person.');
  return mac(key, 'ctx-v1', [sector, personId, context.role, context.childId ?? context.schoolCode ?? '']);
}
