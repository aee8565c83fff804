import type { Context } from 'koa';
import { z } from 'zod';
import { formatMergeInput } from '../../services/console/merge-effect.ts';
import type { PersonPage } from '../../services/console/person-page.ts';
import type { PersonSummary } from '../../services/console/search.ts';
import type { HttpDeps } from '../deps.ts';
import { renderActionForm } from './action.ts';
import { affiliationLines, formatLogin } from './labels.ts';
import type { SignedInStaff } from './session.ts';

interface MergeForm {
  page: PersonPage;
  reason: string;
  /** A login, a national ID or a name of the account that ends. */
  value: string;
}

/** Shows both accounts before a merge, so that staff see what moves. */
export async function previewMerge(
  deps: HttpDeps,
  ctx: Context,
  { actor }: SignedInStaff,
  { page, reason, value }: MergeForm,
): Promise<void> {
  const others = (await findAccounts(deps, actor, value)).filter(
    ({ id, kind }) => id !== page.summary.id && kind === 'person',
  );
  const [found] = others;
  const other = found && others.length === 1 ? await deps.console.personPages.load(actor, found.id) : undefined;
  if (other === undefined) {
    const alert = deps.pages.t(ctx, others.length > 1 ? 'console.merge.several' : 'console.impossible.merge_not_found');
    renderActionForm(deps, ctx, page, 'merge', { reason, value, status: 422, alert });
    return;
  }
  const toAccount = (summary: PersonSummary) => ({
    id: summary.id,
    name: summary.name,
    lines: affiliationLines(deps, ctx, summary),
    logins: summary.logins.map(formatLogin),
  });
  deps.pages.show(ctx, 'console/merge', {
    kept: toAccount(page.summary),
    ended: toAccount(other.summary),
    regainedChildren: regainedChildren(other),
    input: formatMergeInput({ otherId: other.summary.id, version: other.version }),
    reason,
    version: page.version,
    needsConfirmation: await deps.console.personActions.needsConfirmation({
      ...{ actorId: actor.id, personId: page.summary.id, action: 'merge' },
      input: formatMergeInput({ otherId: other.summary.id, version: other.version }),
    }),
  });
}

/** Lists the children that only the disabled state of the account hides. */
function regainedChildren({ summary, guardianships }: PersonPage): string[] {
  if (summary.status !== 'disabled') return [];
  return guardianships
    .filter(({ guardian, state }) => guardian.id === summary.id && state === 'active')
    .map(({ student }) => student.name);
}

const personIdShape = z.guid();

/** A link to the form names the account by its id. */
async function findAccounts(
  deps: HttpDeps,
  actor: SignedInStaff['actor'],
  value: string,
): Promise<readonly PersonSummary[]> {
  const id = personIdShape.safeParse(value.trim()).data;
  if (id === undefined) return (await deps.console.search.find(actor, value, undefined)).people;
  const page = await deps.console.personPages.load(actor, id);
  return page === undefined ? [] : [page.summary];
}
