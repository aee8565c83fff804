import { DecodeError } from '../codec/ber.ts';
import { DatabaseUnavailableError, HashQueueFullError } from '../../platform/errors.ts';
import { OID, type Request, type Result } from '../protocol.ts';
import type { LdapDeps, OperationContext } from '../session.ts';
import { bind } from './bind.ts';
import { compare } from './compare.ts';
import { extended } from './extended.ts';
import { search } from './search.ts';

/** The requests that get a result. */
export type AnsweredRequest = Exclude<Request, { kind: 'unbind' | 'abandon' }>;

/** The controls that each operation reads. Other critical controls are refused. */
const CONTROLS: Partial<Record<AnsweredRequest['kind'], readonly string[]>> = {
  search: [OID.pagedResults],
  bind: [OID.passwordPolicy],
};

/** Runs an operation. Never throws: an unexpected error is logged and becomes `other`. */
export async function runOperation(
  deps: LdapDeps,
  context: OperationContext,
  request: AnsweredRequest,
): Promise<Result> {
  const known = CONTROLS[request.kind] ?? [];
  const unknown = context.controls.find(({ oid, isCritical }) => isCritical && !known.includes(oid));
  if (unknown !== undefined) {
    return { result: 'unavailableCriticalExtension', text: `a ${request.kind} has no control ${unknown.oid}` };
  }
  try {
    return await dispatch(deps, context, request);
  } catch (error) {
    if (error instanceof HashQueueFullError) return { result: 'busy' };
    if (error instanceof DecodeError) return { result: 'protocolError', text: error.message };
    if (error instanceof DatabaseUnavailableError) return { result: 'unavailable' };
    deps.log.error({ err: error, operation: request.kind }, 'failed to run directory operation');
    return { result: 'other' };
  }
}

function dispatch(deps: LdapDeps, context: OperationContext, request: AnsweredRequest): Promise<Result> | Result {
  switch (request.kind) {
    case 'bind':
      return bind(deps, context, request);
    case 'search':
      return search(deps, context, request);
    case 'compare':
      return compare(deps, context, request);
    case 'extended':
      return extended(deps, context, request);
    case 'modify':
    case 'add':
    case 'delete':
    case 'modify_dn':
      return { result: 'unwillingToPerform', text: 'the directory is read-only' };
  }
}
