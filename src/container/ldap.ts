import type { KeyObject } from 'node:crypto';
import type { Config } from '../config/load.ts';
import { createLdapServers, type LdapServers } from '../ldap/server/listeners.ts';
import { createDirectoryBinds } from '../services/directory/binds.ts';
import { createDirectory } from '../services/directory/directory.ts';
import { createDirectoryGroups } from '../services/directory/groups.ts';
import { createDirectoryLookups } from '../services/directory/lookups.ts';
import { createDirectoryPasswordChanges } from '../services/directory/password-changes.ts';
import { createDirectoryScanAudit } from '../services/directory/scan-audit.ts';
import { createRequiresSecondFactor } from '../services/settings/required-second-factor.ts';
import type { Services } from './services.ts';

/** Creates the servers of the directory; undefined when it is off. @throws {Error} when its certificate cannot be used */
export function createLdap(
  { directory: settings }: Pick<Config, 'directory'>,
  services: Services,
  pairwiseKey: KeyObject,
): LdapServers | undefined {
  if (settings === undefined) return undefined;
  const directory = createDirectory({ ...services, pairwiseKey });
  const requiresSecondFactor = createRequiresSecondFactor(services);
  const binds = createDirectoryBinds({ ...services, directory, requiresSecondFactor });
  const passwordChanges = createDirectoryPasswordChanges({ ...services, requiresSecondFactor });
  const groups = createDirectoryGroups(services);
  const lookups = createDirectoryLookups({ ...services, directory, groups });
  return createLdapServers(settings, {
    directory,
    groups,
    lookups,
    binds,
    scanAudit: createDirectoryScanAudit(services),
    passwordChanges,
    log: services.log,
    metrics: services.metrics,
  });
}
