import type { Context } from 'koa';
import { localize } from '../../config/localized-text.ts';
import { currentEnrollments, currentMemberships } from '../../domain/acting/contexts.ts';
import { isActiveOn } from '../../domain/acting/guardianship.ts';
import { sortOldestFirst } from '../../domain/acting/siblings.ts';
import { isScope, parseApiScope } from '../../domain/claims/scopes.ts';
import { localDate } from '../../domain/clock.ts';
import { formatLocalMobile } from '../../domain/credentials/identifiers.ts';
import type { AccountLocals } from '../../presentation/page-locals/account.ts';
import { ACCOUNT_CLIENT_ID } from '../../services/access/client-registry.ts';
import type { HttpDeps } from '../deps.ts';
import { loadAnnouncement } from '../pages/announcement.ts';
import { describeContacts } from '../school-contacts/describe.ts';
import { takeAccountNotice } from './account-notice.ts';
import { listHidingApps, listUnusedApps } from './available-apps.ts';
import { listChanges } from './changes.ts';
import { describeUserAgent } from './device-name.ts';
import type { SignedInPerson } from './session.ts';

/** Shows the person, their roles, children, sessions and authorized apps. */
export async function showOverview(deps: HttpDeps, ctx: Context, signedIn: SignedInPerson): Promise<void> {
  const { access, pages } = deps;
  const [sessions, apps, staff, removalAt, changes, guardians = [], applicationState, schools, directory] =
    await Promise.all([
      access.listSessions(signedIn.facts.id),
      access.listApps(signedIn.facts.id),
      deps.console.authorization.findActor(signedIn.facts.id),
      deps.console.secondFactorRemovals.findTime(signedIn.facts.id),
      listChanges(deps, ctx, signedIn),
      deps.adulthood.listGuardians(signedIn.facts.id),
      signedIn.facts.isSchoolAccount ? deps.binding.findState(signedIn.facts.id) : undefined,
      deps.schoolContacts.listOfPerson(signedIn.facts.id),
      describeDirectory(deps, ctx, signedIn),
    ]);
  await loadAnnouncement(deps, ctx);
  const used = apps.map(({ clientId }) => clientId);
  const today = localDate(deps.clock.now());
  pages.show(ctx, 'account/overview', {
    person: describePerson(signedIn),
    isSchoolAccount: signedIn.facts.isSchoolAccount,
    applicationState,
    consoleUrl: staff && '/console',
    removalAt,
    ...changes,
    ...directory,
    ...{ hasGuardians: guardians.length > 0, needsConsent: guardians.some((one) => one.isUndecided) },
    schoolContacts: describeContacts(deps, ctx, schools),
    roles: listRoles(deps, ctx, signedIn),
    children: listChildren(deps, ctx, signedIn, used),
    unusedApps: signedIn.facts.isSchoolAccount ? [] : listUnusedApps(deps, ctx, { facts: signedIn.facts, used, today }),
    sessions: sessions.map(({ sessionHash: id, userAgent, createdAt: since, expiresAt: until }) => {
      return {
        id,
        since,
        until,
        device: describeUserAgent(deps, ctx, userAgent),
        current: id === signedIn.sessionHash,
      };
    }),
    apps: apps
      .filter(({ clientId }) => clientId !== ACCOUNT_CLIENT_ID)
      .map(({ clientId, since, scopes }) => ({
        id: clientId,
        name: pages.appName(ctx, clientId),
        url: deps.clients.launchUrl(clientId),
        since,
        items: scopes.map((scope) => scopeTitle(deps, ctx, clientId, scope)),
      })),
    ...takeAccountNotice(deps, ctx),
  });
}

function describePerson({ facts: { name, identifiers } }: SignedInPerson): AccountLocals['person'] {
  return {
    name,
    identifiers: identifiers.map(({ kind, value }) => ({
      kind,
      value: kind === 'mobile' ? formatLocalMobile(value) : value,
    })),
  };
}

async function describeDirectory(
  { applicationPasswords, pages }: HttpDeps,
  ctx: Context,
  { facts }: SignedInPerson,
): Promise<Pick<AccountLocals, 'hasApplicationPasswords' | 'directoryServices'>> {
  if (facts.isSchoolAccount) return { hasApplicationPasswords: false, directoryServices: [] };
  const [passwords, services] = await Promise.all([
    applicationPasswords.list(facts.id),
    applicationPasswords.listServiceAccounts(facts.id),
  ]);
  return {
    hasApplicationPasswords: passwords.length > 0 || services.length > 0,
    directoryServices: services.map((id) => pages.appName(ctx, id)),
  };
}

/** Returns the title of one of our scopes or of an API scope. */
function scopeTitle({ clients, pages }: HttpDeps, ctx: Context, clientId: string, scope: string): string {
  if (isScope(scope)) return pages.t(ctx, `scope.${scope}.title`);
  const ofApi = parseApiScope(scope);
  const text = ofApi && clients.findResource(clientId, ofApi.identifier)?.scopes[ofApi.scope];
  return text === undefined ? scope : localize(text, pages.langOf(ctx));
}

function listRoles(deps: HttpDeps, ctx: Context, { facts }: SignedInPerson): AccountLocals['roles'] {
  const today = localDate(deps.clock.now());
  const staff = currentMemberships(facts.memberships, today).map(({ role, school }) => ({
    role,
    school: deps.pages.schoolName(ctx, school),
  }));
  const student = currentEnrollments(facts.enrollments, today).map((enrollment) => ({
    role: 'student' as const,
    school: deps.pages.schoolName(ctx, enrollment.school),
    detail: deps.pages.className(ctx, enrollment),
  }));
  const isParent = facts.children.some(({ guardianship }) => isActiveOn(guardianship, today));
  return [...staff, ...(isParent ? [{ role: 'parent' as const }] : []), ...student];
}

function listChildren(
  deps: HttpDeps,
  ctx: Context,
  { facts }: SignedInPerson,
  used: readonly string[],
): AccountLocals['children'] {
  const today = localDate(deps.clock.now());
  return sortOldestFirst(facts.children)
    .filter(({ guardianship }) => isActiveOn(guardianship, today))
    .map((child) => {
      const { guardianship, name, enrollments } = child;
      const [enrollment] = currentEnrollments(enrollments, today);
      return {
        id: guardianship.id,
        name,
        school: deps.pages.schoolName(ctx, enrollment?.school) ?? '',
        class: enrollment === undefined ? '' : deps.pages.className(ctx, enrollment),
        relation: guardianship.relation,
        permissions: guardianship.permissions,
        hiddenFrom: listHidingApps(deps, ctx, { child, used, today }),
        until: guardianship.validTo,
      };
    });
}
