import type { Transaction } from '../../store/database/index.ts';
import * as notices from '../../store/binding/notices.ts';
import { DEFAULT_NOTICE } from './default-notice.ts';

export type Notice = Pick<notices.NoticeRow, 'version' | 'chinese' | 'english'>;

/**
 * Returns the newest version of the personal-data notice: the default one until the bureau publishes its own. After an upgrade, a newer
 * default replaces the stored default.
 */
export async function getCurrentNotice(tx: Transaction): Promise<Notice> {
  const stored = await notices.findCurrentNotice(tx);
  return stored === undefined || isOutdatedDefault(stored) ? DEFAULT_NOTICE : stored;
}

function isOutdatedDefault({ version, publishedBy }: notices.NoticeRow): boolean {
  return publishedBy === null && version < DEFAULT_NOTICE.version;
}

/** Stores the default version, so that its text stays on record with its answers. */
export async function storeDefaultNotice(tx: Transaction, now: number): Promise<void> {
  await notices.insertNotice(tx, { ...DEFAULT_NOTICE, publishedAt: now, publishedBy: null });
}
