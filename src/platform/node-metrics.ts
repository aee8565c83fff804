import { setTimeout as sleep } from 'node:timers/promises';
import { Gauge, type Registry } from 'prom-client';

/** Longest wait of a scrape for the readiness, in ms. A database that hangs must not cost the other metrics: Prometheus waits 10 s. */
const READY_TIMEOUT_MS = 1_000;

/** The state of a node that its metrics show. */
export interface NodeState {
  version: string;
  database: 'sqlite' | 'postgres';
  /** Returns what /health/ready returns. */
  isReady: () => Promise<boolean>;
  /** The pools of database connections; empty on SQLite. */
  poolUse: () => { pool: string; busy: number; idle: number; waiting: number; max: number }[];
}

/** Adds the metrics of a node that are read at each scrape. */
export function addNodeMetrics(registry: Registry, { version, database, isReady, poolUse }: NodeState): void {
  const registers = [registry];
  new Gauge({
    name: 'kinpass_build_info',
    help: 'Always 1; the labels name the versions of Kinpass and Node, and the database',
    labelNames: ['version', 'node', 'database'],
    registers,
  }).set({ version, node: process.version, database }, 1);
  new Gauge({
    name: 'kinpass_ready',
    help: '1 if /health/ready of this node returns 200 within a second, else 0',
    registers,
    async collect() {
      const isNodeReady = await Promise.race([isReady(), sleep(READY_TIMEOUT_MS, false, { ref: false })]);
      this.set(isNodeReady ? 1 : 0);
    },
  });
  new Gauge({
    name: 'kinpass_database_connections',
    help: 'Connections to PostgreSQL of this node, by pool and state: busy, idle; max is the size of the pool',
    labelNames: ['pool', 'state'],
    registers,
    collect() {
      for (const { pool, busy, idle, max } of poolUse()) {
        this.set({ pool, state: 'busy' }, busy);
        this.set({ pool, state: 'idle' }, idle);
        this.set({ pool, state: 'max' }, max);
      }
    },
  });
  new Gauge({
    name: 'kinpass_database_waiting',
    help: 'Requests and jobs of this node that wait for a connection to PostgreSQL, by pool',
    labelNames: ['pool'],
    registers,
    collect() {
      for (const { pool, waiting } of poolUse()) this.set({ pool }, waiting);
    },
  });
}
