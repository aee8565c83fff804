import { decodePageRequest, pagedResults, type PageRequest } from '../codec/controls.ts';
import { baseEntry, containerEntries, containerEntry, type DirectoryEntry } from '../directory/entries.ts';
import { createMatcher, matches } from '../directory/matching.ts';
import { compilePlan, countConditions, hasUnknown, mayMatchOthers, type Plan } from '../directory/plan.ts';
import { rootDse, subschema } from '../directory/root-dse.ts';
import { createSelection } from '../directory/selection.ts';
import type { Container, Target } from '../directory/tree.ts';
import { OID, type Filter, type Result, type SearchRequest } from '../protocol.ts';
import { findAccess, type Access, type ReadDeps, type OperationContext, type SearchLimits } from '../session.ts';
import { findGroupEntry, listGroupEntries } from './group-entries.ts';
import { batchSizes, lookUp, MAX_PEOPLE_AT_ONCE, readOwn, scan, type OpenPeople } from './list-people.ts';
import { findPersonEntry, personEntriesOf } from './people.ts';
import { findSchoolEntry, listSchoolEntries } from './school-entries.ts';

/** Most entries of a search without pages, and of one page. */
const MAX_ENTRIES = 1_000;
const MAX_SECONDS = 30;
export const SEARCH_LIMITS: SearchLimits = { maxRead: 20_000, now: () => performance.now() };

interface Search {
  deps: ReadDeps;
  context: OperationContext;
  request: SearchRequest;
  access: Access;
  page: PageRequest | undefined;
  limits: SearchLimits;
  deadline: number;
}

/** Finds entries (RFC 4511, section 4.5). */
export async function search(deps: ReadDeps, context: OperationContext, request: SearchRequest): Promise<Result> {
  const target = deps.tree.locate(request.base);
  if (target === undefined) return { result: 'invalidDnSyntax' };
  if (hasUnknown(request.filter)) return { result: 'unwillingToPerform', text: 'extensible match is not supported' };
  const open = openEntry(deps, target, request);
  if (open !== undefined) return sendOpenEntry(context, request, open);
  const access = await findAccess(deps, context.session);
  if (access === undefined) return { result: 'insufficientAccessRights', text: 'bind first' };
  const control = context.controls.find(({ oid }) => oid === OID.pagedResults);
  const page = control?.value === undefined ? undefined : decodePageRequest(control.value);
  if (control !== undefined && page === undefined) return { result: 'protocolError', text: 'page without a size' };
  if (isAbandoned(page)) return finish(page, undefined);
  const seconds = Math.min(request.timeLimitSeconds === 0 ? MAX_SECONDS : request.timeLimitSeconds, MAX_SECONDS);
  const limits = deps.searchLimits ?? SEARCH_LIMITS;
  const found = { deps, context, request, access, page, limits, deadline: limits.now() + seconds * 1000 };
  return searchTree(found, target);
}

/** Returns an entry that needs no bind. */
function openEntry({ tree }: ReadDeps, target: Target, { scope }: SearchRequest): DirectoryEntry | undefined {
  if (scope === 'base' && target.kind === 'root_dse') return rootDse(tree);
  if (scope === 'base' && target.kind === 'subschema') return subschema();
  return undefined;
}

function sendOpenEntry(context: OperationContext, request: SearchRequest, entry: DirectoryEntry): Result {
  if (matches(request.filter, entry)) context.send(createSelection(request)(entry));
  return { result: 'success' };
}

async function searchTree(found: Search, target: Target): Promise<Result> {
  switch (target.kind) {
    case 'base':
      return searchBase(found);
    case 'container':
      return searchContainer(found, target.container);
    case 'person':
      return sendNamed(found, await findPersonEntry(found, target.handle), 'people');
    case 'school':
      return sendNamed(found, await findSchoolEntry(found, target.code), 'schools');
    case 'group':
      return sendNamed(found, await findGroupEntry(found, target.name, found.request.filter), 'groups');
    case 'absent':
      return { result: 'noSuchObject', matched: target.matched, text: target.text };
    case 'service':
      return { result: 'noSuchObject' };
    case 'root_dse':
    case 'subschema':
    case 'outside':
      return { result: 'noSuchObject', text: `the search base is ${found.deps.tree.base}, or an entry below` };
  }
}

/** Sends one entry, which has no entries below. */
function sendNamed(found: Search, entry: DirectoryEntry | undefined, container: Container): Promise<Result> | Result {
  if (entry === undefined) return { result: 'noSuchObject', matched: found.deps.tree.containerName(container) };
  return sendOthers(found, found.request.scope === 'one' ? [] : [entry]);
}

async function searchBase(found: Search): Promise<Result> {
  const { tree } = found.deps;
  const { scope, filter } = found.request;
  if (scope === 'base') return sendOthers(found, [baseEntry(tree)]);
  if (scope === 'one') return sendOthers(found, containerEntries(tree));
  if (!mayMatchOthers(filter)) return sendPeople(found, []);
  const [schools, groups] = [await listSchoolEntries(found), await listGroupEntries(found, filter)];
  return sendPeople(found, concatenate([baseEntry(tree), ...containerEntries(tree)], schools, groups));
}

async function searchContainer(found: Search, container: Container): Promise<Result> {
  const { scope, filter } = found.request;
  const own = scope === 'one' ? [] : [containerEntry(found.deps.tree, container)];
  if (scope === 'base' || container === 'services') return sendOthers(found, own);
  if (container === 'people') return sendPeople(found, own);
  const below = container === 'schools' ? await listSchoolEntries(found) : await listGroupEntries(found, filter);
  return sendOthers(found, concatenate(own, below));
}

function* concatenate(...parts: readonly Iterable<DirectoryEntry>[]): Generator<DirectoryEntry> {
  for (const part of parts) yield* part;
}

/** Sends entries without people. */
function sendOthers(found: Search, others: Iterable<DirectoryEntry>): Promise<Result> {
  return sendAll(found, others, NO_PEOPLE);
}

function entryLimit({ request: { sizeLimit }, page }: Search): number {
  const ofPage = page === undefined || page.size === 0 ? MAX_ENTRIES : page.size;
  return Math.min(ofPage, sizeLimit === 0 ? MAX_ENTRIES : sizeLimit, MAX_ENTRIES);
}

/** Returns true if the client ends a sequence of pages: the size is 0, and the cookie is the last one (RFC 2696, section 3). */
function isAbandoned(page: PageRequest | undefined): boolean {
  return page?.size === 0 && page.cookie.length > 0;
}

/** @param cookie undefined after the last page */
function finish(page: PageRequest | undefined, cookie: string | undefined): Result {
  if (page === undefined) return { result: 'success' };
  return { result: 'success', controls: [pagedResults(Buffer.from(cookie ?? ''))] };
}

/** Sends other entries, and then the people who match, in the order of their ids. */
async function sendPeople(found: Search, others: Iterable<DirectoryEntry>): Promise<Result> {
  const { request, access, page } = found;
  const { onlyPersonId, client } = access;
  if (onlyPersonId !== undefined) return sendAll(found, others, readOwn(found, onlyPersonId));
  const plan: Plan = compilePlan(request.filter, client.entitlements.scopes);
  if (plan.kind === 'lookups') return sendAll(found, others, lookUp(found, plan.lookups));
  if (client.canScan && page !== undefined) {
    const { deps, context } = found;
    if (page.cookie.length === 0) await deps.scanAudit.recordStart(client.clientId, context.session.address);
    return sendAll(found, others, scan(found));
  }
  const missing = client.canScan ? 'only paged results' : 'only a client with "scan", in pages,';
  const indexed = 'uid, mail, mobile, cn and memberOf have one, for up to 100 values';
  return {
    result: 'unwillingToPerform',
    text: `no index serves this filter; ${missing} may read all people; ${indexed}`,
  };
}

const NO_PEOPLE: OpenPeople = () => () => Promise.resolve(undefined);

/** An entry, and the cookie of a page that ends with it. */
interface Keyed {
  entry: DirectoryEntry;
  key: string;
}

/** Reads the next entries. @returns undefined behind the last ones */
type NextEntries = () => Promise<Iterable<Keyed> | undefined>;

/**
 * Begins to read the entries behind the page in batches. A cookie is the name of another entry, or the handle of a person.
 *
 * @returns undefined when the cookie is not valid
 */
function continuePage(
  found: Search,
  others: Iterable<DirectoryEntry>,
  openPeople: OpenPeople,
): NextEntries | undefined {
  const cookie = found.page?.cookie.toString() ?? '';
  const after = cookie === '' ? '' : found.deps.directory.openHandle(found.access.client, cookie);
  const rest = others[Symbol.iterator]();
  if (after === undefined && !skipTo(rest, cookie)) return undefined;
  let isInOthers = after === undefined || after === '';
  const most = maxBatchSize(found.request.filter);
  const nextPeople = openPeople(after ?? '', batchSizes(entryLimit(found) + 1, most));
  const toEntry = personEntriesOf(found);
  return async () => {
    const batch = isInOthers ? take(rest, most) : [];
    isInOthers = batch.length > 0;
    if (isInOthers) return batch.map((entry) => ({ entry, key: entry.name }));
    const people = await nextPeople();
    return people?.values().map((person) => ({ entry: toEntry(person), key: person.handle }));
  };
}

/** Returns true if an entry has this name. The iterator then continues behind it. */
function skipTo(entries: Iterator<DirectoryEntry>, name: string): boolean {
  for (let next = entries.next(); next.done !== true; next = entries.next()) if (next.value.name === name) return true;
  return false;
}

function take<T>(iterator: Iterator<T>, count: number): T[] {
  const taken: T[] = [];
  while (taken.length < count) {
    const next = iterator.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  return taken;
}

/** Comparisons of one batch, a few milliseconds: no other operation runs before its end. */
const MAX_COMPARISONS = 1_000;

function maxBatchSize(filter: Filter): number {
  const most = Math.floor(MAX_COMPARISONS / countConditions(filter));
  return Math.min(Math.max(most, 1), MAX_PEOPLE_AT_ONCE);
}

/** Sends the entries that match, up to the limit. */
async function sendAll(found: Search, others: Iterable<DirectoryEntry>, openPeople: OpenPeople): Promise<Result> {
  const nextEntries = continuePage(found, others, openPeople);
  if (nextEntries === undefined) return { result: 'unwillingToPerform', text: 'cookie of the page is not valid' };
  const sendBatch = createSender(found, nextEntries);
  for (;;) {
    const paused = found.context.pause();
    if (paused !== undefined) await paused;
    const result = await sendBatch();
    if (result !== undefined) return result;
  }
}

/**
 * Creates the function that sends the matching entries of the next batch. It is separate so that a search that waits keeps no batch in memory.
 *
 * @returns a function that returns the result of the search after the last batch
 */
function createSender(found: Search, nextEntries: NextEntries): () => Promise<Result | undefined> {
  const { request, context, page } = found;
  const limit = entryLimit(found);
  const isMatch = createMatcher(request.filter);
  const select = createSelection(request);
  let [read, sent] = [0, 0];
  let last: string | undefined;
  return async () => {
    const batch = await nextEntries();
    if (batch === undefined) return finish(page, undefined);
    for (const { entry, key } of batch) {
      read += 1;
      const stop = findReasonToStop(found, read);
      if (stop !== undefined) return stop;
      if (!isMatch(entry)) continue;
      if (sent === limit) return finishFull(found, last);
      context.send(select(entry));
      sent += 1;
      last = key;
    }
    return undefined;
  };
}

/** @param last the key of the last entry; undefined if none was sent */
function finishFull({ request: { sizeLimit }, page }: Search, last: string | undefined): Result {
  const isPage = page !== undefined && (sizeLimit === 0 || page.size < sizeLimit);
  return isPage && last !== undefined ? finish(page, last) : { result: 'sizeLimitExceeded' };
}

/** @param read entries that the search has read */
function findReasonToStop({ context, access, page, limits, deadline }: Search, read: number): Result | undefined {
  if (context.signal.aborted) return { result: 'canceled' };
  if (limits.now() > deadline) return { result: 'timeLimitExceeded' };
  if (read <= limits.maxRead || (access.client.canScan && page !== undefined)) return undefined;
  return {
    result: 'adminLimitExceeded',
    text: 'the filter reads too many people; use pages and a client that may scan',
  };
}
