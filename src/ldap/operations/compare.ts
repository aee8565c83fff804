import { baseEntry, containerEntry, type DirectoryEntry } from '../directory/entries.ts';
import { matches } from '../directory/matching.ts';
import { findAttribute } from '../directory/schema.ts';
import type { Target } from '../directory/tree.ts';
import type { CompareRequest, Filter, Result } from '../protocol.ts';
import { findAccess, type Access, type LdapDeps, type OperationContext } from '../session.ts';
import { findGroupEntry } from './group-entries.ts';
import { findPersonEntry } from './people.ts';
import { findSchoolEntry } from './school-entries.ts';

/** Compares a value of an entry (RFC 4511, section 4.10). */
export async function compare(deps: LdapDeps, context: OperationContext, request: CompareRequest): Promise<Result> {
  const target = deps.tree.locate(request.name);
  if (target === undefined) return { result: 'invalidDnSyntax' };
  const access = await findAccess(deps, context.session);
  if (access === undefined) return { result: 'insufficientAccessRights', text: 'bind first' };
  const { value } = request;
  const attribute = request.attribute.toLowerCase();
  const filter: Filter = { kind: 'equality', attribute, value };
  const entry = await findEntry({ deps, access, context }, target, filter);
  if (entry === undefined) return { result: 'noSuchObject' };
  const type = findAttribute(attribute);
  const isPresent = type !== undefined && entry.valuesOf(type.name).length > 0;
  if (!isPresent && !(target.kind === 'group' && attribute === 'member')) return { result: 'noSuchAttribute' };
  return { result: matches(filter, entry) ? 'compareTrue' : 'compareFalse' };
}

async function findEntry(
  search: { deps: LdapDeps; access: Access; context: OperationContext },
  target: Target,
  filter: Filter,
): Promise<DirectoryEntry | undefined> {
  switch (target.kind) {
    case 'base':
      return baseEntry(search.deps.tree);
    case 'container':
      return containerEntry(search.deps.tree, target.container);
    case 'person':
      return findPersonEntry(search, target.handle);
    case 'school':
      return findSchoolEntry(search, target.code);
    case 'group':
      return findGroupEntry(search, target.name, filter);
    case 'absent':
    case 'service':
    case 'root_dse':
    case 'subschema':
    case 'outside':
      return undefined;
  }
}
