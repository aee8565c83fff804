import { freePort } from '../../test/helpers/ports.ts';
import { signIn, type Tokens } from './flows.ts';
import { runWorkers, median, type Measured } from './load-driver.ts';
import { startService, type BenchService, type City, type ServiceLocation } from './service.ts';

export const WORKERS = 16;
export const ROUNDS = 3;
export const SECONDS = 3;

/** A running service with its people, who come one after another. */
export interface BenchHarness extends BenchService {
  nextLogin(): string;
}

export async function open({ folder, logins }: City, where: ServiceLocation = {}): Promise<BenchHarness> {
  let turn = 0;
  const nextLogin = (): string => logins[turn++ % logins.length] ?? '';
  return { ...(await startService(folder, await freePort(), where)), nextLogin };
}

export function print(work: string, against: string, value: string, aim: string): void {
  process.stdout.write(`${work.padEnd(48)} ${against.padEnd(34)} ${value.padEnd(24)} aim ${aim}\n`);
}

/** A and B in turn, so that a machine that slows down slows both; a first turn warms both up. @returns median of A/B */
export async function compareRates(a: () => Promise<Measured>, b: () => Promise<Measured>): Promise<number> {
  await a();
  await b();
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const ours = await a();
    const yardstick = await b();
    ratios.push(ours.rate / yardstick.rate);
  }
  return median(ratios);
}

export async function signInRate(harness: BenchHarness): Promise<Measured> {
  return runWorkers(
    WORKERS,
    SECONDS,
    async () => (await signIn(harness.issuer, harness.nextLogin(), harness.address)) !== undefined,
  );
}

/** Tokens of so many people, one after another. */
export async function tokensFor(harness: BenchHarness, count: number): Promise<Tokens[]> {
  const all: Tokens[] = [];
  while (all.length < count) {
    const tokens = await signIn(harness.issuer, harness.nextLogin());
    if (tokens !== undefined) all.push(tokens);
  }
  return all;
}
