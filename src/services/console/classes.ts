import { BULK_ACTIONS, BULK_PERSON_ACTIONS, type BulkAction } from '../../domain/access/bulk-actions.ts';
import { homeroomClassIdsOf, wholeSchoolCodesOf } from '../../domain/access/capacities.ts';
import { PERSON_ACTIONS } from '../../domain/access/person-actions.ts';
import { administersCity, type StaffAction } from '../../domain/access/policy.ts';
import { personStateOf, type PersonState } from '../../domain/access/person-state.ts';
import { isWithinValidity } from '../../domain/acting/guardianship.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import { currentTerm } from '../../domain/term.ts';
import * as store from '../../store/console/classes.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import type { Audit } from '../audit/audit.ts';
import { personKey } from '../authentication/login-keys.ts';
import { codeCounterKey } from '../authentication/second-factor-verification.ts';
import type { Authorization, StaffActor } from './authorization.ts';

export type { SchoolClass } from '../../store/console/classes.ts';

/** A pupil or guardian as the class page shows it. */
export interface ClassRow extends store.ClassMember {
  state: PersonState;
  /** Version of the person, for actions. */
  version: number;
  /** The bulk actions that the policy allows. */
  actions: readonly BulkAction[];
  hasMailbox: boolean;
  hasLogin: boolean;
}

export interface ClassPage {
  schoolClass: store.SchoolClass;
  rows: readonly ClassRow[];
}

export interface ClassPages {
  /**
   * Lists the classes of a homeroom teacher, or of the schools of desk and registrar, in the current term.
   *
   * @param schoolCode a school whose classes the bureau sees; ignored for other staff
   */
  list(actor: StaffActor, schoolCode?: string): Promise<store.SchoolClass[]>;
  /** Loads a class and records the view. @returns undefined for a class out of scope, as for an unknown id */
  view(actor: StaffActor, classId: string, address: string): Promise<ClassPage | undefined>;
  loadIn(tx: Transaction, actor: StaffActor, classId: string): Promise<ClassPage | undefined>;
}

export const COUNTER_KEYS: store.CounterKeys = {
  passwords: personKey,
  codes: (personId) => codeCounterKey('totp', personId),
};

/** Returns the action that the policy decides about. */
function policyActionOf(action: BulkAction): StaffAction {
  return PERSON_ACTIONS[BULK_PERSON_ACTIONS[action]];
}

interface Deps {
  store: Store;
  clock: Clock;
  audit: Audit;
  authorization: Authorization;
}

export function createClassPages({ store: database, clock, audit, authorization }: Deps): ClassPages {
  const loadIn: ClassPages['loadIn'] = async (tx, actor, classId) => {
    const schoolClass = await store.findClass(tx, classId);
    if (schoolClass === undefined || !isClassInScope(actor, schoolClass)) return undefined;
    const today = localDate(clock.now());
    const members = (await store.listClassMembers(tx, classId)).filter((one) => isWithinValidity(one, today));
    const ids = [...new Set(members.map(({ personId }) => personId))];
    const allowed = await authorization.listAllowedActions(
      tx,
      actor,
      ['view', ...BULK_ACTIONS.map(policyActionOf)],
      ids,
    );
    const facts = await store.loadAccountFacts(tx, ids, COUNTER_KEYS);
    const rows = members.flatMap((member) => {
      const account = facts.get(member.personId);
      const allowedActions = allowed.get(member.personId);
      if (account === undefined || allowedActions?.has('view') !== true) return [];
      const { version, hasMailbox, hasLogin } = account;
      const actions = BULK_ACTIONS.filter((action) => allowedActions.has(policyActionOf(action)));
      return { ...member, state: personStateOf(account, clock.now()), version, hasMailbox, hasLogin, actions };
    });
    return { schoolClass, rows };
  };
  return {
    loadIn,
    list: (actor, schoolCode) =>
      database.read(async (tx) => {
        const { capacities } = actor;
        const term = currentTerm(localDate(clock.now()));
        const isChosen = schoolCode !== undefined && administersCity(actor);
        const codes = isChosen ? [schoolCode] : wholeSchoolCodesOf(capacities);
        const schools = await store.listClassesOfSchools(tx, codes, term);
        if (isChosen) return schools;
        const own = await store.listClassesById(tx, homeroomClassIdsOf(capacities));
        return [...own.filter(({ id }) => schools.every((one) => one.id !== id)), ...schools];
      }),
    view: async (actor, classId, address) => {
      const page = await database.read((tx) => loadIn(tx, actor, classId));
      if (page === undefined) return undefined;
      const detail = { class: classId, school: page.schoolClass.school.code };
      await audit.record({ event: 'staff.view_class', outcome: 'ok', actorId: actor.id, address, detail });
      return page;
    },
  };
}

/** Returns true if a class is of the schools or the homeroom classes of a member of staff. */
export function isClassInScope(actor: StaffActor, { id, school }: store.SchoolClass): boolean {
  const { capacities } = actor;
  const isOwn = homeroomClassIdsOf(capacities).includes(id);
  return administersCity(actor) || wholeSchoolCodesOf(capacities).includes(school.code) || isOwn;
}
