import { decodeJwt, decodeProtectedHeader } from 'jose';
import Provider from 'oidc-provider';
import { z } from 'zod';
import type { Clock } from '../domain/clock.ts';
import { HOUR_MS, MINUTE_MS } from '../domain/duration.ts';
import type { Logger } from '../platform/logger.ts';
import { invalidAssertion } from './options/client-auth.ts';

/** Time between two requests to the `jwks_uri` of a client, in ms. Anyone can send an assertion with an unknown `kid`. */
const MIN_LOAD_INTERVAL_MS = MINUTE_MS;
/** A key that the client removed is refused after this time, in ms, whatever its cache header says. */
const MAX_AGE_MS = HOUR_MS;

type Jwk = Readonly<Record<string, unknown>>;

/** The keys of a client as this process loaded them last. */
interface LoadedKeys {
  keys: readonly Jwk[];
  /** When the keys are to be loaded again, ms. */
  expiresAt: number;
  /** The start of the last request, ms. */
  requestedAt: number;
  hasFailed: boolean;
  loading: Promise<void> | undefined;
}

/**
 * Keys of clients with a `jwks_uri`, by client and URI. One per process: the provider is replaced when the signing keys rotate, and forgets
 * clients that it has not served for a while.
 */
export type ClientKeyCache = Map<string, LoadedKeys>;

interface Deps {
  clientKeys: ClientKeyCache;
  clock: Clock;
  log: Logger;
}

/** The provider's key set of one client. */
interface KeyStore extends Iterable<Jwk> {
  /** Seconds. */
  freshUntil?: number;
  add(key: Jwk): void;
  clear(): void;
  refresh(): Promise<void>;
}

const isFunction = (value: unknown): boolean => typeof value === 'function';
const keyStoreShape = z.custom<KeyStore>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    isFunction(Reflect.get(value, Symbol.iterator)) &&
    ['add', 'clear', 'refresh'].every((name) => isFunction(Reflect.get(value, name))),
  'oidc-provider no longer has the key store of Client.asymmetricKeyStore',
);

const remoteClient = z.object({
  clientId: z.string(),
  tokenEndpointAuthMethod: z.literal('private_key_jwt'),
  jwksUri: z.string(),
  asymmetricKeyStore: keyStoreShape,
});
type RemoteClient = z.infer<typeof remoteClient>;

/**
 * Loads the keys of a client before the provider verifies its assertion. The provider itself keeps keys as long as the cache header of the
 * `jwks_uri` says, so a rotated key would fail until then. Keys are loaded
 *
 * - when the `kid` of the assertion is unknown;
 * - when they have expired: as the cache header says, but after an hour at the latest.
 *
 * Each node sends at most one request per minute and client. If it fails, the keys that are known stay valid.
 *
 * @param client the client that a request names
 * @throws {errors.InvalidClientAuth} when the key of the assertion cannot be found
 */
export async function loadKeyOfAssertion(deps: Deps, client: unknown): Promise<void> {
  const assertion: unknown = Provider.ctx?.oidc.params?.['client_assertion'];
  if (typeof assertion !== 'string') return;
  const remote = remoteClient.safeParse(client);
  if (!remote.success) return;
  const signed = readAssertion(assertion);
  // The request may look up other clients. An assertion that cannot be read is left to the provider.
  if (signed?.issuer === remote.data.clientId) await loadKey(deps, remote.data, signed.kid);
}

async function loadKey(deps: Deps, client: RemoteClient, kid: string | undefined): Promise<void> {
  const entry = findEntry(deps, client);
  const isKnown = (): boolean =>
    kid === undefined ? entry.keys.length > 0 : entry.keys.some((key) => key['kid'] === kid);
  const now = deps.clock.now();
  const isDue = !isKnown() || now >= entry.expiresAt;
  if (isDue && now >= entry.requestedAt + MIN_LOAD_INTERVAL_MS) entry.loading ??= load(deps, client, entry);
  if (isDue) await entry.loading;
  useKeys(client.asymmetricKeyStore, entry.keys);
  if (isKnown()) return;
  throw entry.hasFailed
    ? invalidAssertion('failed to load the jwks_uri of the client; try again in a minute')
    : invalidAssertion('client_assertion kid is not in the jwks_uri of the client, which is loaded once a minute');
}

function findEntry({ clientKeys }: Deps, { clientId, jwksUri }: RemoteClient): LoadedKeys {
  const name = `${clientId} ${jwksUri}`;
  const entry = clientKeys.get(name) ?? {
    keys: [],
    expiresAt: 0,
    requestedAt: Number.NEGATIVE_INFINITY,
    hasFailed: false,
    loading: undefined,
  };
  clientKeys.set(name, entry);
  return entry;
}

async function load({ clock, log }: Deps, client: RemoteClient, entry: LoadedKeys): Promise<void> {
  entry.requestedAt = clock.now();
  try {
    // A set of its own: the provider empties the set before it knows that the new keys are valid.
    const store = keyStoreShape.parse(Reflect.construct(client.asymmetricKeyStore.constructor, [client]));
    await store.refresh();
    entry.keys = [...store];
    // The provider computes `freshUntil` with the system time.
    const cachedMs = (store.freshUntil ?? 0) * 1000 - Date.now();
    entry.expiresAt = clock.now() + Math.min(cachedMs, MAX_AGE_MS);
    entry.hasFailed = false;
  } catch (error) {
    entry.hasFailed = true;
    log.warn({ err: error, clientId: client.clientId }, 'failed to load the keys of a client');
  } finally {
    entry.loading = undefined;
  }
}

/** Replaces the keys of the provider. It does not load them itself. */
function useKeys(store: KeyStore, keys: readonly Jwk[]): void {
  store.clear();
  for (const key of keys) store.add(key);
  store.freshUntil = Number.POSITIVE_INFINITY;
}

function readAssertion(assertion: string): { issuer: string | undefined; kid: string | undefined } | undefined {
  try {
    return { issuer: decodeJwt(assertion).iss, kid: decodeProtectedHeader(assertion).kid };
  } catch {
    return undefined;
  }
}
