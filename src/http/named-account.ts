import type { NamedAccount } from '../presentation/page-locals.ts';
import type { HttpDeps } from './deps.ts';

/** @returns how a page names the person who is signed in; undefined when nobody is, or the account is disabled */
export async function findNamedAccount(
  { people }: Pick<HttpDeps, 'people'>,
  personId: string | undefined,
): Promise<NamedAccount | undefined> {
  const facts = personId === undefined ? undefined : await people.findActive(personId);
  return facts && { name: facts.name, login: await people.getPrimaryLogin(facts.id) };
}
