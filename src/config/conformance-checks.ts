import { ConfigError } from './config-error.ts';
import type { Config } from './load.ts';

/** Prefix of the clients of the conformance suite, which only that profile may have. */
const PREFIX = 'conformance-';

export interface ConformanceState {
  /** Number of schools of a real city. Their codes do not begin with 99. */
  citySchools: number;
}

/**
 * Keeps the conformance profile apart from others, because it has a person with a published password. It needs its own database, clients
 * and certificate, and does not start with NODE_ENV=production. No other profile accepts its clients or a certificate.
 *
 * @throws {ConfigError} that lists every reason
 */
export function assertConformanceProfile(config: Config, facts: ConformanceState): void {
  const reasons = config.profile === 'conformance' ? listUnsuitableSettings(config, facts) : listCityData(config);
  if (reasons.length > 0) throw new ConfigError(reasons.join('\n'));
}

function listUnsuitableSettings(
  { issuer, nodeEnv, clientsFile, tls }: Config,
  { citySchools }: ConformanceState,
): string[] {
  const otherClients = clientsFile.clients.filter(({ client_id: id }) => !id.startsWith(PREFIX));
  return [
    ...(nodeEnv === 'production' ? ['KINPASS_PROFILE: conformance must not be used with NODE_ENV=production'] : []),
    ...(issuer.startsWith('https:') ? [] : ['KINPASS_ISSUER: the conformance suite needs https']),
    ...(tls === undefined ? ['KINPASS_TLS_CERT_FILE: is missing (the conformance profile serves https itself)'] : []),
    ...(citySchools > 0
      ? ['the database contains schools of a city; the conformance profile needs its own database']
      : []),
    ...otherClients.map(
      ({ client_id: id }) =>
        `KINPASS_CLIENTS_FILE: clients (${id}): client ids must begin with "conformance-" in the conformance profile`,
    ),
  ];
}

function listCityData({ clientsFile, tls }: Config): string[] {
  const clients = clientsFile.clients.filter(({ client_id: id }) => id.startsWith(PREFIX));
  return [
    ...(tls === undefined ? [] : ['KINPASS_TLS_CERT_FILE: only the conformance profile serves https itself']),
    ...clients.map(
      ({ client_id: id }) => `KINPASS_CLIENTS_FILE: clients (${id}): is allowed only in the conformance profile`,
    ),
  ];
}
