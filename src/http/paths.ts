import { API_METHODS, normalizePath, ROUTES } from '../oidc/routes.ts';

/** The endpoints that take forms from relying parties, through a browser. None of them trusts a cookie alone. */
const CSRF_EXEMPT_PATHS: ReadonlySet<string> = new Set<string>([ROUTES.authorization, ROUTES.endSession]);

const HEALTH_OR_ASSET = /^\/(?:health|assets|\.well-known)\//;

/** Returns true for the endpoints that API clients call. Their responses are JSON, also errors. */
export function isApiPath(path: string): boolean {
  return Object.hasOwn(API_METHODS, normalizePath(path));
}

/** Returns false for every other path, so a new route is protected without further action. */
export function isCsrfExempt(path: string): boolean {
  return isApiPath(path) || CSRF_EXEMPT_PATHS.has(normalizePath(path));
}

/** Returns true if the request waits for no page: API endpoints, health checks and assets. */
export function isPriorityRequest(url: string): boolean {
  const [path = ''] = url.split('?', 1);
  return isApiPath(path) || HEALTH_OR_ASSET.test(path);
}
