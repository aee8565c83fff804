import { loadClientsFile, type ClientsFile } from '../config/clients-file.ts';
import { addressRulesOf, type Config } from '../config/load.ts';
import type { Oidc } from '../oidc/provider.ts';
import { createClientsReload, warnAboutReplaced, type ClientsReload } from '../services/access/clients-reload.ts';
import type { Services } from './services.ts';

/**
 * Checks the clients of the start with the provider, and prepares the reload of their file.
 *
 * @param currentOidc returns the provider that is in use
 * @throws {Error} that names the first client that the provider rejects
 */
export function createClientsFile(
  config: Config,
  services: Services,
  currentOidc: () => Pick<Oidc, 'findClientProblem'>,
): ClientsReload {
  const file = config.clientsFilePath;
  // The rules of the file include those of the provider. This check finds a difference, for example after an upgrade.
  const check = (loaded: ClientsFile): ClientsFile => {
    for (const client of loaded.clients) {
      const problem = currentOidc().findClientProblem(client);
      if (problem !== undefined) throw new Error(`${file}: clients (${client.client_id}): ${problem}`);
    }
    return loaded;
  };
  check(config.clientsFile);
  warnAboutReplaced(services);
  return createClientsReload({ ...services, file, load: () => check(loadClientsFile(file, addressRulesOf(config))) });
}
