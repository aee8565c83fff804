import { normalizePath, ROUTES } from '../oidc/routes.ts';

/** The endpoints that API clients call, never with a cookie. */
const API_PATHS: ReadonlySet<string> = new Set<string>([
  ROUTES.deviceAuthorization,
  ROUTES.discovery,
  ROUTES.introspection,
  ROUTES.jwks,
  ROUTES.pushedAuthorizationRequest,
  ROUTES.revocation,
  ROUTES.token,
  ROUTES.userinfo,
]);

/** The endpoints that take forms from relying parties, directly or through a browser. None of them trusts a cookie alone. */
const CSRF_EXEMPT_PATHS: ReadonlySet<string> = new Set<string>([...API_PATHS, ROUTES.authorization, ROUTES.endSession]);

const HEALTH_OR_ASSET = /^\/(?:health|assets|\.well-known)\//;

export function isApiPath(path: string): boolean {
  return API_PATHS.has(normalizePath(path));
}

/** Returns false for every other path, so a new route is protected without further action. */
export function isCsrfExempt(path: string): boolean {
  return CSRF_EXEMPT_PATHS.has(normalizePath(path));
}

/** Returns true if the request waits for no page: API endpoints, health checks and assets. */
export function isPriorityRequest(url: string): boolean {
  const [path = ''] = url.split('?', 1);
  return isApiPath(path) || HEALTH_OR_ASSET.test(path);
}
