let isClosed = false;

/** Writes one or more whole lines to standard output. */
export function print(lines: string): void {
  process.stdout.write(`${lines}\n`);
}

/** Returns true if nobody reads standard output any longer: `kinpass audit export | head`. */
export function isOutputClosed(): boolean {
  return isClosed;
}

/**
 * Handles errors of the standard streams. A closed pipe is silent and does not fail the command, because its work may already be done; any
 * other error is reported and fails it.
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
