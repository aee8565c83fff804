import { createHash, createSecretKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../../domain/clock.ts';
import type { Random } from '../../domain/random.ts';
import { MAX_REMEMBERED_SESSION_SECONDS } from '../../domain/sessions.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import type { SealedKey } from '../../store/oidc/keys.ts';
import * as keyStore from '../../store/oidc/keys.ts';
import type { Audit } from '../audit/audit.ts';
import { generateKey, signingJwk, type NewKey, type SigningJwk } from './key-generation.ts';

/** Everything that the provider signs or derives with. */
export interface ProviderKeys {
  /** Private signing keys as JWKs; the current ones stand first and sign, the others are published too. */
  jwks: { keys: SigningJwk[] };
  /** The first signs cookies, all verify. */
  cookieKeys: string[];
  /** Makes the pairwise `sub` of everybody; it never changes, because every `sub` hangs on it. */
  pairwiseKey: KeyObject;
  /** Another text after each rotation. */
  version: string;
}

/** Rotation moves each kind of key by itself; the pairwise key is not among them. */
const ROTATING_PURPOSES: readonly Pick<NewKey, 'purpose' | 'alg'>[] = [
  { purpose: 'sign', alg: 'ES256' },
  { purpose: 'sign', alg: 'RS256' },
  { purpose: 'cookie', alg: '' },
];
const STATE_ORDER: readonly keyStore.KeyState[] = ['current', 'next', 'previous'];

/** A next key must have been published so long before it signs: all nodes and relying parties know it by then. In ms. */
export const MIN_PUBLICATION_MS = 10 * 60_000;

interface Deps {
  store: Store;
  secrets: Secrets;
  random: Random;
  clock: Clock;
  audit: Pick<Audit, 'append'>;
}

export type RotatedBy = 'operator' | 'schedule';

export interface KeyRing {
  /**
   * Makes on the first start what is missing, sealed by the master key, and opens what is there. Nodes that start together
   * agree: the first key stored for a purpose, algorithm and state wins.
   *
   * @throws {Error} when a key was sealed by another master key
   */
  load(): Promise<ProviderKeys>;
  /** The version of what is stored now, without opening it. */
  version(): Promise<string>;
  /**
   * next → current → previous, and a new next. A second node that rotates in the same moment changes nothing.
   *
   * @param by for the audit log
   * @param olderThan ms; only when the last rotation was so long ago
   * @returns false when it was too early: the next key must be known everywhere before it signs
   * @throws {Error} when the stored keys were sealed by another master key
   */
  rotate(by: RotatedBy, olderThan?: number): Promise<boolean>;
}

export function createKeyRing(deps: Deps): KeyRing {
  const { store, secrets, random, clock, audit } = deps;
  const rows = (): Promise<keyStore.KeyRow[]> => store.read((tx) => keyStore.listKeys(tx));
  /** A wrong master key is refused before anything is sealed with it. */
  const openableRows = async (): Promise<keyStore.KeyRow[]> => {
    const present = await rows();
    assertKeysCanBeOpened(secrets, present);
    return present;
  };
  const insert = async (tx: Transaction, key: NewKey, state: keyStore.KeyState): Promise<void> => {
    const { id, purpose, alg, secret } = key;
    const sealed = secrets.seal('key', rowName(key), secret);
    await keyStore.insertKeyIfAbsent(tx, { id, purpose, alg, sealed, state, createdAt: clock.now() });
  };
  return {
    version: async () => versionOf(await rows()),
    load: async () => {
      const missing = listMissingKeys(await openableRows());
      const made = await Promise.all(missing.map(async (kind) => ({ ...kind, key: await generateKey(kind, random) })));
      if (made.length > 0) {
        await store.write(async (tx) => {
          for (const { key, state } of made) await insert(tx, key, state);
        });
      }
      return open(secrets, await rows());
    },
    rotate: async (by, olderThan = MIN_PUBLICATION_MS) => {
      await openableRows();
      const fresh = await Promise.all(ROTATING_PURPOSES.map((kind) => generateKey(kind, random)));
      const before = clock.now() - Math.max(olderThan, MIN_PUBLICATION_MS);
      return store.write(async (tx) => {
        const present = await keyStore.listKeys(tx);
        const next = present.filter(({ state }) => state === 'next');
        if (next.length < ROTATING_PURPOSES.length || next.some(({ createdAt }) => createdAt > before)) return false;
        let moved = 0;
        for (const key of fresh) {
          if (!(await advanceKeys(tx, present, key, clock.now()))) continue;
          await insert(tx, key, 'next');
          moved += 1;
        }
        if (moved > 0) await audit.append(tx, { event: 'keys.rotated', outcome: 'ok', detail: { by } });
        return true;
      });
    },
  };
}

/** Moves the keys of one kind one place on. @returns false when another node did it in the same moment */
async function advanceKeys(
  tx: Transaction,
  present: readonly keyStore.KeyRow[],
  kind: NewKey,
  now: number,
): Promise<boolean> {
  const family = present.filter((row) => row.purpose === kind.purpose && row.alg === kind.alg);
  const inState = (state: keyStore.KeyState): keyStore.KeyRow[] => family.filter((row) => row.state === state);
  for (const row of inState('current')) {
    if (!(await keyStore.updateKeyState(tx, row.id, 'current', 'previous'))) return false;
  }
  for (const row of inState('previous')) if (canBeDeleted(family, row, now)) await keyStore.deleteKey(tx, row.id);
  for (const row of inState('next')) await keyStore.updateKeyState(tx, row.id, 'next', 'current');
  return true;
}

/**
 * A signing key goes with the next rotation: its tokens live for minutes, and a stolen one must not be trusted any longer. A
 * cookie key stays for as long as a cookie that it signed may hold a session.
 */
function canBeDeleted(family: readonly keyStore.KeyRow[], row: keyStore.KeyRow, now: number): boolean {
  if (row.purpose !== 'cookie') return true;
  // Each rotation makes a key: with the second one after this key, this one stopped signing.
  const [, replaced] = family
    .map(({ createdAt }) => createdAt)
    .filter((createdAt) => createdAt > row.createdAt)
    .sort((a, b) => a - b);
  return replaced !== undefined && now - replaced >= MAX_REMEMBERED_SESSION_SECONDS * 1000;
}

function listMissingKeys(
  rows: readonly keyStore.KeyRow[],
): (Pick<NewKey, 'purpose' | 'alg'> & { state: keyStore.KeyState })[] {
  const wanted = [
    ...ROTATING_PURPOSES.flatMap((kind) => [
      { ...kind, state: 'current' as const },
      { ...kind, state: 'next' as const },
    ]),
    { purpose: 'pairwise' as const, alg: '', state: 'current' as const },
  ];
  return wanted.filter(
    ({ purpose, alg, state }) => !rows.some((row) => row.purpose === purpose && row.alg === alg && row.state === state),
  );
}

function versionOf(rows: readonly keyStore.KeyRow[]): string {
  const text = rows
    .map(({ id, state }) => `${id} ${state}`)
    .sort()
    .join('\n');
  return createHash('sha256').update(text).digest('hex');
}

/** What a key is sealed to: none opens in the place of another, so a cookie key can not be made the pairwise key by hand. */
function rowName({ purpose, alg, id }: Omit<SealedKey, 'sealed'>): string {
  return `${purpose}:${alg}:${id}`;
}

/** @throws {Error} when one of the keys was sealed by another master key */
export function assertKeysCanBeOpened(secrets: Secrets, keys: readonly SealedKey[]): void {
  for (const key of keys) unseal(secrets, key);
}

/** @throws {Error} for the operator: the database belongs to another master key, or a key was moved by hand */
function unseal(secrets: Secrets, row: SealedKey): string {
  try {
    return secrets.open('key', rowName(row), row.sealed);
  } catch (cause) {
    throw new Error('KINPASS_MASTER_KEY_FILE: this is not the key that the database was sealed with', { cause });
  }
}

function open(secrets: Secrets, rows: readonly keyStore.KeyRow[]): ProviderKeys {
  const secretsOf = (purpose: NewKey['purpose']): string[] =>
    rows
      .filter((row) => row.purpose === purpose)
      .sort((a, b) => STATE_ORDER.indexOf(a.state) - STATE_ORDER.indexOf(b.state))
      .map((row) => unseal(secrets, row));
  const [pairwise] = secretsOf('pairwise');
  if (pairwise === undefined) throw new Error('the pairwise key is missing');
  return {
    jwks: { keys: secretsOf('sign').map((text) => signingJwk.parse(JSON.parse(text))) },
    cookieKeys: secretsOf('cookie'),
    pairwiseKey: createSecretKey(pairwise, 'base64url'),
    version: versionOf(rows),
  };
}
