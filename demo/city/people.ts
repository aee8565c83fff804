import { lastSix } from '../../src/domain/credentials/national-id.ts';
import type { CityLogin, CityPerson, Credential } from './model.ts';
import type { GivenName, Sex } from './names.ts';
import type { IdSex } from './national-ids.ts';
import { seededUuid, type SeededRandom } from './seeded-random.ts';

/** People of the city are born after the letter Y of national IDs was retired in 1974. */
const EARLIEST_BIRTH_YEAR = 1975;
/** First generated mobile number. Lower numbers are reserved for the named people. */
const FIRST_MOBILE = 1_000;
const LAST_MOBILE = 999_999;
/** First number that makes email addresses and account names unique. */
const FIRST_LOGIN = 11;

/** Creates people with unique ids, national IDs and logins. */
export interface PersonMaker {
  student(name: string, sex: Sex, birthDate: string): CityPerson;
  /** Creates a parent with a verified email address and a first password, who has never signed in. */
  parent(name: GivenName, sex: Sex, birthDate: string, abroad?: boolean): CityPerson;
  /** Creates a teacher, who has signed in before. A teacher may also be a parent. */
  teacher(name: GivenName, sex: Sex, birthDate: string): CityPerson;
  /** Returns the number of people created. */
  count(): number;
}

export function createPersonMaker(seed: string, nationalId: (sex: IdSex) => string): PersonMaker {
  let persons = 0;
  let logins = FIRST_LOGIN;
  let mobiles = FIRST_MOBILE;
  const make = (person: Omit<CityPerson, 'id' | 'kind' | 'locale'>): CityPerson => {
    persons += 1;
    return { id: seededUuid(seed, `generated:${persons}`), kind: 'person', locale: 'zh-TW', ...person };
  };
  const uniqueName = (latin: string): string => {
    logins += 1;
    return `${latin}${logins}`;
  };
  const mobile = (): CityLogin[] => {
    if (mobiles > LAST_MOBILE) return [];
    mobiles += 1;
    return [{ kind: 'mobile', value: `+886900${String(mobiles - 1).padStart(6, '0')}`, scope: '' }];
  };
  return {
    student: (name, sex, birthDate) =>
      make({
        ...{ name, birthDate },
        nationalId: nationalId(sex === 'male' ? '1' : '2'),
        logins: [],
        credential: { kind: 'none' },
      }),
    parent: (name, sex, birthDate, abroad = false) => {
      const id = nationalId(sexDigit(sex, abroad));
      const email = `${uniqueName(name.latin)}@parents.example`;
      const credential: Credential = { kind: 'first', password: lastSix(id) };
      const first: CityLogin = { kind: 'email', value: email, scope: '' };
      const person = make({ name: name.text, birthDate, nationalId: id, logins: [first, ...mobile()], credential });
      return abroad ? { ...person, locale: 'en' } : person;
    },
    teacher: (name, sex, birthDate) => {
      const account = uniqueName(name.latin);
      return make({
        ...{ name: name.text, birthDate },
        nationalId: nationalId(sexDigit(sex, false)),
        logins: [
          { kind: 'account', value: account, scope: '' },
          { kind: 'email', value: `${account}@school.example`, scope: '' },
        ],
        credential: { kind: 'own' },
      });
    },
    count: () => persons,
  };
}

function sexDigit(sex: Sex, abroad: boolean): IdSex {
  if (abroad) return sex === 'male' ? '8' : '9';
  return sex === 'male' ? '1' : '2';
}

/** Returns an ISO date. Months start at 0, and days may exceed the length of the month. */
const day = (year: number, month: number, date: number): string =>
  new Date(Date.UTC(year, month, date)).toISOString().slice(0, 10);

/**
 * Returns the birth date of a child in school year `level` in autumn 2026. Children start school at six by 1 September
 * (Compulsory Education Act, Art. 2 and 6), so they are born from 2 September to 1 September.
 */
export function birthDateOfChild(random: SeededRandom, level: number): string {
  return day(2020 - level, 8, random.between(2, 365));
}

/** Returns the birth date of an adult who is older than a child by a number of years in the range, from 1975 on. */
export function birthDateOfAdult(random: SeededRandom, childBorn: string, years: readonly [number, number]): string {
  const year = Number(childBorn.slice(0, 4)) - random.between(...years);
  return day(Math.max(EARLIEST_BIRTH_YEAR, year), 0, random.between(1, 365));
}

/** Returns a birth date from 1975 to 2001. */
export function birthDateOfTeacher(random: SeededRandom): string {
  return day(random.between(EARLIEST_BIRTH_YEAR, 2001), 0, random.between(1, 365));
}
