import { OID, type ExtendedRequest, type Result } from '../protocol.ts';
import { modifyPassword } from './password-modify.ts';
import { findAccess, type LdapDeps, type OperationContext } from '../session.ts';

/** Runs an extended operation. The connection handles StartTLS and Cancel itself. */
export async function extended(deps: LdapDeps, context: OperationContext, request: ExtendedRequest): Promise<Result> {
  if (request.oid === OID.whoAmI) return whoAmI(deps, context, request);
  if (request.oid === OID.passwordModify) return modifyPassword(deps, context, request);
  return { result: 'protocolError', text: 'unknown extended operation' };
}

/** Returns the name that the connection is bound to (RFC 4532). */
async function whoAmI(deps: LdapDeps, { session }: OperationContext, { value }: ExtendedRequest): Promise<Result> {
  if (value !== undefined) return { result: 'protocolError', text: 'the request has no value' };
  const { identity } = session;
  const access = await findAccess(deps, session);
  const name = identity.kind === 'anonymous' || access === undefined ? '' : `dn:${identity.name}`;
  return { result: 'success', value: Buffer.from(name) };
}
