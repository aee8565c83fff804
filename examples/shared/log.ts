/** One line on standard output. Nothing personal belongs in it: no names, no subjects, no tokens. */
export function log(name: string, line: string): void {
  process.stdout.write(`${name}: ${line.replace(/[\r\n]+/g, ' ')}\n`);
}
