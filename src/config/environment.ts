import proxyaddr from 'proxy-addr';
import { z } from 'zod';

const flag = z.enum(['true', 'false', '1', '0']).transform((value) => value === 'true' || value === '1');

const origin = z
  .url({ protocol: /^https?$/ })
  .transform((value) => value.replace(/\/$/, ''))
  // Equal to its own origin: no path, user, fragment, upper case or default port. Clients compare issuers character by character.
  .refine((value) => new URL(value).origin === value, {
    message: 'must be an origin in lower case without a path, for example https://id.city.example',
  });

const networks = z
  .string()
  .transform((value) => value.split(',').flatMap((part) => part.trim() || []))
  .refine(areNetworks, { message: 'must be addresses or networks like 10.0.0.0/8, comma separated' });

function areNetworks(values: readonly string[]): boolean {
  try {
    proxyaddr.compile([...values]);
    return true;
  } catch {
    return false;
  }
}

/** The address of a server with a user and a password, in which the characters of a URL must be escaped. */
function serverUrl(protocol: RegExp, example: string): z.ZodString {
  return z.string().refine((text) => URL.canParse(text) && protocol.test(new URL(text).protocol), {
    error: `must be like ${example}; in the password write # / ? @ as %23 %2F %3F %40`,
  });
}

/**
 * All settings of the service. No other code reads `process.env`. Operators read the descriptions in docs/operators.md and in error messages.
 */
export const environmentSchema = z.object({
  KINPASS_PROFILE: z
    .enum(['production', 'development', 'conformance'])
    .default('production')
    .describe(
      'production rejects http issuers, demo data, missing or readable keys and weak hash parameters; conformance is only for the OpenID conformance suite',
    ),
  NODE_ENV: z.string().optional().describe('the conformance profile does not start if this is production'),
  KINPASS_ISSUER: origin.describe('public URL of the service and OpenID issuer'),
  KINPASS_HOST: z.string().min(1).default('127.0.0.1').describe('address to listen on'),
  KINPASS_PORT: z.coerce.number().int().min(0).max(65_535).default(3000).describe('port to listen on'),
  KINPASS_METRICS_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe('port for Prometheus metrics; if not set, no metrics'),
  KINPASS_METRICS_HOST: z.string().min(1).default('127.0.0.1').describe('address for Prometheus metrics'),
  KINPASS_TLS_CERT_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('PEM file with the certificate chain; conformance profile only (other profiles use a TLS proxy)'),
  KINPASS_TLS_KEY_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('PEM file with the private key of the certificate; conformance profile only'),
  KINPASS_TRUSTED_PROXIES: networks
    .prefault('')
    .describe('addresses or networks of reverse proxies whose X-Forwarded-For is trusted, comma separated'),
  KINPASS_MASTER_KEY_FILE: z
    .string()
    .min(1)
    .describe('file with the 32-byte master key in base64; store it apart from the database (openssl rand -base64 32)'),
  DATABASE_URL: serverUrl(/^postgres(ql)?:$/, 'postgres://user:password@host/database')
    .optional()
    .describe('PostgreSQL URL; if not set, the service uses the SQLite file'),
  KINPASS_DATABASE_FILE: z.string().min(1).default('data/kinpass.sqlite').describe('SQLite file'),
  KINPASS_MIGRATIONS: z
    .enum(['apply', 'check'])
    .default('apply')
    .describe(
      'apply: run pending migrations at start, under a lock; check: refuse to start while migrations are pending',
    ),
  KINPASS_CLOCK_CHECK: z
    .enum(['refuse', 'warn'])
    .default('refuse')
    .describe('refuse: do not start with a clock that is more than five minutes behind the database; warn: start'),
  KINPASS_CLIENTS_FILE: z.string().min(1).describe('JSON file with the registered relying parties'),
  KINPASS_SMTP_URL: serverUrl(/^smtps?:$/, 'smtps://user:password@host').describe(
    'mail server, for example smtps://user:password@mail.city.example; in production, smtp:// to another machine requires STARTTLS',
  ),
  KINPASS_MAIL_FROM: z
    .string()
    .regex(/^[^\r\n]*[^\s@<]@[^\s@>]+>?$/, 'must be an address, or a name with an address in angle brackets')
    .describe('sender address of all mail; recipients see the name of the brand'),
  KINPASS_BRAND_FILE: z.string().min(1).default('config/brand.json').describe('name, logo, colors and support text'),
  KINPASS_PASSWORD_MIN_LENGTH: z.coerce
    .number()
    .int()
    .min(12)
    .max(64)
    .default(12)
    .describe('minimum password length in characters'),
  KINPASS_HUMAN_CHECK_FAILURES: z.coerce
    .number()
    .int()
    .min(1)
    .default(5)
    .describe(
      'failed attempts under one login or in one network after which sign-in and password reset ask for the human check',
    ),
  KINPASS_SESSION_IDLE_HOURS: z.coerce
    .number()
    .positive()
    .optional()
    .describe(
      'idle hours after which a session expires; if not set, only the absolute limits of 12 hours and 30 days apply',
    ),
  KINPASS_KEY_ROTATION_DAYS: z.coerce
    .number()
    .int()
    .min(0)
    .default(30)
    .describe('days between two rotations of the signing and cookie keys; 0: only manual rotation'),
  KINPASS_HASH_MEMORY_KIB: z.coerce
    .number()
    .int()
    .min(7_168)
    .default(19_456)
    .describe('argon2id memory per hash in KiB; production requires the OWASP minimum for memory and passes'),
  KINPASS_HASH_PASSES: z.coerce.number().int().min(1).default(2).describe('argon2id passes'),
  KINPASS_HASH_THREADS: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe('concurrent hashes; default: one per core, at most 4'),
  KINPASS_HASH_QUEUE_LIMIT: z.coerce
    .number()
    .int()
    .min(1)
    .max(250)
    .default(200)
    .describe('queued hashes before sign-in returns 503; at most 250'),
  KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES: flag
    .default(false)
    .describe(
      'true or 1: allow private addresses as back-channel logout URIs and jwks_uri of relying parties; default: false',
    ),
  KINPASS_DRAIN_SECONDS: z.coerce
    .number()
    .min(0)
    .max(300)
    .optional()
    .describe(
      'seconds that a stopping node continues to serve requests while it reports not ready; default: 5 in production, else 0',
    ),
  KINPASS_LDAP_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe('port of the directory for LDAP with StartTLS; if not set, it is closed'),
  KINPASS_LDAPS_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe('port of the directory for LDAP over TLS; if not set, it is closed'),
  KINPASS_LDAP_HOST: z.string().min(1).default('127.0.0.1').describe('address on which the directory listens'),
  KINPASS_LDAP_BASE: z
    .string()
    .regex(/^dc=[a-z0-9-]+(?:,dc=[a-z0-9-]+)*$/, 'must consist of dc= components in lower case')
    .optional()
    .describe('root of the directory, for example dc=city,dc=example'),
  KINPASS_LDAP_TLS_CERT_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('PEM file with the certificate chain of the directory; a changed file is used without a restart'),
  KINPASS_LDAP_TLS_KEY_FILE: z.string().min(1).optional().describe('PEM file with the private key of that certificate'),
  KINPASS_LDAP_ALLOW_PLAIN: networks
    .prefault('')
    .describe('networks that may send passwords to the directory without TLS, comma separated; loopback always may'),
  KINPASS_AUDIT_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe(
      'days after which audit entries move to sealed archives; requires KINPASS_AUDIT_ARCHIVE_DIR; if not set, all entries stay in the database',
    ),
  KINPASS_AUDIT_ARCHIVE_DIR: z
    .string()
    .min(1)
    .optional()
    .describe(
      'folder for sealed archives of the audit log; set the retention on one node only, or share the folder between nodes',
    ),
  KINPASS_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('minimum level of log lines'),
});
