/**
 * Ends a child process together with its parent. Loaded before each process of the demo (`--import`). Standard input is a pipe
 * from the parent. When the parent exits, even by `kill -9`, the pipe ends, and the child frees its port.
 */
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  process.stdin.once('end', () => process.kill(process.pid, 'SIGTERM'));
  process.stdin.resume();
  // The open pipe must not keep a finished process alive.
  if ('unref' in process.stdin && typeof process.stdin.unref === 'function') process.stdin.unref();
}
