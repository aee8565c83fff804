import type { Authority, Relation } from '../model.ts';

/** The kinds of applicants: one parent, two parents, another guardian, or a caregiver whom the parents delegate (source text, step 4). */
export const APPLICANT_KINDS = ['one', 'two', 'guardian', 'caregiver'] as const;
export type ApplicantKind = (typeof APPLICANT_KINDS)[number];

/** The relations that the forms offer. The stored label is the word in Chinese, as the applicant states it. */
export const STATED_RELATIONS = [
  'father',
  'mother',
  'grandfather',
  'grandmother',
  'uncle_or_aunt',
  'sibling',
  'foster_parent',
  'agency_staff',
  'other',
] as const;
export type StatedRelation = (typeof STATED_RELATIONS)[number];

const LABELS: Readonly<Record<StatedRelation, string>> = {
  father: '父',
  mother: '母',
  grandfather: '祖父',
  grandmother: '祖母',
  uncle_or_aunt: '伯叔姑姨舅',
  sibling: '兄姊',
  foster_parent: '寄養家長',
  agency_staff: '安置機構人員',
  other: '其他',
};

/** Returns the label that a guardianship stores: the relation in Chinese. */
export function relationLabel(stated: StatedRelation): string {
  return LABELS[stated];
}

/** Returns the relation of a stored label. @returns undefined for a label that no form offers, for example of a roster */
export function statedRelationOf(label: string): StatedRelation | undefined {
  return STATED_RELATIONS.find((stated) => LABELS[stated] === label);
}

const PARENTS: readonly StatedRelation[] = ['father', 'mother'];

/** Other words of household registers and school files. Adoptive parents are parents; step-parents are not (Civil Code, 1077). */
const SPELLINGS: Readonly<Partial<Record<StatedRelation, readonly string[]>>> = {
  father: ['父親', '爸爸', '生父', '養父'],
  mother: ['母親', '媽媽', '生母', '養母'],
  grandfather: ['爺爺', '外祖父', '外公'],
  grandmother: ['奶奶', '外祖母', '外婆'],
  uncle_or_aunt: ['伯父', '叔父', '姑母', '姨母', '舅父', '伯伯', '叔叔', '姑姑', '舅舅'],
  sibling: ['兄', '姊', '姐', '兄姐', '哥哥', '姊姊', '姐姐'],
  foster_parent: ['寄養父', '寄養母', '寄養父母'],
};

const RELATIONS_BY_WORD: ReadonlyMap<string, StatedRelation> = new Map(
  STATED_RELATIONS.flatMap((relation) =>
    [relation, LABELS[relation], ...(SPELLINGS[relation] ?? [])].map((word) => [word, relation] as const),
  ),
);

/** Returns the relation that a register names: in English, as forms state it, or in another usual word. */
export function parseRelation(typed: string): StatedRelation | undefined {
  return RELATIONS_BY_WORD.get(typed.normalize('NFKC').trim());
}

/** Returns the relations that an applicant of this kind may state. */
export function relationsFor(kind: ApplicantKind): readonly StatedRelation[] {
  if (kind === 'one' || kind === 'two') return PARENTS;
  if (kind === 'guardian') return STATED_RELATIONS.filter((relation) => !PARENTS.includes(relation));
  return STATED_RELATIONS.filter((relation) => !PARENTS.includes(relation) && relation !== 'agency_staff');
}

/** Returns the number of applicants of a kind. */
export function applicantCount(kind: ApplicantKind): 1 | 2 {
  return kind === 'two' ? 2 : 1;
}

/** Returns true if an application of this kind needs evidence: a court order, a placement or a letter of delegation. */
export function needsEvidence(kind: ApplicantKind): boolean {
  return kind === 'guardian' || kind === 'caregiver';
}

export interface GuardianshipBasis {
  relation: Relation;
  authority: Authority;
}

/** Returns the relation and authority of the guardianship that an approved application makes. */
export function guardianshipBasis(kind: ApplicantKind, stated: StatedRelation): GuardianshipBasis {
  if (kind === 'caregiver') return { relation: 'caregiver', authority: 'delegated' };
  if (kind !== 'guardian') return { relation: 'parent', authority: 'statutory' };
  if (stated === 'foster_parent') return { relation: 'foster', authority: 'agency' };
  return { relation: 'guardian', authority: stated === 'agency_staff' ? 'agency' : 'court' };
}
