import { policyTargetOf } from '../../domain/access/target.ts';
import type { SubjectRequestKind } from '../../domain/binding/subject-requests.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import type { RequestPosition } from '../../store/console/request-search.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { lockPerson } from '../../store/people/people.ts';
import { loadPolicyFacts } from '../../store/people/policy-facts.ts';
import * as requests from '../../store/personal-data/requests.ts';
import type { Audit } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailDeciders } from '../notifications/registrars.ts';

interface Deps {
  store: Store;
  clock: Clock;
  audit: Pick<Audit, 'append'>;
  outbox: Outbox;
  issuer: string;
}

const ROWS_PER_READ = 200;

/**
 * Returns the school whose registrar decides: that of the person or of a child. Null for the bureau, if no such school has a registrar, and
 * for staff, because a registrar does not decide about colleagues of a higher rank. The deletion of a
 * guardian with children at several schools is for the bureau too.
 *
 * @param current the school that has the request, which keeps it if it can
 */
export async function findDecidingSchool(
  tx: Transaction,
  { personId, kind }: { personId: string; kind: SubjectRequestKind },
  today: string,
  current?: string | null,
): Promise<string | null> {
  const facts = await loadPolicyFacts(tx, personId);
  const target = facts && policyTargetOf(facts, today);
  if (target === undefined || target.isStaff) return null;
  if (kind === 'deletion' && target.pupilSchools.length > 1) return null;
  const schools = await requests.listSchoolsWithRegistrar(tx, target.pupilSchools, today);
  return schools.find((code) => code === current) ?? schools[0] ?? null;
}

/** Gives open requests of people who have changed schools to those who decide now. @returns their number */
export async function followSchools(deps: Deps): Promise<number> {
  const { store, clock } = deps;
  let moved = 0;
  let after: RequestPosition | undefined;
  for (;;) {
    const search = { schoolCodes: undefined, isOpen: true, after, limit: ROWS_PER_READ };
    const rows = await store.read((tx) => requests.listSubjectRequests(tx, search));
    for (const row of rows) {
      const school = await store.read((tx) => findDecidingSchool(tx, row, localDate(clock.now()), row.schoolCode));
      if (school !== row.schoolCode && (await store.write((tx) => move(tx, deps, row)))) moved += 1;
    }
    const last = rows.length < ROWS_PER_READ ? undefined : rows.at(-1);
    if (last === undefined) return moved;
    after = { at: last.dueAt, id: last.id };
  }
}

async function move(tx: Transaction, deps: Deps, row: requests.SubjectRequestRow): Promise<boolean> {
  const { id, kind, personId, schoolCode: before } = row;
  await lockPerson(tx, personId);
  const schoolCode = await findDecidingSchool(tx, row, localDate(deps.clock.now()), before);
  if (schoolCode === before || !(await requests.updateOpenRequest(tx, row, { schoolCode }))) return false;
  await mailDeciders(tx, deps, { schoolCode, personId }, 'subject_request');
  const detail = { request: id, kind, before: before ?? '', after: schoolCode ?? '' };
  await deps.audit.append(tx, { event: 'subject_request.transferred', outcome: 'ok', subjectId: personId, detail });
  return true;
}
