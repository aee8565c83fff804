import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { decodeProtectedHeader } from 'jose';
import type { Context } from 'koa';
import Provider, { errors, type ClientMetadata } from 'oidc-provider';
import { z } from 'zod';
import { ID_TOKEN_ALGORITHMS } from '../config/clients.ts';
import { isEqualConstantTime } from '../platform/crypto/constant-time.ts';
import { ACCOUNT_CLIENT_ID, type ClientRegistry } from '../services/access/client-registry.ts';
import type { ReplayCheck } from './adapter/replay-detection.ts';
import { readUserCode } from './adapter/user-codes.ts';
import { DEVICE_CODE } from './options/clients.ts';

/*
 * Overrides of provider methods for which no option exists. Check this file after each upgrade of oidc-provider: a renamed method
 * stops the start, or fails tests in `test/http`.
 */

const logoutMethod = z.custom<(this: unknown, accountId: string, sid: string | undefined) => Promise<void>>(
  (value) => typeof value === 'function',
  'oidc-provider no longer has the method Client.backchannelLogout',
);

/** Sends one logout token. @throws {Error} if the relying party does not answer with 200 or 204 */
export type SendLogout = (clientId: string, accountId: string, sid: string | undefined) => Promise<void>;

export function createSendLogout(provider: Provider): SendLogout {
  const send = logoutMethod.parse(Reflect.get(provider.Client.prototype, 'backchannelLogout'));
  return async (clientId, accountId, sid) => {
    const client = await provider.Client.find(clientId);
    if (client === undefined) throw new Error(`client ${clientId} is no longer registered`);
    await send.call(client, accountId, sid);
  };
}

/** Compares client secrets by their SHA-256. During a rotation a client has two secrets. */
export function compareSecretHashes(provider: Provider, clients: ClientRegistry): void {
  Reflect.set(
    provider.Client.prototype,
    'compareClientSecret',
    function compare(this: { clientId: string }, presented: string) {
      const digest = createHash('sha256').update(presented).digest();
      const known = clients.find(this.clientId)?.client_secret_sha256 ?? [];
      return known.some((hash) => isEqualConstantTime(Buffer.from(hash, 'hex'), digest));
    },
  );
}

const findMethod = z.custom<(id: string) => Promise<object | undefined>>(
  (value) => typeof value === 'function',
  'oidc-provider no longer has the method Client.find',
);

/** Makes `sub` pairwise at every client (docs/claims.md, rule 2), also at device clients: these are registered as public. */
export function forcePairwiseSubjects(provider: Provider): void {
  prepareClients(provider, (client) => {
    Reflect.set(client, 'subjectType', 'pairwise');
    return Promise.resolve();
  });
}

/** Runs `prepare` each time when the provider looks up a client. Its errors end the request. */
export function prepareClients(provider: Provider, prepare: (client: object) => Promise<void>): void {
  const find = findMethod.parse(Reflect.get(provider.Client, 'find'));
  Reflect.set(provider.Client, 'find', async (id: string) => {
    const client = await find.call(provider.Client, id);
    if (client !== undefined) await prepare(client);
    return client;
  });
}

/** Adds `sid` to every ID token (docs/claims.md, "Scopes"), also for apps without back-channel logout. */
export function forceSid(provider: Provider): void {
  Reflect.set(provider.Client.prototype, 'includeSid', () => true);
}

const loginMethod = z.custom<(this: object, details: object) => void>(
  (value) => typeof value === 'function',
  'oidc-provider no longer has the method Session.loginAccount',
);

/** Lets every sign-in choose "remember me". The provider keeps a session of the browser one, even if a later sign-in chooses otherwise. */
export function rememberPerSignIn(provider: Provider): void {
  const prototype: object = provider.Session.prototype;
  const loginAccount = loginMethod.parse(Reflect.get(prototype, 'loginAccount'));
  Reflect.set(prototype, 'loginAccount', function login(this: object, details: object) {
    Reflect.deleteProperty(this, 'transient');
    loginAccount.call(this, details);
  });
}

const grantTypeMethod = z.custom<(this: unknown, grantType: string) => boolean>(
  (value) => typeof value === 'function',
  'oidc-provider no longer has the method Client.grantTypeAllowed',
);

/** Rejects device codes for the client of the account pages: it has no secret, so anyone could store device codes in its name. */
export function rejectDeviceFlowOfBuiltInClient(provider: Provider): void {
  const prototype: object = provider.Client.prototype;
  const isAllowed = grantTypeMethod.parse(Reflect.get(prototype, 'grantTypeAllowed'));
  Reflect.set(prototype, 'grantTypeAllowed', function check(this: { clientId: string }, grantType: string) {
    if (this.clientId === ACCOUNT_CLIENT_ID && grantType === DEVICE_CODE) {
      throw new errors.UnauthorizedClient('this client may not use the device flow');
    }
    return isAllowed.call(this, grantType);
  });
}

const findByUserCodeMethod = z.custom<(code: string, options: object) => Promise<unknown>>(
  (value) => typeof value === 'function',
  'oidc-provider no longer has the method DeviceCode.findByUserCode',
);

/** Looks up user codes as they were typed: the provider has already removed full-width letters. */
export function acceptFullWidthUserCodes(provider: Provider): void {
  const find = findByUserCodeMethod.parse(Reflect.get(provider.DeviceCode, 'findByUserCode'));
  Reflect.set(provider.DeviceCode, 'findByUserCode', (code: string, options: object) => {
    const { ctx } = Provider;
    return find.call(provider.DeviceCode, ctx === undefined ? code : readUserCode(ctx), options);
  });
}

const uniqueMethod = z.custom<object>(
  (value) => typeof value === 'function',
  'oidc-provider no longer has the method ReplayDetection.unique',
);

/** Replaces the provider's check of replayed assertions and DPoP proofs. */
export function replaceReplayCheck(provider: Provider, check: ReplayCheck): void {
  uniqueMethod.parse(Reflect.get(provider.ReplayDetection, 'unique'));
  Reflect.set(provider.ReplayDetection, 'unique', check);
}

const payloadNames = z.array(
  z.string(),
  'oidc-provider no longer lists the stored properties of a model in IN_PAYLOAD',
);

/** Stores the properties that the service adds to each session. The provider itself stores `acr` and `amr`. */
export function storeSessionProperties(provider: Provider): void {
  const names = payloadNames.parse(Reflect.get(provider.Session, 'IN_PAYLOAD'));
  Object.defineProperty(provider.Session, 'IN_PAYLOAD', {
    get: () => [...names, 'secondFactorAt', 'askedAdultId'],
  });
}

/** Leaves `nonce` out of refresh tokens, so that refreshed ID tokens have none (OpenID Connect Core 1.0, section 12.2). */
export function omitNonceOfRefresh(provider: Provider): void {
  const names = payloadNames.parse(Reflect.get(provider.RefreshToken, 'IN_PAYLOAD'));
  Object.defineProperty(provider.RefreshToken, 'IN_PAYLOAD', { get: () => names.filter((name) => name !== 'nonce') });
}

const validateMethod = z.custom<(this: unknown, idToken: string, client: object) => Promise<unknown>>(
  (value) => typeof value === 'function',
  'oidc-provider no longer has the method IdToken.validate',
);

/**
 * Accepts an `id_token_hint` with each algorithm that the service signs ID tokens with. The provider accepts only the current one of the
 * client, so after a change the apps could not sign people out.
 */
export function acceptHintsOfEachAlgorithm(provider: Provider): void {
  const validate = validateMethod.parse(Reflect.get(provider.IdToken, 'validate'));
  Reflect.set(provider.IdToken, 'validate', (idToken: string, client: object) => {
    const alg = ID_TOKEN_ALGORITHMS.find((one) => one === algorithmOf(idToken));
    return validate.call(
      provider.IdToken,
      idToken,
      alg === undefined ? client : Object.create(client, { idTokenSignedResponseAlg: { value: alg } }),
    );
  });
}

function algorithmOf(idToken: string): string | undefined {
  try {
    return decodeProtectedHeader(idToken).alg;
  } catch {
    // The provider rejects it with its own error.
    return undefined;
  }
}

/** The parameters of a request, as the client sent them. */
interface SentParameters {
  client_id?: unknown;
}

/** Runs `prepare` with the parameters of each request before the provider reads them. Its errors end the request. */
export function prepareParameters(
  provider: Provider,
  prepare: (request: IncomingMessage, parameters: SentParameters) => void,
): void {
  const ofContexts = new WeakMap<object, SentParameters>();
  Object.defineProperty(provider.OIDCContext.prototype, 'params', {
    get(this: object) {
      return ofContexts.get(this);
    },
    set(this: { ctx: Context }, parameters: SentParameters) {
      prepare(this.ctx.req, parameters);
      ofContexts.set(this, parameters);
    },
  });
}

/** Checks a registration with the rules of the provider. @throws {errors.InvalidClientMetadata} */
export function validateMetadata(provider: Provider, metadata: ClientMetadata): void {
  Reflect.construct(provider.Client, [metadata]);
}
