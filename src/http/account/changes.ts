import type Router from '@koa/router';
import type { Context } from 'koa';
import { z } from 'zod';
import type { AuditEntry } from '../../domain/audit-chain.ts';
import type { AccountLocals } from '../../presentation/page-locals/account.ts';
import type { HttpDeps } from '../deps.ts';
import { field, parseForms, readForm } from '../forms/body.ts';
import { redirectToAccount } from './account-notice.ts';
import { requireRecentSignIn, type SignedInPerson } from './session.ts';

const form = z.object({ through: field });
const seq = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER);
const detail = z.looseObject({ device: z.string().optional() });

/** Adds the button that confirms changes. It needs a recent sign-in, because a thief of the session would hide own changes with it. */
export function addChangeRoutes(router: Router, deps: HttpDeps): void {
  router.post(
    '/changes/seen',
    parseForms(),
    requireRecentSignIn(deps, async (ctx, { facts }) => {
      ctx.state['pagePath'] = '/account';
      const through = seq.safeParse(readForm(ctx, form).through).data;
      if (through !== undefined) {
        await deps.accountChanges.confirmSeen({ personId: facts.id, through, address: ctx.ip });
      }
      redirectToAccount(deps, ctx, 'changesSeen');
    }),
  );
}

/** Lists the changes that the person has not confirmed. */
export async function listChanges(
  deps: HttpDeps,
  ctx: Context,
  { facts, authenticatedAt }: SignedInPerson,
): Promise<Pick<AccountLocals, 'changes' | 'changesThrough'>> {
  const entries = await deps.accountChanges.listUnseen(facts.id, authenticatedAt);
  return { changes: entries.map((entry) => toLine(deps, ctx, facts.id, entry)), changesThrough: entries[0]?.seq };
}

function toLine(
  { pages, i18n }: HttpDeps,
  ctx: Context,
  personId: string,
  { event, at, actorId, detail: stored }: AuditEntry,
): AccountLocals['changes'][number] {
  const { device } = detail.parse(stored);
  const origin =
    actorId === personId ? i18n.device(pages.langOf(ctx), device) : pages.t(ctx, 'account.changes.byStaff');
  return { at, text: pages.t(ctx, `account.changes.event.${event.replace('.', '-')}`), origin };
}
