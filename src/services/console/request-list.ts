import { STAFF_CHANGES, type StaffChangeName } from '../../domain/access/person-actions.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { RequestPosition } from '../../store/console/request-search.ts';
import * as requests from '../../store/console/staff-requests.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { findPerson, listNames } from '../../store/people/people.ts';
import { listConcerned } from './action-execution.ts';
import type { Authorization, StaffActor } from './authorization.ts';
import { canSeeRequests, mayConfirm, openRequest, requestSchools } from './staff-requests.ts';

/** Requests on one page. */
const REQUESTS_PER_PAGE = 25;
const REQUESTS_ON_PERSON_PAGE = 5;

/** A request as its list shows it. */
export interface StaffRequestLine {
  id: string;
  action: StaffChangeName;
  person: { id: string; name: string };
  requestedBy: string;
  requestedAt: number;
  expiresAt: number;
  /** `pending` waits for a colleague. */
  state: 'pending' | requests.RequestDecision;
  decidedBy: string | undefined;
  decidedAt: number | undefined;
}

export interface StaffRequestPage extends StaffRequestLine {
  before: string;
  after: string;
  /** The account that a waiting merge would end. */
  otherId: string | undefined;
  reason: string;
  /** Version of the person, for the form. */
  version: number;
  /** The account was changed after the request. */
  hasChanged: boolean;
  canConfirm: boolean;
  canWithdraw: boolean;
}

export interface StaffRequestList {
  /** Lists the requests of the actor's schools, or of the city for the bureau, the newest first. */
  list(
    actor: StaffActor,
    options: { isOpen: boolean; after: RequestPosition | undefined },
  ): Promise<{ requests: readonly StaffRequestLine[]; next: RequestPosition | undefined }>;
  /** Counts the requests of the first page that the actor may confirm or decline. */
  countDecidable(actor: StaffActor): Promise<{ count: number; hasMore: boolean }>;
  /** @returns undefined for a request out of scope, as for an unknown id */
  load(actor: StaffActor, requestId: string): Promise<StaffRequestPage | undefined>;
  /** Lists the newest requests about a person, for a person page that the actor may view. */
  listAbout(personId: string): Promise<StaffRequestLine[]>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
  authorization: Authorization;
}

export function createStaffRequestList(deps: Deps): StaffRequestList {
  const { store, authorization } = deps;
  const toLines = createToLines(deps);
  return {
    list: (actor, { isOpen, after }) =>
      store.read(async (tx) => {
        const search = { schoolCodes: requestSchools(actor), isOpen, after, limit: REQUESTS_PER_PAGE + 1 };
        const rows = canSeeRequests(actor) ? await requests.listStaffRequests(tx, search) : [];
        const page = rows.slice(0, REQUESTS_PER_PAGE);
        const visible = await filterVisible(tx, authorization, actor, page);
        const last = rows.length > REQUESTS_PER_PAGE ? page.at(-1) : undefined;
        return { requests: await toLines(tx, visible), next: last && { at: last.requestedAt, id: last.id } };
      }),
    countDecidable: (actor) => store.read((tx) => countDecidable(tx, deps, actor)),
    load: (actor, requestId) => store.read((tx) => loadPage(tx, deps, actor, requestId)),
    listAbout: (personId) =>
      store.read(async (tx) => toLines(tx, await requests.listRequestsAbout(tx, personId, REQUESTS_ON_PERSON_PAGE))),
  };
}

async function countDecidable(
  tx: Transaction,
  { authorization, secrets }: Deps,
  actor: StaffActor,
): Promise<{ count: number; hasMore: boolean }> {
  const search = { schoolCodes: requestSchools(actor), isOpen: true, after: undefined, limit: REQUESTS_PER_PAGE + 1 };
  const rows = canSeeRequests(actor) ? await requests.listStaffRequests(tx, search) : [];
  let count = 0;
  for (const row of await filterVisible(tx, authorization, actor, rows.slice(0, REQUESTS_PER_PAGE))) {
    if (row.requestedBy === actor.id) continue;
    const request = { ...row, input: openRequest(secrets, row).input };
    const confirming = await mayConfirm(tx, authorization, actor, request, await listConcerned(tx, request));
    if (confirming.allowed) count += 1;
  }
  return { count, hasMore: rows.length > REQUESTS_PER_PAGE };
}

/** Staff see their own requests, and those about people whom they may view. */
async function filterVisible(
  tx: Transaction,
  authorization: Authorization,
  actor: StaffActor,
  rows: readonly requests.StaffRequestRow[],
): Promise<requests.StaffRequestRow[]> {
  const ids = [...new Set(rows.map(({ personId }) => personId))];
  const visible = await authorization.filterVisible(tx, actor, ids);
  return rows.filter(({ personId, requestedBy }) => requestedBy === actor.id || visible.has(personId));
}

async function loadPage(
  tx: Transaction,
  deps: Deps,
  actor: StaffActor,
  requestId: string,
): Promise<StaffRequestPage | undefined> {
  const { authorization, secrets } = deps;
  const row = canSeeRequests(actor) ? await requests.findStaffRequest(tx, requestId) : undefined;
  if (row === undefined || (await filterVisible(tx, authorization, actor, [row])).length === 0) return undefined;
  const [line] = await createToLines(deps)(tx, [row]);
  const person = await findPerson(tx, row.personId);
  if (line === undefined || person === undefined) return undefined;
  const { input, ...payload } = openRequest(secrets, row);
  const values = (await mayReadValues(tx, authorization, actor, row)) ? {} : { before: '', after: '' };
  const isPending = line.state === 'pending';
  const concerned = await listConcerned(tx, { ...row, input });
  return {
    ...line,
    ...payload,
    ...values,
    otherId: row.action === 'merge' && isPending ? concerned[1] : undefined,
    version: person.staffVersion,
    hasChanged: isPending && person.staffVersion !== row.staffVersion,
    canConfirm: isPending && (await mayConfirm(tx, authorization, actor, { ...row, input }, concerned)).allowed,
    canWithdraw: isPending && row.requestedBy === actor.id,
  };
}

/** The values of an identity are for those who see national IDs. */
async function mayReadValues(
  tx: Transaction,
  authorization: Authorization,
  actor: StaffActor,
  { action, personId, requestedBy }: requests.StaffRequestRow,
): Promise<boolean> {
  if (STAFF_CHANGES[action] !== 'correct_identity' || requestedBy === actor.id) return true;
  return (await authorization.authorize(tx, actor, 'confirm_identity_change', personId))?.decision.allowed === true;
}

function createToLines({ clock }: Pick<Deps, 'clock'>) {
  return async (tx: Transaction, rows: readonly requests.StaffRequestRow[]): Promise<StaffRequestLine[]> => {
    const ids = rows.flatMap(({ personId, requestedBy, decidedBy }) => [personId, requestedBy, decidedBy ?? []].flat());
    const names = await listNames(tx, ids);
    const nameOf = (id: string): string => names.get(id) ?? '';
    return rows.map((row) => ({
      id: row.id,
      action: row.action,
      person: { id: row.personId, name: nameOf(row.personId) },
      requestedBy: nameOf(row.requestedBy),
      requestedAt: row.requestedAt,
      expiresAt: row.expiresAt,
      state: row.decision ?? (row.expiresAt <= clock.now() ? 'expired' : 'pending'),
      decidedBy: row.decidedBy === null ? undefined : nameOf(row.decidedBy),
      decidedAt: row.decidedAt ?? undefined,
    }));
  };
}
