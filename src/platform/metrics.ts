import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { LIMITED_ENDPOINTS } from '../domain/throttling/request-rates.ts';
import type { PasswordHasher } from './hashing/password-hasher.ts';
import { countDroppedLines, type Logger } from './logger.ts';

/**
 * The metrics of the service. Labels have few values: no person and no path with an id. Counters begin at 0 for each value of their labels,
 * because a rate does not see the first event of a series that begins with it.
 */
export interface Metrics {
  registry: Registry;
  clientsReloads: Counter;
  signIns: Counter;
  bestEffortFailures: Counter;
  outboxDeliveries: Counter;
  outboxPending: Gauge;
  outboxDead: Gauge;
  /** Unix time in seconds; 0 before the first success. */
  jobLastSuccess: Gauge;
  jobFailures: Counter;
  jobInterval: Gauge;
  /** Unix time in seconds. */
  signingKeySince: Gauge;
  rateLimited: Counter;
  requestSeconds: Histogram;
  responses: Counter;
  socketsClosed: Counter;
  proxyProblems: Counter;
  ldapOperations: Counter;
  ldapOperationSeconds: Histogram;
  ldapConnections: Gauge;
}

/** The outcomes of a sign-in (`SignInResult`). */
const SIGN_IN_OUTCOMES = ['succeeded', 'second_factor_required', 'password_change_required', 'failed', 'throttled'];
/** Side effects whose failure does not fail their request. */
export const BEST_EFFORT_KINDS = [
  'audit',
  'metrics',
  'server_error',
  'authorization.error',
  'authorization.success',
  'code_verification.error',
  'device_authorization.error',
  'device_resume.error',
  'grant.error',
  'introspection.error',
  'pushed_authorization_request.error',
  'revocation.error',
  'userinfo.error',
] as const;
/** For the help of gauges of the database, which a sum would count once for each node. */
const SHARED = 'The same on each node: use max, not sum';
const OUTBOX_KINDS = ['mail', 'backchannel_logout'];
const DELIVERY_OUTCOMES = ['sent', 'retry', 'dead', 'dropped'];
const STATUS_CLASSES = ['2xx', '3xx', '4xx', '5xx'];
const RELOAD_RESULTS = ['loaded', 'rejected'];
const PROXY_PROBLEMS = ['untrusted', 'no_client_address', 'http', 'proxy_protocol'] as const;
export type ProxyProblem = (typeof PROXY_PROBLEMS)[number];
const CLOSE_REASONS = [
  'pipelined',
  'stalled',
  'too_many_waiting',
  'no_request',
  'too_many_open',
  'too_many_bytes',
  'refused',
];

export function createMetrics(hasher: Pick<PasswordHasher, 'queueLength'>, log: Logger): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  addMetricsReadAtScrape(registers, hasher, log);
  return {
    registry,
    ...createRequestMetrics(registers),
    ...createOutboxMetrics(registers),
    ...createJobMetrics(registers),
    ...createLimitMetrics(registers),
    ...createDirectoryMetrics(registers),
  };
}

/** Creates a counter with one label that begins at 0 for each of its values. */
function createCounter(
  { name, help, registers }: { name: string; help: string; registers: Registry[] },
  label: string,
  values: readonly string[],
): Counter {
  const counter = new Counter({ name, help, labelNames: [label], registers });
  for (const value of values) counter.inc({ [label]: value }, 0);
  return counter;
}

function createRequestMetrics(
  registers: Registry[],
): Pick<Metrics, 'signIns' | 'bestEffortFailures' | 'requestSeconds' | 'responses' | 'clientsReloads'> {
  return {
    signIns: createCounter(
      { name: 'kinpass_sign_ins_total', help: 'Sign-in attempts, by outcome', registers },
      'outcome',
      SIGN_IN_OUTCOMES,
    ),
    bestEffortFailures: createCounter(
      {
        name: 'kinpass_best_effort_failures_total',
        help: 'Failed side effects, such as listeners, that did not fail their request',
        registers,
      },
      'kind',
      BEST_EFFORT_KINDS,
    ),
    requestSeconds: new Histogram({
      name: 'kinpass_http_request_duration_seconds',
      help: 'Duration of requests, by method, route and status class; a series begins with its first request',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    responses: createCounter(
      { name: 'kinpass_http_responses_total', help: 'Responses, by status class', registers },
      'status',
      STATUS_CLASSES,
    ),
    clientsReloads: createCounter(
      {
        name: 'kinpass_clients_reload_total',
        help: 'Reloads of the clients file, by result: loaded, rejected',
        registers,
      },
      'result',
      RELOAD_RESULTS,
    ),
  };
}

function createOutboxMetrics(
  registers: Registry[],
): Pick<Metrics, 'outboxDeliveries' | 'outboxPending' | 'outboxDead'> {
  const outboxDeliveries = new Counter({
    name: 'kinpass_outbox_deliveries_total',
    help: 'Delivered mails and logout notices, by kind and outcome',
    labelNames: ['kind', 'outcome'],
    registers,
  });
  for (const kind of OUTBOX_KINDS) {
    for (const outcome of DELIVERY_OUTCOMES) outboxDeliveries.inc({ kind, outcome }, 0);
  }
  return {
    outboxDeliveries,
    outboxPending: new Gauge({
      name: 'kinpass_outbox_pending',
      help: `Mails and logout notices that wait for delivery. ${SHARED}`,
      registers,
    }),
    outboxDead: new Gauge({
      name: 'kinpass_outbox_dead',
      help: `Mails and logout notices that were given up, see /console/dead-letters. ${SHARED}`,
      registers,
    }),
  };
}

function createJobMetrics(
  registers: Registry[],
): Pick<Metrics, 'jobLastSuccess' | 'jobFailures' | 'jobInterval' | 'signingKeySince'> {
  // Not "job", which Prometheus sets itself and would rename.
  const labelNames = ['task'];
  return {
    jobLastSuccess: new Gauge({
      name: 'kinpass_job_last_success_timestamp_seconds',
      help: 'Time of the last successful run of a background job on this node; 0: none yet',
      labelNames,
      registers,
    }),
    jobFailures: new Counter({
      name: 'kinpass_job_failures_total',
      help: 'Failed runs of background jobs on this node',
      labelNames,
      registers,
    }),
    jobInterval: new Gauge({
      name: 'kinpass_job_interval_seconds',
      help: 'Pause between two runs of a background job',
      labelNames,
      registers,
    }),
    signingKeySince: new Gauge({
      name: 'kinpass_signing_key_timestamp_seconds',
      help: `Time when the current signing key began to sign, by algorithm. ${SHARED}`,
      labelNames: ['alg'],
      registers,
    }),
  };
}

/** Adds the metrics that no event sets, because their values change within seconds. */
function addMetricsReadAtScrape(registers: Registry[], hasher: Pick<PasswordHasher, 'queueLength'>, log: Logger): void {
  new Gauge({
    name: 'kinpass_password_hash_queue_length',
    help: 'Password hashes that wait for a thread; sign-in returns 503 above KINPASS_HASH_QUEUE_LIMIT',
    registers,
    collect() {
      this.set(hasher.queueLength());
    },
  });
  new Counter({
    name: 'kinpass_log_lines_dropped_total',
    help: 'Log lines that were dropped because standard output was closed or blocked',
    registers,
    collect() {
      this.reset();
      this.inc(countDroppedLines(log));
    },
  });
}

function createLimitMetrics(registers: Registry[]): Pick<Metrics, 'rateLimited' | 'socketsClosed' | 'proxyProblems'> {
  return {
    proxyProblems: createCounter(
      {
        name: 'kinpass_proxy_problems_total',
        help: 'Requests of a proxy that is not configured as the service expects, by problem',
        registers,
      },
      'problem',
      PROXY_PROBLEMS,
    ),
    rateLimited: createCounter(
      {
        name: 'kinpass_rate_limited_total',
        help: 'Requests rejected because their network, client or person sent too many',
        registers,
      },
      'endpoint',
      LIMITED_ENDPOINTS,
    ),
    socketsClosed: createCounter(
      {
        name: 'kinpass_sockets_closed_total',
        help: `Sockets closed by the service, by reason: ${CLOSE_REASONS.join(', ')}`,
        registers,
      },
      'reason',
      CLOSE_REASONS,
    ),
  };
}

function createDirectoryMetrics(
  registers: Registry[],
): Pick<Metrics, 'ldapOperations' | 'ldapOperationSeconds' | 'ldapConnections'> {
  return {
    ldapOperations: new Counter({
      name: 'kinpass_ldap_operations_total',
      help: 'Operations of the directory, by operation and result (RFC 4511)',
      labelNames: ['operation', 'result'],
      registers,
    }),
    ldapOperationSeconds: new Histogram({
      name: 'kinpass_ldap_operation_duration_seconds',
      help: 'Duration of operations of the directory, by operation',
      labelNames: ['operation'],
      buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
      registers,
    }),
    ldapConnections: new Gauge({
      name: 'kinpass_ldap_connections',
      help: 'Open connections of the directory',
      registers,
    }),
  };
}
