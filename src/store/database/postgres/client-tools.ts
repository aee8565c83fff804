import { spawn } from 'node:child_process';

/** Maximum number of characters that a tool may print. The tables that are read here hold some kilobytes. */
const MAX_OUTPUT = 4 * 1024 * 1024;

interface ClientToolOptions {
  /** Database to connect to. Its password is passed in the environment, because every user of the machine can read command lines. */
  url?: string;
  /** File descriptor for standard output, instead of the returned text. */
  stdout?: number;
  /** Ends the program. */
  signal?: AbortSignal | undefined;
}

/**
 * Runs a PostgreSQL client program.
 *
 * @returns its standard output
 * @throws {Error} with the first error that the program printed
 */
export async function runClientTool(
  command: 'pg_dump' | 'pg_restore',
  args: readonly string[],
  { url, stdout, signal }: ClientToolOptions = {},
): Promise<string> {
  const { env, target } = connection(url);
  const child = spawn(command, [...target, ...args], { env, stdio: ['ignore', stdout ?? 'pipe', 'pipe'], signal });
  const texts = { out: '', err: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    texts.out += text;
    if (texts.out.length > MAX_OUTPUT) child.kill();
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    texts.err = (texts.err + text).slice(0, MAX_OUTPUT);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', (cause) => {
      if (signal?.aborted === true) reject(new Error(`${command} was interrupted`, { cause }));
      else reject(new Error(`${command} could not be started; it comes with PostgreSQL's client programs`, { cause }));
    });
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`${command} failed${firstError(texts.err)}`);
  return texts.out;
}

function connection(url: string | undefined): { env: NodeJS.ProcessEnv; target: string[] } {
  if (url === undefined) return { env: process.env, target: [] };
  const address = new URL(url);
  const env =
    address.password === '' ? process.env : { ...process.env, PGPASSWORD: decodeURIComponent(address.password) };
  address.password = '';
  // Without this option the program asks at the terminal.
  return { env, target: ['--no-password', `--dbname=${address.href}`] };
}

/** Returns the first error line only. The lines after it quote statements with their values. */
function firstError(text: string): string {
  const [line] = text.split('\n').filter((one) => one.includes('error:'));
  return line === undefined ? '' : `: ${line.replace(/^.*?error: */, '')}`;
}
