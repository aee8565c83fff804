/** The versions of the default personal-data notice. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { before, it } from 'node:test';
import { DEFAULT_NOTICE } from '../../src/services/binding/default-notice.ts';
import { getCurrentNotice, storeDefaultNotice } from '../../src/services/binding/notices.ts';
import { insertNotice } from '../../src/store/binding/notices.ts';
import { eachStore } from '../helpers/store.ts';
import { NOW } from './constants.ts';

/** SHA-256 of the texts by version. Add a line for a changed text, and never change one: answers refer to the words of a version. */
const DIGESTS = new Map([[2, '4cec457044a443df59c1810c9e93f1de2de1e49453cd20f5369429879b2be747']]);

eachStore('the default notice', (on) => {
  const current = () => on.store.read((tx) => getCurrentNotice(tx));
  before(() =>
    on.store.write((tx) =>
      insertNotice(tx, { version: 1, chinese: '舊', english: 'old', publishedAt: NOW, publishedBy: null }),
    ),
  );

  it('has the text of its version', () => {
    const { version, chinese, english } = DEFAULT_NOTICE;
    assert.equal(createHash('sha256').update(`${chinese}\n${english}`).digest('hex'), DIGESTS.get(version));
  });

  it('replaces an earlier default after an upgrade, whose text stays on record', async () => {
    assert.equal((await current()).version, DEFAULT_NOTICE.version);
    await on.store.write((tx) => storeDefaultNotice(tx, NOW));
    assert.equal((await current()).chinese, DEFAULT_NOTICE.chinese);
    const rows = await on.store.read((tx) => tx.db.select().from(tx.tables.bindingNotices));
    assert.deepEqual(rows.map(({ chinese }) => chinese).sort(), ['舊', DEFAULT_NOTICE.chinese].sort());
  });

  it('never replaces a text of the bureau', async () => {
    await on.store.write(async (tx) => {
      await tx.db.delete(tx.tables.bindingNotices);
      const own = { version: 1, chinese: '局', english: 'bureau', publishedAt: NOW, publishedBy: 'B1' };
      await insertNotice(tx, own);
    });
    assert.equal((await current()).chinese, '局');
  });
});
