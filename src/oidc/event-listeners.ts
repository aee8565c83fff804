import type Provider from 'oidc-provider';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { z } from 'zod';
import { CLIENT_ID } from '../config/clients.ts';
import { runBestEffort, type BestEffortKind } from '../platform/best-effort.ts';
import { describeRefusal } from '../platform/refusal.ts';
import type { AuditEvent } from '../services/audit/audit.ts';
import { pendingWrites } from './adapter/pending-writes.ts';
import type { OidcDeps } from './deps.ts';

/** Errors of a device that waits as it should (RFC 8628, section 3.5). */
const WAITING = new Set(['authorization_pending', 'slow_down']);

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
        const clientId = ctx.oidc.client?.clientId ?? findUnknownClientId(ctx);
        const level = WAITING.has(error.message) ? 'debug' : 'info';
        log[level]({ event, clientId, ...describeRefusal(error) }, 'request refused');
      });
    };
  provider.on('authorization.error', refused('authorization.error'));
  provider.on('code_verification.error', refused('code_verification.error'));
  provider.on('device_authorization.error', refused('device_authorization.error'));
  provider.on('device_resume.error', refused('device_resume.error'));
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

const unknownClient = z.object({
  oidc: z.object({ params: z.object({ client_id: z.string().optional() }).optional() }),
  query: z.object({ client_id: z.string().optional() }).catch({}),
  headers: z.object({ authorization: z.string().default('') }),
});
/** A secret in hexadecimal digits, sent as the client id by mistake. */
const HEXADECIMAL_SECRET = /[0-9a-f]{32}/;

/** Returns the id of a client that is not registered; undefined if the text is no client id. It could be a secret in the wrong field. */
function findUnknownClientId(ctx: KoaContextWithOIDC): string | undefined {
  const parsed = unknownClient.safeParse(ctx);
  if (!parsed.success) return undefined;
  const { oidc, query, headers } = parsed.data;
  const basic = /^basic ([\w+/]+={0,2})$/i.exec(headers.authorization)?.[1];
  const [ofHeader] = basic === undefined ? [] : Buffer.from(basic, 'base64').toString().split(':', 1);
  const id = oidc.params?.client_id ?? query.client_id ?? ofHeader ?? '';
  return CLIENT_ID.test(id) && !HEXADECIMAL_SECRET.test(id) ? id : undefined;
}
