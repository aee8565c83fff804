import type { Context } from 'koa';
import type { ChainedEntry } from '../../domain/audit-chain.ts';
import { DYNAMIC_KEYS } from '../../presentation/dynamic-keys.ts';
import type { AuditEntryLocals } from '../../presentation/page-locals/audit.ts';
import type { AuditPage } from '../../services/console/audit-log.ts';
import type { HttpDeps } from '../deps.ts';
import { requestUrl } from './audit-filter.ts';

/** Describes entries for a table. The bureau gets links to the other entries of a request or sign-in. */
export function describeEntries(
  { pages }: HttpDeps,
  ctx: Context,
  { entries, names }: Pick<AuditPage, 'entries' | 'names'>,
): AuditEntryLocals[] {
  const person = (id: string | null): AuditEntryLocals['actor'] =>
    id === null ? undefined : { id, name: names.get(id) ?? id };
  return entries.map((entry) => {
    const { requestId, signInId = requestId } = entry.detail;
    return {
      seq: entry.seq,
      at: entry.at,
      event: entry.event,
      text: eventText({ pages }, ctx, entry),
      isRefused: entry.outcome === 'refused',
      actor: person(entry.actorId),
      subject: person(entry.subjectId),
      app: entry.clientId === null ? '' : pages.appName(ctx, entry.clientId),
      address: entry.address ?? '',
      details: Object.entries(entry.detail)
        .filter(([name]) => name !== 'requestId' && name !== 'signInId')
        .map(([name, value]) => `${name}: ${String(value)}`),
      requestUrl:
        typeof signInId === 'string' && ctx.state['isBureau'] === true ? requestUrl(signInId, entry.at) : undefined,
    };
  });
}

/** Returns the text of an event; its name if it has none, such as an event of an older version. */
function eventText({ pages }: Pick<HttpDeps, 'pages'>, ctx: Context, { event }: ChainedEntry): string {
  const key = DYNAMIC_KEYS['auditViewer.event'].find((name) => name === event.replace('.', '-'));
  return key === undefined ? event : pages.t(ctx, `auditViewer.event.${key}`);
}
