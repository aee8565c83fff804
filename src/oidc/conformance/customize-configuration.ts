import type { Account, ClientMetadata, Configuration } from 'oidc-provider';
import { STANDARD_CLAIMS, TEST_PERSON_ID } from './test-person.ts';

/** Claims of the scope `profile` that the suite requests, but the city has no data for (OpenID Connect Core 1.0, section 5.4). */
const PROFILE = [
  ...['name', 'family_name', 'given_name', 'middle_name', 'nickname', 'preferred_username', 'profile', 'picture'],
  ...['website', 'gender', 'birthdate', 'zoneinfo', 'locale', 'updated_at'],
];

type FindAccount = NonNullable<Configuration['findAccount']>;
type LoadGrant = NonNullable<Configuration['loadExistingGrant']>;

/**
 * Adds what the conformance suite needs: the scope `address`, all standard claims of the scope `profile`, their values for the test
 * person, and requests with neither PKCE nor `nonce`. Everything else is the service unchanged.
 */
export function customizeForConformance(configuration: Configuration): Configuration {
  const { scopes = [], claims, pkce, findAccount, loadExistingGrant } = configuration;
  if (findAccount === undefined || loadExistingGrant === undefined)
    throw new Error('the configuration lacks findAccount or loadExistingGrant');
  return {
    ...configuration,
    scopes: [...scopes, 'address'],
    // Only the clients of the FAPI 2.0 plan push their requests.
    pkce: {
      required: (ctx, client) =>
        client.requirePushedAuthorizationRequests === true && pkce?.required?.(ctx, client) !== false,
    },
    claims: { ...claims, profile: PROFILE, address: ['address'] },
    findAccount: withStandardClaims(findAccount),
    loadExistingGrant: withStandardGrants(loadExistingGrant),
  };
}

/** Registers each client for the scope `address` too. */
export function allowAddressScope(metadata: ClientMetadata): ClientMetadata {
  return { ...metadata, scope: `${metadata.scope ?? ''} address` };
}

/** Adds the standard claims of the test person. The provider releases those that the grant allows. */
function withStandardClaims(find: FindAccount): FindAccount {
  return async (ctx, id, token) => {
    const account: Account | undefined = await find(ctx, id, token);
    if (account === undefined || id !== TEST_PERSON_ID) return account;
    return {
      ...account,
      claims: async (...parameters) => ({ ...STANDARD_CLAIMS, ...(await account.claims(...parameters)) }),
    };
  };
}

/** Adds the standard claims to the grant: the service itself grants only claims of the city. */
function withStandardGrants(load: LoadGrant): LoadGrant {
  return async (ctx) => {
    const grant = await load(ctx);
    if (grant === undefined) return undefined;
    const { requestParamScopes, requestParamClaims } = ctx.oidc;
    if (requestParamScopes.has('address')) grant.addOIDCScope('address');
    grant.addOIDCClaims([...requestParamClaims].filter((claim) => Object.hasOwn(STANDARD_CLAIMS, claim)));
    await grant.save();
    return grant;
  };
}
