import { z } from 'zod';
import type { Clock } from '../../domain/clock.ts';
import type { Random } from '../../domain/random.ts';
import { openPayload, sealPayload } from '../../platform/crypto/sealed-payload.ts';
import { hashId, type Secrets } from '../../platform/crypto/secrets.ts';
import { ConcurrentChangeError } from '../../platform/errors.ts';
import * as sessions from '../../store/auth/sessions.ts';
import { chunksOf } from '../../store/database/bulk-insert.ts';
import type { Transaction } from '../../store/database/index.ts';
import * as grants from '../../store/oidc/grants.ts';
import { destroyByUid, destroyCodes } from '../../store/oidc/record-revocation.ts';
import * as records from '../../store/oidc/records.ts';

/** Bytes of a session id: 256 random bits, as oidc-provider uses. */
const ID_BYTES = 32;

/** The session cookie after a rotation. */
export interface RotatedSession {
  /** The new value of the session cookie. */
  id: string;
  /** The hash of the new uid. */
  sessionHash: string;
  /** In ms since 1970; `undefined` for a cookie without expiry. */
  expiresAt: number | undefined;
}

/**
 * Gives an active session a new id and uid, and revokes its codes. The old cookie becomes invalid. Grants move to the new uid, and relying
 * parties keep their `sid`. Call it after `lockPerson`.
 *
 * @throws {ConcurrentChangeError} if the session has ended
 */
export type RotateSession = (tx: Transaction, sessionHash: string) => Promise<RotatedSession>;

interface Deps {
  secrets: Secrets;
  clock: Clock;
  random: Random;
}

const sessionPayload = z.looseObject({});

export function createSessionRotation({ secrets, clock, random }: Deps): RotateSession {
  const newId = (): string => random.bytes(ID_BYTES).toString('base64url');
  return async (tx, sessionHash) => {
    const now = clock.now();
    const record = await records.findRecordByUid(tx, 'Session', sessionHash);
    const [jti, uid] = [newId(), newId()];
    const moved = await sessions.updateSessionHash(tx, sessionHash, hashId(uid), now);
    if (record === undefined || moved === undefined) throw new ConcurrentChangeError();
    const payload = { ...sessionPayload.parse(openPayload(secrets, 'Session', record)), jti, uid };
    const idHash = hashId(jti);
    await records.upsertRecord(tx, {
      model: 'Session',
      idHash,
      uidHash: hashId(uid),
      accountId: moved.personId,
      payload: sealPayload(secrets, 'Session', idHash, payload),
      expiresAt: moved.expiresAt,
      createdAt: now,
    });
    const movedGrants = await grants.updateGrantsSession(tx, sessionHash, hashId(uid));
    for (const part of chunksOf(movedGrants)) await destroyCodes(tx, part);
    await destroyByUid(tx, 'Session', sessionHash);
    return { id: jti, sessionHash: hashId(uid), expiresAt: moved.remember ? moved.expiresAt : undefined };
  };
}
