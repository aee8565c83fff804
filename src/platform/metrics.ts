import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { PasswordHasher } from './hashing/password-hasher.ts';
import { countDroppedLines, type Logger } from './logger.ts';

/** The service's own figures. Labels have few values: never a person, never a path with an id. */
export interface Metrics {
  registry: Registry;
  signIns: Counter;
  bestEffortFailures: Counter;
  outboxDeliveries: Counter;
  outboxPending: Gauge;
  rateLimited: Counter;
  requestSeconds: Histogram;
  socketsClosed: Counter;
}

export function createMetrics(hasher: Pick<PasswordHasher, 'queueLength'>, log: Logger): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  // Read when Prometheus asks: a queue is full for seconds, and a figure kept by events would tell of another moment.
  new Gauge({
    name: 'kinpass_password_hash_queue_length',
    help: 'Password hashes that wait for a thread; the next one after KINPASS_HASH_QUEUE_LIMIT is told that the service is busy',
    registers,
    collect() {
      this.set(hasher.queueLength());
    },
  });
  new Counter({
    name: 'kinpass_log_lines_dropped_total',
    help: 'Log lines that could not be written: standard output was closed, or took nothing for too long',
    registers,
    collect() {
      this.reset();
      this.inc(countDroppedLines(log));
    },
  });
  return {
    registry,
    signIns: new Counter({
      name: 'kinpass_sign_ins_total',
      help: 'Attempts to sign in, by outcome',
      labelNames: ['outcome'],
      registers,
    }),
    bestEffortFailures: new Counter({
      name: 'kinpass_best_effort_failures_total',
      help: 'Audit rows, mails or listeners that failed while the main work went on',
      labelNames: ['kind'],
      registers,
    }),
    outboxDeliveries: new Counter({
      name: 'kinpass_outbox_deliveries_total',
      help: 'Mails and logout notices, by kind and outcome',
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
      help: 'Time to answer, by method, route and status class',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    }),
    ...createLimitMetrics(registers),
  };
}

function createLimitMetrics(registers: Registry[]): Pick<Metrics, 'rateLimited' | 'socketsClosed'> {
  return {
    rateLimited: new Counter({
      name: 'kinpass_rate_limited_total',
      help: 'Requests without a sign-in that were rejected because their network or client sent too many',
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
