import { createHash, createSecretKey, type KeyObject } from 'node:crypto';
import type { Clock } from '../../domain/clock.ts';
import { MINUTE_MS, SECOND_MS } from '../../domain/duration.ts';
import type { Random } from '../../domain/random.ts';
import { MAX_REMEMBERED_SESSION_SECONDS } from '../../domain/sessions.ts';
import type { Secrets } from '../../platform/crypto/secrets.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import type { SealedKey } from '../../store/oidc/keys.ts';
import * as keyStore from '../../store/oidc/keys.ts';
import type { Audit, AuditEvent } from '../audit/audit.ts';
import { generateKey, signingJwk, type NewKey, type SigningJwk } from './key-generation.ts';

/** The keys of the provider. */
export interface ProviderKeys {
  /** Private signing keys as JWKs: the current ones first, which sign, then those that are only published. */
  jwks: { keys: SigningJwk[] };
  /** The first signs cookies, all verify. */
  cookieKeys: string[];
  /** Derives every pairwise `sub`, so it never changes. */
  pairwiseKey: KeyObject;
  /** Changes with each rotation. */
  version: string;
}

/** Kinds of keys that rotate, each independently. The pairwise key never rotates. */
const ROTATING_PURPOSES: readonly Pick<NewKey, 'purpose' | 'alg'>[] = [
  { purpose: 'sign', alg: 'ES256' },
  { purpose: 'sign', alg: 'RS256' },
  { purpose: 'cookie', alg: '' },
];
const STATE_ORDER: readonly keyStore.KeyState[] = ['current', 'next', 'previous'];

/** Minimum time between publication and use of a signing key, in ms, so that all nodes and relying parties have it. */
export const MIN_PUBLICATION_MS = 10 * MINUTE_MS;

interface Deps {
  store: Store;
  secrets: Secrets;
  random: Random;
  clock: Clock;
  audit: Pick<Audit, 'append'>;
}

type RotatedBy = 'operator' | 'schedule';

export interface KeyRing {
  /**
   * Generates missing keys, sealed by the master key, and opens all keys. Nodes that start together agree: the first key stored for a
   * purpose, algorithm and state wins.
   *
   * @throws {Error} if a key was sealed by another master key
   */
  load(): Promise<ProviderKeys>;
  /** Returns the version of the stored keys without opening them. */
  version(): Promise<string>;
  /**
   * Moves keys from next to current to previous, and adds a next key. A concurrent rotation by another node changes nothing.
   *
   * @param by for the audit log
   * @param minAgeMs minimum time since the last rotation
   * @returns false if it is too early: the next key must be published for `MIN_PUBLICATION_MS` before it signs
   * @throws {Error} if the stored keys were sealed by another master key
   */
  rotate(by: RotatedBy, minAgeMs?: number): Promise<boolean>;
  /** Lists the keys that rotate, without their secrets. */
  list(): Promise<KeyDescription[]>;
  /**
   * Like `rotate`, for a page that showed `version`.
   *
   * @param authorize returns the audit entry, or throws
   * @throws what `authorize` throws
   */
  rotateShown(version: string, authorize: (tx: Transaction) => Promise<RotationEntry>): Promise<RotationResult>;
}

/** `changed_meanwhile`: a concurrent rotation was first, and nothing was done. */
export type RotationResult = 'rotated' | 'too_early' | 'changed_meanwhile';
type RotationEntry = Pick<AuditEvent, 'actorId' | 'address' | 'detail'>;

export interface KeyDescription {
  /** The `kid` of a signing key. */
  id: string;
  purpose: NewKey['purpose'];
  alg: string;
  state: keyStore.KeyState;
  /** ms since 1970. */
  since: number;
}

export function createKeyRing(deps: Deps): KeyRing {
  const { store, secrets, random, clock, audit } = deps;
  const rows = (): Promise<keyStore.KeyRow[]> => store.read((tx) => keyStore.listKeys(tx));
  /** Refuses a wrong master key before any key is sealed with it. */
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
  const rotate = async (
    minAgeMs: number,
    begin: (tx: Transaction, present: readonly keyStore.KeyRow[]) => Promise<RotationEntry | undefined>,
  ): Promise<RotationResult> => {
    await openableRows();
    const fresh = await Promise.all(ROTATING_PURPOSES.map((kind) => generateKey(kind, random)));
    const before = clock.now() - Math.max(minAgeMs, MIN_PUBLICATION_MS);
    return store.write(async (tx) => {
      const present = await keyStore.listKeys(tx);
      const entry = await begin(tx, present);
      if (entry === undefined) return 'changed_meanwhile';
      const next = present.filter(({ state }) => state === 'next');
      if (next.length < ROTATING_PURPOSES.length || next.some(({ createdAt }) => createdAt > before))
        return 'too_early';
      let moved = 0;
      for (const key of fresh) {
        if (!(await advanceKeys(tx, present, key, clock.now()))) continue;
        await insert(tx, key, 'next');
        moved += 1;
      }
      if (moved === 0) return 'changed_meanwhile';
      await audit.append(tx, { event: 'keys.rotated', outcome: 'ok', ...entry });
      return 'rotated';
    });
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
    list: async () => describeKeys(await rows()),
    rotate: async (by, minAgeMs = MIN_PUBLICATION_MS) =>
      (await rotate(minAgeMs, () => Promise.resolve({ detail: { by } }))) !== 'too_early',
    rotateShown: (version, authorize) =>
      rotate(MIN_PUBLICATION_MS, async (tx, present) => {
        const entry = await authorize(tx);
        return versionOf(present) === version ? entry : undefined;
      }),
  };
}

/** Lists the keys in the order of their use, each with the time since when it has its state. */
function describeKeys(rows: readonly keyStore.KeyRow[]): KeyDescription[] {
  return ROTATING_PURPOSES.flatMap(({ purpose, alg }) => {
    const family = rows.filter((row) => row.purpose === purpose && row.alg === alg);
    // Each rotation creates a key. It is `next` since then, the one before it `current`, and the one before that `previous`.
    return family.map(({ id, state, createdAt }, i) => {
      const { createdAt: since = createdAt } = family[i < 2 ? 0 : i - 2] ?? {};
      return { id, purpose, alg, state, since };
    });
  });
}

/** Moves the keys of one kind to their next state. @returns false if another node did it concurrently */
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
 * Returns true if a previous key can be deleted. A signing key is deleted by the next rotation: its tokens live for minutes. A cookie key
 * stays for the maximum lifetime of the session cookies that it signed.
 */
function canBeDeleted(family: readonly keyStore.KeyRow[], row: keyStore.KeyRow, now: number): boolean {
  if (row.purpose !== 'cookie') return true;
  // Each rotation creates a key, and this key stopped signing when the second one after it was created.
  const [, replaced] = family
    .map(({ createdAt }) => createdAt)
    .filter((createdAt) => createdAt > row.createdAt)
    .sort((a, b) => a - b);
  return replaced !== undefined && now - replaced >= MAX_REMEMBERED_SESSION_SECONDS * SECOND_MS;
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

/** Returns the name that a key is sealed to, so that no key can replace another by hand. */
function rowName({ purpose, alg, id }: Omit<SealedKey, 'sealed'>): string {
  return `${purpose}:${alg}:${id}`;
}

/** @throws {Error} if a key was sealed by another master key */
export function assertKeysCanBeOpened(secrets: Secrets, keys: readonly SealedKey[]): void {
  for (const key of keys) unseal(secrets, key);
}

/** Opens a key. @throws {Error} if the database has another master key, or the key was moved by hand */
function unseal(secrets: Secrets, row: SealedKey): string {
  try {
    return secrets.open('key', rowName(row), row.sealed);
  } catch (cause) {
    throw new Error(
      'KINPASS_MASTER_KEY_FILE: this is not the key that the database was sealed with; restore the key from its copy',
      { cause },
    );
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
