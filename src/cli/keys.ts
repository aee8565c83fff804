import { loadKeySettings } from '../config/command-settings.ts';
import { systemClock } from '../domain/clock.ts';
import { systemRandom } from '../domain/random.ts';
import { createAppend } from '../services/audit.ts';
import { createKeyRing, PUBLISHED_BEFORE_USE } from '../services/keys.ts';
import { createSecrets } from '../services/secrets.ts';
import { openExistingStore } from '../store/existing.ts';

/** `kinpass keys rotate`: running nodes take the new keys up by themselves within half a minute. */
export async function keysRotateCommand(): Promise<void> {
  const { database, masterKey } = loadKeySettings(process.env);
  const store = await openExistingStore(database, 'check');
  try {
    const secrets = createSecrets(masterKey, systemRandom);
    const audit = { append: createAppend({ clock: systemClock, secrets }) };
    const keyRing = createKeyRing({ store, secrets, random: systemRandom, clock: systemClock, audit });
    if (!(await keyRing.rotate('operator'))) {
      const minutes = PUBLISHED_BEFORE_USE / 60_000;
      throw new Error(`keys: the next keys are younger than ${minutes} minutes; relying parties must see them first`);
    }
    process.stdout.write('keys: rotated\n');
  } finally {
    await store.close();
  }
}
