import type Provider from 'oidc-provider';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { z } from 'zod';
import { runBestEffort, type BestEffortKind } from '../platform/best-effort.ts';
import type { AuditEvent } from '../services/audit/audit.ts';
import { pendingWrites } from './adapter/pending-writes.ts';
import type { OidcDeps } from './deps.ts';

/** Characters of a reason in the log. Some reasons quote a parameter of the request. */
const MAX_REASON_LENGTH = 300;

const refusalSchema = z.object({
  error_description: z.string().optional(),
  error_detail: z.string().optional(),
  scope: z.string().optional(),
  cause: z.unknown().optional(),
});

/** Logs and audits the events of the provider. A listener never throws. */
export function registerEventListeners(provider: Provider, deps: OidcDeps): void {
  const { log, audit } = deps;
  const safely = (kind: BestEffortKind, work: () => void): void => {
    runBestEffort(deps, kind, work);
  };
  provider.on('server_error', (ctx, error) => {
    safely('server_error', () => {
      log.error({ err: error, method: ctx.method, route: ctx.oidc.route }, 'server error');
    });
  });
  const refused =
    (event: BestEffortKind) =>
    (ctx: KoaContextWithOIDC, error: Error): void => {
      safely(event, () => {
        const clientId = ctx.oidc.client?.clientId;
        const reason = describeRefusal(error);
        log.info({ event, clientId, error: error.message, reason }, 'request refused');
      });
    };
  provider.on('authorization.error', refused('authorization.error'));
  provider.on('device_authorization.error', refused('device_authorization.error'));
  provider.on('grant.error', refused('grant.error'));
  provider.on('introspection.error', refused('introspection.error'));
  provider.on('pushed_authorization_request.error', refused('pushed_authorization_request.error'));
  provider.on('revocation.error', refused('revocation.error'));
  provider.on('userinfo.error', refused('userinfo.error'));
  provider.on('authorization.success', (ctx) => {
    safely('authorization.success', () => {
      const granted: AuditEvent = {
        event: 'authorization.granted',
        outcome: 'ok',
        subjectId: ctx.oidc.session?.accountId,
        clientId: ctx.oidc.client?.clientId,
        address: ctx.ip,
      };
      // The provider emits this before the code is stored. Both are committed in one transaction.
      const pending = pendingWrites();
      if (pending === undefined) void audit.record(granted);
      else pending.setAuditEvent(granted);
    });
  });
}

/** Returns the description of the response, and the failed check, which the response does not name. */
function describeRefusal(error: Error): string | undefined {
  const { error_description, error_detail, scope, cause } = refusalSchema.parse(error);
  // A syntax error quotes the JSON, which can contain data of a person.
  const detail = cause instanceof SyntaxError ? undefined : error_detail;
  const parts = [error_description, detail, scope].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : parts.join(': ').slice(0, MAX_REASON_LENGTH);
}
