import type { DirectoryPerson } from '../../services/directory/directory.ts';
import { decodePageRequest, pagedResults, type PageRequest } from '../codec/controls.ts';
import { baseEntry, containerEntries, containerEntry, personEntry, type DirectoryEntry } from '../directory/entries.ts';
import { matches } from '../directory/matching.ts';
import { compilePlan, type Lookup, type Plan } from '../directory/plan.ts';
import { rootDse, subschema } from '../directory/root-dse.ts';
import { selectAttributes } from '../directory/selection.ts';
import type { Container, Target } from '../directory/tree.ts';
import { OID, type Result, type SearchRequest } from '../protocol.ts';
import { findAccess, type Access, type LdapDeps, type OperationContext } from '../session.ts';

/** Most entries of a search without pages, and of one page. */
const MAX_ENTRIES = 1_000;
const MAX_SECONDS = 30;
/** People that a scan reads at once. */
const SCAN_BATCH = 100;

interface Search {
  deps: LdapDeps;
  context: OperationContext;
  request: SearchRequest;
  access: Access;
  page: PageRequest | undefined;
  deadline: number;
}

/** Finds entries (RFC 4511, section 4.5). */
export async function search(deps: LdapDeps, context: OperationContext, request: SearchRequest): Promise<Result> {
  const target = deps.tree.locate(request.base);
  if (target === undefined) return { result: 'invalidDnSyntax' };
  const open = openEntry(deps, target, request);
  if (open !== undefined) return sendOpenEntry(context, request, open);
  const access = await findAccess(deps, context.session);
  if (access === undefined) return { result: 'insufficientAccessRights', text: 'bind first' };
  const control = context.controls.find(({ oid }) => oid === OID.pagedResults);
  const page = control?.value === undefined ? undefined : decodePageRequest(control.value);
  if (control !== undefined && page === undefined) return { result: 'protocolError', text: 'page without a size' };
  const seconds = Math.min(request.timeLimitSeconds === 0 ? MAX_SECONDS : request.timeLimitSeconds, MAX_SECONDS);
  const found = { deps, context, request, access, page, deadline: performance.now() + seconds * 1000 };
  return searchTree(found, target);
}

/** Returns an entry that needs no bind. */
function openEntry({ tree }: LdapDeps, target: Target, { scope }: SearchRequest): DirectoryEntry | undefined {
  if (scope === 'base' && target.kind === 'root_dse') return rootDse(tree);
  if (scope === 'base' && target.kind === 'subschema') return subschema();
  return undefined;
}

async function sendOpenEntry(
  context: OperationContext,
  request: SearchRequest,
  entry: DirectoryEntry,
): Promise<Result> {
  if (matches(request.filter, entry)) await context.send(selectAttributes(entry, request));
  return { result: 'success' };
}

async function searchTree(found: Search, target: Target): Promise<Result> {
  const { deps, request } = found;
  const { tree } = deps;
  const { scope } = request;
  switch (target.kind) {
    case 'base':
      return searchBase(found);
    case 'container':
      return searchContainer(found, target.container);
    case 'person': {
      const person = await findByHandle(found, target.handle);
      if (person === undefined) return { result: 'noSuchObject', matched: tree.containerName('people') };
      return sendFixed(found, scope === 'one' ? [] : [toEntry(found, person)]);
    }
    case 'absent':
    case 'service':
    case 'root_dse':
    case 'subschema':
    case 'outside':
      return { result: 'noSuchObject', matched: target.kind === 'absent' ? target.matched : '' };
  }
}

function searchBase(found: Search): Promise<Result> {
  const { tree } = found.deps;
  if (found.request.scope === 'base') return sendFixed(found, [baseEntry(tree)]);
  if (found.request.scope === 'one') return sendFixed(found, containerEntries(tree));
  return sendPeople(found, [baseEntry(tree), ...containerEntries(tree)]);
}

function searchContainer(found: Search, container: Container): Promise<Result> {
  const { scope } = found.request;
  const own = scope === 'one' ? [] : [containerEntry(found.deps.tree, container)];
  return container === 'people' && scope !== 'base' ? sendPeople(found, own) : sendFixed(found, own);
}

function toEntry({ deps: { tree, directory }, access: { client } }: Search, person: DirectoryPerson): DirectoryEntry {
  return personEntry(tree, client, person, (personId) => directory.handleOf(client, personId));
}

/** Sends entries that cost no search. */
async function sendFixed(found: Search, entries: readonly DirectoryEntry[]): Promise<Result> {
  const { request, context, page } = found;
  const matching = entries.filter((entry) => matches(request.filter, entry));
  const limit = entryLimit(found);
  for (const entry of matching.slice(0, limit)) await context.send(selectAttributes(entry, request));
  if (matching.length > limit) return { result: 'sizeLimitExceeded' };
  return finish(page, undefined);
}

function entryLimit({ request: { sizeLimit }, page }: Search): number {
  const ofPage = page === undefined || page.size === 0 ? MAX_ENTRIES : page.size;
  return Math.min(ofPage, sizeLimit === 0 ? MAX_ENTRIES : sizeLimit, MAX_ENTRIES);
}

/** @param cookie undefined after the last page */
function finish(page: PageRequest | undefined, cookie: string | undefined): Result {
  if (page === undefined) return { result: 'success' };
  return { result: 'success', controls: [pagedResults(Buffer.from(cookie ?? ''))] };
}

/** Sends the fixed entries, and then the people who match, in the order of their ids. */
async function sendPeople(found: Search, fixed: readonly DirectoryEntry[]): Promise<Result> {
  const { deps, request, access, page } = found;
  const cookie = page?.cookie.toString('latin1') ?? '';
  const after = cookie === '' ? '' : deps.directory.openHandle(access.client, cookie);
  if (after === undefined) return { result: 'unwillingToPerform', text: 'cookie of the page is not valid' };
  const plan = planOf(found, request.filter);
  const isScan = plan.kind === 'scan' && access.onlyPersonId === undefined;
  if (isScan && !(access.client.canScan && page !== undefined)) {
    return { result: 'unwillingToPerform', text: 'no index serves this filter; use pages and a client that may scan' };
  }
  const first = cookie === '' ? fixed.filter((entry) => matches(request.filter, entry)) : [];
  const people = isScan ? scan(found, after) : lookUp(found, plan, after);
  return sendAll(found, first, people);
}

function planOf({ access }: Search, filter: SearchRequest['filter']): Plan {
  return access.onlyPersonId === undefined ? compilePlan(filter) : { kind: 'lookups', lookups: [] };
}

/** Sends entries up to the limit. The cookie is the handle of the last person who was sent. */
async function sendAll(
  found: Search,
  fixed: readonly DirectoryEntry[],
  people: AsyncIterable<DirectoryPerson>,
): Promise<Result> {
  const { request, context, page, deadline } = found;
  const limit = entryLimit(found);
  let sent = 0;
  let last: string | undefined;
  for (const entry of fixed) {
    if (sent === limit) return { result: 'sizeLimitExceeded' };
    await context.send(selectAttributes(entry, request));
    sent += 1;
  }
  for await (const person of people) {
    if (context.signal.aborted) return { result: 'canceled' };
    if (performance.now() > deadline) return { result: 'timeLimitExceeded' };
    const entry = toEntry(found, person);
    if (!matches(request.filter, entry)) continue;
    if (sent === limit) {
      const isPage = page !== undefined && (request.sizeLimit === 0 || page.size < request.sizeLimit);
      return isPage && last !== undefined ? finish(page, last) : { result: 'sizeLimitExceeded' };
    }
    await context.send(selectAttributes(entry, request));
    sent += 1;
    last = person.handle;
  }
  return finish(page, undefined);
}

/** Reads all people in batches. */
async function* scan({ deps, access }: Search, after: string): AsyncGenerator<DirectoryPerson> {
  let from: string | undefined = after;
  while (from !== undefined) {
    const { people, next } = await deps.directory.listPeople(access.client, from, SCAN_BATCH);
    yield* people;
    from = next;
  }
}

/** Reads the people of lookups. A person sees only the own entry. */
async function* lookUp(found: Search, plan: Plan, after: string): AsyncGenerator<DirectoryPerson> {
  const { deps, access } = found;
  const lookups = plan.kind === 'scan' ? [] : plan.lookups;
  const ids =
    access.onlyPersonId === undefined
      ? await Promise.all(lookups.map((lookup) => findId(found, lookup)))
      : [access.onlyPersonId];
  const known = [...new Set(ids.filter((id) => id !== undefined))].sort().filter((id) => id > after);
  for (const id of known) {
    const person = await deps.directory.findPerson(access.client, id);
    if (person !== undefined) yield person;
  }
}

async function findId({ deps: { directory }, access }: Search, { by, value }: Lookup): Promise<string | undefined> {
  return by === 'login' ? directory.findIdByLogin(value) : directory.openHandle(access.client, value);
}

async function findByHandle({ deps, access }: Search, handle: string): Promise<DirectoryPerson | undefined> {
  const personId = deps.directory.openHandle(access.client, handle);
  if (personId === undefined || (access.onlyPersonId ?? personId) !== personId) return undefined;
  return deps.directory.findPerson(access.client, personId);
}
