import { ConfigError } from './config-error.ts';
import type { Config } from './load.ts';

/** Prefix of the clients of the conformance suite, which only that profile may have. */
const PREFIX = 'conformance-';

export interface ConformanceState {
  /** Number of schools of a real city. Their codes do not begin with 99. */
  citySchools: number;
}

/** The settings that the checks need. Those that are invalid for other reasons are left out. */
export interface ConformanceFacts extends ConformanceState {
  profile?: Config['profile'] | undefined;
  nodeEnv?: string | undefined;
  issuer?: string | undefined;
  clientsFile?: Config['clientsFile'] | undefined;
  hasTls: boolean;
}

/**
 * Keeps the conformance profile apart from others, because it has a person with a published password. It needs its own database, clients
 * and certificate, and does not start with NODE_ENV=production. No other profile accepts its clients or a certificate.
 *
 * @throws {ConfigError} that lists every reason
 */
export function assertConformanceProfile(config: Config, { citySchools }: ConformanceState): void {
  const reasons = listConformanceProblems({ ...config, hasTls: config.tls !== undefined, citySchools });
  if (reasons.length > 0) throw new ConfigError(reasons.join('\n'));
}

/** Lists what the profile does not accept. */
export function listConformanceProblems(facts: ConformanceFacts): string[] {
  if (facts.profile === undefined) return [];
  return facts.profile === 'conformance' ? listUnsuitableSettings(facts) : listCityData(facts);
}

function listUnsuitableSettings({ issuer, nodeEnv, clientsFile, hasTls, citySchools }: ConformanceFacts): string[] {
  const otherClients = clientsFile?.clients.filter(({ client_id: id }) => !id.startsWith(PREFIX)) ?? [];
  return [
    ...(nodeEnv === 'production' ? ['KINPASS_PROFILE: conformance must not be used with NODE_ENV=production'] : []),
    ...(issuer?.startsWith('https:') === false ? ['KINPASS_ISSUER: the conformance suite needs https'] : []),
    ...(hasTls ? [] : ['KINPASS_TLS_CERT_FILE: is missing (the conformance profile serves https itself)']),
    ...(citySchools > 0
      ? ['the database contains schools of a city; the conformance profile needs its own database']
      : []),
    ...otherClients.map(
      ({ client_id: id }) =>
        `KINPASS_CLIENTS_FILE: clients (${id}): client ids must begin with "conformance-" in the conformance profile`,
    ),
  ];
}

function listCityData({ clientsFile, hasTls }: ConformanceFacts): string[] {
  const clients = clientsFile?.clients.filter(({ client_id: id }) => id.startsWith(PREFIX)) ?? [];
  return [
    ...(hasTls ? ['KINPASS_TLS_CERT_FILE: only the conformance profile serves https itself'] : []),
    ...clients.map(
      ({ client_id: id }) => `KINPASS_CLIENTS_FILE: clients (${id}): is allowed only in the conformance profile`,
    ),
  ];
}
