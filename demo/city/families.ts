import { defaultPermissions } from '../../src/domain/acting/permissions.ts';
import type { Relation } from '../../src/domain/model.ts';
import { TERM, type CityGuardianship, type CityBatch, type CityPerson } from './model.ts';
import { pickName, pickNameFromAbroad, pickSurname, type Sex } from './names.ts';
import { birthDateOfAdult, birthDateOfChild, type PersonMaker } from './people.ts';
import { seededUuid, type SeededRandom } from './seeded-random.ts';

/** Probabilities for one family. `abroad` and `teacher` are for one parent, `mothersName` for one child. */
const PROBABILITIES = {
  single: 0.12,
  caregiver: 0.02,
  suspended: 0.02,
  abroad: 0.03,
  mothersName: 0.05,
  teacher: 0.02,
};
/** Age range of mothers, fathers and relatives at the birth of the oldest child, in years. */
const AGES_AT_BIRTH = { mother: [22, 38], father: [22, 44], relative: [18, 40] } as const;
const RELATIVES: readonly (readonly [string, Sex])[] = [
  ['姑姑', 'female'],
  ['阿姨', 'female'],
  ['伯父', 'male'],
  ['舅舅', 'male'],
];

export interface Family {
  /** Index of the home. Determines the nearby schools. */
  home: number;
  children: readonly { person: CityPerson; level: number }[];
  parents: readonly CityPerson[];
  /** Parents who are also teachers. The caller assigns them to a school. */
  teachers: readonly CityPerson[];
}

export type FamilyMaker = (batch: CityBatch, room: number) => Family;

/** Chooses the school year of each child, oldest first. Siblings are one to four years apart, so grades differ. */
function levelsOf(random: SeededRandom, room: number): number[] {
  const wanted = random.pick([1, 1, 1, 1, 2, 2, 2, 2, 2, 3]);
  const gaps = Array.from({ length: Math.min(wanted, Math.max(1, room - 1)) - 1 }, () => random.between(1, 4));
  const span = gaps.reduce((total, gap) => total + gap, 0);
  let level = random.between(1 + span, 12);
  return [level, ...gaps.map((gap) => (level -= gap))];
}

/** Creates the statutory guardianship of a parent. `more` overrides fields. */
function createGuardianship(
  seed: string,
  guardian: CityPerson,
  child: CityPerson,
  label: string,
  more: Partial<CityGuardianship> = {},
): CityGuardianship {
  return {
    id: seededUuid(seed, `guardianship:${guardian.id}-${child.id}`),
    guardianId: guardian.id,
    studentId: child.id,
    relation: 'parent',
    relationLabel: label,
    authority: 'statutory',
    permissions: defaultPermissions('statutory'),
    state: 'active',
    stateReason: undefined,
    validTo: undefined,
    ...more,
  };
}

const CAREGIVER: Partial<CityGuardianship> = {
  relation: 'caregiver' satisfies Relation,
  authority: 'delegated',
  permissions: defaultPermissions('delegated'),
  validTo: TERM.lastDay,
};

interface Parent {
  person: CityPerson;
  label: string;
}

interface FamilyDeps {
  seed: string;
  random: SeededRandom;
  make: PersonMaker;
}

/**
 * Creates a function that adds a family to a batch: children first, then parents of a suitable age.
 *
 * @param homes number of homes
 * @returns a function of the batch and the number of people still to create, at least 2
 */
export function createFamilyMaker(making: FamilyDeps, homes: number): FamilyMaker {
  const { random } = making;
  return (batch, room) => {
    const levels = levelsOf(random, room);
    const surnames = { father: pickSurname(random), mother: pickSurname(random) };
    const oldest = birthDateOfChild(random, levels[0] ?? 1);
    const children = levels.map((level, at) => {
      const sex = random.pick(['male', 'female'] as const);
      const surname = random.chance(PROBABILITIES.mothersName) ? surnames.mother : surnames.father;
      const born = at === 0 ? oldest : birthDateOfChild(random, level);
      return { person: making.make.student(pickName(random, surname, sex).text, sex, born), level };
    });
    const left = room - children.length;
    const { parents, teachers } = makeParents(making, surnames, oldest, left);
    batch.persons.push(...children.map(({ person }) => person), ...parents.map(({ person }) => person));
    const suspended = parents.length > 1 && random.chance(PROBABILITIES.suspended) ? parents[0] : undefined;
    for (const parent of parents) {
      const more: Partial<CityGuardianship> =
        parent === suspended ? { state: 'suspended', stateReason: 'court_order' } : {};
      batch.guardianships.push(
        ...children.map(({ person }) => createGuardianship(making.seed, parent.person, person, parent.label, more)),
      );
    }
    if (left > parents.length && random.chance(PROBABILITIES.caregiver)) {
      addRelative(making, batch, children[0]?.person, oldest);
    }
    return { home: random.between(0, homes - 1), children, parents: parents.map(({ person }) => person), teachers };
  };
}

type Surnames = Record<'father' | 'mother', ReturnType<typeof pickSurname>>;

function makeParents(
  { random, make }: FamilyDeps,
  surnames: Surnames,
  oldest: string,
  room: number,
): { parents: Parent[]; teachers: CityPerson[] } {
  const alone = room < 2 || random.chance(PROBABILITIES.single);
  const sides = alone ? [random.pick(['mother', 'mother', 'father'] as const)] : (['father', 'mother'] as const);
  const teachers: CityPerson[] = [];
  const parents = sides.map((side): Parent => {
    const sex = side === 'mother' ? 'female' : 'male';
    const born = birthDateOfAdult(random, oldest, AGES_AT_BIRTH[side]);
    const label = side === 'mother' ? '母' : '父';
    if (side === 'mother' && random.chance(PROBABILITIES.abroad)) {
      return { person: make.parent(pickNameFromAbroad(random), sex, born, true), label };
    }
    const name = pickName(random, surnames[side], sex);
    if (!random.chance(PROBABILITIES.teacher)) return { person: make.parent(name, sex, born), label };
    const person = make.teacher(name, sex, born);
    teachers.push(person);
    return { person, label };
  });
  return { parents, teachers };
}

/** Adds an aunt or uncle with delegated authority until the end of the term. */
function addRelative(
  { seed, random, make }: FamilyDeps,
  batch: CityBatch,
  child: CityPerson | undefined,
  born: string,
): void {
  if (child === undefined) return;
  const [label, sex] = random.pick(RELATIVES);
  const relative = make.parent(
    pickName(random, pickSurname(random), sex),
    sex,
    birthDateOfAdult(random, born, AGES_AT_BIRTH.relative),
  );
  batch.persons.push(relative);
  batch.guardianships.push(createGuardianship(seed, relative, child, label, CAREGIVER));
}
