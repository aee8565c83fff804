/** Describes a context for pages: the person, the child, and the contexts to switch to. Pure. */
import type { Acting, Affiliation, Child } from './claims.ts';
import type { Context } from './sessions.ts';
import type { Language, Translate } from './translations.ts';

/** The texts of a page, in its language. */
export interface Wording {
  t: Translate;
  language: Language;
}

/** Stands for a child everywhere: the last character of the name in a color that differs between siblings. */
export interface Avatar {
  /** A letter of any script, so that no page needs to escape it. May be empty. */
  letter: string;
  /** From 1 to COLORS, for the style sheet. */
  color: number;
}

export interface MenuEntry {
  label: string;
  detail: string;
  href: string;
  current: boolean;
  /** Of a child. Own roles have an icon. */
  avatar: Avatar | undefined;
}

export interface Identity {
  /** The person's name, or the role when the service gave no name. */
  name: string;
  /** `家長：王小安` */
  label: string;
  /** School and class of the child of a parent. */
  detail: string;
  /** The name of the child of a parent. */
  childName: string | undefined;
  avatar: Avatar | undefined;
  /** For `data-acting-role`. */
  role: string;
  ownRoles: MenuEntry[];
  children: MenuEntry[];
}

/** Number of avatar colors in style.css. */
const COLORS = 6;

/** Returns the letter and the color of a child of the person. */
export function avatarOf({ person }: Pick<Context, 'person'>, child: Child): Avatar {
  const place = person.children.findIndex(({ sub }) => sub === child.sub);
  return { letter: /\p{L}$/u.exec(child.name ?? '')?.[0] ?? '', color: (Math.max(place, 0) % COLORS) + 1 };
}

/** Returns the child of a parent's context, if the service still lists it. */
export function childOf(context: Context): Child | undefined {
  const { acting, person } = context;
  return acting?.role === 'parent' ? person.children.find(({ sub }) => sub === acting.child) : undefined;
}

/** The claims that name a class. */
type SchoolClass = Pick<Child, 'school_type' | 'grade' | 'classno' | 'classtitle'>;

/** Years of school before the first grade: the first year of senior high is grade 10 in English. */
const YEARS_BEFORE: Readonly<Record<string, number>> = { junior_high: 6, senior_high: 9, vocational_high: 9 };

/** Names a class: in Chinese as the school writes it, else by grade and number. `203` is class 3 of the second grade. */
export function className(
  { t, language }: Wording,
  { school_type: type = '', grade, classno, classtitle }: SchoolClass,
): string {
  const title = classtitle ?? classno ?? '';
  if (language === 'zh-TW' || grade === undefined || classno === undefined) return title;
  const [, number = classno] = new RegExp(`^${String(grade)}0?(\\d{1,2})$`).exec(classno) ?? [];
  return t('className', { grade: (YEARS_BEFORE[type] ?? 0) + grade, number });
}

/** Names school and class of a child. */
export function place(wording: Wording, one: Child | Affiliation): string {
  return [one.school_name ?? '', className(wording, one)].filter((part) => part !== '').join(' ');
}

function roleLabel(t: Translate, role: string, school: string | undefined): string {
  const word = t(`role.${role}`);
  return school === undefined ? word : t('roleAt', { role: word, school });
}

function isSame(acting: Acting | undefined, { role, school_code }: Affiliation): boolean {
  return acting?.role === role && (acting.school_code === undefined || acting.school_code === school_code);
}

function ownRoles(wording: Wording, { acting, person }: Context): MenuEntry[] {
  return person.affiliations.map((affiliation) => ({
    label: roleLabel(wording.t, affiliation.role, affiliation.school_name),
    detail: affiliation.role === 'student' ? className(wording, affiliation) : '',
    href: `/switch?${new URLSearchParams({ role: affiliation.role, school: affiliation.school_code ?? '' }).toString()}`,
    current: isSame(acting, affiliation),
    avatar: undefined,
  }));
}

function children(wording: Wording, context: Context): MenuEntry[] {
  const { acting, person } = context;
  return person.children.map((child) => ({
    label: wording.t('parentOf', { child: child.name ?? wording.t('childUnnamed') }),
    detail: place(wording, child),
    href: `/switch?${new URLSearchParams({ child: child.sub }).toString()}`,
    current: acting?.role === 'parent' && acting.child === child.sub,
    avatar: avatarOf(context, child),
  }));
}

/** @param context of a person who is signed in */
export function describe(wording: Wording, context: Context): Identity {
  const { t } = wording;
  const { acting, person } = context;
  const child = childOf(context);
  const childName = child && (child.name ?? t('childUnnamed'));
  let label = '';
  if (childName !== undefined) label = t('parentOf', { child: childName });
  else if (acting !== undefined) {
    label = roleLabel(t, acting.role, person.affiliations.find((one) => isSame(acting, one))?.school_name);
  }
  return {
    name: person.name ?? label,
    label,
    detail: child ? place(wording, child) : '',
    childName,
    avatar: child && avatarOf(context, child),
    role: acting?.role ?? 'none',
    ownRoles: ownRoles(wording, context),
    children: children(wording, context),
  };
}
