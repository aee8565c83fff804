import createError from 'http-errors';
import type { Context } from 'koa';
import {
  DUTY_ACTION_NAMES,
  GUARDIANSHIP_ACTION_NAMES,
  guardianshipActionOf,
  PERSON_ACTION_NAMES,
} from '../../domain/access/person-actions.ts';
import type { PersonState } from '../../domain/access/person-state.ts';
import { nextState } from '../../domain/acting/guardianship.ts';
import type { AuditEntry } from '../../domain/audit-chain.ts';
import { formatLocalMobile } from '../../domain/credentials/identifiers.ts';
import type { PersonPage } from '../../services/console/person-page.ts';
import { canSeeRequests } from '../../services/console/staff-requests.ts';
import { describeUserAgent } from '../account/device-name.ts';
import { signInText } from '../account/sign-ins.ts';
import type { HttpDeps } from '../deps.ts';
import { takeNotice } from '../pages/page-notice.ts';
import { affiliationLines, formatLogin } from './labels.ts';
import type { SignedInStaff } from './session.ts';
import { pathIdOf } from './path-id.ts';

/** `GET /console/people/:id`: one person, and the actions that the member of staff may do. */
export async function showPerson(deps: HttpDeps, ctx: Context, { actor }: SignedInStaff): Promise<void> {
  const page = await deps.console.personPages.view(actor, pathIdOf(ctx), ctx.ip);
  if (page === undefined) throw createError(404, 'no such person in the scope of this member of staff');
  const { pages } = deps;
  const { summary } = page;
  const requests = canSeeRequests(actor) ? await deps.console.requests.listAbout(summary.id) : [];
  const done = takeNotice(deps, ctx, [...PERSON_ACTION_NAMES, ...DUTY_ACTION_NAMES])?.name;
  pages.show(ctx, 'console/person', {
    id: summary.id,
    name: summary.name,
    state: stateName(page.state),
    stateText: describeState(deps, ctx, page),
    lines: affiliationLines(deps, ctx, summary),
    logins: summary.logins.map((login) => ({
      kind: login.kind,
      value: formatLogin(login),
      isVerified: login.isVerified,
    })),
    pendingMobile: page.pendingMobile && formatLocalMobile(page.pendingMobile),
    guardianships: guardianshipRows(deps, ctx, page),
    nationalId: page.nationalId,
    removalAt: page.removalAt,
    requests: requests.map(({ id, action, state, requestedAt }) => ({ id, action, state, requestedAt })),
    signIns: page.signIns.map((entry) => signInLine(deps, ctx, entry)),
    sessions: page.sessions.map((session) => ({
      device: describeUserAgent(deps, ctx, session.userAgent),
      address: session.address,
      since: session.createdAt,
    })),
    actions: page.actions
      .filter(({ name, isUseful }) => isUseful && guardianshipActionOf(name) === undefined)
      .map(({ name }) => name),
    denied: page.denied && pages.t(ctx, `console.denied.${page.denied}`),
    notice: done && pages.t(ctx, `console.action.${done}.done`),
  });
}

/** Lists the guardianships with the changes that their state and the policy allow. */
function guardianshipRows(
  deps: HttpDeps,
  ctx: Context,
  { summary, guardianships, changeableGuardianships, stateReasons }: PersonPage,
) {
  return guardianships.map((one) => ({
    id: one.id,
    guardian: one.guardian,
    student: one.student,
    relation: deps.pages.t(ctx, `relation.${one.relation}`),
    state: one.state,
    reason: stateReasons.get(one.id),
    until: one.validTo,
    isGuardian: one.guardian.id === summary.id,
    actions: GUARDIANSHIP_ACTION_NAMES.filter((name) => {
      const change = guardianshipActionOf(name);
      const isAllowed = changeableGuardianships.includes(one.id);
      return isAllowed && change !== undefined && nextState(one.state, change) !== undefined;
    }),
  }));
}

/** Returns the value of `data-person-state`. */
function stateName(state: PersonState): string {
  if (state.kind !== 'first_password' && state.kind !== 'one_time_code') return state.kind.replaceAll('_', '-');
  const name = state.kind.replaceAll('_', '-');
  return state.validity === 'open' ? name : `${name}-${state.validity}`;
}

/** Says the state of the account in one sentence: `因輸入錯誤 6 次，暫停登入到 14:05（最近一次來自 203.0.113.7）。` */
export function describeState({ pages, i18n }: HttpDeps, ctx: Context, { state, signIns }: PersonPage): string {
  const lang = pages.langOf(ctx);
  const address = signIns.find(({ outcome }) => outcome === 'refused')?.address ?? '—';
  switch (state.kind) {
    case 'locked':
      return pages.t(ctx, 'console.state.locked', { failures: state.failures, address });
    case 'delayed': {
      const vars = { failures: state.failures, address, time: i18n.clock(lang, state.until) };
      return pages.t(ctx, 'console.state.delayed', vars);
    }
    case 'first_password':
    case 'one_time_code': {
      const time = i18n.formatDateTime(lang, state.expiresAt);
      return pages.t(ctx, `console.state.${state.kind}_${state.validity}`, { time });
    }
    case 'active':
    case 'disabled':
    case 'second_factor_locked':
    case 'no_password':
      return pages.t(ctx, `console.state.${state.kind}`);
  }
}

function signInLine(deps: HttpDeps, ctx: Context, { at, event, outcome, address, clientId }: AuditEntry) {
  return {
    at,
    text: signInText(deps, ctx, event),
    isFailed: outcome === 'refused',
    address: address ?? '',
    app: clientId === null ? '' : deps.pages.appName(ctx, clientId),
  };
}
