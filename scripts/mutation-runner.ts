/**
 * A Stryker plugin: the TAP runner without coverage, for code in a worker thread or another process. The TAP runner always reports the
 * coverage of the main thread of each test file, also with `coverageAnalysis: 'off'`. Stryker would then run no test for such code.
 */
import { createTapTestRunnerFactory } from '@stryker-mutator/tap-runner';

const createTapRunner = createTapTestRunnerFactory();

function createRunner(...args: Parameters<typeof createTapRunner>): ReturnType<typeof createTapRunner> {
  const runner = createTapRunner(...args);
  const dryRun = runner.dryRun.bind(runner);
  runner.dryRun = async (options) => {
    const result = await dryRun(options);
    if ('mutantCoverage' in result) delete result.mutantCoverage;
    return result;
  };
  return runner;
}
createRunner.inject = createTapRunner.inject;

export const RUNNER_WITHOUT_COVERAGE = 'tap-without-coverage';
export const strykerPlugins = [{ kind: 'TestRunner', name: RUNNER_WITHOUT_COVERAGE, factory: createRunner }];
