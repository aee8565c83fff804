import { availableParallelism } from 'node:os';
import { createPasswordHasher } from '../../src/platform/hashing/password-hasher.ts';
import { freePort } from '../../test/helpers/ports.ts';
import { signIn, type Tokens } from './flows.ts';
import { runWorkers, median, type Measured } from './load-driver.ts';
import { startService, type BenchService, type City, type ServiceLocation } from './service.ts';

export const WORKERS = 16;
export const ROUNDS = 3;
export const SECONDS = 3;

/** A running service with the logins of its people. */
export interface BenchHarness extends BenchService {
  /** Returns the login of the next person, round robin. */
  nextLogin(): string;
}

export async function open({ folder, logins }: City, where: ServiceLocation = {}): Promise<BenchHarness> {
  let turn = 0;
  const nextLogin = (): string => logins[turn++ % logins.length] ?? '';
  return { ...(await startService(folder, await freePort(), where)), nextLogin };
}

/** Prints one row: the work, what it is compared with, the value and its target; empty for a value without one. */
export function print(work: string, against: string, value: string, target: string): void {
  const columns = [work.padEnd(48), against.padEnd(34), value.padEnd(24), target === '' ? '' : `target ${target}`];
  process.stdout.write(`${columns.join(' ').trimEnd()}\n`);
}

/** Measures A and B in turn, after a warm-up, so that a slower machine affects both. @returns the median of A/B */
export async function compareRates(a: () => Promise<Measured>, b: () => Promise<Measured>): Promise<number> {
  await a();
  await b();
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const ours = await a();
    const baseline = await b();
    ratios.push(ours.rate / baseline.rate);
  }
  return median(ratios);
}

/** Measures argon2id verifications alone, with the parameters of the service, on all cores. */
export async function measureVerifications(): Promise<Measured> {
  const threads = availableParallelism();
  const hasher = await createPasswordHasher({ memoryKib: 19_456, passes: 2, threads, queueLimit: 1_000 });
  const hash = await hasher.hash('a password');
  const measured = await runWorkers(threads * 2, SECONDS, () => hasher.verify(hash, 'a password'));
  await hasher.close();
  return measured;
}

export async function signInRate(harness: BenchHarness): Promise<Measured> {
  return runWorkers(
    WORKERS,
    SECONDS,
    async () => (await signIn(harness.issuer, harness.nextLogin(), harness.address)) !== undefined,
  );
}

/** Signs in one after another until there are tokens of `count` people. */
export async function tokensFor(harness: BenchHarness, count: number): Promise<Tokens[]> {
  const all: Tokens[] = [];
  while (all.length < count) {
    const tokens = await signIn(harness.issuer, harness.nextLogin());
    if (tokens !== undefined) all.push(tokens);
  }
  return all;
}
