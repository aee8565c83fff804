/** The bureau's editor of the personal-data notice. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';

import { MAX_NOTICE_LENGTH } from '../../src/domain/binding/notice.ts';
import { signInFamily, startOver } from '../helpers/binding.ts';
import { listAuditEvents } from '../helpers/city.ts';
import { alertOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff } from '../helpers/staff.ts';

const LIST = '/console/notices';
const NEW = '/console/notices/new';
const versions = ({ body }: Answer): string[] =>
  [...body.matchAll(/data-notice-version="(\d+)"/g)].map(([, version]) => version ?? '');
const pathOf = ({ url }: Answer): string => new URL(url).pathname;

eachService(
  'the notice editor',
  () => ({ clients: [] }),
  (running) => {
    let bureau: HttpBrowser;
    before(async () => {
      ({ browser: bureau } = await signInStaff(running(), 'B1'));
    });
    const write = async (chinese: string, english: string): Promise<Answer> =>
      bureau.submit(await bureau.open(NEW), { chinese, english });
    const publish = async (chinese: string, english = chinese): Promise<Answer> =>
      bureau.submit(await write(chinese, english), { reason: '法務修訂', confirmed: 'yes' });

    it('shows the default text, the checklist of Article 8 and who has to answer again', async () => {
      const list = await bureau.open(LIST);
      assert.deepEqual(versions(list), ['2']);
      assert.match(textOf(list.body), /新的申請及尚未送出或退回修正的申請須回覆新版/);
      const form = textOf((await bureau.open(NEW)).body);
      for (const point of ['蒐集機關的名稱', '個人資料的類別', '第三條']) assert.ok(form.includes(point), point);
      assert.match(textOf((await bureau.open(`${LIST}/2`)).body), /系統預設內容.*蒐集之目的.*Who collects the data/);
      for (const path of ['1', '3', '0', '-1', '1.0', 'x', '99999999999']) {
        assert.equal((await bureau.open(`${LIST}/${path}`)).status, 404, path);
      }
    });

    it('rejects an empty, long, invisible or unchanged text and publishes nothing', async () => {
      const wrong: [string, string, RegExp][] = [
        ['', 'x', /請輸入內容/],
        ['x', ' \r\n ', /請輸入內容/],
        ['字'.repeat(MAX_NOTICE_LENGTH + 1), 'x', /5000|5,000/],
        ['x', 'a\u200bb', /看不見的字元/],
      ];
      for (const [chinese, english, message] of wrong) {
        const answer = await write(chinese, english);
        assert.equal(answer.status, 422);
        assert.match(textOf(answer.body), message);
      }
      const unchanged = await bureau.submit(await bureau.open(NEW), textsOf(await bureau.open(NEW)));
      assert.equal(unchanged.status, 422);
      assert.equal((await write('a\0b', 'x')).status, 400);
      assert.deepEqual(versions(await bureau.open(LIST)), ['2']);
    });

    it('shows a preview, publishes after a reason, and keeps the earlier version', async () => {
      const preview = await write('第一行\r\n<b>第二行</b>', '字'.repeat(MAX_NOTICE_LENGTH));
      assert.equal(preview.status, 200);
      assert.match(preview.body, /第一行\n&lt;b&gt;第二行/);
      const { chinese } = textsOf(await bureau.submit(preview, { edit: 'yes' }));
      assert.equal(chinese, '第一行\r\n&lt;b&gt;第二行&lt;/b&gt;');
      const other = await write('另一位管理者的內容', 'x');
      assert.deepEqual(versions(await bureau.open(LIST)), ['2']);
      assert.equal((await bureau.submit(preview, { reason: '', confirmed: 'yes' })).status, 422);
      const done = await bureau.submit(preview, { reason: '法務修訂', confirmed: 'yes' });
      assert.deepEqual(versions(done), ['3', '2']);
      assert.match((await bureau.open(`${LIST}/3`)).body, /第一行\n&lt;b&gt;第二行/);
      assert.match(textOf((await bureau.open(`${LIST}/2`)).body), /蒐集之目的/);
      assert.ok((await listAuditEvents(running())).includes('binding_notice.published'));
      // The form of a second administrator was shown for version 2.
      const late = await bureau.submit(other, { reason: '法務修訂', confirmed: 'yes' });
      assert.equal(late.status, 409, alertOf(late.body));
      assert.deepEqual(versions(await bureau.open(LIST)), ['3', '2']);
    });

    it('asks a draft that has an answer to an earlier version again, also at the submission', async () => {
      const { browser } = await signInFamily(running(), 'H4');
      const notice = await browser.submit(await startOver(browser), { confirm_student: 'yes' });
      const applicants = await browser.submit(notice, { notice: 'agree' });
      assert.equal(pathOf(applicants), '/binding/applicants');
      await publish('新的內容');
      assert.equal(pathOf(await browser.submit(applicants, { applicants: 'one' })), '/binding/notice');
      // A form of the earlier version records nothing.
      const stale = await browser.submit(notice, { notice: 'agree' });
      assert.match(alertOf(stale.body), /已有變更/);
      assert.doesNotMatch(stale.body, / checked/);
      const current = await browser.open('/binding/notice');
      assert.match(textOf(current.body), /新的內容.*第 4 版/);
      assert.equal(pathOf(await browser.submit(current, { notice: 'agree' })), '/binding/applicants');
    });
  },
);

/** Returns the texts of the form, as a browser sends them. */
function textsOf({ body }: Answer): { chinese: string; english: string } {
  const of = (name: string): string => {
    const [, text = ''] = new RegExp(`<textarea id="${name}"[^>]*>([^<]*)</textarea>`).exec(body) ?? [];
    return text
      .replace(/&#39;|&apos;/g, "'")
      .replace(/&quot;|&#34;/g, '"')
      .replace(/&amp;/g, '&')
      .replace(/\n/g, '\r\n');
  };
  return { chinese: of('chinese'), english: of('english') };
}
