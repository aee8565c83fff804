import { personEntry } from '../directory/entries.ts';
import { matches } from '../directory/matching.ts';
import { findAttribute } from '../directory/schema.ts';
import type { CompareRequest, Result } from '../protocol.ts';
import { findAccess, type LdapDeps, type OperationContext } from '../session.ts';

/** Compares a value of an entry (RFC 4511, section 4.10). */
export async function compare(deps: LdapDeps, { session }: OperationContext, request: CompareRequest): Promise<Result> {
  const { directory, tree } = deps;
  const target = tree.locate(request.name);
  if (target === undefined) return { result: 'invalidDnSyntax' };
  const access = await findAccess(deps, session);
  if (access === undefined) return { result: 'insufficientAccessRights', text: 'bind first' };
  const { client, onlyPersonId } = access;
  const personId = target.kind === 'person' ? directory.openHandle(client, target.handle) : undefined;
  const isAllowed = personId !== undefined && (onlyPersonId ?? personId) === personId;
  const person = isAllowed ? await directory.findPerson(client, personId) : undefined;
  if (person === undefined) return { result: 'noSuchObject' };
  const entry = personEntry(tree, client, person, (id) => directory.handleOf(client, id));
  const type = findAttribute(request.attribute);
  if (type === undefined || !entry.attributes.some(({ name }) => name === type.name)) {
    return { result: 'noSuchAttribute' };
  }
  const { attribute, value } = request;
  return { result: matches({ kind: 'equality', attribute, value }, entry) ? 'compareTrue' : 'compareFalse' };
}
