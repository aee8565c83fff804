/** Writes one line to standard output. It must not contain personal data: no names, no subjects, no tokens. */
export function log(name: string, line: string): void {
  process.stdout.write(`${name}: ${line.replace(/[\r\n]+/g, ' ')}\n`);
}
