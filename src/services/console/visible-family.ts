import type { NamedGuardianship } from '../../store/console/person-details.ts';
import type { PersonSummary } from '../../store/console/person-summaries.ts';
import type { Transaction } from '../../store/database/index.ts';
import type { Authorization, StaffActor } from './authorization.ts';

/** Removes the children whom the actor may not view: a parent is in scope through one child, and the others can be at other schools. */
export async function withVisibleChildren(
  tx: Transaction,
  authorization: Authorization,
  actor: StaffActor,
  people: readonly PersonSummary[],
): Promise<PersonSummary[]> {
  const ids = new Set(people.flatMap(({ children }) => children.map(({ id }) => id)));
  const visible = await authorization.filterVisible(tx, actor, [...ids]);
  return people.map((person) => ({ ...person, children: person.children.filter(({ id }) => visible.has(id)) }));
}

/** Removes the guardianships of such children. The guardianships of a visible pupil stay. */
export async function listVisibleGuardianships(
  tx: Transaction,
  authorization: Authorization,
  actor: StaffActor,
  guardianships: readonly NamedGuardianship[],
): Promise<NamedGuardianship[]> {
  const students = new Set(guardianships.map(({ student }) => student.id));
  const visible = await authorization.filterVisible(tx, actor, [...students]);
  return guardianships.filter(({ student }) => visible.has(student.id));
}
