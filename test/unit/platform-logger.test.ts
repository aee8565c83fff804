import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';

import { createPasswordHasher } from '../../src/platform/hashing/password-hasher.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createMetrics } from '../../src/platform/metrics.ts';

const LOGGER = new URL('../../src/platform/logger.ts', import.meta.url).href;

/** Logs so many lines of a thousand letters in a process of its own, and gives how many it counts as lost. */
async function countLostLines(lines: number, output: string): Promise<number> {
  const script = `
    const { createLogger, countDroppedLines } = await import(process.argv[1]);
    const log = createLogger('info');
    for (let i = 0; i < ${String(lines)}; i += 1) {
      log.info('x'.repeat(1000));
      await new Promise(setImmediate);
    }
    process.stderr.write(String(countDroppedLines(log)));`;
  const args = ['-c', `exec "$0" "$@" ${output}`, process.execPath, '--input-type=module', '-e', script, LOGGER];
  const child = spawn('sh', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  // Where the output goes to this pipe, nobody reads it.
  child.stdout.destroy();
  const said = await text(child.stderr);
  assert.match(said, /^\d+$/);
  return Number(said);
}

describe('log lines that can not be written', () => {
  it('are counted when nobody reads standard output any more', async () => {
    assert.equal(await countLostLines(20, ''), 20);
  });

  it('wait while the disk is full, and are counted when too many wait', async () => {
    assert.equal(await countLostLines(500, '>/dev/full'), 0);
    const lost = await countLostLines(1_500, '>/dev/full');
    assert.ok(lost > 400 && lost < 1_000, String(lost));
  });

  it('are not there when all is well', async () => {
    assert.equal(await countLostLines(500, '>/dev/null'), 0);
  });

  it('stop nothing, and stand in the figures', async () => {
    const log = createLogger('info', {
      write: () => {
        throw new Error('no room');
      },
    });
    const hasher = await createPasswordHasher({ memoryKib: 7_168, passes: 1, threads: 1, queueLimit: 10 });
    const { registry } = createMetrics(hasher, log);
    const shown = async (): Promise<string | undefined> =>
      /^kinpass_log_lines_dropped_total (\d+)$/m.exec(await registry.metrics())?.[1];
    assert.equal(await shown(), '0');
    log.info('one');
    log.info('two');
    assert.deepEqual([await shown(), await shown()], ['2', '2']);
    await hasher.close();
  });
});
