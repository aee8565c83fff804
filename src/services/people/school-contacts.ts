import { listHelpingSchools, type SchoolContact } from '../../domain/school-contacts.ts';
import { localDate, type Clock } from '../../domain/clock.ts';
import type { School } from '../../domain/model.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Logger } from '../../platform/logger.ts';
import { findSchoolAccountLogin } from '../../store/binding/school-accounts.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { loadPersonFacts } from '../../store/people/person-facts.ts';
import { findPersonIdByIdentifier } from '../../store/people/people.ts';
import { listSchoolContacts } from '../../store/people/school-contacts.ts';
import { findSchool, listSchoolsByCode } from '../../store/people/schools.ts';
import { childDates } from './adult-days.ts';

/** A school with the desks that families call. */
export interface SchoolWithContacts {
  school: School;
  contacts: readonly SchoolContact[];
}

/** The desks of schools that families call. */
export interface SchoolContacts {
  /** Returns a school with its contacts; undefined for an unknown code. */
  find(schoolCode: string): Promise<SchoolWithContacts | undefined>;
  /** Lists the schools that help a person, without those that have no contacts. */
  listOfPerson(personId: string): Promise<SchoolWithContacts[]>;
  /** Lists the same for the person with this email address; empty for an address of no account. */
  listOfAddress(email: string): Promise<SchoolWithContacts[]>;
}

interface Deps {
  store: Store;
  clock: Clock;
  secrets: Pick<Secrets, 'mac' | 'open'>;
  log: Logger;
}

export function createSchoolContacts(deps: Deps): SchoolContacts {
  const { store } = deps;
  return {
    find: (schoolCode) =>
      store.read(async (tx) => {
        const school = await findSchool(tx, schoolCode);
        return school && { school, contacts: await listSchoolContacts(tx, [schoolCode]) };
      }),
    listOfPerson: (personId) => store.read((tx) => listOfPerson(tx, deps, personId)),
    listOfAddress: (email) =>
      store.read(async (tx) => {
        const personId = await findPersonIdByIdentifier(tx, 'email', email);
        return personId === undefined ? [] : listOfPerson(tx, deps, personId);
      }),
  };
}

async function listOfPerson(
  tx: Transaction,
  { clock, ...deps }: Deps,
  personId: string,
): Promise<SchoolWithContacts[]> {
  const today = localDate(clock.now());
  const facts = await loadPersonFacts(tx, personId, today, childDates(deps, today));
  if (facts === undefined) return [];
  const schools = facts.isSchoolAccount ? await listSchoolOfAccount(tx, personId) : listHelpingSchools(facts, today);
  return (await loadContacts(tx, schools)).filter(({ contacts }) => contacts.length > 0);
}

/** Loads the contacts of schools. */
export async function loadContacts(tx: Transaction, schools: readonly School[]): Promise<SchoolWithContacts[]> {
  const rows = await listSchoolContacts(
    tx,
    schools.map(({ code }) => code),
  );
  return schools.map((school) => ({
    school,
    contacts: rows.filter(({ schoolCode }) => schoolCode === school.code),
  }));
}

async function listSchoolOfAccount(tx: Transaction, personId: string): Promise<School[]> {
  const login = await findSchoolAccountLogin(tx, personId);
  return login === undefined ? [] : listSchoolsByCode(tx, [login.schoolCode]);
}
