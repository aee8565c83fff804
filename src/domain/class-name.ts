import type { SchoolType } from './model.ts';

/** The columns that name a class. */
export interface ClassName {
  grade: number;
  /** `203` */
  classno: string;
  /** The name in Chinese, as the school writes it. */
  classtitle: string;
}

/** Years of school before the first grade. Special schools count their own grades. */
const YEARS_BEFORE: Readonly<Record<SchoolType, number>> = {
  elementary: 0,
  junior_high: 6,
  senior_high: 9,
  vocational_high: 9,
  special: 0,
};

/** Returns the grade as counted in English, from the first year of elementary school: the first year of senior high is 10. */
export function gradeFromElementary(type: SchoolType, grade: number): number {
  return YEARS_BEFORE[type] + grade;
}

/** Returns the number of a class in its grade: `203` is class 3 of the second grade. Other spellings stay as they are. */
export function classNumber({ grade, classno }: Pick<ClassName, 'grade' | 'classno'>): string {
  const [, number] = new RegExp(`^${String(grade)}(\\d{2})$`).exec(classno) ?? [];
  return number === undefined ? classno : String(Number(number));
}
