import type { KeyDescription, KeyRing, RotationResult } from '../keys/key-ring.ts';
import type { Authorization } from './authorization.ts';
import { isBureauActor, type BureauWrite } from './bureau-write.ts';

/** Signing and cookie keys in the console. */
export interface ConsoleKeys {
  /** @returns the keys, and the version that a rotation needs */
  list(): Promise<{ keys: KeyDescription[]; version: string }>;
  rotate(write: BureauWrite, version: string): Promise<RotationResult | 'denied'>;
}

/** Rolls the rotation back. */
class DeniedError extends Error {}

interface Deps {
  keyRing: Pick<KeyRing, 'list' | 'version' | 'rotateShown'>;
  authorization: Pick<Authorization, 'findActorIn'>;
}

export function createConsoleKeys({ keyRing, authorization }: Deps): ConsoleKeys {
  return {
    list: async () => {
      // First, so that a rotation in between makes the page outdated, not the other way round.
      const version = await keyRing.version();
      return { version, keys: await keyRing.list() };
    },
    rotate: ({ actorId, address, reason }, version) =>
      keyRing
        .rotateShown(version, async (tx) => {
          if (!(await isBureauActor(tx, authorization, actorId))) throw new DeniedError();
          return { actorId, address, detail: { by: 'staff', capacity: 'bureau_admin', reason } };
        })
        .catch((error: unknown) => {
          if (error instanceof DeniedError) return 'denied' as const;
          throw error;
        }),
  };
}
