import assert from 'node:assert/strict';

import { eq } from 'drizzle-orm';

import type { NamedKey } from '../../demo/city/fixtures.ts';
import { namedId } from '../../demo/city/named-people.ts';
import { DEFAULT_SEED } from '../../demo/city/seeded-random.ts';
import { normalizePassword } from '../../src/domain/credentials/password-policy.ts';
import {
  MAX_FIRST_PASSWORD_FAILURES,
  firstPasswordMac,
} from '../../src/services/authentication/password-verification.ts';
import * as credentials from '../../src/store/auth/credentials.ts';
import { updatePersonStatus } from '../../src/store/people/people.ts';
import { DAY } from './frozen-time.ts';
import { createHttpBrowser, formOf, type Answer, type HttpBrowser } from './http-browser.ts';
import type { TestService } from './service.ts';

/** The id of a named person in the city that `startService` loads. */
export function personId(key: NamedKey): string {
  return namedId(DEFAULT_SEED, key);
}

/** What the IT desk will do: the person's own password ends, and the first one opens the forced change. */
export async function setFirstPassword(
  { container: { store, secrets } }: TestService,
  key: NamedKey,
  password: string,
  lifetime: number = 30 * DAY,
): Promise<void> {
  const id = personId(key);
  const now = Date.now();
  const mac = firstPasswordMac(secrets, id, password);
  await store.write((tx) =>
    credentials.upsertFirstPassword(tx, { personId: id, mac, expiresAt: now + lifetime, createdAt: now }),
  );
}

/** As after too many wrong tries. */
export async function closeFirstPassword({ container: { store } }: TestService, key: NamedKey): Promise<void> {
  const count = (): ReturnType<typeof credentials.countFirstPasswordFailure> =>
    store.write((tx) =>
      credentials.countFirstPasswordFailure(tx, personId(key), MAX_FIRST_PASSWORD_FAILURES, Date.now()),
    );
  for (let i = 1; i < MAX_FIRST_PASSWORD_FAILURES; i += 1) assert.equal((await count())?.closedAt, null);
  assert.ok((await count())?.closedAt);
}

/** As after a sign-in of long ago: an own password, nothing else. */
export async function setPassword(
  { container: { store, hasher } }: TestService,
  key: NamedKey,
  password: string,
): Promise<void> {
  const hash = await hasher.hash(normalizePassword(password));
  await store.write((tx) => credentials.upsertPassword(tx, personId(key), hash, Date.now()));
}

export async function setStatus(
  { container: { store } }: TestService,
  key: NamedKey,
  status: 'active' | 'disabled',
): Promise<void> {
  assert.ok(await store.write((tx) => updatePersonStatus(tx, personId(key), status, Date.now())));
}

export function readCredential({ container: { store } }: TestService, key: NamedKey): Promise<credentials.Credential> {
  return store.read((tx) => credentials.getCredential(tx, personId(key)));
}

/** Failures that are counted against a person; 0 when there is no counter. */
export async function countFailures({ container: { store } }: TestService, key: NamedKey): Promise<number> {
  const rows = await store.read((tx) =>
    tx.db
      .select({ failures: tx.tables.throttles.failures })
      .from(tx.tables.throttles)
      .where(eq(tx.tables.throttles.key, `person:${personId(key)}`)),
  );
  return rows[0]?.failures ?? 0;
}

/** The events of the audit log, oldest first. */
export async function listAuditEvents({ container: { store } }: TestService, key?: NamedKey): Promise<string[]> {
  const rows = await store.read((tx) => tx.db.select().from(tx.tables.audit).orderBy(tx.tables.audit.seq));
  return rows.filter(({ subjectId }) => key === undefined || subjectId === personId(key)).map(({ event }) => event);
}

/** Lists the addresses of the audit entries with this event, oldest first. */
export async function listAuditAddresses(
  { container: { store } }: TestService,
  event: string,
): Promise<(string | null)[]> {
  const rows = await store.read((tx) => tx.db.select().from(tx.tables.audit).orderBy(tx.tables.audit.seq));
  return rows.filter((row) => row.event === event).map(({ address }) => address);
}

/** Opens the account page in a new browser and submits the sign-in form. */
export async function signInToAccount(
  { issuer }: TestService,
  login: string,
  password: string,
): Promise<{ visitor: HttpBrowser; answer: Answer }> {
  const visitor = createHttpBrowser(issuer);
  return { visitor, answer: await visitor.submit(await visitor.open('/account'), { login, password }) };
}

/** What a page says at one of its fields; empty when nothing is wrong there. */
export function errorAt({ body }: Answer, field: string): string {
  const found = new RegExp(`id="${field}-error"><span[^>]*>[^<]*</span>([^<]*)</p>`).exec(body);
  return found?.[1] ?? '';
}

/** Where the form of a page is sent. */
export function actionOf(page: Answer): string {
  return formOf(page.body).action;
}

/** A page without what differs from one answer to the next: the number of the step, and what was typed as login. */
export function normalizePage({ body }: Answer, login: string): string {
  return body.replaceAll(/(interaction(?:\/|%2F))[\w-]{43}/g, '$1UID').replaceAll(`value="${login}"`, 'value="LOGIN"');
}
