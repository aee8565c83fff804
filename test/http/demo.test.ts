import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { loadClientsFile } from '../../src/config/clients-file.ts';
import { freePort } from '../helpers/ports.ts';
import { startService } from '../helpers/service.ts';

const root = join(import.meta.dirname, '../..');

describe('the demo and the example files', () => {
  it('npm run demo starts the service, both apps and the inbox; Ctrl-C stops all processes', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kinpass-demo-'));
    const port = await freePort();
    const env = { ...process.env, KINPASS_DEMO_DIR: folder, KINPASS_DEMO_PORT: String(port) };
    const demo = spawn(process.execPath, [join(root, 'bin/kinpass.js'), 'demo'], { env, cwd: root });
    let output = '';
    const shown = new Promise<void>((resolve, reject) => {
      const read = (text: Buffer): void => {
        output += text.toString();
        if (output.includes('Ctrl-C stops all processes')) resolve();
      };
      demo.stdout.on('data', read);
      demo.stderr.on('data', read);
      demo.once('exit', () => {
        reject(new Error(output));
      });
    });
    const ended = once(demo, 'exit');
    try {
      await shown;
      const paths = ['/health/ready', '/', '/', '/'];
      const answers = paths.map((path, at) => fetch(`http://localhost:${String(port + at)}${path}`));
      assert.deepEqual(
        (await Promise.all(answers)).map(({ status }) => status),
        [200, 200, 200, 200],
      );
      assert.match(output, /daming\.wang@parents\.example/);
      assert.match(output, /register: P11330003 吳志明 父親 father Y100400402/);
    } finally {
      demo.kill('SIGINT');
      await ended;
    }
    await assert.rejects(fetch(`http://localhost:${String(port)}/health/live`));
    rmSync(folder, { recursive: true });
  });

  it('the example clients file is valid and the service starts with it', async () => {
    const file = join(root, 'config/clients.example.json');
    const { clients } = loadClientsFile(file, { isProduction: true, acceptsPrivateAddresses: false });
    assert.equal(clients.length, 2);
    await (await startService({ clients: [...clients], city: false })).stop();
  });
});
