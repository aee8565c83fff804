import { BULK_ACTIONS } from '../../src/domain/access/bulk-actions.ts';
import { DYNAMIC_KEYS } from '../../src/presentation/dynamic-keys.ts';
import type { PageLocals } from '../../src/presentation/page-locals/index.ts';

type StaffRequestPage =
  | 'console/national-id'
  | 'console/merge'
  | 'console/requests'
  | 'console/family-requests'
  | 'console/request'
  | 'console/classes'
  | 'console/class'
  | 'console/bulk'
  | 'console/slips';

/** Locals of the pages of changes by staff. */
export function staffRequestSamples(x: string): Pick<PageLocals, StaffRequestPage> {
  const schoolClass = { id: x, title: x, school: x };
  const account = { id: x, name: x, lines: [x], logins: [x] };
  const request = {
    ...{ id: x, action: 'change-email', person: { id: x, name: x }, state: 'pending' },
    ...{ requestedBy: x, requestedAt: 0, expiresAt: 0, decidedBy: x },
  };
  return {
    'console/classes': { classes: [schoolClass], schools: [{ code: '993301', name: '示範國中' }] },
    'console/class': {
      ...{ ...schoolClass, isCurrent: true, actions: BULK_ACTIONS, alert: x, notice: x },
      values: { reason: x, scope: 'chosen', chosen: [] },
      rows: DYNAMIC_KEYS['classView.state'].map((state, at) => ({
        ...{ id: `${x}${String(at)}`, name: x, kind: 'guardian', pupil: x, seat: 1, state },
      })),
    },
    'console/bulk': {
      ...{ id: x, action: 'slips', class: schoolClass, state: 'finished', isPrintable: true, isPrinted: true },
      counts: { done: 1, requested: 0, failed: 1, pending: 0 },
      rows: [{ id: x, name: x, state: 'failed', problem: 'no_email' }],
    },
    'console/slips': {
      ...{ layout: 'a6', class: schoolClass, backUrl: '/b', signInUrl: x },
      slips: [{ name: x, logins: [x], code: x, expiresAt: 0 }],
    },
    'console/national-id': { id: x, name: x, nationalId: x },
    'console/merge': {
      kept: account,
      ended: account,
      regainedChildren: [x],
      input: x,
      reason: x,
      version: 1,
      needsConfirmation: true,
    },
    'console/family-requests': {
      nextUrl: '/console/family-requests?at=1&id=x',
      requests: [
        { kind: 'end', id: x, at: 0, student: { id: x, name: x }, guardian: { id: x, name: x }, text: x },
        { kind: 'report', id: `${x}2`, at: 0, student: { id: x, name: x }, guardian: undefined, text: x },
      ],
      notice: x,
    },
    'console/requests': {
      isOpen: true,
      subjectRequests: { count: 1, hasMore: true },
      requests: [request],
      nextUrl: '/n',
    },
    'console/request': {
      ...{ ...request, before: x, after: x, reason: x, version: 1, hasChanged: true, notice: x },
      ...{ canConfirm: true, canWithdraw: true, otherId: x, values: { reason: x }, errors: { reason: x }, alert: x },
    },
  };
}
