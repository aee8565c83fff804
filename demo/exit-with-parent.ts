/**
 * Loaded before each program of the demo (`--import`). Standard input is a pipe from the demo runner: when the runner is gone,
 * even by `kill -9`, the pipe ends, and the program ends itself instead of holding its port.
 */
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  process.stdin.once('end', () => process.kill(process.pid, 'SIGTERM'));
  process.stdin.resume();
  // It must not keep a program alive that has ended otherwise.
  if ('unref' in process.stdin && typeof process.stdin.unref === 'function') process.stdin.unref();
}
