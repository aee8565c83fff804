/** The drain of a node behind a load balancer: it handles requests until it stops. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, IncomingMessage, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';

import { z } from 'zod';

import {
  createInstallation,
  KINPASS_BIN,
  startProgram,
  type Installation,
  type Program,
} from '../helpers/child-process.ts';
import { pollUntil } from '../helpers/poll.ts';
import { formHeaders } from '../helpers/raw-http.ts';

const message = z.tuple([z.instanceof(IncomingMessage)]);

describe('drain', () => {
  let home: Installation;
  let agent: Agent;
  before(async () => {
    home = await createInstallation();
    agent = new Agent({ keepAlive: true });
  });
  after(() => {
    agent.destroy();
    home.remove();
  });

  const startDraining = (seconds: string): Promise<Program> =>
    startProgram({ ...home.env, KINPASS_DRAIN_SECONDS: seconds });
  const says = (program: Program, msg: string): Promise<true> =>
    pollUntil(msg, () => program.out().includes(`"msg":"${msg}"`));
  const get = async (path: string): Promise<{ status: number | undefined; connection: string | undefined }> => {
    const sent = request(home.issuer + path, { agent });
    sent.end();
    const [answer] = message.parse(await once(sent, 'response'));
    await buffer(answer);
    return { status: answer.statusCode, connection: answer.headers.connection };
  };

  it('reports not ready, still handles requests, and closes each connection after its response', async () => {
    const program = await startDraining('300');
    assert.deepEqual(await get('/health/ready'), { status: 200, connection: 'keep-alive' });
    const body = new URLSearchParams({ login: '' }).toString();
    const headers = { ...formHeaders(home.issuer), 'content-length': String(body.length), expect: '100-continue' };
    const sent = request(`${home.issuer}/forgot-password`, { method: 'POST', headers, agent });
    const answered = once(sent, 'response');
    sent.flushHeaders();
    // This request is in flight when the signal arrives.
    await once(sent, 'continue');
    program.child.kill('SIGTERM');
    await says(program, 'draining');
    // The first request uses the open connection.
    assert.deepEqual(await get('/health/ready'), { status: 503, connection: 'close' });
    assert.deepEqual(await get('/health/live'), { status: 200, connection: 'close' });
    assert.deepEqual(await get('/.well-known/openid-configuration'), { status: 200, connection: 'close' });
    assert.deepEqual(await get('/forgot-password'), { status: 200, connection: 'close' });
    sent.end(body);
    const [answer] = message.parse(await answered);
    assert.deepEqual([answer.statusCode, answer.headers.connection], [303, 'close']);
    assert.ok(!program.out().includes('"msg":"stopping"'));
    // A second signal skips the drain.
    program.child.kill('SIGTERM');
    assert.equal(await program.ended, 0);
    assert.match(program.out(), /"msg":"stopped"\}\n$/);
  });

  it('begins if SIGTERM arrives while the service logs that it is ready', async () => {
    const script = `
      import fs from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      const write = fs.writeSync;
      fs.writeSync = (...args) => {
        const written = write(...args);
        if (String(args[1]).includes('"msg":"ready"')) process.kill(process.pid, 'SIGTERM');
        return written;
      };
      syncBuiltinESMExports();`;
    const early = `data:text/javascript,${encodeURIComponent(script)}`;
    const env = { ...home.env, KINPASS_DRAIN_SECONDS: '0' };
    const program = await startProgram(env, ['--import', early, KINPASS_BIN, 'start']);
    assert.equal(await program.ended, 0);
    assert.match(program.out(), /"msg":"stopped"\}\n$/);
  });

  it('ends after KINPASS_DRAIN_SECONDS', async () => {
    const program = await startDraining('1');
    const start = performance.now();
    program.child.kill('SIGTERM');
    await says(program, 'draining');
    assert.equal((await get('/health/live')).status, 200);
    assert.equal(await program.ended, 0);
    assert.ok(performance.now() - start >= 1_000);
    assert.match(program.out(), /"msg":"stopped"\}\n$/);
  });
});
