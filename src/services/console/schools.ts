import type { Clock } from '../../domain/clock.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import * as schoolStore from '../../store/people/schools.ts';
import type { SchoolRow } from '../../store/people/schools.ts';
import type { Audit } from '../audit/audit.ts';
import type { Authorization } from './authorization.ts';
import { isBureauActor, type BureauWrite } from './bureau-write.ts';

export type { SchoolRow } from '../../store/people/schools.ts';

type SchoolResult =
  | { kind: 'done' }
  | { kind: 'denied' }
  /** Another administrator changed the school after the form was shown. Nothing was done. */
  | { kind: 'changed_meanwhile' }
  | { kind: 'exists' }
  /** The code is one of the demo city, which production refuses. */
  | { kind: 'demo_code' };

/** The fields of a school that the bureau enters. */
export type SchoolFields = Omit<SchoolRow, 'closedAt'>;

/** The schools of the city, for the pages of the bureau. */
export interface ConsoleSchools {
  list(): Promise<SchoolRow[]>;
  find(code: string): Promise<SchoolRow | undefined>;
  add(request: BureauWrite, school: SchoolFields): Promise<SchoolResult>;
  /** Changes names, type and district. @param shown the school that the form was shown for */
  edit(request: BureauWrite, shown: SchoolRow, school: SchoolFields): Promise<SchoolResult>;
  /** A closed school takes no new memberships and enrollments. Existing ones stay until they end. */
  setClosed(request: BureauWrite, shown: SchoolRow, isClosed: boolean): Promise<SchoolResult>;
}

interface Deps {
  store: Store;
  clock: Clock;
  audit: Audit;
  authorization: Authorization;
}

export function createConsoleSchools(deps: Deps): ConsoleSchools {
  const { store, clock } = deps;
  const replace = (request: BureauWrite, event: string, shown: SchoolRow, after: SchoolRow): Promise<SchoolResult> =>
    store.write((tx) =>
      asBureau(deps, tx, request, async () => {
        if (!(await schoolStore.replaceSchool(tx, shown, after))) return { kind: 'changed_meanwhile' };
        await record(deps, tx, request, event, describe(shown), describe(after), shown.code);
        return { kind: 'done' };
      }),
    );
  return {
    list: () => store.read((tx) => schoolStore.listSchools(tx)),
    find: (code) => store.read((tx) => schoolStore.findSchool(tx, code)),
    add: (request, school) =>
      store.write((tx) =>
        asBureau(deps, tx, request, async () => {
          if (isDemoCode(school.code) && (await schoolStore.countDemoSchools(tx)) === 0) return { kind: 'demo_code' };
          if (!(await schoolStore.insertNewSchool(tx, school))) return { kind: 'exists' };
          await record(deps, tx, request, 'school.added', '', describe({ ...school, closedAt: null }), school.code);
          return { kind: 'done' };
        }),
      ),
    edit: (request, shown, { name, nameEn, type, district }) =>
      replace(request, 'school.changed', shown, { ...shown, name, nameEn, type, district }),
    setClosed: (request, shown, isClosed) =>
      replace(request, isClosed ? 'school.closed' : 'school.reopened', shown, {
        ...shown,
        closedAt: isClosed ? clock.now() : null,
      }),
  };
}

function isDemoCode(code: string): boolean {
  return code.startsWith('99');
}

async function asBureau(
  { authorization }: Deps,
  tx: Transaction,
  { actorId }: BureauWrite,
  work: () => Promise<SchoolResult>,
): Promise<SchoolResult> {
  return (await isBureauActor(tx, authorization, actorId)) ? work() : { kind: 'denied' };
}

async function record(
  { audit }: Deps,
  tx: Transaction,
  { actorId, reason, address }: BureauWrite,
  event: string,
  before: string,
  after: string,
  school: string,
): Promise<void> {
  const detail = { capacity: 'bureau_admin', school, reason, before, after };
  await audit.append(tx, { event, outcome: 'ok', actorId, address, detail });
}

function describe({ name, nameEn, type, district, closedAt }: SchoolRow): string {
  return [name, nameEn, type, district || '-', closedAt === null ? 'open' : 'closed'].join(' / ');
}
