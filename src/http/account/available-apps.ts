import type { Context } from 'koa';
import { currentEnrollments, findHiddenReason, isServed } from '../../domain/acting/contexts.ts';
import type { Child, PersonFacts } from '../../domain/model.ts';
import { ACCOUNT_CLIENT_ID } from '../../services/access/client-registry.ts';
import type { HttpDeps } from '../deps.ts';

/** Lists the first-party apps of the clients file that the person can open. */
function listFirstParty({ clients }: HttpDeps): { id: string; url: string }[] {
  return clients.list().flatMap(({ client_id: id, first_party: isFirstParty }) => {
    const url = id === ACCOUNT_CLIENT_ID || !isFirstParty ? undefined : clients.launchUrl(id);
    return url === undefined ? [] : [{ id, url }];
  });
}

/** Lists the apps that serve the person and have no access yet. */
export function listUnusedApps(
  deps: HttpDeps,
  ctx: Context,
  { facts, used, today }: { facts: PersonFacts; used: readonly string[]; today: string },
): { name: string; url: string }[] {
  return listFirstParty(deps)
    .filter(({ id }) => !used.includes(id) && isServed(facts, deps.clients.entitlementsOf(id), today))
    .map(({ id, url }) => ({ name: deps.pages.appName(ctx, id), url }));
}

/** Says which apps do not list a child, and why. */
export function listHidingApps(
  deps: HttpDeps,
  ctx: Context,
  { child, used, today }: { child: Child; used: readonly string[]; today: string },
): string[] {
  const ids = new Set([...listFirstParty(deps).map(({ id }) => id), ...used]);
  return [...ids].flatMap((id) => explainHidden(deps, ctx, { child, clientId: id, today }) ?? []);
}

/** Says why an app does not list a child. @returns undefined if it does, or if the guardianship is not active */
export function explainHidden(
  { clients, pages }: Pick<HttpDeps, 'clients' | 'pages'>,
  ctx: Context,
  { child, clientId, today }: { child: Child; clientId: string; today: string },
): string | undefined {
  const entitlements = clients.entitlementsOf(clientId);
  if (!entitlements.scopes.includes('children')) return undefined;
  const reason = findHiddenReason(child, entitlements, today);
  if (reason === undefined) return undefined;
  const [enrollment] = currentEnrollments(child.enrollments, today);
  const type = enrollment === undefined ? '' : pages.t(ctx, `schoolType.${enrollment.school.type}`);
  return pages.t(ctx, `account.hidden.${reason}`, { child: child.name, app: pages.appName(ctx, clientId), type });
}
