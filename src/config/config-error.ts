/** A setting is missing or invalid. The message is for the operator, one line per setting. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** Returns the code of a system error, for example `ENOENT`, else the message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? String(error.code) : error.message;
}

/** Describes a file that a setting names and that cannot be read. */
export function unreadableFile(setting: string, file: string, cause: unknown): ConfigError {
  const advice = 'check the path and that this user may read it';
  return new ConfigError(`${setting}: cannot read ${file} (${reasonOf(cause)}); ${advice}`, { cause });
}
