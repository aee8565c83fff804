import { insecureUrisOf, privateUrisOf, unknownResourcesOf } from '../../config/client-addresses.ts';
import { authenticatesWithSecret, clientSchema, type ClientRegistration } from '../../config/clients.ts';
import type { ClientRegistry } from '../access/client-registry.ts';

/** A field of the form with a value that is not accepted. `uri` names one of several. */
export interface ClientProblem {
  field: string;
  uri?: string;
  /** True if the service would have to call a private address. */
  isPrivateAddress?: boolean;
}

type ClientCheck =
  { kind: 'valid'; registration: ClientRegistration } | { kind: 'invalid'; problems: readonly ClientProblem[] };

interface Deps {
  clients: Pick<ClientRegistry, 'listResources'>;
  acceptsPrivateAddresses: boolean;
}

/** Stands for the hashes of secrets, which are generated after the check and stored in their own columns. */
const ANY_HASH = '0'.repeat(64);

/**
 * Checks a registration with the schema of the clients file, and with its rules for production: redirect URIs of web clients use https, and
 * the service calls no private address.
 *
 * @param form names and values of the clients file, without secrets
 */
export function checkClientForm(
  form: Readonly<Record<string, unknown>>,
  { clients, acceptsPrivateAddresses }: Deps,
): ClientCheck {
  const parsed = clientSchema.safeParse(withAnySecrets(form));
  if (!parsed.success) {
    return { kind: 'invalid', problems: parsed.error.issues.map(({ path }) => problemOf(form, path)) };
  }
  const registration = parsed.data;
  const problems = [
    ...insecureUrisOf(registration),
    ...unknownResourcesOf(registration, clients.listResources()),
    ...(acceptsPrivateAddresses ? [] : privateUrisOf(registration)).map((problem) => ({
      ...problem,
      isPrivateAddress: true,
    })),
  ];
  return problems.length > 0 ? { kind: 'invalid', problems } : { kind: 'valid', registration };
}

function withAnySecrets(form: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const ldap = typeof form['ldap'] === 'object' ? { ldap: { ...form['ldap'], secret_sha256: [ANY_HASH] } } : {};
  const method = clientSchema.shape.token_endpoint_auth_method.safeParse(form['token_endpoint_auth_method']);
  const signsIn = form['ldap'] === undefined || form['redirect_uris'] !== undefined;
  const needsSecret = method.success && signsIn && authenticatesWithSecret(method.data);
  return { ...form, ...ldap, client_secret_sha256: needsSecret ? [ANY_HASH] : [] };
}

function problemOf(form: Readonly<Record<string, unknown>>, [name, index]: readonly PropertyKey[]): ClientProblem {
  const field = String(name ?? 'client_id');
  const value = form[field];
  const uri: unknown = Array.isArray(value) && typeof index === 'number' ? value[index] : undefined;
  return typeof uri === 'string' ? { field, uri } : { field };
}
