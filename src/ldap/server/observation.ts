import { randomUUID } from 'node:crypto';
import type { Logger } from '../../platform/logger.ts';
import type { Metrics } from '../../platform/metrics.ts';
import { runWithRequestId } from '../../platform/request-id.ts';
import { findAttribute } from '../directory/schema.ts';
import type { AnsweredRequest } from '../operations/run.ts';
import { RESULT, type Filter, type Result, type ResultName } from '../protocol.ts';
import type { Session } from '../session.ts';

interface Deps {
  log: Logger;
  metrics: Metrics;
}

const OPERATIONS: readonly AnsweredRequest['kind'][] = [
  ...(['bind', 'search', 'compare', 'extended'] as const),
  ...(['modify', 'add', 'delete', 'modify_dn'] as const),
];

/** Results of an operation that did what the client asked for, unless a text says what the client should change. */
const ANSWERS: readonly ResultName[] = ['success', 'compareTrue', 'compareFalse', 'noSuchObject', 'noSuchAttribute'];

/** Begins each series of the directory at 0. */
export function startSeries({ ldapOperations, ldapOperationSeconds }: Metrics): void {
  for (const operation of OPERATIONS) {
    ldapOperationSeconds.zero({ operation });
    for (const result of Object.keys(RESULT)) ldapOperations.inc({ operation, result }, 0);
  }
}

/**
 * Runs an operation. It has an id of its own in the log and in the audit log, like a request of the web. A refusal is logged with its
 * reason, and with no value that the client sent.
 */
export function observeOperation(
  deps: Deps,
  session: Session,
  request: AnsweredRequest,
  run: () => Promise<Result>,
): Promise<Result> {
  return runWithRequestId(randomUUID(), async () => {
    const endTimer = deps.metrics.ldapOperationSeconds.startTimer({ operation: request.kind });
    const result = await run();
    recordResult(deps, session, request, result, endTimer());
    return result;
  });
}

/** Counts an operation, and logs a refusal. */
export function recordResult(
  { log, metrics }: Deps,
  { identity, serviceId }: Session,
  request: Pick<AnsweredRequest, 'kind'> | Extract<AnsweredRequest, { kind: 'search' }>,
  { result, text, reason = text }: Result,
  seconds?: number,
): void {
  metrics.ldapOperations.inc({ operation: request.kind, result });
  if (ANSWERS.includes(result) && text === undefined) return;
  const clientId = identity.kind === 'anonymous' ? serviceId : identity.clientId;
  const line = {
    ...{ operation: request.kind, result, reason },
    ...(identity.kind !== 'anonymous' && { identity: identity.kind }),
    ...(clientId !== undefined && { clientId }),
    ...('filter' in request && { scope: request.scope, filter: formatShape(request.filter) }),
    ...(seconds !== undefined && { durationMs: Math.round(seconds * 1000) }),
  };
  log.info(line, 'directory operation refused');
}

/** Longest shape in the log, in characters. */
const MAX_SHAPE = 500;

/** Formats a filter without its values, which can be names of people, and without attributes that the schema does not have. */
function formatShape(filter: Filter): string {
  return shapeOf(filter).slice(0, MAX_SHAPE);
}

const OPERATORS = { equality: '=', greaterOrEqual: '>=', lessOrEqual: '<=' } as const;

function shapeOf(filter: Filter): string {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return `(${filter.kind === 'and' ? '&' : '|'}${filter.filters.map(shapeOf).join('')})`;
    case 'not':
      return `(!${shapeOf(filter.filter)})`;
    case 'present':
      return `(${attributeOf(filter.attribute)}=*)`;
    case 'substrings':
      return `(${attributeOf(filter.attribute)}=${shapeOfSubstrings(filter)})`;
    case 'equality':
    case 'greaterOrEqual':
    case 'lessOrEqual':
      return `(${attributeOf(filter.attribute)}${OPERATORS[filter.kind]}…)`;
    case 'unknown':
      return '(?)';
  }
}

function shapeOfSubstrings({ initial, any, final }: Extract<Filter, { kind: 'substrings' }>): string {
  return [initial, ...any, final].map((part) => (part === undefined ? '' : '…')).join('*');
}

function attributeOf(name: string): string {
  return findAttribute(name)?.name ?? '?';
}
