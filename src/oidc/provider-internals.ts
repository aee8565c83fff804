import { createHash, timingSafeEqual } from 'node:crypto';
import type { Middleware } from 'koa';
import { errors, type Provider } from 'oidc-provider';
import { z } from 'zod';
import type { Clock } from '../domain/clock.ts';
import { replayProtectedUntil } from '../domain/proof-times.ts';
import { hashId } from '../platform/crypto/secrets.ts';
import { ACCOUNT_CLIENT_ID, type ClientRegistry } from '../services/access/client-registry.ts';
import type { Store } from '../store/database/index.ts';
import * as records from '../store/oidc/records.ts';
import { DEVICE_CODE } from './options/clients.ts';

/**
 * The places where the provider has no option, all in one file, so that an upgrade knows where to look. Each is a method of
 * the provider's Client model; the browser tests and `test/http` fail when one of them moves.
 */

const logoutMethod = z.custom<(this: unknown, accountId: string, sid: string | undefined) => Promise<void>>(
  (value) => typeof value === 'function',
  'oidc-provider: Client.backchannelLogout has moved',
);

/** Sends one logout token now. @throws {Error} when the relying party did not answer with 200 or 204 */
export type SendLogout = (clientId: string, accountId: string, sid: string | undefined) => Promise<void>;

export function createSendLogout(provider: Provider): SendLogout {
  const send = logoutMethod.parse(Reflect.get(provider.Client.prototype, 'backchannelLogout'));
  return async (clientId, accountId, sid) => {
    const client = await provider.Client.find(clientId);
    if (client === undefined) throw new Error(`client ${clientId} is not registered any more`);
    await send.call(client, accountId, sid);
  };
}

/** Client secrets are known by their SHA-256 only; two of them overlap while one is changed. */
export function compareSecretHashes(provider: Provider, clients: ClientRegistry): void {
  Reflect.set(
    provider.Client.prototype,
    'compareClientSecret',
    function compare(this: { clientId: string }, presented: string) {
      const digest = createHash('sha256').update(presented).digest();
      const known = clients.find(this.clientId)?.client_secret_sha256 ?? [];
      return known.some((hash) => timingSafeEqual(Buffer.from(hash, 'hex'), digest));
    },
  );
}

const findMethod = z.custom<(id: string) => Promise<object | undefined>>(
  (value) => typeof value === 'function',
  'oidc-provider: Client.find has moved',
);

/** `sub` is pairwise at every client (docs/claims.md, rule 2), whatever its registration had to say to be accepted. */
export function forcePairwiseSubjects(provider: Provider): void {
  const find = findMethod.parse(Reflect.get(provider.Client, 'find'));
  Reflect.set(provider.Client, 'find', async (id: string) => {
    const client = await find.call(provider.Client, id);
    if (client !== undefined) Reflect.set(client, 'subjectType', 'pairwise');
    return client;
  });
}

/** `sid` is in every ID token (docs/claims.md, "Scopes"), also where an app registers no back-channel logout. */
export function forceSid(provider: Provider): void {
  Reflect.set(provider.Client.prototype, 'includeSid', () => true);
}

const grantTypeMethod = z.custom<(this: unknown, grantType: string) => boolean>(
  (value) => typeof value === 'function',
  'oidc-provider: Client.grantTypeAllowed has moved',
);

/** The account pages sign in at /auth, and their client has no secret: anybody could store device codes in its name. */
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

const uniqueMethod = z.custom<object>(
  (value) => typeof value === 'function',
  'oidc-provider: ReplayDetection.unique has moved',
);

/**
 * A signed assertion or DPoP proof is taken once (RFC 7523, section 3; RFC 9449, section 11.1). The provider looks first and
 * writes later, so of two copies at the same moment both would pass; here writing is the question.
 */
export function useAtomicReplayDetection(provider: Provider, { store, clock }: { store: Store; clock: Clock }): void {
  uniqueMethod.parse(Reflect.get(provider.ReplayDetection, 'unique'));
  Reflect.set(provider.ReplayDetection, 'unique', (issuer: string, jti: string, exp: number) =>
    store.write((tx) =>
      records.insertRecordIfAbsent(tx, {
        model: 'ReplayDetection',
        idHash: hashId(JSON.stringify([issuer, jti])),
        payload: '',
        expiresAt: replayProtectedUntil(exp),
        createdAt: clock.now(),
      }),
    ),
  );
}

const metadata = z.looseObject({ subject_types_supported: z.array(z.string()) });
const DISCOVERY = '/.well-known/openid-configuration';

/**
 * Discovery says what is true: everybody is pairwise. The provider lists both kinds because device clients have to be registered
 * as public ones, and its `discovery` option only adds what is missing. The document is the same for everybody, and each app of the
 * city asks for it again and again, so it is made once.
 */
export function cachedDiscovery(): Middleware {
  let made: string | undefined;
  return async (ctx, next) => {
    // Where a script of another origin asks, the provider itself has a word to say.
    if (made !== undefined && ctx.path === DISCOVERY && ctx.method === 'GET' && ctx.get('origin') === '') {
      ctx['_matchedRouteName'] = 'discovery';
      ctx.set('access-control-allow-origin', '*');
      ctx.vary('Origin');
      ctx.type = 'application/json';
      ctx.body = made;
      return;
    }
    await next();
    if (ctx.path !== DISCOVERY) return;
    const body = metadata.safeParse(ctx.body);
    if (!body.success) return;
    made = JSON.stringify({ ...body.data, subject_types_supported: ['pairwise'] });
    ctx.type = 'application/json';
    ctx.body = made;
  };
}
