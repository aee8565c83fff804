import { countRepeatedChange, type RepeatedChange } from '../../src/services/people/repeated-change-limit.ts';
import type { Store } from '../../src/store/database/index.ts';
import { RateLimitedError } from '../../src/platform/errors.ts';
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { eq } from 'drizzle-orm';

import { parseLogin } from '../../src/domain/credentials/identifiers.ts';
import type { PersonFacts } from '../../src/domain/model.ts';
import { deleteIdentifiers } from '../../src/store/people/contacts.ts';
import * as people from '../../src/store/people/people.ts';
import type { ServiceDatabase } from './service.ts';

/** Returns the facts of the person with this login in the running service. */
export async function getPersonFacts({ container }: ServiceDatabase, login: string): Promise<PersonFacts> {
  const parsed = parseLogin(login);
  assert.ok(parsed);
  const facts = await container.store.read(async (tx) => {
    const id = await people.findPersonIdByIdentifier(tx, parsed.kind, parsed.value);
    return id === undefined ? undefined : people.loadPersonFacts(tx, id);
  });
  assert.ok(facts, `no account with login "${login}"`);
  return facts;
}

/** Replaces the mobile number with which a person signs in, as staff do. */
export async function replaceMobile({ container }: ServiceDatabase, personId: string, value: string): Promise<void> {
  await container.store.write(async (tx) => {
    await deleteIdentifiers(tx, personId, 'mobile', undefined);
    const now = Date.now();
    const login = { id: randomUUID(), personId, kind: 'mobile', value, verifiedAt: now, createdAt: now } as const;
    await people.insertIdentifier(tx, login);
  });
}

/** Stops the sharing of a person's data, as staff do after a request. */
export async function stopSharing({ container }: ServiceDatabase, personId: string): Promise<void> {
  await container.store.write(({ db, tables: { persons } }) =>
    db.update(persons).set({ sharingStoppedAt: Date.now() }).where(eq(persons.id, personId)),
  );
}

/** Returns the id of a person's guardianship of the child with this name, in any state. */
export async function getGuardianshipId(service: ServiceDatabase, login: string, childName: string): Promise<string> {
  const { children } = await getPersonFacts(service, login);
  const found = children.find(({ name }) => name === childName);
  assert.ok(found, `${login} has no child ${childName}`);
  return found.guardianship.id;
}

/** Counts changes of an account until the limit is reached. */
export async function repeatChanges(
  { container: { store } }: { container: { store: Store } },
  change: RepeatedChange,
  id: string,
): Promise<void> {
  const count = (): Promise<void> => store.write((tx) => countRepeatedChange(tx, change, id, Date.now()));
  await assert.rejects(async () => {
    for (let i = 0; i < 100; i += 1) await count();
  }, RateLimitedError);
}
