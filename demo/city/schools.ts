import type { SchoolContact } from '../../src/domain/school-contacts.ts';
import type { School, SchoolType } from '../../src/domain/model.ts';

/** School types of the demo city. It has no special schools. */
export type CitySchoolType = Exclude<SchoolType, 'special'>;

/** A school with its district. */
export type CitySchool = School & { district: string };

const DISTRICTS = ['北區', '東區', '南區', '西區'];

const school = (code: string, name: string, nameEn: string, type: CitySchoolType): CitySchool => ({
  code,
  name,
  nameEn,
  type,
  district: DISTRICTS[Number(code) % DISTRICTS.length] ?? '',
});

/** The schools of the named people. */
export const NAMED_SCHOOLS: readonly CitySchool[] = [
  school('993301', '示範高中', 'Demo High School', 'senior_high'),
  school('993302', '明德高中', 'Mingde High School', 'senior_high'),
  school('993401', '示範高工', 'Demo Vocational High School', 'vocational_high'),
  school('993501', '示範國中', 'Demo Junior High School', 'junior_high'),
  school('993601', '示範國小', 'Demo Elementary School', 'elementary'),
];

interface Kind {
  /** Fourth digit of a school code, and digit of a student number after the year. */
  digit: string;
  /** Suffix of the name in Chinese and English. */
  ends: readonly [string, string];
  /** Prefix of the class title for each grade. */
  grades: readonly string[];
  /** Years of school before grade 1 here. */
  before: number;
  /** Students of one school, and the share of such students in the population. */
  size: number;
  share: number;
}

export const KINDS: Readonly<Record<CitySchoolType, Kind>> = {
  elementary: {
    digit: '6',
    ends: ['國小', 'Elementary School'],
    grades: ['一年', '二年', '三年', '四年', '五年', '六年'],
    before: 0,
    size: 700,
    share: 0.22,
  },
  junior_high: {
    digit: '5',
    ends: ['國中', 'Junior High School'],
    grades: ['國一', '國二', '國三'],
    before: 6,
    size: 700,
    share: 0.12,
  },
  senior_high: {
    digit: '3',
    ends: ['高中', 'High School'],
    grades: ['高一', '高二', '高三'],
    before: 9,
    size: 1_100,
    share: 0.08,
  },
  vocational_high: {
    digit: '4',
    ends: ['高工', 'Vocational High School'],
    grades: ['職一', '職二', '職三'],
    before: 9,
    size: 1_100,
    share: 0.045,
  },
};

const TYPES: readonly CitySchoolType[] = ['senior_high', 'vocational_high', 'junior_high', 'elementary'];
/** Third digits of school codes: `993301` to `993399`, then `990301` and so on. */
const HUNDREDS = ['3', '0', '1', '2', '4', '5', '6', '7', '8', '9'];
const FIRST_WORDS = ['育yu', '崇chong', '景jing', '弘hong', '敬jing', '博bo', '致zhi', '立li', '光guang', '和he'];
const SECOND_WORDS = ['英ying', '文wen', '行xing', '仁ren', '誠cheng', '信xin', '真zhen', '善shan', '禮li', '義yi'];

function schoolCode(type: CitySchoolType, index: number): string {
  const hundred = HUNDREDS[Math.floor(index / 99)];
  if (hundred === undefined) throw new RangeError('the demo city has run out of school codes');
  return `99${hundred}${KINDS[type].digit}${String((index % 99) + 1).padStart(2, '0')}`;
}

/** Builds a unique name: `育英國小`, and from the 101st school on `育英二國小`. */
function schoolName(type: CitySchoolType, index: number): readonly [string, string] {
  const first = FIRST_WORDS[index % 10] ?? '';
  const second = SECOND_WORDS[Math.floor(index / 10) % 10] ?? '';
  const round = Math.floor(index / 100);
  const [zh, en] = [first[0] ?? '', `${first.slice(1, 2).toUpperCase()}${first.slice(2)}`];
  const [zhEnd, enEnd] = KINDS[type].ends;
  const number =
    round === 0 ? ['', ''] : [['二', '三', '四', '五', '六', '七', '八', '九', '十'][round - 1] ?? '', ` ${round + 1}`];
  return [`${zh}${second[0] ?? ''}${number[0] ?? ''}${zhEnd}`, `${en}${second.slice(1)}${number[1] ?? ''} ${enEnd}`];
}

/** Lists the schools of a city of this size. The named schools come first within their type. */
export function schoolsFor(people: number): Record<CitySchoolType, CitySchool[]> {
  const result: Record<CitySchoolType, CitySchool[]> = {
    senior_high: [],
    vocational_high: [],
    junior_high: [],
    elementary: [],
  };
  for (const type of TYPES) {
    const named = NAMED_SCHOOLS.filter((one) => one.type === type);
    const { size, share } = KINDS[type];
    const wanted = Math.max(named.length, Math.round((people * share) / size));
    result[type] = [...named];
    for (let index = named.length; index < wanted; index += 1) {
      const [name, nameEn] = schoolName(type, index);
      result[type].push(school(schoolCode(type, index), name, nameEn, type));
    }
  }
  return result;
}

/** Returns the class title: `203` in a senior high school is 高二3班. */
export function classTitle(type: CitySchoolType, classno: string): string {
  const grade = KINDS[type].grades[Number(classno[0]) - 1] ?? '';
  return `${grade}${Number(classno.slice(1))}班`;
}

/** Returns the desks that families of a school call: the table of the source text, with numbers that no telephone has. */
export function contactsFor({ code }: Pick<School, 'code'>): SchoolContact[] {
  const phone = `02-0000-${code.slice(-4)}`;
  return [
    { subject: 'account', desk: '系統師', deskEn: 'System administrator', phone, extension: '256' },
    { subject: 'portfolio_sign_in', desk: '服推組', deskEn: 'Service office', phone, extension: '252' },
    { subject: 'portfolio', desk: '輔導組', deskEn: 'Counseling office', phone, extension: '242' },
    { subject: 'payment', desk: '出納組', deskEn: 'Cashier', phone, extension: '235' },
  ];
}
