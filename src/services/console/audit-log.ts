import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ChainedEntry } from '../../domain/audit-chain.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import { parseLogin } from '../../domain/credentials/identifiers.ts';
import { MINUTE_MS } from '../../domain/duration.ts';
import { lowerBound } from '../../domain/lower-bound.ts';
import * as auditLog from '../../store/console/audit-log.ts';
import { listHistory } from '../../store/console/person-details.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { listPeopleOfSchool } from '../../store/console/search.ts';
import { findPerson, findPersonIdByIdentifier, listNames } from '../../store/people/people.ts';
import type { Audit } from '../audit/audit.ts';
import type { Authorization, StaffActor } from './authorization.ts';

export type { AuditFilter } from '../../store/console/audit-log.ts';

const ENTRIES_PER_PAGE = 50;
/** Entries that one page of a search reads at most. A search that finds less offers to continue. */
const MAX_ENTRIES_PER_SEARCH = 20_000;
/** Entries that one query reads, about 10 ms on SQLite, where a query blocks the event loop. */
const ENTRIES_PER_QUERY = 2_500;
/** Entries of an export in memory. */
const ENTRIES_PER_EXPORT_STEP = 500;
/** Nodes take the time before they take the number, so the two differ by up to the longest transaction and the clock skew. */
const MAX_DISORDER_MS = 2 * MINUTE_MS;

export interface AuditPage {
  entries: readonly ChainedEntry[];
  /** Names of the people in the entries, by id. */
  names: ReadonlyMap<string, string>;
  /** The next page begins before this number; undefined at the end. */
  next: number | undefined;
  /** The time down to which the log was searched, in ms, if the page is not full and there are older entries. */
  searchedTo: number | undefined;
}

/** Searches the audit log: the whole of it for the bureau, the history of one person for other staff. */
export interface AuditLogSearch {
  /** @param before the `next` of the previous page */
  find(filter: auditLog.AuditFilter, before: number | undefined): Promise<AuditPage>;
  /** Records the export and returns all matching entries, the newest first, with one step in memory. */
  export(
    filter: auditLog.AuditFilter,
    by: { actorId: string; address: string; format: string },
  ): Promise<AsyncIterable<ChainedEntry>>;
  /** Finds the id of a person by id or login name. */
  findPersonId(text: string): Promise<string | undefined>;
  /** Lists the entries about a person and records the view. @returns undefined for a person out of scope, as for an unknown id */
  listHistory(
    actor: StaffActor,
    personId: string,
    before: number | undefined,
    address: string,
  ): Promise<(AuditPage & { name: string }) | undefined>;
}

interface Deps {
  store: Store;
  clock: Clock;
  audit: Audit;
  authorization: Authorization;
}

export function createAuditLogSearch(deps: Deps): AuditLogSearch {
  const { store, clock, audit } = deps;
  return {
    find: async (filter, before) => {
      const today = localDate(clock.now());
      const found = await findPage(store, filter, before, today);
      return { ...found, names: await store.read((tx) => listNamesIn(tx, found.entries)) };
    },
    export: async (filter, { actorId, address, format }) => {
      const range = await store.read((tx) => rangeOf(tx, filter));
      const detail = { format, filter: JSON.stringify(filter) };
      await audit.record({ event: 'audit.exported', outcome: 'ok', actorId, address, detail });
      return readAll(store, filter, range, localDate(clock.now()));
    },
    findPersonId: (text) => store.read((tx) => findPersonId(tx, text)),
    listHistory: async (actor, personId, before, address) => {
      const page = await store.read((tx) => loadHistory(tx, deps.authorization, actor, personId, before));
      if (page === undefined) return undefined;
      const { capacity, ...history } = page;
      await audit.record({
        event: 'staff.view',
        outcome: 'ok',
        actorId: actor.id,
        subjectId: personId,
        address,
        detail: { capacity, page: 'history' },
      });
      return history;
    },
  };
}

interface SequenceRange {
  fromSeq: number;
  beforeSeq: number;
}

async function findPage(
  store: Store,
  filter: auditLog.AuditFilter,
  before: number | undefined,
  today: string,
): Promise<Omit<AuditPage, 'names'>> {
  const { fromSeq, beforeSeq } = await store.read((tx) => rangeOf(tx, filter));
  const start = Math.min(before ?? beforeSeq, beforeSeq);
  const lowest = filter.subjectId === undefined ? Math.max(fromSeq, start - MAX_ENTRIES_PER_SEARCH) : fromSeq;
  const entries: ChainedEntry[] = [];
  const limit = ENTRIES_PER_PAGE + 1;
  for await (const found of readSteps(store, filter, { fromSeq: lowest, beforeSeq: start }, { today, limit })) {
    entries.push(...found);
    if (entries.length >= limit) break;
  }
  if (entries.length >= limit) {
    const page = entries.slice(0, ENTRIES_PER_PAGE);
    return { entries: page, next: page.at(-1)?.seq, searchedTo: undefined };
  }
  if (lowest === fromSeq) return { entries, next: undefined, searchedTo: undefined };
  const searchedTo = await store.read((tx) => auditLog.findTimeFrom(tx, lowest));
  return { entries, next: lowest, searchedTo };
}

/** Reads a range from its end, one query at a time, and lets other requests run in between. The index of a person needs no steps. */
async function* readSteps(
  store: Store,
  filter: auditLog.AuditFilter,
  { fromSeq, beforeSeq }: SequenceRange,
  { today, limit }: { today: string; limit: number },
): AsyncGenerator<ChainedEntry[]> {
  const { schoolCode } = filter;
  const schoolPeople =
    schoolCode === undefined ? [] : await store.read((tx) => listPeopleOfSchool(tx, schoolCode, today));
  const step = filter.subjectId === undefined ? ENTRIES_PER_QUERY : Infinity;
  let before = beforeSeq;
  while (before > fromSeq) {
    const window = { fromSeq: Math.max(fromSeq, before - step), beforeSeq: before, limit, schoolPeople };
    const found = await store.read((tx) => auditLog.listMatchingEntries(tx, filter, window));
    yield found;
    before = found.length < limit ? window.fromSeq : (found.at(-1)?.seq ?? window.fromSeq);
    await nextTurn();
  }
}

async function* readAll(
  store: Store,
  filter: auditLog.AuditFilter,
  range: SequenceRange,
  today: string,
): AsyncGenerator<ChainedEntry> {
  for await (const entries of readSteps(store, filter, range, { today, limit: ENTRIES_PER_EXPORT_STEP })) {
    yield* entries;
  }
}

/** Returns the numbers of the entries in the time of the filter. Times follow the numbers, so a binary search finds them. */
async function rangeOf(tx: Transaction, { from, to }: auditLog.AuditFilter): Promise<SequenceRange> {
  const range = await auditLog.findSequenceRange(tx);
  if (range === undefined) return { fromSeq: 0, beforeSeq: 0 };
  const { first, last } = range;
  const findAt = (at: number): Promise<number> =>
    lowerBound(first, last + 1, async (seq) => ((await auditLog.findTimeFrom(tx, seq)) ?? Infinity) >= at);
  return {
    fromSeq: from === undefined ? first : await findAt(from - MAX_DISORDER_MS),
    beforeSeq: to === undefined ? last + 1 : await findAt(to + MAX_DISORDER_MS),
  };
}

function listNamesIn(tx: Transaction, entries: readonly ChainedEntry[]): Promise<Map<string, string>> {
  const ids = entries.flatMap(({ actorId, subjectId }) => [actorId, subjectId]).filter((id) => id !== null);
  return listNames(tx, ids);
}

async function findPersonId(tx: Transaction, text: string): Promise<string | undefined> {
  if ((await findPerson(tx, text)) !== undefined) return text;
  const login = parseLogin(text);
  return login && findPersonIdByIdentifier(tx, login.kind, login.value);
}

async function loadHistory(
  tx: Transaction,
  authorization: Authorization,
  actor: StaffActor,
  personId: string,
  before = Number.MAX_SAFE_INTEGER,
): Promise<(AuditPage & { name: string; capacity: string }) | undefined> {
  const authorized = await authorization.authorize(tx, actor, 'view', personId);
  if (authorized?.decision.allowed !== true) return undefined;
  const found = await listHistory(tx, personId, before, ENTRIES_PER_PAGE + 1);
  const entries = found.slice(0, ENTRIES_PER_PAGE);
  const names = await listNamesIn(tx, entries);
  return {
    entries,
    names,
    name: (await listNames(tx, [personId])).get(personId) ?? '',
    capacity: authorized.decision.capacity,
    next: found.length > ENTRIES_PER_PAGE ? entries.at(-1)?.seq : undefined,
    searchedTo: undefined,
  };
}
