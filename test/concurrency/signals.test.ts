/** Signals open no debugger port and do not end the process without a drain. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
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
import { freePort } from '../helpers/ports.ts';

const logLine = z.looseObject({ level: z.string(), msg: z.string() });
const ROOT = join(import.meta.dirname, '../..');

describe('kinpass start', () => {
  let home: Installation;
  before(async () => {
    home = await createInstallation({ city: false });
  });
  after(() => {
    home.remove();
  });

  const says = (program: Program, msg: string): Promise<true> =>
    pollUntil(msg, () => program.out().includes(`"msg":"${msg}"`));
  const handled = (program: Program): number => program.out().split('"signal":"SIGUSR2"').length - 1;
  const isReady = async (): Promise<boolean> => (await fetch(`${home.issuer}/health/ready`)).ok;
  const start = (inspectPort: number, flags: readonly string[] = []): Promise<Program> =>
    startProgram(home.env, [`--inspect-port=${String(inspectPort)}`, ...flags, KINPASS_BIN, 'start']);

  for (const flags of [[], ['--disable-sigusr1']]) {
    it(`opens no inspector at SIGUSR1 (flags: ${flags.join(' ') || 'none'})`, async () => {
      const port = await freePort();
      const program = await start(port, flags);
      for (const times of [1, 2]) {
        program.child.kill('SIGUSR1');
        // SIGUSR1 has no visible effect. A later signal is handled after it.
        program.child.kill('SIGUSR2');
        await pollUntil('the later signal', () => handled(program) === times);
        // Node would open the inspector in another thread while the service responds.
        assert.equal(await isReady(), true);
        assert.equal(await accepts(port), false);
      }
      assert.doesNotMatch(program.err(), /Debugger listening/);
      assert.equal(await isReady(), true);
      program.child.kill('SIGTERM');
      assert.equal(await program.ended, 0);
    });
  }

  it('ignores SIGUSR2, and logs it', async () => {
    const program = await start(await freePort());
    program.child.kill('SIGUSR2');
    await says(program, 'signal ignored');
    assert.equal(await isReady(), true);
    program.child.kill('SIGTERM');
    assert.equal(await program.ended, 0);
  });

  it('reloads the clients file at SIGHUP, and continues', async () => {
    const program = await startProgram(home.env);
    program.child.kill('SIGHUP');
    await says(program, 'clients file reloaded');
    assert.equal(await isReady(), true);
    program.child.kill('SIGTERM');
    assert.equal(await program.ended, 0);
  });

  it('drains and stops at SIGINT like at SIGTERM', async () => {
    const program = await startProgram({ ...home.env, KINPASS_DRAIN_SECONDS: '300' });
    program.child.kill('SIGINT');
    await says(program, 'draining');
    assert.equal((await fetch(`${home.issuer}/health/live`)).status, 200);
    assert.equal(await isReady(), false);
    program.child.kill('SIGINT');
    assert.equal(await program.ended, 0);
    assert.match(program.out(), /"msg":"stopped"/);
  });

  it('npm start logs only JSON, takes paths from the folder of the caller, and stops at SIGTERM', async () => {
    const { env, folder } = home;
    const relative = { KINPASS_MASTER_KEY_FILE: 'key', KINPASS_CLIENTS_FILE: './clients.json' };
    const npm = spawn('npm', ['--prefix', ROOT, 'start'], {
      cwd: folder,
      env: { PATH: process.env['PATH'], HOME: folder, ...env, ...relative, KINPASS_DATABASE_FILE: 'kinpass.sqlite' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    npm.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    const ended = once(npm, 'close');
    await pollUntil('ready', () => out.includes('"msg":"ready"'), 60_000);
    npm.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    const messages = out
      .trim()
      .split('\n')
      .map((line) => logLine.parse(JSON.parse(line)))
      .filter(({ level }) => level === 'info')
      .map(({ msg }) => msg);
    assert.deepEqual(messages, ['ready', 'stopping', 'stopped']);
  });

  it('npm start and the container image pass the same flags to Node', () => {
    const flags = (text: string): string[] => [...text.matchAll(/--[\w-]+(=\d+)?/g)].map(([flag]) => flag);
    const scripts = /"start": "(.*)"/.exec(readFileSync(join(ROOT, 'package.json'), 'utf8'))?.[1] ?? '';
    const image = /^CMD (.*)$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8'))?.[1] ?? '';
    assert.deepEqual(flags(image), flags(scripts));
    assert.ok(flags(image).includes('--disable-sigusr1'));
  });
});

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
