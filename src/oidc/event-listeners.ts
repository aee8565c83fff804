import type Provider from 'oidc-provider';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { runBestEffort } from '../platform/best-effort.ts';
import type { AuditEvent } from '../services/audit/audit.ts';
import { pendingWrites } from './adapter/pending-writes.ts';
import type { OidcDeps } from './deps.ts';

/** Logs and audits the events of the provider. A listener never throws. */
export function registerEventListeners(provider: Provider, deps: OidcDeps): void {
  const { log, audit } = deps;
  const safely = (kind: string, work: () => void): void => {
    runBestEffort(deps, kind, work);
  };
  provider.on('server_error', (ctx, error) => {
    safely('server_error', () => {
      log.error({ err: error, method: ctx.method, route: ctx.oidc.route }, 'server error');
    });
  });
  const refused =
    (event: string) =>
    (ctx: KoaContextWithOIDC, error: Error): void => {
      safely(event, () => {
        log.info({ event, clientId: ctx.oidc.client?.clientId, error: error.message }, 'request refused');
      });
    };
  provider.on('authorization.error', refused('authorization.error'));
  provider.on('grant.error', refused('grant.error'));
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
