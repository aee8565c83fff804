import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { PasswordHasher } from './hashing/password-hasher.ts';
import { countDroppedLines, type Logger } from './logger.ts';

/** The metrics of the service. Labels have few values: no person and no path with an id. */
export interface Metrics {
  registry: Registry;
  clientsReloads: Counter;
  signIns: Counter;
  bestEffortFailures: Counter;
  outboxDeliveries: Counter;
  outboxPending: Gauge;
  rateLimited: Counter;
  requestSeconds: Histogram;
  socketsClosed: Counter;
  ldapOperations: Counter;
  ldapOperationSeconds: Histogram;
  ldapConnections: Gauge;
}

export function createMetrics(hasher: Pick<PasswordHasher, 'queueLength'>, log: Logger): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  addMetricsReadAtScrape(registers, hasher, log);
  return {
    registry,
    signIns: new Counter({
      name: 'kinpass_sign_ins_total',
      help: 'Sign-in attempts, by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    bestEffortFailures: new Counter({
      name: 'kinpass_best_effort_failures_total',
      help: 'Failed side effects, such as listeners, that did not fail their request',
      labelNames: ['kind'],
      registers,
    }),
    outboxDeliveries: new Counter({
      name: 'kinpass_outbox_deliveries_total',
      help: 'Delivered mails and logout notices, by kind and outcome',
      labelNames: ['kind', 'outcome'],
      registers,
    }),
    outboxPending: new Gauge({
      name: 'kinpass_outbox_pending',
      help: 'Mails and logout notices that wait for delivery',
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'kinpass_http_request_duration_seconds',
      help: 'Duration of requests, by method, route and status class',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    clientsReloads: new Counter({
      name: 'kinpass_clients_reload_total',
      help: 'Reloads of the clients file, by result: loaded, rejected',
      labelNames: ['result'],
      registers,
    }),
    ...createLimitMetrics(registers),
    ...createDirectoryMetrics(registers),
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

function createLimitMetrics(registers: Registry[]): Pick<Metrics, 'rateLimited' | 'socketsClosed'> {
  return {
    rateLimited: new Counter({
      name: 'kinpass_rate_limited_total',
      help: 'Requests rejected because their network, client or person sent too many',
      labelNames: ['endpoint'],
      registers,
    }),
    socketsClosed: new Counter({
      name: 'kinpass_sockets_closed_total',
      help: 'Sockets closed by the service, by reason: pipelined, stalled, too_many_waiting, no_request, too_many_open, refused',
      labelNames: ['reason'],
      registers,
    }),
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
