import type { Clock } from '../../domain/clock.ts';
import type { PasswordHasher } from '../../platform/hashing/password-hasher.ts';
import { upsertPassword } from '../../store/auth/credentials.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { insertIdentifier, insertPerson, findPerson } from '../../store/people/people.ts';
import { insertSchool } from '../../store/people/schools.ts';

/** What the browser of the conformance suite types. Published on purpose, so it is good for nothing else. */
export const TEST_LOGIN = 'conformance.person';
export const TEST_PASSWORD = 'Kinpass-Conformance-2026';

export const TEST_PERSON_ID = '99000000-0000-4000-8000-000000000001';

const EMAIL = 'conformance.person@kinpass.example';
const MOBILE = '+886900000990';
const NAME = '測試 適合';

/** A code that begins with 99: production never starts on this database. */
const SCHOOL = {
  code: '999999',
  name: 'OpenID 適合性測試',
  nameEn: 'OpenID conformance',
  type: 'senior_high' as const,
};

/** Every standard claim of OpenID Connect Core 1.0, section 5.1. Nobody else has most of them. */
export const STANDARD_CLAIMS = {
  name: NAME,
  given_name: '適合',
  family_name: '測試',
  middle_name: '性',
  nickname: '小適',
  preferred_username: TEST_LOGIN,
  profile: 'https://kinpass.example/people/conformance',
  picture: 'https://kinpass.example/people/conformance.png',
  website: 'https://kinpass.example/',
  gender: 'unknown',
  birthdate: '2000-01-01',
  zoneinfo: 'Asia/Taipei',
  locale: 'en',
  email: EMAIL,
  email_verified: true,
  phone_number: MOBILE,
  phone_number_verified: true,
  address: {
    formatted: '示範路 1 號\n示範市 99999\nTaiwan',
    street_address: '示範路 1 號',
    locality: '示範市',
    postal_code: '99999',
    country: 'Taiwan',
  },
};

interface Deps {
  store: Store;
  hasher: PasswordHasher;
  clock: Clock;
}

/** Puts the test person into the database of the conformance profile, unless a start before has done so. */
export async function addTestPerson({ store, hasher, clock }: Deps): Promise<void> {
  const hash = await hasher.hash(TEST_PASSWORD);
  const now = clock.now();
  await store.write(async (tx) => {
    if ((await findPerson(tx, TEST_PERSON_ID)) !== undefined) return;
    await insertSchool(tx, SCHOOL);
    await insertRows(tx, hash, now);
  });
}

async function insertRows(tx: Transaction, hash: string, now: number): Promise<void> {
  const nothing = { birthDateSealed: null, nationalIdLookup: null, nationalIdSealed: null };
  const times = { createdAt: now, updatedAt: now };
  await insertPerson(tx, {
    ...{ id: TEST_PERSON_ID, kind: 'person', name: NAME, locale: 'en', status: 'active' },
    ...nothing,
    ...times,
  });
  const identifiers = [
    { kind: 'account', value: TEST_LOGIN },
    { kind: 'email', value: EMAIL },
    { kind: 'mobile', value: MOBILE },
  ] as const;
  for (const [index, identifier] of identifiers.entries()) {
    const id = `99000000-0000-4000-8000-10000000000${String(index)}`;
    await insertIdentifier(tx, { id, personId: TEST_PERSON_ID, ...identifier, verifiedAt: now, createdAt: now });
  }
  await upsertPassword(tx, TEST_PERSON_ID, hash, now);
}
