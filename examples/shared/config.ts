import { z } from 'zod';

/** Settings of a relying party. */
export interface RelyingPartyConfig {
  /** The issuer URL exactly as the sign-in service publishes it; the rest comes from discovery. */
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** Public origin of this app: `https://portfolio.example`. */
  baseUrl: string;
  /** TCP port to listen on. */
  port: number;
}

/** A setting is missing or invalid. The message is one line. */
export class ConfigError extends Error {
  override name = 'ConfigError';
}

/** Hosts for which plain http is allowed. */
export function isLoopback(url: URL): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
}

const webAddress = z.string('is missing').refine((value) => {
  const url = URL.parse(value);
  return url !== null && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)));
}, 'must be an https URL (http only for localhost)');

const environment = z.object({
  ISSUER: webAddress,
  CLIENT_ID: z.string('is missing').min(1, 'is empty'),
  CLIENT_SECRET: z.string('is missing').min(1, 'is empty'),
  BASE_URL: webAddress
    .refine((value) => URL.parse(value)?.pathname === '/', 'must have no path')
    .transform((value) => new URL(value).origin),
  PORT: z
    .string('is missing')
    .regex(/^\d{1,5}$/, 'must be a port number')
    .transform(Number)
    .refine((port) => port <= 65_535, 'must be a port number'),
});

/**
 * Reads ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL and PORT.
 *
 * @throws ConfigError that names each invalid setting, without its value
 */
export function readConfig(env: Record<string, string | undefined>): RelyingPartyConfig {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('; '));
  }
  const { ISSUER, CLIENT_ID, CLIENT_SECRET, BASE_URL, PORT } = parsed.data;
  return { issuer: ISSUER, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, baseUrl: BASE_URL, port: PORT };
}
