let isClosed = false;

/** Writes one or more whole lines to standard output. */
export function print(lines: string): void {
  process.stdout.write(`${lines}\n`);
}

/** Returns true if the reader of standard output has closed it, as in `kinpass audit export | head`. */
export function isOutputClosed(): boolean {
  return isClosed;
}

/**
 * Handles errors of the standard streams. A closed pipe does not fail the command, because its work may be done. Any other error is
 * reported and fails the command.
 */
export function handleOutputErrors(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      const isFirst = !isClosed;
      isClosed = true;
      if (error.code === 'EPIPE' || !isFirst) return;
      process.exitCode = 1;
      if (stream === process.stdout) process.stderr.write(`failed to write to standard output: ${error.message}\n`);
    });
  }
}
