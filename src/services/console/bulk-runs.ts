import { EventEmitter } from 'node:events';
import { BULK_PERSON_ACTIONS, type BulkAction } from '../../domain/access/bulk-actions.ts';
import type { Clock } from '../../domain/clock.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../domain/duration.ts';
import type { Random } from '../../domain/random.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Logger } from '../../platform/logger.ts';
import * as runs from '../../store/console/bulk-runs.ts';
import { findClass, type SchoolClass } from '../../store/console/classes.ts';
import { listLogins, type PersonSummary } from '../../store/console/person-summaries.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { lockPerson } from '../../store/people/people.ts';
import type { Authorization, StaffActor } from './authorization.ts';
import { isClassInScope, type ClassPages, type ClassRow } from './classes.ts';
import type { PersonActionResult, PersonActions } from './person-actions.ts';

/** A node that works on a run renews its lease; another node continues after this time. */
const LEASE_MS = MINUTE_MS;
/** Codes that were not printed are erased after this time. */
const CODES_MS = HOUR_MS;
const RETENTION_MS = 30 * DAY_MS;
const BATCH_SIZE = 20;

export interface BulkReport {
  run: runs.BulkRun;
  schoolClass: SchoolClass;
  rows: readonly { personId: string; name: string; state: runs.BulkRow['state']; problem: string | undefined }[];
  /** The codes can be printed now. */
  isPrintable: boolean;
}

interface BulkSlip {
  name: string;
  logins: PersonSummary['logins'];
  code: string;
  expiresAt: number;
}

export interface BulkRuns {
  /**
   * Stores a dry run: what will happen to each person, and why not.
   *
   * @param personIds the chosen rows; undefined for the whole class
   * @returns its id; undefined for a class out of scope
   */
  prepare(request: {
    actor: StaffActor;
    classId: string;
    action: BulkAction;
    personIds: readonly string[] | undefined;
    reason: string;
    address: string;
  }): Promise<string | undefined>;
  /** Starts a run once. @returns false if the actor has no such run, or it was started already */
  start(actor: StaffActor, runId: string): Promise<boolean>;
  /** Loads a run of the actor. @returns undefined for a run of another member of staff, or of a class that has left the scope */
  load(actor: StaffActor, runId: string): Promise<BulkReport | undefined>;
  /**
   * Opens the codes of a run once, and erases them. The policy decides again about each person.
   *
   * @returns undefined if they were printed or erased, or if the actor may no longer issue one
   */
  print(
    actor: StaffActor,
    runId: string,
  ): Promise<{ schoolClass: SchoolClass; slips: readonly BulkSlip[] } | undefined>;
  /** Works on the next run until it is finished. @returns false if no run waits */
  workOnNext(): Promise<boolean>;
  /** Erases codes that were not printed in time, and deletes old runs. */
  erase(): Promise<void>;
  /** Calls `listener` after a run was started in this process. */
  onStarted(listener: () => void): void;
}

interface Deps {
  store: Store;
  clock: Clock;
  random: Random;
  secrets: Secrets;
  log: Logger;
  authorization: Pick<Authorization, 'findActorIn'>;
  classPages: Pick<ClassPages, 'loadIn'>;
  personActions: Pick<PersonActions, 'performIn'>;
}

export function createBulkRuns(deps: Deps): BulkRuns {
  const { store, clock } = deps;
  const events = new EventEmitter();
  return {
    prepare: (request) => store.write((tx) => prepareIn(tx, deps, request)),
    start: (actor, runId) =>
      store.write(async (tx) => {
        if ((await runs.findBulkRun(tx, runId))?.actorId !== actor.id) return false;
        if (!(await runs.startBulkRun(tx, runId, clock.now()))) return false;
        tx.afterCommit(() => events.emit('started'));
        return true;
      }),
    load: (actor, runId) => store.read((tx) => loadIn(tx, deps, actor, runId)),
    print: (actor, runId) => store.write((tx) => printIn(tx, deps, actor, runId)),
    workOnNext: () => workOnNext(deps),
    erase: async () => {
      await store.write((tx) => runs.eraseOldCodes(tx, clock.now() - CODES_MS));
      await store.write((tx) => runs.purgeBulkRuns(tx, clock.now() - RETENTION_MS, BATCH_SIZE));
    },
    onStarted: (listener) => events.on('started', listener),
  };
}

async function prepareIn(
  tx: Transaction,
  { clock, random, secrets, classPages }: Deps,
  { actor, classId, action, personIds, reason, address }: Parameters<BulkRuns['prepare']>[0],
): Promise<string | undefined> {
  const page = await classPages.loadIn(tx, actor, classId);
  if (page === undefined) return undefined;
  const chosen = personIds === undefined ? undefined : new Set(personIds);
  const rows = [...new Map(page.rows.map((row) => [row.personId, row])).values()].filter(
    ({ personId }) => chosen?.has(personId) !== false,
  );
  const [id, now] = [random.uuid(), clock.now()];
  const reasonSealed = secrets.seal('bulk-reason', id, reason);
  await runs.insertBulkRun(
    tx,
    { id, action, classId, actorId: actor.id, reasonSealed, address, createdAt: now, leasedUntil: now },
    rows.map((row, position) => {
      const problem = problemOf(row, action);
      const state = problem === undefined ? 'pending' : 'failed';
      return { position, personId: row.personId, staffVersion: row.version, state, problem: problem ?? null };
    }),
  );
  return id;
}

/** Returns why an action on a row will not be done; undefined if it will. */
function problemOf({ actions, state, hasMailbox, hasLogin }: ClassRow, action: BulkAction): string | undefined {
  if (!actions.includes(action)) return 'denied';
  if (state.kind === 'disabled') return action === 'disable' ? 'already_done' : 'disabled';
  if (action === 'slips' && !hasLogin) return 'no_login';
  return action === 'links' && !hasMailbox ? 'no_email' : undefined;
}

async function loadIn(
  tx: Transaction,
  { clock }: Deps,
  actor: StaffActor,
  runId: string,
): Promise<BulkReport | undefined> {
  const run = await runs.findBulkRun(tx, runId);
  const schoolClass = run?.actorId === actor.id ? await findClass(tx, run.classId) : undefined;
  if (run === undefined || schoolClass === undefined || !isClassInScope(actor, schoolClass)) return undefined;
  const rows = await runs.listBulkRows(tx, runId);
  const hasCodes = rows.some(({ row }) => row.codeSealed !== null && (row.doneAt ?? 0) > clock.now() - CODES_MS);
  return {
    run,
    schoolClass,
    rows: rows.map(({ row, name }) => ({
      ...{ personId: row.personId, name, state: row.state },
      problem: row.problem ?? undefined,
    })),
    isPrintable: run.finishedAt !== null && run.printedAt === null && hasCodes,
  };
}

const codeRow = ({ runId, position }: Pick<runs.BulkRow, 'runId' | 'position'>): string =>
  `${runId} ${String(position)}`;

async function printIn(tx: Transaction, deps: Deps, actor: StaffActor, runId: string): ReturnType<BulkRuns['print']> {
  const report = await loadIn(tx, deps, actor, runId);
  if (report?.isPrintable !== true) return undefined;
  const allowed = await findAllowed(tx, deps, actor.id, report.run);
  if (allowed.size === 0 || !(await runs.markPrinted(tx, runId, deps.clock.now()))) return undefined;
  const rows = await runs.listBulkRows(tx, runId);
  const logins = await listLogins(
    tx,
    rows.map(({ row }) => row.personId),
  );
  const slips = rows.flatMap(({ row, name }) => {
    if (row.codeSealed === null || !allowed.has(row.personId)) return [];
    const code = deps.secrets.open('bulk-code', codeRow(row), row.codeSealed);
    const own = logins.filter(({ personId }) => personId === row.personId);
    return { name, logins: own, code, expiresAt: row.codeExpiresAt ?? 0 };
  });
  await runs.eraseCodesOf(tx, runId);
  return { schoolClass: report.schoolClass, slips };
}

/** Returns the people of a class to whom a member of staff may do the action of a run now. */
async function findAllowed(
  tx: Transaction,
  { authorization, classPages }: Deps,
  actorId: string,
  { classId, action }: runs.BulkRun,
): Promise<Set<string>> {
  const actor = await authorization.findActorIn(tx, actorId);
  const page = actor && (await classPages.loadIn(tx, actor, classId));
  const rows = page?.rows.filter(({ actions }) => actions.includes(action)) ?? [];
  return new Set(rows.map(({ personId }) => personId));
}

async function workOnNext(deps: Deps): Promise<boolean> {
  const { store, clock } = deps;
  const now = clock.now();
  const due = await store.read((tx) => runs.findDueRun(tx, now));
  if (due === undefined) return false;
  const run = await store.write((tx) => runs.leaseBulkRun(tx, due, now, now + LEASE_MS));
  // Another node was faster; more runs may wait.
  if (run === undefined) return true;
  for (;;) {
    const rows = await store.read((tx) => runs.listPendingRows(tx, run.id, BATCH_SIZE));
    if (rows.length === 0) break;
    for (const row of rows) await workOnRow(deps, run, row);
    await store.write((tx) => runs.renewBulkLease(tx, run.id, clock.now() + LEASE_MS));
  }
  await store.write((tx) => runs.finishBulkRun(tx, run.id, clock.now()));
  return true;
}

/** Does one row in a transaction of its own. A row that fails stops no other row. */
async function workOnRow(deps: Deps, run: runs.BulkRun, row: runs.BulkRow): Promise<void> {
  const { store, clock, log } = deps;
  try {
    await store.write((tx) => performRow(tx, deps, run, row));
  } catch (error) {
    log.error({ err: error, run: run.id, row: row.position }, 'failed to do a row of a bulk run');
    const failed = { state: 'failed', problem: 'error', doneAt: clock.now() } as const;
    await store.write((tx) => runs.completeBulkRow(tx, row, failed));
  }
}

async function performRow(
  tx: Transaction,
  { clock, secrets, personActions }: Deps,
  run: runs.BulkRun,
  row: runs.BulkRow,
): Promise<void> {
  const { actorId, action, address } = run;
  const { personId, staffVersion } = row;
  const reason = run.reasonSealed === null ? run.reason : secrets.open('bulk-reason', run.id, run.reasonSealed);
  // The lock order is: person, then row. A second node waits here, and finds the row done.
  await lockPerson(tx, personId);
  const doneAt = clock.now();
  if (!(await runs.completeBulkRow(tx, row, { state: 'done', doneAt }))) return;
  const result = await personActions.performIn(tx, {
    ...{ actorId, personId, action: BULK_PERSON_ACTIONS[action], reason, version: staffVersion, address },
  });
  const problem = problemOfResult(result);
  if (problem !== undefined) await runs.updateBulkRow(tx, row, { state: 'failed', problem });
  else if (result.kind === 'requested') await runs.updateBulkRow(tx, row, { state: 'requested' });
  else if (result.kind === 'done' && result.oneTimeCode !== undefined) {
    const { code, expiresAt } = result.oneTimeCode;
    const codeSealed = secrets.seal('bulk-code', codeRow(row), code);
    await runs.storeRowCode(tx, row, { codeSealed, codeExpiresAt: expiresAt });
  }
}

function problemOfResult(result: PersonActionResult): string | undefined {
  switch (result.kind) {
    case 'done':
    case 'requested':
      return undefined;
    case 'impossible':
      return result.why;
    case 'denied':
      return result.reason === 'school_closed' ? 'school_closed' : 'denied';
    case 'changed_meanwhile':
      return 'outdated';
  }
}
