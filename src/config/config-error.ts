/** A setting is missing or invalid. The message is for the operator, one line per setting. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}
