import type { Middleware } from 'koa';
import { z } from 'zod';
import { normalizePath, ROUTES } from './routes.ts';

const metadata = z.looseObject({
  subject_types_supported: z.array(z.string()),
  token_endpoint_auth_methods_supported: z.array(z.string()),
  token_endpoint_auth_signing_alg_values_supported: z.array(z.string()),
});

/** OpenID Connect Discovery 1.0, section 4, and RFC 8414, section 3. */
const PATHS: ReadonlySet<string> = new Set([ROUTES.discovery, ROUTES.authorizationServerMetadata]);

/**
 * Corrects the discovery document and caches it: it is the same for all and at both paths, and apps request it often.
 *
 * @param languages of the pages (BCP 47)
 */
export function cachedDiscovery(languages: readonly string[]): Middleware {
  let cached: string | undefined;
  return async (ctx, next) => {
    if (!PATHS.has(normalizePath(ctx.path))) {
      await next();
      return;
    }
    if (cached === undefined) {
      await next();
      const body = metadata.safeParse(ctx.body);
      if (!body.success) return;
      cached = JSON.stringify(completeMetadata(body.data, languages));
    }
    ctx['_matchedRouteName'] = 'discovery';
    ctx.type = 'application/json';
    ctx.body = cached;
  };
}

/**
 * Adds what the provider leaves out, and corrects the subject types: every client is pairwise, but the provider also lists `public`, because
 * device clients are registered as public ones. Its `discovery` option can only add members.
 */
function completeMetadata(document: z.infer<typeof metadata>, languages: readonly string[]): Record<string, unknown> {
  const methods = document.token_endpoint_auth_methods_supported;
  const algorithms = document.token_endpoint_auth_signing_alg_values_supported;
  return {
    ...document,
    subject_types_supported: ['pairwise'],
    request_parameter_supported: false,
    ui_locales_supported: languages,
    revocation_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_signing_alg_values_supported: algorithms,
    // Public clients cannot introspect tokens.
    introspection_endpoint_auth_methods_supported: methods.filter((method) => method !== 'none'),
    introspection_endpoint_auth_signing_alg_values_supported: algorithms,
  };
}
