import type { Context } from 'koa';
import { z } from 'zod';
import type { AuditEntry } from '../../domain/audit-chain.ts';
import type { SignInHistoryLocals } from '../../presentation/page-locals/contacts.ts';
import { ACCOUNT_CLIENT_ID } from '../../services/access/client-registry.ts';
import type { HttpDeps } from '../deps.ts';
import type { SignedInPerson } from './session.ts';

const PATH = '/account/sign-ins';
const seq = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER);
const detail = z.looseObject({ device: z.string().optional(), attempts: z.number().optional() });

/** Shows the sign-ins of the person, newest first, failed attempts included. */
export async function showSignIns(deps: HttpDeps, ctx: Context, { facts }: SignedInPerson): Promise<void> {
  const before = seq.safeParse(ctx.query['before']).data;
  const { entries, hasMore } = await deps.access.listSignIns(facts.id, before);
  const last = entries.at(-1);
  deps.pages.show(ctx, 'account/sign-ins', {
    signIns: entries.map((entry) => toLine(deps, ctx, entry)),
    nextUrl: hasMore && last !== undefined ? `${PATH}?before=${String(last.seq)}` : undefined,
    isFirstPage: before === undefined,
  });
}

/** Says an event of the sign-in history in plain words. */
export function signInText({ pages }: HttpDeps, ctx: Context, event: string): string {
  const kind = event === 'second_factor.failed' ? 'second_factor_failed' : event.replace('sign_in.', '');
  return pages.t(ctx, `account.signIn.${kind}`);
}

function toLine(deps: HttpDeps, ctx: Context, entry: AuditEntry): SignInHistoryLocals['signIns'][number] {
  const { device, attempts } = detail.parse(entry.detail);
  const { pages, i18n } = deps;
  const text = signInText(deps, ctx, entry.event);
  const { clientId } = entry;
  return {
    at: entry.at,
    text: attempts === undefined ? text : pages.t(ctx, 'account.history.attempts', { text, n: attempts }),
    isFailed: entry.outcome === 'refused',
    device: device === undefined ? '' : i18n.device(pages.langOf(ctx), device),
    app: clientId === null || clientId === ACCOUNT_CLIENT_ID ? '' : pages.appName(ctx, clientId),
  };
}
