import {
  homeroomClassIdsOf,
  schoolCodesOf,
  wholeSchoolCodesOf,
  type HeldCapacity,
} from '../../domain/access/capacities.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import { normalizeText, parseLogin } from '../../domain/credentials/identifiers.ts';
import { isNationalId, normalizeNationalId } from '../../domain/credentials/national-id.ts';
import { currentTerm } from '../../domain/term.ts';
import { searchableName } from '../../domain/text.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import { listPersonSummaries, type PersonSummary } from '../../store/console/person-summaries.ts';
import * as searchStore from '../../store/console/search.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { findPersonIdByIdentifier, findPersonIdByNationalId } from '../../store/people/people.ts';
import type { Authorization, StaffActor } from './authorization.ts';
import { withVisibleChildren } from './visible-family.ts';

export type { PersonSummary } from '../../store/console/person-summaries.ts';

/** People on one page of results. */
const RESULTS_PER_PAGE = 25;
const MAX_QUERY_LENGTH = 100;
/** Pupils with one student number: one per school. */
const MAX_SAME_NUMBER = 100;

interface SearchResults {
  people: readonly PersonSummary[];
  /** Start of the next page; undefined at the end. */
  next: searchStore.NamePosition | undefined;
}

/** Finds people by name, login, student number, class or full national ID, within the scope of the actor only. */
export interface ConsoleSearch {
  /** @param after the `next` of the previous page */
  find(actor: StaffActor, query: string, after: searchStore.NamePosition | undefined): Promise<SearchResults>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Secrets;
  authorization: Authorization;
}

export function createConsoleSearch({ store, clock, secrets, authorization }: Deps): ConsoleSearch {
  return {
    find: (actor, query, after) =>
      store.read(async (tx) => {
        const today = localDate(clock.now());
        const text = normalizeText(query.slice(0, MAX_QUERY_LENGTH));
        if (text === '') return { people: [], next: undefined };
        const findExact = async (): Promise<string[]> => {
          const ids = await findExactly(tx, actor, text, { secrets, today });
          const visible = await authorization.filterVisible(tx, actor, ids);
          return ids.filter((id) => visible.has(id));
        };
        const [exact, byName] = await Promise.all([
          after === undefined ? findExact() : [],
          canBeName(text, today)
            ? findVisibleByName(tx, authorization, actor, { text, today, after })
            : { ids: [], next: undefined },
        ]);
        const ids = [...exact, ...byName.ids];
        const people = await listPersonSummaries(tx, [...new Set(ids)], today);
        return { people: await withVisibleChildren(tx, authorization, actor, people), next: byName.next };
      }),
  };
}

/** Pages of candidates that one page of results reads, if the actor may not view most of them. */
const MAX_CANDIDATE_PAGES = 10;

interface NameQuery {
  text: string;
  today: string;
  after: searchStore.NamePosition | undefined;
}

/** Finds a page of people that the actor may view. `next` names the last shown person, never a person out of scope. */
async function findVisibleByName(
  tx: Transaction,
  authorization: Authorization,
  actor: StaffActor,
  { text, today, after }: NameQuery,
): Promise<{ ids: string[]; next: searchStore.NamePosition | undefined }> {
  const shown: searchStore.NamePosition[] = [];
  let position = after;
  for (let page = 0; page < MAX_CANDIDATE_PAGES; page += 1) {
    const candidates = await findByName(tx, actor, text, { today, after: position });
    const visible = await authorization.filterVisible(
      tx,
      actor,
      candidates.map(({ id }) => id),
    );
    shown.push(...candidates.filter(({ id }) => visible.has(id)));
    position = candidates.at(-1);
    if (shown.length > RESULTS_PER_PAGE || candidates.length <= RESULTS_PER_PAGE) break;
  }
  const results = shown.slice(0, RESULTS_PER_PAGE);
  return { ids: results.map(({ id }) => id), next: shown.length > RESULTS_PER_PAGE ? results.at(-1) : undefined };
}

/** A student number, or the login of its school account. */
const STUDENT_NUMBER = /^p?(\d{4,16})$/i;

/** Returns true if a text may be part of a name. Complete identifiers are found by their indexes alone. */
function canBeName(text: string, today: string): boolean {
  const isIdentifier = STUDENT_NUMBER.test(text) || isNationalId(normalizeNationalId(text), today);
  return !isIdentifier && !text.includes('@') && /\p{L}/u.test(text);
}

/** Finds the ids that a complete identifier names. Ids out of scope are removed afterwards. */
async function findExactly(
  tx: Transaction,
  actor: StaffActor,
  text: string,
  { secrets, today }: { secrets: Secrets; today: string },
): Promise<string[]> {
  const found: string[] = [];
  const nationalId = normalizeNationalId(text);
  const ofNationalId = isNationalId(nationalId, today)
    ? await findPersonIdByNationalId(tx, secrets.mac('national-id-lookup', nationalId))
    : undefined;
  const login = parseLogin(text);
  // School accounts are found by their student number.
  const ofLogin = login && (await findPersonIdByIdentifier(tx, login.kind, login.value));
  for (const id of [ofNationalId, ofLogin]) if (id !== undefined) found.push(id);
  const number = STUDENT_NUMBER.exec(text)?.[1];
  if (number !== undefined) {
    found.push(...(await searchStore.listPersonIdsByStudentNumber(tx, number, MAX_SAME_NUMBER)));
  }
  const schoolCodes = schoolCodesOf(actor.capacities);
  if (isClassName(text) && schoolCodes.length > 0) {
    found.push(...(await searchStore.listPersonIdsByClass(tx, { schoolCodes, name: text, term: currentTerm(today) })));
  }
  return found;
}

/** Returns true for a class number, or a title as the pages show it: `203`, `高二3班`. */
function isClassName(text: string): boolean {
  return /^\d{1,4}$/.test(text) || /^\S{1,10}班$/u.test(text);
}

async function findByName(
  tx: Transaction,
  actor: StaffActor,
  text: string,
  { today, after }: { today: string; after: searchStore.NamePosition | undefined },
): Promise<searchStore.NamePosition[]> {
  const name = searchableName(text);
  if (name === '') return [];
  const limit = RESULTS_PER_PAGE + 1;
  return searchStore.listPeopleByName(tx, { name, scope: scopeOf(actor.capacities), today, after, limit });
}

/** Returns where a search by name looks: the widest scope of the actor. */
function scopeOf(capacities: readonly HeldCapacity[]): searchStore.SearchScope {
  if (capacities.some(({ capacity }) => capacity === 'bureau_admin')) return { kind: 'city' };
  return {
    kind: 'schools',
    schoolCodes: wholeSchoolCodesOf(capacities),
    withStaff: capacities.some(({ capacity }) => capacity === 'it_desk'),
    classIds: homeroomClassIdsOf(capacities),
  };
}
