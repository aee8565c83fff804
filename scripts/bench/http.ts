import { setTimeout as pause } from 'node:timers/promises';
import { Agent, request, type IncomingHttpHeaders } from 'node:http';

const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

/** Forgets idle connections: the other side may be about to close them. */
export function beginAnew(): void {
  agent.destroy();
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Call {
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  form?: Record<string, string>;
}

/** One request over a kept connection; leaner than fetch, so that the driver takes little of what is measured. */
export function call(url: string, { method = 'GET', headers = {}, form }: Call = {}): Promise<Reply> {
  const body = form === undefined ? undefined : new URLSearchParams(form).toString();
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      {
        method,
        agent,
        headers: {
          ...headers,
          ...(body === undefined
            ? {}
            : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': Buffer.byteLength(body) }),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString('utf8'),
          });
        });
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

export interface Measured {
  /** Per second. */
  rate: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  done: number;
  failed: number;
}

/** Runs `work` on `lanes` lanes for `seconds`; a lane begins its next turn when the last has ended. */
export async function drive(
  lanes: number,
  seconds: number,
  work: (lane: number) => Promise<boolean>,
): Promise<Measured> {
  const times: number[] = [];
  let failed = 0;
  const start = performance.now();
  const until = start + seconds * 1000;
  const run = async (lane: number): Promise<void> => {
    while (performance.now() < until) {
      const begin = performance.now();
      if (await work(lane)) times.push(performance.now() - begin);
      else failed += 1;
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)));
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return {
    rate: (times.length / (performance.now() - start)) * 1000,
    p50: at(0.5),
    p99: at(0.99),
    done: times.length,
    failed,
  };
}

/** People who come at their own pace, however long those before them wait. Ends when the last one has been served. */
export async function arrive(perSecond: number, seconds: number, work: () => Promise<void>): Promise<void> {
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
