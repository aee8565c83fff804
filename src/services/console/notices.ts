import type { Clock } from '../../domain/clock.ts';
import * as noticeStore from '../../store/binding/notices.ts';
import type { Store, Transaction } from '../../store/database/index.ts';
import { listNames } from '../../store/people/people.ts';
import type { Audit } from '../audit/audit.ts';
import { getCurrentNotice, storeDefaultNotice, type Notice } from '../binding/notices.ts';
import type { Authorization } from './authorization.ts';
import { isBureauActor, type BureauWrite } from './bureau-write.ts';

export interface PublishedNotice extends Notice {
  /** ms since 1970; undefined for the default text before a family has answered it. */
  publishedAt: number | undefined;
  /** The administrator; undefined for the default text. */
  publishedBy: string | undefined;
}

type PublishResult =
  | { kind: 'done' }
  | { kind: 'denied' }
  /** Another administrator published a version after the form was shown. Nothing was done. */
  | { kind: 'changed_meanwhile' };

/** The versions of the personal-data notice, for the pages of the bureau. */
export interface ConsoleNotices {
  /** Lists all versions, the newest first. */
  list(): Promise<PublishedNotice[]>;
  find(version: number): Promise<PublishedNotice | undefined>;
  /** @param version the current version that the form was shown for */
  publish(request: BureauWrite, text: Pick<Notice, 'chinese' | 'english'>, version: number): Promise<PublishResult>;
}

interface Deps {
  store: Store;
  clock: Clock;
  audit: Audit;
  authorization: Authorization;
}

export function createConsoleNotices({ store, clock, audit, authorization }: Deps): ConsoleNotices {
  const list = (): Promise<PublishedNotice[]> => store.read(listIn);
  return {
    list,
    find: async (version) => (await list()).find((notice) => notice.version === version),
    publish: ({ actorId, reason, address }, { chinese, english }, shown) =>
      store.write(async (tx) => {
        if (!(await isBureauActor(tx, authorization, actorId))) return { kind: 'denied' };
        if ((await getCurrentNotice(tx)).version !== shown) return { kind: 'changed_meanwhile' };
        const [version, now] = [shown + 1, clock.now()];
        await storeDefaultNotice(tx, now);
        const notice = { version, chinese, english, publishedAt: now, publishedBy: actorId };
        if (!(await noticeStore.insertNotice(tx, notice))) return { kind: 'changed_meanwhile' };
        const detail = { capacity: 'bureau_admin', reason, before: shown, after: version };
        await audit.append(tx, { event: 'binding_notice.published', outcome: 'ok', actorId, address, detail });
        return { kind: 'done' };
      }),
  };
}

async function listIn(tx: Transaction): Promise<PublishedNotice[]> {
  const rows = await noticeStore.listNotices(tx);
  const names = await listNames(
    tx,
    rows.flatMap(({ publishedBy }) => publishedBy ?? []),
  );
  const published = rows.map(({ publishedBy, ...row }) => ({
    ...row,
    publishedBy: publishedBy === null ? undefined : (names.get(publishedBy) ?? publishedBy),
  }));
  const current = await getCurrentNotice(tx);
  const isStored = rows.some(({ version }) => version === current.version);
  return isStored ? published : [{ ...current, publishedAt: undefined, publishedBy: undefined }, ...published];
}
