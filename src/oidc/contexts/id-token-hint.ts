import { errors, type Client, type KoaContextWithOIDC, type Provider } from 'oidc-provider';
import { z } from 'zod';

const hintPayload = z.object({ sub: z.string(), acting: z.object({ ctx: z.string() }).optional() });
/** The claims of an ID token of the service that name the person, and the context if it has one. */
type HintedIdentity = z.infer<typeof hintPayload>;

/**
 * Returns the identity that the `id_token_hint` of an authorization request names. The provider validates the hint at the start of the
 * request only; a request that continues after a page validates it again.
 */
export async function findHintedIdentity({ oidc }: KoaContextWithOIDC): Promise<HintedIdentity | undefined> {
  const hint = oidc.params?.['id_token_hint'];
  if (typeof hint !== 'string' || oidc.client === undefined) return undefined;
  const { payload } = oidc.entities.IdTokenHint ?? (await validate(oidc.provider, hint, oidc.client));
  return hintPayload.parse(payload);
}

/** @throws {errors.InvalidRequest} if the key was retired while the page was open */
async function validate(provider: Provider, hint: string, client: Client): Promise<{ payload: unknown }> {
  try {
    return await provider.IdToken.validate(hint, client);
  } catch (cause) {
    throw new errors.InvalidRequest('could not validate id_token_hint', undefined, { cause });
  }
}
