import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';

/** Keep-alive connections by origin, one for each concurrent request. */
const pools = new Map<string, Pool>();

function poolOf(origin: string): Pool {
  const known = pools.get(origin) ?? new Pool(origin, { connections: null, pipelining: 1 });
  pools.set(origin, known);
  return known;
}

/** Closes idle connections, because the service may be about to close them. */
export async function resetConnections(): Promise<void> {
  const all = [...pools.values()];
  pools.clear();
  await Promise.all(all.map((pool) => pool.close()));
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Call {
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  /** A form body, already encoded. */
  form?: string;
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** Sends a request with little CPU time, because the driver shares the cores with the service. */
export function call(url: string, { method = 'GET', headers = {}, form }: Call = {}): Promise<Reply> {
  const cut = url.indexOf('/', 'http://'.length);
  return new Promise((resolve, reject) => {
    const reply: Reply = { status: 0, headers: {}, body: '' };
    const chunks: Buffer[] = [];
    poolOf(url.slice(0, cut)).dispatch(
      {
        path: url.slice(cut),
        method,
        headers: form === undefined ? headers : { ...headers, ...FORM },
        body: form ?? null,
      },
      {
        onRequestStart: () => undefined,
        onResponseStart: (_controller, status, answered) => {
          reply.status = status;
          reply.headers = answered;
        },
        onResponseData: (_controller, chunk) => {
          chunks.push(chunk);
        },
        onResponseEnd: () => {
          reply.body = chunks.length === 1 ? String(chunks[0]) : Buffer.concat(chunks).toString('utf8');
          resolve(reply);
        },
        onResponseError: (_controller, error) => {
          reject(error);
        },
      },
    );
  });
}

export interface Measured {
  /** Per second. */
  rate: number;
  /** Milliseconds. */
  p50: number;
  p95: number;
  p99: number;
  done: number;
  failed: number;
}

/** Runs `work` on `lanes` lanes for `seconds`; a lane begins its next turn when the last has ended. */
export async function runWorkers(
  lanes: number,
  seconds: number,
  work: (worker: number) => Promise<boolean>,
): Promise<Measured> {
  const times: number[] = [];
  let failed = 0;
  const start = performance.now();
  const until = start + seconds * 1000;
  const run = async (worker: number): Promise<void> => {
    while (performance.now() < until) {
      const begin = performance.now();
      if (await work(worker)) times.push(performance.now() - begin);
      else failed += 1;
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, worker) => run(worker)));
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return {
    rate: (times.length / (performance.now() - start)) * 1000,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    done: times.length,
    failed,
  };
}

/** Starts `work` at a fixed rate, independent of how long it takes, and waits for all of it. */
export async function runAtRate(perSecond: number, seconds: number, work: () => Promise<void>): Promise<void> {
  const all: Promise<void>[] = [];
  const start = performance.now();
  while (all.length < perSecond * seconds) {
    const due = start + (all.length * 1000) / perSecond;
    await pause(Math.max(0, due - performance.now()));
    all.push(work());
  }
  await Promise.all(all);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
