import { ConfigError } from './config-error.ts';
import type { Config } from './load.ts';

/** Clients of the conformance suite are named so, and exist in that profile only. */
const PREFIX = 'conformance-';

export interface ConformanceState {
  /** Schools of a real city: those whose code does not begin with 99. */
  citySchools: number;
}

/**
 * The conformance profile has a person whose password is published, so it lives apart: its own database, its own clients, its
 * own certificate, never on a machine that calls itself production. And no other profile takes any of this.
 *
 * @throws {ConfigError} listing every reason
 */
export function assertConformanceProfile(config: Config, facts: ConformanceState): void {
  const reasons = config.profile === 'conformance' ? listUnsuitableSettings(config, facts) : listCityData(config);
  if (reasons.length > 0) throw new ConfigError(reasons.join('\n'));
}

function listUnsuitableSettings(
  { issuer, nodeEnv, clientsFile, tls }: Config,
  { citySchools }: ConformanceState,
): string[] {
  const strangers = clientsFile.clients.filter(({ client_id: id }) => !id.startsWith(PREFIX));
  return [
    ...(nodeEnv === 'production' ? ['KINPASS_PROFILE: conformance is refused together with NODE_ENV=production'] : []),
    ...(issuer.startsWith('https:') ? [] : ['KINPASS_ISSUER: the conformance suite needs https']),
    ...(tls === undefined ? ['KINPASS_TLS_CERT_FILE: is missing (the conformance profile serves https itself)'] : []),
    ...(citySchools > 0 ? ['the database holds schools of a city; the conformance profile needs one of its own'] : []),
    ...strangers.map(
      ({ client_id: id }) => `KINPASS_CLIENTS_FILE: clients (${id}): here all names begin with "conformance-"`,
    ),
  ];
}

function listCityData({ clientsFile, tls }: Config): string[] {
  const clients = clientsFile.clients.filter(({ client_id: id }) => id.startsWith(PREFIX));
  return [
    ...(tls === undefined ? [] : ['KINPASS_TLS_CERT_FILE: only the conformance profile serves https itself']),
    ...clients.map(
      ({ client_id: id }) => `KINPASS_CLIENTS_FILE: clients (${id}): exists in the conformance profile only`,
    ),
  ];
}
