import Provider, { errors } from 'oidc-provider';
import { z } from 'zod';
import { DEVICE_CODE } from './options/clients.ts';

const allowedMethod = z.custom<(this: object, type: string) => boolean>(
  (value) => typeof value === 'function',
  'oidc-provider no longer has the methods Client.responseTypeAllowed and Client.grantTypeAllowed',
);

/**
 * Rejects authorization requests without the scope `openid`. The provider continues as OAuth 2.0 without an ID token (OpenID Connect Core
 * 1.0, section 3.1.2.1), or names parameters that would need the scope. It asks these methods before its own check of the scope.
 */
export function requireOpenidScope(provider: Provider): void {
  const prototype: object = provider.Client.prototype;
  // At /auth and /request.
  requireWith(prototype, 'responseTypeAllowed', () => true);
  requireWith(
    prototype,
    'grantTypeAllowed',
    (grantType) => grantType === DEVICE_CODE && Provider.ctx?.oidc.route === 'device_authorization',
  );
}

/** @param isChecked returns true if the call of the method is part of an authorization request */
function requireWith(prototype: object, name: string, isChecked: (type: string) => boolean): void {
  const isAllowed = allowedMethod.parse(Reflect.get(prototype, name));
  Reflect.set(prototype, name, function check(this: object, type: string) {
    const allowed = isAllowed.call(this, type);
    if (allowed && isChecked(type)) assertOpenidScope();
    return allowed;
  });
}

/** @throws {errors.InvalidRequest} */
function assertOpenidScope(): void {
  if (Provider.ctx?.oidc.requestParamScopes.has('openid') !== true) {
    throw new errors.InvalidRequest('scope must include openid');
  }
}
