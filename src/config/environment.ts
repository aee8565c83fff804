import proxyaddr from 'proxy-addr';
import { z } from 'zod';

const flag = z.enum(['true', 'false', '1', '0']).transform((value) => value === 'true' || value === '1');

const origin = z
  .url({ protocol: /^https?$/ })
  .transform((value) => value.replace(/\/$/, ''))
  // Equal to its own origin: no path, no user, no fragment, no upper case, no needless port. Clients compare letter by letter.
  .refine((value) => new URL(value).origin === value, {
    message: 'must be an origin in lower case without a path, for example https://id.city.example',
  });

const proxies = z
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

/**
 * Every setting of the service, read from the environment. The description of a field is what an operator reads;
 * nothing else in the code looks at `process.env`.
 */
export const environmentSchema = z.object({
  KINPASS_PROFILE: z
    .enum(['production', 'development', 'conformance'])
    .default('production')
    .describe(
      'production refuses http issuers, demo data, missing or readable keys and cheap hashes; conformance is for the OpenID conformance suite alone',
    ),
  NODE_ENV: z.string().optional().describe('with production the conformance profile does not start'),
  KINPASS_ISSUER: origin.describe('the one public address of the service; also the OpenID issuer'),
  KINPASS_HOST: z.string().min(1).default('127.0.0.1').describe('address to listen on'),
  KINPASS_PORT: z.coerce.number().int().min(0).max(65_535).default(3000).describe('port to listen on'),
  KINPASS_METRICS_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe('port for Prometheus metrics; without it there are none'),
  KINPASS_METRICS_HOST: z.string().min(1).default('127.0.0.1').describe('address for Prometheus metrics'),
  KINPASS_TLS_CERT_FILE: z
    .string()
    .min(1)
    .optional()
    .describe('certificate chain in PEM; conformance profile only, everywhere else TLS ends at a proxy'),
  KINPASS_TLS_KEY_FILE: z.string().min(1).optional().describe('its private key in PEM; conformance profile only'),
  KINPASS_TRUSTED_PROXIES: proxies
    .prefault('')
    .describe('addresses or networks of reverse proxies whose X-Forwarded-For is believed, comma separated'),
  KINPASS_MASTER_KEY_FILE: z
    .string()
    .min(1)
    .describe('file with the 32-byte master key in base64, kept apart from the database (openssl rand -base64 32)'),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe('PostgreSQL; without it the SQLite file is used'),
  KINPASS_DATABASE_FILE: z.string().min(1).default('data/kinpass.sqlite').describe('SQLite file'),
  KINPASS_MIGRATIONS: z
    .enum(['apply', 'check'])
    .default('apply')
    .describe('apply pending migrations at start under a lock, or refuse to start while some are pending'),
  KINPASS_CLIENTS_FILE: z.string().min(1).describe('JSON file with the registered relying parties'),
  KINPASS_SMTP_URL: z
    .url({ protocol: /^smtps?$/ })
    .describe(
      'mail server, for example smtps://user:password@mail.city.example; in production smtp:// sends nothing without STARTTLS',
    ),
  KINPASS_MAIL_FROM: z
    .string()
    .regex(/^[^\r\n]*[^\s@<]@[^\s@>]+>?$/, 'must be an address, or a name with an address in angle brackets')
    .describe('sender of all mail'),
  KINPASS_BRAND_FILE: z.string().min(1).default('config/brand.json').describe('name, logo, colors and support text'),
  KINPASS_PASSWORD_MIN_LENGTH: z.coerce.number().int().min(12).max(64).default(12).describe('in characters'),
  KINPASS_SESSION_IDLE_HOURS: z.coerce
    .number()
    .positive()
    .optional()
    .describe(
      'ends a session that was not used for so long; without it only the absolute limits of 12 h and 30 days count',
    ),
  KINPASS_KEY_ROTATION_DAYS: z.coerce
    .number()
    .int()
    .min(0)
    .default(30)
    .describe('days between two rotations of the signing and cookie keys; 0: only by hand'),
  KINPASS_HASH_MEMORY_KIB: z.coerce
    .number()
    .int()
    .min(7_168)
    .default(19_456)
    .describe('argon2id memory per hash; production needs what OWASP asks for, together with the passes'),
  KINPASS_HASH_PASSES: z.coerce.number().int().min(1).default(2).describe('argon2id passes'),
  KINPASS_HASH_THREADS: z.coerce.number().int().min(1).optional().describe('hashes at once; default: one per core'),
  KINPASS_HASH_QUEUE_LIMIT: z.coerce
    .number()
    .int()
    .min(1)
    .max(250)
    .default(200)
    .describe('hashes waiting before sign-in says busy; at most 250'),
  KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES: flag
    .default(false)
    .describe('send back-channel logout to relying parties on private addresses'),
  KINPASS_DRAIN_SECONDS: z.coerce
    .number()
    .min(0)
    .max(300)
    .optional()
    .describe(
      'how long a node that is asked to stop goes on answering, while it says that it is not ready; default: 5 in production, else 0',
    ),
  KINPASS_AUDIT_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe(
      'days after which audit entries move to sealed archives; needs KINPASS_AUDIT_ARCHIVE_DIR; without it all stay in the database',
    ),
  KINPASS_AUDIT_ARCHIVE_DIR: z
    .string()
    .min(1)
    .optional()
    .describe('folder for sealed archives of the audit log; set the retention on one node only, or share the folder'),
  KINPASS_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info').describe('log detail'),
});
