import type { Announcement, BureauPolicy } from '../../domain/access/settings.ts';
import type { Clock } from '../../domain/clock.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { replaceSetting } from '../../store/settings.ts';
import type { Audit } from '../audit/audit.ts';
import type { Settings, Versioned } from '../settings/settings.ts';
import type { Authorization } from './authorization.ts';
import { isBureauActor, type BureauWrite } from './bureau-write.ts';

type BureauSetting = { key: 'policy'; value: BureauPolicy } | { key: 'announcement'; value: Announcement | null };

type SettingResult =
  | { kind: 'done' }
  | { kind: 'denied' }
  /** Another administrator changed the setting after the form was shown. Nothing was done. */
  | { kind: 'changed_meanwhile' };

/** The settings of the bureau, for its pages. Only bureau administrators change them. */
export interface BureauSettings {
  loadPolicy(): Promise<Versioned<BureauPolicy>>;
  loadAnnouncement(): Promise<Versioned<Announcement | null>>;
  /** @param version of the setting that the form was shown for */
  change(write: BureauWrite, setting: BureauSetting, version: number): Promise<SettingResult>;
}

interface Deps {
  store: Store;
  clock: Clock;
  audit: Audit;
  settings: Settings;
  authorization: Authorization;
}

export function createBureauSettings({ store, clock, audit, settings, authorization }: Deps): BureauSettings {
  const read = async (tx: Transaction, key: BureauSetting['key']): Promise<unknown> =>
    key === 'policy' ? (await settings.readPolicy(tx)).value : (await settings.readAnnouncement(tx)).value;
  return {
    loadPolicy: () => store.read((tx) => settings.readPolicy(tx)),
    loadAnnouncement: () => store.read((tx) => settings.readAnnouncement(tx)),
    change: ({ actorId, reason, address }, { key, value }, version) =>
      store.write(async (tx) => {
        if (!(await isBureauActor(tx, authorization, actorId))) return { kind: 'denied' };
        const before = await read(tx, key);
        const stored = key === 'policy' ? value : { current: value };
        const change = { key, value: stored, version, now: clock.now(), updatedBy: actorId };
        if (!(await replaceSetting(tx, change))) return { kind: 'changed_meanwhile' };
        await audit.append(tx, {
          event: 'settings.changed',
          outcome: 'ok',
          actorId,
          address,
          detail: {
            capacity: 'bureau_admin',
            setting: key,
            reason,
            before: JSON.stringify(before),
            after: JSON.stringify(value),
          },
        });
        return { kind: 'done' };
      }),
  };
}
