import assert from 'node:assert/strict';

import { eq } from 'drizzle-orm';

import type { NamedKey } from '../../demo/city/fixtures.ts';
import { DEMO_PASSWORD, namedId } from '../../demo/city/named-people.ts';
import { DEFAULT_SEED } from '../../demo/city/seeded-random.ts';
import { MAX_FAILURES, type FirstPasswordKind } from '../../src/domain/credentials/first-password.ts';
import { normalizePassword } from '../../src/domain/credentials/password-policy.ts';
import { firstPasswordMac } from '../../src/services/authentication/password-verification.ts';
import * as credentials from '../../src/store/auth/credentials.ts';
import { updatePersonStatus } from '../../src/store/people/people.ts';
import { DAY } from './frozen-time.ts';
import { createHttpBrowser, formOf, type Answer, type HttpBrowser } from './http-browser.ts';
import type { TestService } from './service.ts';

/** Returns the id of a named person in the demo city of `startService`. */
export function personId(key: NamedKey): string {
  return namedId(DEFAULT_SEED, key);
}

/** Replaces the password by a first password, as the IT desk does. */
export async function setFirstPassword(
  { container: { store, secrets } }: TestService,
  key: NamedKey,
  password: string,
  lifetimeMs: number = 30 * DAY,
  kind: FirstPasswordKind = 'first',
): Promise<void> {
  const id = personId(key);
  const now = Date.now();
  const mac = firstPasswordMac(secrets, id, password);
  await store.write((tx) =>
    credentials.upsertFirstPassword(tx, {
      kind,
      personId: id,
      mac,
      expiresAt: now + lifetimeMs,
      createdAt: now,
    }),
  );
}

/** Closes the first password, as too many failed attempts do. */
export async function closeFirstPassword({ container: { store } }: TestService, key: NamedKey): Promise<void> {
  const count = (): ReturnType<typeof credentials.countFirstPasswordFailure> =>
    store.write((tx) => credentials.countFirstPasswordFailure(tx, personId(key), MAX_FAILURES, Date.now()));
  for (let i = 1; i < MAX_FAILURES.first; i += 1) assert.equal((await count())?.closedAt, null);
  assert.ok((await count())?.closedAt);
}

/** Sets an own password without side effects. */
export async function setPassword(
  { container: { store, hasher } }: { container: Pick<TestService['container'], 'store' | 'hasher'> },
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

/** Returns the counted failures of a person; 0 without a counter. */
export async function countFailures({ container: { store } }: TestService, key: NamedKey): Promise<number> {
  const rows = await store.read((tx) =>
    tx.db
      .select({ failures: tx.tables.throttles.failures })
      .from(tx.tables.throttles)
      .where(eq(tx.tables.throttles.key, `person:${personId(key)}`)),
  );
  return rows[0]?.failures ?? 0;
}

/** Lists the events of the audit log, oldest first. */
export async function listAuditEvents(
  { container: { store } }: { container: Pick<TestService['container'], 'store'> },
  key?: NamedKey,
): Promise<string[]> {
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
  { issuer }: { issuer: string },
  login: string,
  password: string = DEMO_PASSWORD,
): Promise<{ httpBrowser: HttpBrowser; answer: Answer }> {
  const httpBrowser = createHttpBrowser(issuer);
  return { httpBrowser, answer: await httpBrowser.submit(await httpBrowser.open('/account'), { login, password }) };
}

/** Returns the error message of a field; empty if there is none. */
export function errorAt({ body }: Answer, field: string): string {
  const found = new RegExp(`id="${field}-error"><span[^>]*>[^<]*</span>([^<]*)</p>`).exec(body);
  return found?.[1] ?? '';
}

/** Returns the action of the form of a page. */
export function actionOf(page: Answer): string {
  return formOf(page.body).action;
}

/** Returns the page without the parts that differ between responses: interaction uid and typed login. */
export function normalizePage({ body }: Answer, login: string): string {
  return body.replaceAll(/(interaction(?:\/|%2F))[\w-]{43}/g, '$1UID').replaceAll(`value="${login}"`, 'value="LOGIN"');
}
