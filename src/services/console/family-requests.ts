import { registrarSchoolCodesOf } from '../../domain/access/capacities.ts';
import { administersCity, type Decision, type DenialReason, type StaffAction } from '../../domain/access/policy.ts';
import type { FamilyRequestKind } from '../../domain/binding/family-notices.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { findApplication } from '../../store/binding/applications.ts';
import { closeReport, listOpenReports, type ReportRow } from '../../store/binding/reports.ts';
import type { RequestPosition } from '../../store/console/request-search.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { clearEndRequest, listEndRequests, type EndRequestRow } from '../../store/people/guardianship-ends.ts';
import { findGuardianship } from '../../store/people/guardianships.ts';
import * as people from '../../store/people/people.ts';
import type { Audit } from '../audit/audit.ts';
import { openText } from '../binding/applicant-data.ts';
import { mailGuardianshipNotice } from '../notifications/guardianship-notice.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { lockPeople } from '../people/locks.ts';
import type { Authorization, StaffActor } from './authorization.ts';

const REQUESTS_PER_PAGE = 50;

export interface FamilyRequest {
  kind: FamilyRequestKind;
  /** Of the guardianship, or of the application. */
  id: string;
  /** ms since 1970. */
  at: number;
  student: { id: string; name: string };
  /** `end` only. */
  guardian: { id: string; name: string } | undefined;
  /** The words of the guardian or the family. */
  text: string;
}

interface Closing {
  actorId: string;
  kind: FamilyRequestKind;
  id: string;
  /** When the request was made, ms since 1970, so that a form that was shown for an earlier one does nothing. */
  at: number;
  /** Of a declined request to end: the guardian reads it. */
  reason: string;
  address: string;
}

type ClosingResult = { kind: 'done' } | { kind: 'denied'; reason: DenialReason } | { kind: 'changed_meanwhile' };

/** Requests of families to the registrar: the end of a guardianship, and the correction of wrong data. */
export interface FamilyRequests {
  /** Lists one page of the requests in the scope of the actor, the oldest first. */
  list(
    actor: StaffActor,
    after: RequestPosition | undefined,
  ): Promise<{ requests: readonly FamilyRequest[]; next: RequestPosition | undefined }>;
  find(actor: StaffActor, kind: FamilyRequestKind, id: string): Promise<FamilyRequest | undefined>;
  /** Declines a request to end, or marks a report as done. */
  close(closing: Closing): Promise<ClosingResult>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Pick<Secrets, 'open'>;
  audit: Pick<Audit, 'append'>;
  outbox: Outbox;
  authorization: Authorization;
  issuer: string;
}

const ACTIONS: Readonly<Record<FamilyRequestKind, StaffAction>> = {
  end: 'change_guardianship',
  report: 'correct_identity',
};

/** Returns true if a member of staff decides about requests of families. */
export function canSeeFamilyRequests(actor: StaffActor): boolean {
  return administersCity(actor) || actor.capacities.some(({ capacity }) => capacity === 'registrar');
}

export function createFamilyRequests(deps: Deps): FamilyRequests {
  return {
    list: (actor, after) => deps.store.read((tx) => listPage(tx, deps, actor, after)),
    find: (actor, kind, id) =>
      deps.store.read(async (tx) => {
        const row = canSeeFamilyRequests(actor) ? await findRow(tx, kind, id) : undefined;
        return row && (await describeVisible(tx, deps, actor, [row]))[0];
      }),
    close: (closing) => deps.store.write((tx) => close(tx, deps, closing)),
  };
}

/** A request before the policy has decided about it. */
interface RequestRow {
  kind: FamilyRequestKind;
  id: string;
  at: number;
  studentId: string;
  guardianId: string | undefined;
  /** Opens the text. */
  open: (secrets: Pick<Secrets, 'open'>) => string;
}

async function listPage(
  tx: Transaction,
  deps: Deps,
  actor: StaffActor,
  after: RequestPosition | undefined,
): Promise<{ requests: FamilyRequest[]; next: RequestPosition | undefined }> {
  if (!canSeeFamilyRequests(actor)) return { requests: [], next: undefined };
  const schoolCodes = administersCity(actor) ? undefined : registrarSchoolCodesOf(actor.capacities);
  const search = { schoolCodes, after, limit: REQUESTS_PER_PAGE + 1 };
  const ends = (await listEndRequests(tx, search)).map(toEndRow);
  const reports = (await listOpenReports(tx, search)).map(toReportRow);
  const rows = [...ends, ...reports].sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
  const page = rows.slice(0, REQUESTS_PER_PAGE);
  const last = rows.length > REQUESTS_PER_PAGE ? page.at(-1) : undefined;
  return { requests: await describeVisible(tx, deps, actor, page), next: last && { at: last.at, id: last.id } };
}

async function findRow(tx: Transaction, kind: FamilyRequestKind, id: string): Promise<RequestRow | undefined> {
  if (kind === 'end') {
    const row = await findGuardianship(tx, id);
    const at = row?.endRequestedAt ?? null;
    return row === undefined || at === null ? undefined : toEndRow({ ...row, endRequestedAt: at });
  }
  const row = await findApplication(tx, id);
  const at = row?.reportOpenedAt ?? null;
  return row === undefined || at === null ? undefined : toReportRow({ ...row, reportOpenedAt: at });
}

function toEndRow({
  id,
  guardianId,
  studentId,
  endRequestedAt: at,
  endRequestSealed: sealed,
}: EndRequestRow): RequestRow {
  const open: RequestRow['open'] = (secrets) => (sealed === null ? '' : secrets.open('end-request', id, sealed));
  return { kind: 'end', id, at, studentId, guardianId, open };
}

function toReportRow({ reportOpenedAt: at, ...row }: ReportRow): RequestRow {
  const open: RequestRow['open'] = (secrets) => openText(secrets, 'report', row) ?? '';
  return { kind: 'report', id: row.id, at, studentId: row.studentId, guardianId: undefined, open };
}

/** Describes the requests whose people the actor may all decide about. */
async function describeVisible(
  tx: Transaction,
  { authorization, secrets }: Deps,
  actor: StaffActor,
  rows: readonly RequestRow[],
): Promise<FamilyRequest[]> {
  const peopleOf = ({ studentId, guardianId }: RequestRow): string[] => [
    studentId,
    ...(guardianId === undefined ? [] : [guardianId]),
  ];
  const idsOf = (kind: FamilyRequestKind): string[] => rows.filter((row) => row.kind === kind).flatMap(peopleOf);
  const allowed = {
    end: await authorization.filterAllowed(tx, actor, ACTIONS.end, idsOf('end')),
    report: await authorization.filterAllowed(tx, actor, ACTIONS.report, idsOf('report')),
  };
  const visible = rows.filter((row) => peopleOf(row).every((id) => allowed[row.kind].has(id)));
  const names = await people.listNames(tx, visible.flatMap(peopleOf));
  const named = (id: string) => ({ id, name: names.get(id) ?? '' });
  return visible.map((row) => ({
    ...{ kind: row.kind, id: row.id, at: row.at, student: named(row.studentId) },
    guardian: row.guardianId === undefined ? undefined : named(row.guardianId),
    text: row.open(secrets),
  }));
}

/** An open request that is locked. */
interface Locked {
  personIds: readonly string[];
  /** The person whom the audit entry concerns. */
  subjectId: string;
  studentId: string;
  at: number | null;
}

async function close(tx: Transaction, deps: Deps, closing: Closing): Promise<ClosingResult> {
  const { actorId, kind, id, at } = closing;
  const request = await lockRequest(tx, kind, id);
  const actor = await deps.authorization.findActorIn(tx, actorId);
  if (request === undefined || actor === undefined) return { kind: 'denied', reason: 'not_found' };
  const decision = await decideOnFamily(tx, deps, actor, kind, request);
  if (!decision.allowed) return { kind: 'denied', reason: decision.reason };
  if (request.at !== at) return { kind: 'changed_meanwhile' };
  if (kind === 'report') await closeReport(tx, id, at);
  else await declineEnd(tx, deps, request, closing);
  await recordClosing(tx, deps, closing, { request, decision });
  return { kind: 'done' };
}

/** Decides about every person whom a request concerns. */
async function decideOnFamily(
  tx: Transaction,
  { authorization }: Deps,
  actor: StaffActor,
  kind: FamilyRequestKind,
  { personIds }: Locked,
): Promise<Decision> {
  let decision: Decision = { allowed: false, reason: 'not_found' };
  for (const personId of personIds) {
    const decided = (await authorization.authorize(tx, actor, ACTIONS[kind], personId))?.decision;
    if (decided?.allowed !== true) return decided ?? { allowed: false, reason: 'not_found' };
    decision = decided;
  }
  return decision;
}

async function declineEnd(
  tx: Transaction,
  deps: Deps,
  { subjectId: to, studentId: about }: Locked,
  { id, reason }: Closing,
): Promise<void> {
  await clearEndRequest(tx, id);
  await mailGuardianshipNotice(tx, deps, { to, about, kind: 'end_declined', reason });
}

async function recordClosing(
  tx: Transaction,
  { audit }: Deps,
  { actorId, kind, id, reason, address }: Closing,
  { request, decision }: { request: Locked; decision: Extract<Decision, { allowed: true }> },
): Promise<void> {
  await audit.append(tx, {
    event: kind === 'end' ? 'staff.decline_guardianship_end' : 'staff.close_report',
    ...{ outcome: 'ok', actorId, subjectId: request.subjectId, address },
    detail: {
      ...(kind === 'end' ? { guardianship: id } : { application: id }),
      ...{ capacity: decision.capacity, school: decision.school, reason, before: 'open', after: 'closed' },
    },
  });
}

async function lockRequest(tx: Transaction, kind: FamilyRequestKind, id: string): Promise<Locked | undefined> {
  const findLocked = async (): Promise<Locked | undefined> => {
    if (kind === 'report') {
      const row = await findApplication(tx, id);
      const { studentId, reportOpenedAt: at } = row ?? { studentId: '', reportOpenedAt: null };
      return row && { personIds: [studentId], subjectId: studentId, studentId, at };
    }
    const row = await findGuardianship(tx, id);
    const {
      guardianId,
      studentId,
      endRequestedAt: at,
    } = row ?? { guardianId: '', studentId: '', endRequestedAt: null };
    return row && { personIds: [guardianId, studentId], subjectId: guardianId, studentId, at };
  };
  await lockPeople(tx, (await findLocked())?.personIds ?? []);
  return findLocked();
}
