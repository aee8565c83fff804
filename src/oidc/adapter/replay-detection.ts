import { replayProtectedUntil } from '../../domain/proof-times.ts';
import { hashId } from '../../platform/crypto/secrets.ts';
import { insertRecordIfAbsent } from '../../store/oidc/records.ts';
import type { AdapterDeps } from './adapter.ts';

/** @param exp seconds. @returns false if the proof was used before */
export type ReplayCheck = (issuer: string, jti: string, exp: number) => Promise<boolean>;

/**
 * Accepts each signed assertion and each DPoP proof once (RFC 7523, section 3; RFC 9449, section 11.1). The provider reads first and
 * writes later, so two copies at the same moment would both pass. Here one insert decides.
 */
export function createReplayCheck({ store, clock }: Pick<AdapterDeps, 'store' | 'clock'>): ReplayCheck {
  return (issuer, jti, exp) =>
    store.write((tx) =>
      insertRecordIfAbsent(tx, {
        model: 'ReplayDetection',
        idHash: hashId(JSON.stringify([issuer, jti])),
        payload: '',
        expiresAt: replayProtectedUntil(exp),
        createdAt: clock.now(),
      }),
    );
}
