import { readFileSync } from 'node:fs';
import { Client, EqualityFilter, InvalidCredentialsError } from 'ldapts';

const BASE = 'dc=city,dc=example';
const PEOPLE = `ou=people,${BASE}`;

async function connect(): Promise<Client> {
  const { DIRECTORY_URL = '', DIRECTORY_CA = '', DIRECTORY_SECRET } = process.env;
  const client = new Client({ url: DIRECTORY_URL });
  await client.startTLS({ ca: readFileSync(DIRECTORY_CA) });
  await client.bind(`cn=portal,ou=services,${BASE}`, DIRECTORY_SECRET);
  return client;
}

/** Returns the attributes of the person, or undefined if the login or the password is wrong. */
export async function signIn(login: string, password: string): Promise<Record<string, unknown> | undefined> {
  await using directory = await connect();
  const filter = new EqualityFilter({ attribute: 'uid', value: login });
  const attributes = ['uniqueIdentifier', 'cn', 'memberOf'];
  const { searchEntries } = await directory.search(PEOPLE, { filter, attributes });
  const [person] = searchEntries;
  // A bind without a password would not check anything.
  if (person === undefined || password === '') return undefined;
  try {
    await directory.bind(person.dn, password);
  } catch (error) {
    if (error instanceof InvalidCredentialsError) return undefined;
    throw error;
  }
  return person;
}

/** Lists the names of all teachers, in pages. */
export async function listTeachers(): Promise<unknown[]> {
  await using directory = await connect();
  const filter = `(memberOf=cn=teachers,ou=groups,${BASE})`;
  const { searchEntries } = await directory.search(PEOPLE, { filter, attributes: ['cn'], paged: { pageSize: 500 } });
  return searchEntries.map(({ cn }) => cn);
}
