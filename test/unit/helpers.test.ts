/** Test helpers must not hang: a failed test tells more than one that never ends. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { it } from 'node:test';

const RECEIVER = new URL('../helpers/logout-receiver.ts', import.meta.url).href;
const TIMEOUT_MS = 60_000;

it('a test whose service does not start fails and ends despite an open logout receiver', async () => {
  const script = `
    import { after, before, describe, it } from 'node:test';
    import { startLogoutReceiver } from '${RECEIVER}';
    describe('a service that does not start', () => {
      let [receiver, service] = [];
      before(async () => {
        receiver = await startLogoutReceiver(() => '', 'app');
        await Promise.reject(new Error('the service does not start'));
      });
      after(async () => {
        await service.stop();
        await receiver.close();
      });
      it('does not run', () => undefined);
    });`;
  // Without this variable the child is a separate test run.
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  const args = ['--input-type=module-typescript', '--test-reporter=tap', '-e', script];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  clearTimeout(timer);
  assert.deepEqual([child.signalCode, child.exitCode], [null, 1], output);
  assert.match(output, /the service does not start/);
});
