/** A setting is missing or wrong. The message is for the operator, one line for each setting. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}
