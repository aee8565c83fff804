/**
 * A Stryker plugin that runs one mutant in N: `npm run mutate -- http --sample=4 --seed=a`. A hash of seed, file, position and replacement
 * chooses the mutants, so two runs over the same source with the same seed choose the same ones. Other mutants are reported as compile
 * errors, which the score ignores.
 */
import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import { z } from 'zod';

/** The members of Stryker's mutant that this plugin uses. */
interface Mutant {
  id: string;
  fileName: string;
  location: { start: { line: number; column: number } };
  replacement: string;
}

type CheckResult = { status: 'passed' } | { status: 'compileError'; reason: string };

/** The environment variable that carries N to Stryker's worker processes. */
export const SAMPLE_VARIABLE = 'KINPASS_MUTATION_SAMPLE';
/** The environment variable that carries the seed of the choice. */
export const SEED_VARIABLE = 'KINPASS_MUTATION_SEED';

const sample = z.coerce.number().int().min(1).default(1);

function isChosen({ fileName, location, replacement }: Mutant, oneIn: number, seed: string): boolean {
  const { line, column } = location.start;
  const path = relative(process.cwd(), fileName).replace(/^.*\/src\//, 'src/');
  const text = [seed, path, line, column, replacement].join('\n');
  return createHash('sha256').update(text).digest().readUInt32BE(0) % oneIn === 0;
}

function check(mutants: readonly Mutant[]): Promise<Record<string, CheckResult>> {
  const oneIn = sample.parse(process.env[SAMPLE_VARIABLE]);
  const seed = process.env[SEED_VARIABLE] ?? '';
  const results = mutants.map((mutant): [string, CheckResult] => [
    mutant.id,
    isChosen(mutant, oneIn, seed) ? { status: 'passed' } : { status: 'compileError', reason: 'not in the sample' },
  ]);
  return Promise.resolve(Object.fromEntries(results));
}

const createChecker = (): { init: () => Promise<void>; check: typeof check } => ({
  init: () => Promise.resolve(),
  check,
});

export const strykerPlugins = [{ kind: 'Checker', name: 'sample', factory: createChecker }];
