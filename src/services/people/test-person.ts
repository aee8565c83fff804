import type { Clock } from '../../domain/clock.ts';
import type { PasswordHasher } from '../../platform/hashing/password-hasher.ts';
import { upsertPassword } from '../../store/auth/credentials.ts';
import type { Store } from '../../store/database/index.ts';
import { findPerson, insertIdentifier, insertPerson } from '../../store/people/people.ts';
import { insertSchool } from '../../store/people/schools.ts';

export interface TestPerson {
  id: string;
  name: string;
  locale: string;
  password: string;
  /** All verified. */
  identifiers: readonly { id: string; kind: 'account' | 'email' | 'mobile'; value: string }[];
  /** Marks the database as a test database: production rejects codes that start with 99. */
  school: Parameters<typeof insertSchool>[1];
}

interface Deps {
  store: Store;
  hasher: PasswordHasher;
  clock: Clock;
}

/** Inserts the test person of the conformance profile, unless the database has it. */
export async function insertTestPerson({ store, hasher, clock }: Deps, person: TestPerson): Promise<void> {
  const { id: personId, name, locale, identifiers, school } = person;
  const hash = await hasher.hash(person.password);
  const now = clock.now();
  await store.write(async (tx) => {
    if ((await findPerson(tx, personId)) !== undefined) return;
    await insertSchool(tx, school);
    await insertPerson(tx, {
      id: personId,
      kind: 'person',
      name,
      locale,
      status: 'active',
      birthDateSealed: null,
      nationalIdLookup: null,
      nationalIdSealed: null,
      createdAt: now,
      updatedAt: now,
    });
    for (const identifier of identifiers) {
      await insertIdentifier(tx, { ...identifier, personId, verifiedAt: now, createdAt: now });
    }
    await upsertPassword(tx, personId, hash, now);
  });
}
