/** A prepared select converts rows itself. The query builder converts the same rows for comparison. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import { eq, sql, type SQL } from 'drizzle-orm';

import { preparedSelect, type Param, type Transaction } from '../../src/store/database/index.ts';
import { eachStore } from '../helpers/store.ts';
import { family } from './family.ts';

type Tools = Pick<Transaction, 'db' | 'tables'>;

const membershipFields = ({ memberships, schools }: Tools['tables']) => ({
  personId: memberships.personId,
  membership: { id: memberships.id, isPrimary: memberships.isPrimary, validTo: memberships.validTo },
  school: { code: schools.code, nameEn: schools.nameEn },
});
const selectMemberships = ({ db, tables }: Tools, condition: SQL) =>
  db
    .select(membershipFields(tables))
    .from(tables.memberships)
    .leftJoin(tables.schools, eq(tables.schools.code, tables.memberships.schoolCode))
    .where(condition)
    .orderBy(tables.memberships.id);

const guardianshipFields = ({ guardianships, persons }: Tools['tables']) => ({
  guardianship: { id: guardianships.id, permissions: guardianships.permissions, createdAt: guardianships.createdAt },
  birthDateSealed: persons.birthDateSealed,
});
const selectGuardianships = ({ db, tables }: Tools, condition: SQL) =>
  db
    .select(guardianshipFields(tables))
    .from(tables.guardianships)
    .innerJoin(tables.persons, eq(tables.persons.id, tables.guardianships.studentId))
    .where(condition)
    .orderBy(tables.guardianships.id);

const memberships = preparedSelect(({ db, tables }, param: Param<{ personId: string; role: string }>) => ({
  fields: membershipFields(tables),
  query: selectMemberships(
    { db, tables },
    // Placeholders in another order than their names, with a constant between them.
    sql`${tables.memberships.role} <> ${param('role')} and 1 = ${1} and ${tables.memberships.personId} = ${param('personId')}`,
  ),
}));
const guardianships = preparedSelect(({ db, tables }, param: Param<{ guardianId: string }>) => ({
  fields: guardianshipFields(tables),
  query: selectGuardianships({ db, tables }, eq(tables.guardianships.guardianId, param('guardianId'))),
}));
const counts = preparedSelect(({ db, tables: { persons } }, param: Param<{ kind: 'person' | 'school_account' }>) => {
  const fields = { people: sql<unknown>`count(*)` };
  return {
    fields,
    query: db
      .select(fields)
      .from(persons)
      .where(eq(persons.kind, param('kind'))),
  };
});

eachStore('a prepared select', (on) => {
  before(() => on.store.write(family));

  it('converts booleans, dates and missing joins as the query builder does', async () => {
    const [own, built] = await on.store.read(async (tx) => [
      await memberships(tx, { personId: 'teacher', role: 'staff' }),
      await selectMemberships(tx, eq(tx.tables.memberships.personId, 'teacher')),
    ]);
    assert.deepEqual(own, built);
    assert.deepEqual(
      own.map(({ school }) => school?.code),
      ['993301', '993301', undefined],
    );
    assert.equal(own[0]?.membership.isPrimary, true);
  });

  it('converts JSON, instants and null as the query builder does', async () => {
    const [own, built] = await on.store.read(async (tx) => [
      await guardianships(tx, { guardianId: 'father' }),
      await selectGuardianships(tx, eq(tx.tables.guardianships.guardianId, 'father')),
    ]);
    assert.deepEqual(own, built);
    assert.deepEqual(own[0]?.guardianship.permissions, ['portfolio:read', 'fees:pay']);
    assert.equal(own[0].birthDateSealed, null);
  });

  it('binds each value by its name, in every call', async () => {
    const of = (personId: string, role: string): Promise<string[]> =>
      on.store.read(async (tx) => (await memberships(tx, { personId, role })).map(({ membership }) => membership.id));
    assert.deepEqual(await of('teacher', 'teacher'), ['m3']);
    assert.deepEqual(await of('teacher', 'bureau_admin'), ['m1', 'm2']);
    assert.deepEqual(await of('father', 'teacher'), []);
  });

  it('keeps the value of an expression as the driver returns it', async () => {
    const [row] = await on.store.read((tx) => counts(tx, { kind: 'school_account' }));
    assert.equal(Number(row?.people), 1);
  });
});
