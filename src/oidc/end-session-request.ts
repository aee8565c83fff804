import type Provider from 'oidc-provider';
import type { Client } from 'oidc-provider';
import { decodeJwt } from 'jose';
import { z } from 'zod';

/** The redirect to an app after the sign-out. */
export const appRedirect = z.object({
  clientId: z.string(),
  /** A registered `post_logout_redirect_uri` of the client. */
  uri: z.string(),
  state: z.string().optional(),
});
type AppRedirect = z.infer<typeof appRedirect>;

/** A request at the end session endpoint (RP-Initiated Logout 1.0, section 2), validated. */
interface EndSessionRequest {
  /** The client that sent the request; `undefined` if the request does not prove it. */
  clientId: string | undefined;
  redirect: AppRedirect | undefined;
  /** The reason of a refused redirect, for the log. It contains no value of the request. */
  refusal: string | undefined;
}

/** The request must not redirect. The sign-out itself is never refused. */
class RefusedError extends Error {
  readonly clientId: string | undefined;
  constructor(reason: string, clientId?: string, cause?: unknown) {
    super(reason, { cause });
    this.clientId = clientId;
  }
}

/** In characters. An ID token with the claims of many children is long; the other parameters are short. */
const MAX_HINT_LENGTH = 12_000;
const MAX_LENGTH = 4_000;

/** A parameter without a value counts as left out (RFC 6749, section 3.1). */
const parameter = (max: number) =>
  z
    .string()
    .max(max)
    .transform((value) => (value === '' ? undefined : value))
    .optional();

const parameters = z.object({
  id_token_hint: parameter(MAX_HINT_LENGTH),
  client_id: parameter(MAX_LENGTH),
  post_logout_redirect_uri: parameter(MAX_LENGTH),
  state: parameter(MAX_LENGTH),
  ui_locales: parameter(MAX_LENGTH),
  logout_hint: parameter(MAX_LENGTH),
});
type Parameters = z.infer<typeof parameters>;

const hintPayload = z.object({ aud: z.string() });

/**
 * Validates a request at the end session endpoint. An invalid request loses only its redirect: the person can still sign out
 * (RP-Initiated Logout 1.0, sections 2 to 4).
 */
export async function readEndSessionRequest(provider: Provider, query: unknown): Promise<EndSessionRequest> {
  try {
    return await validate(provider, readParameters(query));
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return { clientId: error.clientId, redirect: undefined, refusal: error.message };
  }
}

function readParameters(query: unknown): Parameters {
  const parsed = parameters.safeParse(query);
  if (parsed.success) return parsed.data;
  const names = new Set(parsed.error.issues.map(({ path }) => String(path[0])));
  throw new RefusedError(`sent more than once or too long: ${[...names].join(', ')}`);
}

async function validate(provider: Provider, sent: Parameters): Promise<EndSessionRequest> {
  const client = await findRequestingClient(provider, sent);
  const { post_logout_redirect_uri: uri, state } = sent;
  if (uri === undefined) return { clientId: client?.clientId, redirect: undefined, refusal: undefined };
  if (client === undefined) throw new RefusedError('post_logout_redirect_uri needs id_token_hint or client_id');
  const { clientId } = client;
  if (!client.postLogoutRedirectUriAllowed(uri)) {
    throw new RefusedError('post_logout_redirect_uri is not registered', clientId);
  }
  return { clientId, redirect: { clientId, uri, state }, refusal: undefined };
}

async function findRequestingClient(provider: Provider, sent: Parameters): Promise<Client | undefined> {
  const { id_token_hint: hint, client_id: id } = sent;
  if (hint === undefined) return id === undefined ? undefined : findClient(provider, id, 'client_id');
  const audience = audienceOf(hint);
  const client = await findClient(provider, audience, 'the audience of id_token_hint');
  // Retired keys are no longer published. Expired hints are valid: sessions live longer than ID tokens.
  await provider.IdToken.validate(hint, client).catch((cause: unknown) => {
    throw new RefusedError('id_token_hint is not an ID token that a published key signed', undefined, cause);
  });
  if (id !== undefined && id !== audience)
    throw new RefusedError('client_id is not the audience of id_token_hint', audience);
  return client;
}

function audienceOf(hint: string): string {
  try {
    return hintPayload.parse(decodeJwt(hint)).aud;
  } catch (cause) {
    throw new RefusedError('id_token_hint cannot be decoded', undefined, cause);
  }
}

async function findClient(provider: Provider, id: string, name: string): Promise<Client> {
  const client = await provider.Client.find(id);
  if (client === undefined) throw new RefusedError(`${name} is not a registered client`);
  return client;
}

/** Returns the URL of a redirect; `undefined` if the client was removed or no longer registers the address. */
export async function findRedirectUrl(
  provider: Provider,
  { clientId, uri, state }: AppRedirect,
): Promise<string | undefined> {
  const client = await provider.Client.find(clientId);
  return client?.postLogoutRedirectUriAllowed(uri) === true ? withState(uri, state) : undefined;
}

function withState(uri: string, state: string | undefined): string {
  if (state === undefined) return uri;
  const url = new URL(uri);
  url.searchParams.set('state', state);
  return url.href;
}
