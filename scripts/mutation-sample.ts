/**
 * A plugin of Stryker that runs one mutant in N: `npm run mutate -- http --sample=4`. The choice is a hash of file, place and replacement,
 * so that two runs over the same source choose the same mutants. Mutants that are left out are reported as compile errors, which the
 * score does not count.
 */
import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import { z } from 'zod';

/** The part of Stryker's mutant that is used here. */
interface Mutant {
  id: string;
  fileName: string;
  location: { start: { line: number; column: number } };
  replacement: string;
}

type CheckResult = { status: 'passed' } | { status: 'compileError'; reason: string };

/** The environment variable that carries N to Stryker's worker processes. */
export const SAMPLE_VARIABLE = 'KINPASS_MUTATION_SAMPLE';

const sample = z.coerce.number().int().min(1).default(1);

function isChosen({ fileName, location, replacement }: Mutant, oneIn: number): boolean {
  const { line, column } = location.start;
  const text = [relative(process.cwd(), fileName).replace(/^.*\/src\//, 'src/'), line, column, replacement].join('\n');
  return createHash('sha256').update(text).digest().readUInt32BE(0) % oneIn === 0;
}

function check(mutants: readonly Mutant[]): Promise<Record<string, CheckResult>> {
  const oneIn = sample.parse(process.env[SAMPLE_VARIABLE]);
  const results = mutants.map((mutant): [string, CheckResult] => [
    mutant.id,
    isChosen(mutant, oneIn) ? { status: 'passed' } : { status: 'compileError', reason: 'not in the sample' },
  ]);
  return Promise.resolve(Object.fromEntries(results));
}

const createChecker = (): { init: () => Promise<void>; check: typeof check } => ({
  init: () => Promise.resolve(),
  check,
});

export const strykerPlugins = [{ kind: 'Checker', name: 'sample', factory: createChecker }];
