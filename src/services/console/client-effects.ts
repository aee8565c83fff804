import { isDirectoryOnly } from '../../config/client-directory.ts';
import { usesSecret, type ClientRegistration } from '../../config/clients.ts';
import { createClientSecret, SECRET_OVERLAP_MS } from '../../domain/client-secret.ts';
import type { Random } from '../../domain/random.ts';
import type { ClientRow, updateClient } from '../../store/oidc/clients.ts';

export const CLIENT_ACTIONS = [
  'rotate-secret',
  'end-old-secret',
  'rotate-directory-secret',
  'end-old-directory-secret',
  'disable',
  'enable',
] as const;
export type ClientAction = (typeof CLIENT_ACTIONS)[number];

/** Secrets that a write has created. They are shown once. */
export interface NewSecrets {
  secret?: string;
  /** The secret of the service account in the directory. */
  directorySecret?: string;
}

type Values = Omit<Parameters<typeof updateClient>[2], 'updatedAt'>;

interface ClientEffect extends NewSecrets {
  event: string;
  before: string;
  after: string;
  values: Values;
}

/** The columns of the two secrets of a client. */
const SECRETS = {
  secret: {
    hash: 'secretHash',
    previous: 'previousSecretHash',
    until: 'previousSecretUntil',
    rotated: 'client.secret_rotated',
    ended: 'client.secret_ended',
  },
  directorySecret: {
    hash: 'directorySecretHash',
    previous: 'previousDirectorySecretHash',
    until: 'previousDirectorySecretUntil',
    rotated: 'client.directory_secret_rotated',
    ended: 'client.directory_secret_ended',
  },
} as const;
type SecretName = keyof typeof SECRETS;

/** The effect of each action; undefined if it is not possible in the state of the client. */
export const EFFECTS: Readonly<
  Record<ClientAction, (row: ClientRow, now: number, random: Random) => ClientEffect | undefined>
> = {
  'rotate-secret': (row, now, random) => rotate('secret', row, now, random),
  'end-old-secret': (row, now) => endOld('secret', row, now),
  'rotate-directory-secret': (row, now, random) => rotate('directorySecret', row, now, random),
  'end-old-directory-secret': (row, now) => endOld('directorySecret', row, now),
  disable: ({ disabledAt }, now) =>
    disabledAt === null
      ? {
          event: 'client.disabled',
          before: 'enabled',
          after: 'disabled',
          values: { disabledAt: now, isRevoking: true },
        }
      : undefined,
  // Not before all grants are deleted: they would be valid again.
  enable: ({ disabledAt, isRevoking }) =>
    disabledAt === null || isRevoking
      ? undefined
      : { event: 'client.enabled', before: 'disabled', after: 'enabled', values: { disabledAt: null } },
};

function rotate(name: SecretName, row: ClientRow, now: number, random: Random): ClientEffect | undefined {
  const columns = SECRETS[name];
  const current = row[columns.hash];
  if (current === null) return undefined;
  const { secret, hash } = createClientSecret(random);
  return {
    event: columns.rotated,
    before: 'one secret',
    after: 'two secrets',
    values: { [columns.hash]: hash, [columns.previous]: current, [columns.until]: now + SECRET_OVERLAP_MS },
    [name]: secret,
  };
}

function endOld(name: SecretName, row: ClientRow, now: number): ClientEffect | undefined {
  const columns = SECRETS[name];
  if (row[columns.previous] === null || (row[columns.until] ?? 0) <= now) return undefined;
  return {
    event: columns.ended,
    before: 'two secrets',
    after: 'one secret',
    values: { [columns.previous]: null, [columns.until]: null },
  };
}

/** Creates the secrets that a registration needs and its row does not have, and deletes those that it does not need. */
export function updateSecrets(
  registration: ClientRegistration,
  row: Pick<ClientRow, 'secretHash' | 'directorySecretHash'>,
  random: Random,
): { values: Values; created: NewSecrets } {
  const needs = { secret: usesSecret(registration), directorySecret: registration.ldap !== undefined };
  const values: Values = {};
  const created: NewSecrets = {};
  for (const name of ['secret', 'directorySecret'] as const) {
    const { hash, previous, until } = SECRETS[name];
    if (!needs[name]) Object.assign(values, { [hash]: null, [previous]: null, [until]: null });
    else if (row[hash] === null) {
      const fresh = createClientSecret(random);
      values[hash] = fresh.hash;
      created[name] = fresh.secret;
    }
  }
  return { values, created };
}

/** Returns the fields to store. Hashes have their own columns, and an absent list of redirect URIs stays absent. */
export function withoutSecrets(registration: ClientRegistration): Record<string, unknown> {
  const omitted = ['client_secret_sha256', ...(isDirectoryOnly(registration) ? ['redirect_uris'] : [])];
  const { ldap } = registration;
  return {
    ...Object.fromEntries(Object.entries(registration).filter(([name]) => !omitted.includes(name))),
    ...(ldap && { ldap: { scan: ldap.scan } }),
  };
}
