import type { Context } from 'koa';
import { formatLocalMobile } from '../../domain/credentials/identifiers.ts';
import { isScope } from '../../domain/claims/scopes.ts';
import type { DataLine, DataSection } from '../../presentation/page-locals/data.ts';
import type { PersonalData } from '../../services/personal-data/copy.ts';
import type { HttpDeps } from '../deps.ts';
import { describeUserAgent } from './device-name.ts';

type Value = string | number | boolean | null | undefined;
type Fields = Readonly<Record<string, Value>>;

/** Days, as text. Other texts are shown as they are. */
const DAY_FIELDS = ['validFrom', 'validTo', 'birthDate'];

/** Returns the copy as labels and values in the language of the page. Empty values and empty sections are left out. */
export function toSections(deps: HttpDeps, ctx: Context, data: PersonalData): DataSection[] {
  const { pages, i18n } = deps;
  const lang = pages.langOf(ctx);
  const schools = new Map(data.schools.map((school) => [school.code, pages.schoolName(ctx, school)]));
  const format = (name: string, value: NonNullable<Value>): string => {
    if (typeof value === 'boolean') return pages.t(ctx, value ? 'data.yes' : 'data.no');
    if (typeof value === 'number') return name.endsWith('At') ? i18n.formatDateTime(lang, value) : String(value);
    if (name === 'school') return schools.get(value) ?? value;
    return DAY_FIELDS.includes(name) ? i18n.day(lang, value) : value;
  };
  const toLines = (fields: Fields): DataLine[] =>
    Object.entries(fields).flatMap(([name, value]) =>
      value === null || value === undefined || value === ''
        ? []
        : [{ label: pages.t(ctx, `data.field.${name}`), value: format(name, value) }],
    );
  const all = { ...aboutPerson(deps, ctx, data), ...aboutFamily(deps, ctx, data), ...aboutAccess(deps, ctx, data) };
  return Object.entries<readonly Fields[]>(all).flatMap(([id, items]) => {
    const filled = items.map(toLines).filter((lines) => lines.length > 0);
    return filled.length === 0 ? [] : [{ id, title: pages.t(ctx, `data.section.${id}`), items: filled }];
  });
}

function aboutPerson({ pages }: HttpDeps, ctx: Context, data: PersonalData) {
  const { person, credentials } = data;
  const { name, nationalId, birthDate, sharingStoppedAt, createdAt, updatedAt } = person;
  return {
    person: [{ name, nationalId, birthDate, id: person.id, sharingStoppedAt, createdAt, updatedAt }],
    identifiers: [...data.identifiers, ...data.pendingContacts].map((one) => ({
      kind: pages.t(ctx, `identifier.${one.kind}`),
      value: one.kind === 'mobile' ? formatLocalMobile(one.value) : one.value,
      school: 'school' in one ? one.school : '',
      verifiedAt: 'verifiedAt' in one ? one.verifiedAt : null,
      createdAt: one.createdAt,
      expiresAt: 'expiresAt' in one ? one.expiresAt : null,
    })),
    credentials: [
      {
        passwordChangedAt: credentials.passwordChangedAt,
        firstPasswordExpiresAt: credentials.firstPassword?.expiresAt,
        linkExpiresAt: credentials.resetLink?.expiresAt,
        recoveryCodes: credentials.recoveryCodes === 0 ? null : credentials.recoveryCodes,
        removalAt: credentials.secondFactorRemoval?.executesAt,
      },
      ...data.secondFactors.map(({ name: factor, createdAt: addedAt, lastUsedAt }) => ({
        factor,
        addedAt,
        lastUsedAt,
      })),
      ...data.applicationPasswords.map(({ name: applicationPassword, app, createdAt: addedAt, lastUsedAt }) => ({
        applicationPassword,
        app: pages.appName(ctx, app),
        addedAt,
        lastUsedAt,
      })),
    ],
    memberships: [
      ...data.memberships.map(({ role, school, validFrom, validTo }) => ({
        ...{ role: pages.t(ctx, `role.${role}`), school, validFrom, validTo },
      })),
      ...data.homeroomClasses.map(({ school, year, semester, class: inClass }) => ({
        ...{
          role: pages.t(ctx, 'capacity.homeroom_teacher'),
          school,
          term: pages.termName(ctx, { year, semester }),
          class: inClass,
        },
      })),
    ],
    enrollments: data.enrollments.map(({ year, semester, ...one }) => ({
      term: pages.termName(ctx, { year, semester }),
      ...one,
    })),
  } satisfies Record<string, readonly Fields[]>;
}

function aboutFamily({ pages }: HttpDeps, ctx: Context, data: PersonalData) {
  const relationOf = (relation: string): string => pages.t(ctx, `binding.relation.${relation}`);
  return {
    schoolAccounts: data.schoolAccounts,
    guardianships: data.guardianships.map(
      ({ guardian, student, relationLabel, state, validFrom, validTo, endRequestedAt, endRequest }) => ({
        ...{ guardian, student, relation: pages.relationName(ctx, relationLabel) },
        ...{ state: pages.t(ctx, `guardianshipState.${state}`), validFrom, validTo },
        ...{ endRequestedAt, endRequest },
      }),
    ),
    applications: data.applications.map(({ state, kind, school, applicants, files, ...one }) => ({
      state: pages.t(ctx, `binding.state.${state}`),
      kind: kind === null ? null : pages.t(ctx, `binding.kind.${kind}`),
      school,
      applicants: applicants
        .map(({ name, relation, nationalId, mobile, email }) =>
          [name, relationOf(relation), nationalId, formatLocalMobile(mobile), email].join(' · '),
        )
        .join('\n'),
      files: files.map(({ name }) => name).join('\n'),
      unsent: one.unsent.map(({ fields }) => Object.values(fields).filter(Boolean).join(' · ')).join('\n'),
      ...{ report: one.report, reason: one.reason },
      ...{ createdAt: one.createdAt, submittedAt: one.submittedAt, decidedAt: one.decidedAt },
    })),
    noticeAnswers: [
      ...data.noticeAnswers.map(({ answer, version, school, answeredAt }) => ({
        ...{ answer: pages.t(ctx, `binding.answer.${answer}`), version, school, answeredAt },
      })),
      ...data.reminders,
    ],
  } satisfies Record<string, readonly Fields[]>;
}

function aboutAccess(deps: HttpDeps, ctx: Context, data: PersonalData) {
  const { pages } = deps;
  const roleOf = (role: string | null): string => (role === null ? '' : pages.t(ctx, `role.${role}`));
  const scopeOf = (scope: string): string => (isScope(scope) ? pages.t(ctx, `scope.${scope}.title`) : scope);
  return {
    sessions: data.sessions.map(({ device, address, createdAt, expiresAt, endedAt }) => ({
      ...{ device: describeUserAgent(deps, ctx, device), address, createdAt, expiresAt, endedAt },
    })),
    grants: data.grants.map(({ app, role, school, scopes, createdAt, expiresAt }) => ({
      ...{ app: pages.appName(ctx, app), role: roleOf(role), school },
      ...{ scopes: scopes.split(' ').map(scopeOf).join('\n'), createdAt, expiresAt },
    })),
    consents: data.consents.map(({ app, scope, grantedAt }) => ({
      ...{ app: pages.appName(ctx, app), scopes: scopeOf(scope), grantedAt },
    })),
    lastContexts: data.lastContexts.map(({ app, role, school }) => ({
      ...{ app: pages.appName(ctx, app), role: roleOf(role), school },
    })),
    staffRequests: [
      ...data.staffRequests.map(({ action, requestedAt, decision, decidedAt }) => ({
        action: pages.t(ctx, `console.action.${action}.title`),
        ...{ requestedAt, decision: decision === null ? '' : pages.t(ctx, `requests.state.${decision}`), decidedAt },
      })),
      ...data.bulkRuns.map(({ action, state, doneAt }) => ({
        ...{ action: pages.t(ctx, `classView.action.${action}`), state: pages.t(ctx, `classView.rowState.${state}`) },
        doneAt,
      })),
      ...data.merges.map(({ mergedAt }) => ({ action: pages.t(ctx, 'console.action.merge.title'), mergedAt })),
    ],
    events: data.events.map(({ event, outcome, by, address, app, at }) => ({
      event: pages.t(ctx, `auditViewer.event.${event.replaceAll('.', '-')}`),
      ...{
        outcome: outcome === 'ok' ? '' : pages.t(ctx, 'data.refused'),
        by: isSignIn(event) ? '' : pages.t(ctx, `data.by.${by}`),
      },
      ...{ address, app: app === null ? '' : pages.appName(ctx, app), eventAt: at },
    })),
  } satisfies Record<string, readonly Fields[]>;
}

/** A sign-in is recorded before a person is signed in, so its entry has no actor. */
function isSignIn(event: string): boolean {
  return event.startsWith('sign_in.') || event.startsWith('authorization.');
}
