import type { Account, Configuration } from 'oidc-provider';
import { STANDARD_CLAIMS, TEST_PERSON_ID } from './test-person.ts';

/** Claims that the suite asks for by scope and the city knows nothing of (OpenID Connect Core 1.0, section 5.4). */
const PROFILE = [
  ...['name', 'family_name', 'given_name', 'middle_name', 'nickname', 'preferred_username', 'profile', 'picture'],
  ...['website', 'gender', 'birthdate', 'zoneinfo', 'locale', 'updated_at'],
];

type FindAccount = NonNullable<Configuration['findAccount']>;
type LoadGrant = NonNullable<Configuration['loadExistingGrant']>;

/**
 * What the conformance profile adds, all of it here: the scope `address`, all standard claims of the `profile` scope, and a test
 * person who has them. Whatever else the suite meets is the service as it is.
 */
export function customizeForConformance(configuration: Configuration): Configuration {
  const { scopes = [], claims, clients = [], findAccount, loadExistingGrant } = configuration;
  if (findAccount === undefined || loadExistingGrant === undefined) throw new Error('the configuration is not whole');
  return {
    ...configuration,
    scopes: [...scopes, 'address'],
    claims: { ...claims, profile: PROFILE, address: ['address'] },
    clients: clients.map((client) => ({ ...client, scope: `${client.scope ?? ''} address` })),
    findAccount: withStandardClaims(findAccount),
    loadExistingGrant: withStandardGrants(loadExistingGrant),
  };
}

/** The provider picks out of these what the grant allows. */
function withStandardClaims(find: FindAccount): FindAccount {
  return async (ctx, id, token) => {
    const account: Account | undefined = await find(ctx, id, token);
    if (account === undefined || id !== TEST_PERSON_ID) return account;
    return { ...account, claims: async (...asked) => ({ ...STANDARD_CLAIMS, ...(await account.claims(...asked)) }) };
  };
}

/** The service grants only what the city knows, so the rest is added afterwards. */
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
