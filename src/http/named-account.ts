import type { NamedAccount } from '../presentation/page-locals/common.ts';
import type { HttpDeps } from './deps.ts';

/** @returns the name and login of the signed-in person, an empty login for a school account; undefined if no one is signed in or the account is disabled */
export async function findNamedAccount(
  { people }: Pick<HttpDeps, 'people'>,
  personId: string | undefined,
): Promise<NamedAccount | undefined> {
  const facts = personId === undefined ? undefined : await people.findActive(personId);
  return facts && { name: facts.name, login: await people.getPrimaryLogin(facts.id) };
}
