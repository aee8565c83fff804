import { HOUR_MS } from '../../src/domain/duration.ts';
import { sealPayload } from '../../src/platform/crypto/sealed-payload.ts';
import { upsertSession, type NewSession } from '../../src/store/auth/sessions.ts';
import { insertGrant, type NewGrant } from '../../src/store/oidc/grants.ts';
import { upsertRecord, type NewOidcRecord } from '../../src/store/oidc/records.ts';
import { TEST_NOW, type TestServices } from './services.ts';

export interface StoredSession extends Partial<NewSession> {
  sessionHash: string;
  personId: string;
  /** The session ids that relying parties know, by client. */
  sids?: Readonly<Record<string, string | undefined>>;
}

/** Stores a session like the provider: the session row and the sealed provider record. */
export async function storeSession(services: TestServices, session: StoredSession): Promise<void> {
  const { sids = {}, ...row } = session;
  const idHash = `record of ${session.sessionHash}`;
  const authorizations = Object.fromEntries(Object.entries(sids).map(([clientId, sid]) => [clientId, { sid }]));
  await services.store.write(async (tx) => {
    const stored = {
      userAgent: 'Firefox',
      address: '203.0.113.7',
      remember: false,
      createdAt: TEST_NOW,
      expiresAt: TEST_NOW + 12 * HOUR_MS,
      ...row,
    };
    await upsertSession(tx, stored, services.clock.now());
    await upsertRecord(tx, {
      ...recordBase('Session', idHash),
      uidHash: session.sessionHash,
      accountId: session.personId,
      payload: sealPayload(services.secrets, 'Session', idHash, { authorizations }),
    });
  });
}

export type StoredGrant = Pick<NewGrant, 'grantHash' | 'personId' | 'clientId' | 'sessionHash'> & Partial<NewGrant>;

/** Stores a grant with the provider's record of it and a refresh token under it. */
export async function storeGrant(services: TestServices, grant: StoredGrant): Promise<void> {
  const { grantHash, personId: accountId, clientId } = grant;
  await services.store.write(async (tx) => {
    await insertGrant(tx, { scopes: 'openid', createdAt: TEST_NOW, expiresAt: TEST_NOW + 90 * 24 * HOUR_MS, ...grant });
    await upsertRecord(tx, { ...recordBase('Grant', grantHash), accountId, clientId });
    await upsertRecord(tx, { ...recordBase('RefreshToken', `token of ${grantHash}`), grantHash, accountId, clientId });
  });
}

/** Stores an interaction whose password was correct, without a session. */
export async function storeInteraction(services: TestServices, idHash: string, accountId: string): Promise<void> {
  await services.store.write((tx) => upsertRecord(tx, { ...recordBase('Interaction', idHash), accountId }));
}

function recordBase(model: string, idHash: string): NewOidcRecord {
  return { model, idHash, payload: 'sealed', createdAt: TEST_NOW, expiresAt: TEST_NOW + HOUR_MS };
}

/** Lists active session rows, grants and provider records (as `Model id`), each sorted. */
export async function listActive({ store }: TestServices): Promise<string[]> {
  return store.read(async (tx) => {
    const { sessions, grants, oidcRecords } = tx.tables;
    const sessionRows = await tx.db.select().from(sessions);
    const grantRows = await tx.db.select().from(grants);
    const records = await tx.db.select().from(oidcRecords);
    return [
      ...sessionRows.filter(({ endedAt }) => endedAt === null).map(({ sessionHash }) => `session ${sessionHash}`),
      ...grantRows.map(({ grantHash }) => `grant ${grantHash}`),
      ...records.filter(({ destroyed }) => !destroyed).map(({ model, idHash }) => `${model} ${idHash}`),
    ].sort();
  });
}

/** The entries of `listActive` for a session that was stored by `storeSession`. */
export const sessionEntries = (...hashes: string[]): string[] =>
  hashes.flatMap((hash) => [`session ${hash}`, `Session record of ${hash}`]);

/** The entries of `listActive` for a grant that was stored by `storeGrant`. */
export const grantEntries = (...hashes: string[]): string[] =>
  hashes.flatMap((hash) => [`grant ${hash}`, `Grant ${hash}`, `RefreshToken token of ${hash}`]);
