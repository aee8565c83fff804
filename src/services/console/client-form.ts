import { insecureUrisOf, privateUrisOf, unknownResourcesOf } from '../../config/client-addresses.ts';
import { clientSchema, usesSecret, type ClientRegistration } from '../../config/clients.ts';
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

/** Stands for the hash of the secret, which is generated after the check and stored in its own column. */
const ANY_HASH = '0'.repeat(64);

/**
 * Checks a registration with the schema of the clients file, and with its rules for production: redirect URIs of web clients use https, and
 * the service calls no private address.
 *
 * @param form names and values of the clients file, without the secret
 */
export function checkClientForm(
  form: Readonly<Record<string, unknown>>,
  { clients, acceptsPrivateAddresses }: Deps,
): ClientCheck {
  const method = clientSchema.shape.token_endpoint_auth_method.safeParse(form['token_endpoint_auth_method']);
  const hasSecret = method.success && usesSecret({ token_endpoint_auth_method: method.data });
  const parsed = clientSchema.safeParse({ ...form, client_secret_sha256: hasSecret ? [ANY_HASH] : [] });
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

function problemOf(form: Readonly<Record<string, unknown>>, [name, index]: readonly PropertyKey[]): ClientProblem {
  const field = String(name ?? 'client_id');
  const value = form[field];
  const uri: unknown = Array.isArray(value) && typeof index === 'number' ? value[index] : undefined;
  return typeof uri === 'string' ? { field, uri } : { field };
}
