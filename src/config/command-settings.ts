import { readAuditArchive, type AuditArchiveSettings } from './audit-archive.ts';
import type { AddressRules } from './client-addresses.ts';
import { loadClientsFile } from './clients-file.ts';
import { ConfigError } from './config-error.ts';
import { environmentSchema } from './environment.ts';
import type { Config } from './load.ts';
import { parseEnvironment, type Environment } from './environment-reader.ts';
import { addressRulesOf, databaseOf, mailOf } from './load.ts';
import { readMasterKey } from './master-key.ts';

/*
 * The settings of single commands. A command reads only the settings that it uses, so it also runs where the mail server or the issuer is
 * not configured. No command creates a master key.
 */

const databaseSchema = environmentSchema.pick({ DATABASE_URL: true, KINPASS_DATABASE_FILE: true });
const keySchema = databaseSchema.extend(environmentSchema.pick({ KINPASS_MASTER_KEY_FILE: true }).shape);
const migratingSchema = keySchema.extend(environmentSchema.pick({ KINPASS_MIGRATIONS: true }).shape);
const revokingSchema = migratingSchema.extend(environmentSchema.pick({ KINPASS_CLIENTS_FILE: true }).shape);
const invitingSchema = migratingSchema.extend(
  environmentSchema.pick({ KINPASS_ISSUER: true, KINPASS_PROFILE: true }).shape,
);
const addressSchema = environmentSchema.pick({ KINPASS_PROFILE: true, KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES: true });
const mailSchema = environmentSchema.pick({ KINPASS_PROFILE: true, KINPASS_SMTP_URL: true, KINPASS_MAIL_FROM: true });
const archiveDirSchema = environmentSchema.pick({ KINPASS_AUDIT_ARCHIVE_DIR: true });
const archiveSchema = archiveDirSchema.extend(environmentSchema.pick({ KINPASS_AUDIT_RETENTION_DAYS: true }).shape);

export type DatabaseSettings = Pick<Config, 'database'>;
export type KeySettings = DatabaseSettings & Pick<Config, 'masterKey'>;
/** For commands that change accounts. They apply pending migrations, like a start of the service. */
export type MigratingSettings = KeySettings & Pick<Config, 'migrations'>;
/** For commands that revoke sessions. They notify the relying parties. */
export type RevokingSettings = MigratingSettings & Pick<Config, 'clientsFile'>;
/** For commands that send links. */
export type InvitingSettings = MigratingSettings & Pick<Config, 'issuer'> & { isProduction: boolean };

/** For `backup` and `migrate`. */
export function loadDatabaseSettings(env: Environment): DatabaseSettings {
  return { database: databaseOf(parseEnvironment(databaseSchema, env)) };
}

/** For `audit verify`, `audit export`, `audit archive`, `keys rotate` and `restore`. */
export function loadKeySettings(env: Environment): KeySettings {
  const parsed = parseEnvironment(keySchema, env);
  return { database: databaseOf(parsed), masterKey: readMasterKey(parsed.KINPASS_MASTER_KEY_FILE, { isNew: false }) };
}

/** For `person unlock`. */
export function loadMigratingSettings(env: Environment): MigratingSettings {
  const { KINPASS_MIGRATIONS: migrations } = parseEnvironment(migratingSchema, env);
  return { ...loadKeySettings(env), migrations };
}

/** For `person disable`, `person enable`, `sessions revoke-all` and `restore --revoke-sessions`. */
export function loadRevokingSettings(env: Environment): RevokingSettings {
  const { KINPASS_CLIENTS_FILE: file } = parseEnvironment(revokingSchema, env);
  // Unlike a start, revoking sessions accepts registrations that are unsafe in production.
  const rules = { isProduction: false, acceptsPrivateAddresses: true };
  return { ...loadMigratingSettings(env), clientsFile: loadClientsFile(file, rules) };
}

/** For `clients check`: the rules of the profile, by default those of production. */
export function loadAddressRules(env: Environment): AddressRules {
  const { KINPASS_PROFILE: profile, KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES: isAllowed } = parseEnvironment(
    addressSchema,
    env,
  );
  return addressRulesOf({ profile, acceptsPrivateAddresses: profile !== 'production' || isAllowed });
}

/** For `admin invite`. */
export function loadInvitingSettings(env: Environment): InvitingSettings {
  const { KINPASS_ISSUER: issuer, KINPASS_PROFILE: profile } = parseEnvironment(invitingSchema, env);
  return { ...loadMigratingSettings(env), issuer, isProduction: profile === 'production' };
}

/** For `mail test`. */
export function loadMailSettings(env: Environment): Config['mail'] {
  return mailOf(parseEnvironment(mailSchema, env));
}

/** For `audit archive`. @throws {ConfigError} when a setting is missing, or the service cannot create files in the folder */
export function loadArchiveSettings(env: Environment): AuditArchiveSettings {
  const { KINPASS_AUDIT_RETENTION_DAYS: days, KINPASS_AUDIT_ARCHIVE_DIR: folder } = parseEnvironment(
    archiveSchema,
    env,
  );
  const settings = readAuditArchive(days, folder);
  if (settings === undefined) {
    throw new ConfigError('KINPASS_AUDIT_RETENTION_DAYS and KINPASS_AUDIT_ARCHIVE_DIR: both are required to archive');
  }
  return settings;
}

/** For `--archives`. @throws {ConfigError} when the setting is missing */
export function loadArchiveDir(env: Environment): string {
  const { KINPASS_AUDIT_ARCHIVE_DIR: folder } = parseEnvironment(archiveDirSchema, env);
  if (folder === undefined) throw new ConfigError('KINPASS_AUDIT_ARCHIVE_DIR: is required for --archives');
  return folder;
}
