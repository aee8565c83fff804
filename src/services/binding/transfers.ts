import { setImmediate as nextTurn } from 'node:timers/promises';
import { localDate, type Clock } from '../../domain/clock.ts';
import { findApplication } from '../../store/binding/applications.ts';
import * as transfers from '../../store/binding/transfers.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as people from '../../store/people/people.ts';
import { listSchoolCodes } from '../../store/people/schools.ts';
import type { Audit } from '../audit/audit.ts';
import type { Outbox } from '../notifications/outbox.ts';
import { mailRegistrars } from '../notifications/registrars.ts';

/** Moves applications to the new school of students who have changed schools. */
export interface ApplicationTransfers {
  /**
   * Moves open applications, and open reports of wrong data, up to `limit` of each school. The staff of the former school are refused from
   * the last day of the student on, also before this.
   *
   * @returns the number of moved applications
   */
  followStudents(limit: number): Promise<number>;
}

interface Deps {
  store: Store;
  clock: Clock;
  audit: Pick<Audit, 'append'>;
  outbox: Outbox;
  issuer: string;
}

export function createApplicationTransfers(deps: Deps): ApplicationTransfers {
  const { store, clock } = deps;
  const moveAll = async (rows: readonly transfers.TransferRow[]): Promise<number> => {
    let moved = 0;
    for (const row of rows) if (await store.write((tx) => followStudent(tx, deps, row))) moved += 1;
    return moved;
  };
  return {
    followStudents: async (limit) => {
      const today = localDate(clock.now());
      let moved = await moveAll(await store.read((tx) => transfers.listTransferredReports(tx, today, limit)));
      // By school, so that each query reads few rows: SQLite answers synchronously.
      for (const code of await store.read(listSchoolCodes)) {
        moved += await moveAll(await store.read((tx) => transfers.listTransferredApplications(tx, code, today, limit)));
        await nextTurn();
      }
      return moved;
    },
  };
}

/** Moves an application to the school of its student. @returns false if the student has not left the school of the application */
export async function followStudent(
  tx: Transaction,
  deps: Omit<Deps, 'store'>,
  { id, studentId, schoolCode }: transfers.TransferRow,
): Promise<boolean> {
  await people.lockPerson(tx, studentId);
  const facts = await people.loadPersonFacts(tx, studentId, localDate(deps.clock.now()));
  const schools = facts?.enrollments.map(({ school }) => school.code) ?? [];
  const to = schools.at(-1);
  if (to === undefined || schools.includes(schoolCode)) return false;
  const application = await findApplication(tx, id);
  // A merge of the student has moved it.
  if (application?.studentId !== studentId) return false;
  if (!(await transfers.moveApplication(tx, { id, schoolCode }, to))) return false;
  if (application.reportOpenedAt !== null) await mailRegistrars(tx, deps, [to], 'wrong_data');
  await deps.audit.append(tx, {
    ...{ event: 'binding.transferred', outcome: 'ok', subjectId: studentId },
    detail: { application: id, before: schoolCode, after: to },
  });
  return true;
}
