/*
 * Mutation testing: changes the source in one place at a time and runs the tests that should fail.
 *
 *   npm run mutate -- domain                            one group of scripts/mutation-groups.ts
 *   npm run mutate -- services src/services/people/people.ts   some files of a group
 *   npm run mutate -- domain --concurrency=1            one mutant at a time instead of two
 *   npm run mutate -- http --sample=4                   one mutant in four, for an estimate of the score
 *   npm run mutate -- http --sample=4 --seed=b          another choice of one mutant in four
 *
 * Prints the surviving mutants and the score of each file, and keeps reports in reports/mutation. See docs/mutation-testing.md.
 */
import { chmodSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';

import { GROUPS } from './mutation-groups.ts';
import type { Part } from './mutation-parts.ts';
import { RUNNER_WITHOUT_COVERAGE } from './mutation-runner.ts';
import { SAMPLE_VARIABLE, SEED_VARIABLE } from './mutation-sample.ts';

type Mutant = Awaited<ReturnType<Stryker['runMutationTest']>>[number];

/** Runs one part. @returns its mutants with their results */
function runPart(
  { sources, tests, dialects = 'sqlite', coverage = 'perTest' }: Part,
  report: string,
  concurrency: number,
): Promise<Mutant[]> {
  // A PostgreSQL server takes seconds for each mutant, and most files do not depend on the database.
  const skipped = dialects === 'both' ? [] : ['--test-skip-pattern=\\(postgres\\)'];
  const stryker = new Stryker({
    mutate: [...sources],
    testRunner: coverage === 'off' ? RUNNER_WITHOUT_COVERAGE : 'tap',
    coverageAnalysis: coverage,
    checkers: process.env[SAMPLE_VARIABLE] === '1' ? [] : ['sample'],
    concurrency,
    jsonReporter: { fileName: `reports/mutation/${report}.json` },
    tap: {
      testFiles: [...tests],
      nodeArgs: ['--test-reporter=tap', ...skipped, '-r', '{{hookFile}}', '{{testFile}}'],
      // Stopping a test file at its first failure would leave a PostgreSQL server running.
      forceBail: dialects === 'sqlite',
    },
  });
  return stryker.runMutationTest();
}

const count = (mutants: readonly Mutant[], ...statuses: readonly Mutant['status'][]): number =>
  mutants.filter(({ status }) => statuses.includes(status)).length;

/** Formats the score as Stryker computes it: killed mutants, including timeouts, divided by mutants that could run. */
function describeScore(name: string, mutants: readonly Mutant[]): string {
  const killed = count(mutants, 'Killed', 'Timeout');
  const survived = count(mutants, 'Survived');
  const uncovered = count(mutants, 'NoCoverage');
  const score = killed / Math.max(1, killed + survived + uncovered);
  return `${score.toFixed(3)}  ${name}: ${String(killed)} killed, ${String(survived)} survived, ${String(uncovered)} not covered\n`;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    concurrency: { type: 'string', default: '2' },
    sample: { type: 'string', default: '1' },
    seed: { type: 'string', default: '' },
  },
});
const [group = '', ...files] = positionals;
const parts = GROUPS[group];
if (parts === undefined) {
  process.stderr.write(`mutate: unknown group "${group}"; use one of ${Object.keys(GROUPS).join(', ')}\n`);
  process.exit(1);
}

// The TAP runner starts the first `node` in PATH. Tests that a mutant stops leave temporary files.
const temporary = mkdtempSync(join(tmpdir(), 'kinpass-mutate-'));
// The PostgreSQL of the tests runs as another user and keeps its files below.
chmodSync(temporary, 0o711);
process.env['TMPDIR'] = temporary;
process.env[SAMPLE_VARIABLE] = values.sample;
process.env[SEED_VARIABLE] = values.seed;
process.env['PATH'] = [dirname(process.execPath), process.env['PATH']].join(delimiter);

const mutants: Mutant[] = [];
try {
  for (const [index, part] of parts.entries()) {
    const sources = globSync([...part.sources]).filter((source) => files.length === 0 || files.includes(source));
    if (sources.length === 0) continue;
    mutants.push(...(await runPart({ ...part, sources }, `${group}-${String(index + 1)}`, Number(values.concurrency))));
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
for (const [file, ofFile] of [...Map.groupBy(mutants, ({ fileName }) => relative(process.cwd(), fileName))].sort()) {
  process.stdout.write(describeScore(file, ofFile));
}
process.stdout.write(describeScore(group, mutants));
