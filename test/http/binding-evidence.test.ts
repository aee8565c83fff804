/** The documents of an application: types, sizes, and contents that run or open something. */
import assert from 'node:assert/strict';
import { request, type IncomingMessage } from 'node:http';
import { it } from 'node:test';
import { deflateSync } from 'node:zlib';

import { findOpenApplication } from '../../src/store/binding/applications.ts';
import { findEvidence, listEvidence } from '../../src/store/binding/evidence.ts';
import {
  PDF,
  pngOf,
  signInFamily,
  startOver,
  submitApplicant,
  upload,
  walkToApplicant,
  APPLICANT,
} from '../helpers/binding.ts';
import { errorAt, personId } from '../helpers/city.ts';
import { DAY, useFrozenTime } from '../helpers/frozen-time.ts';
import { formOf, textOf, type Answer, type HttpBrowser, noticeOf } from '../helpers/http-browser.ts';
import { pollUntil } from '../helpers/poll.ts';
import { formHeaders } from '../helpers/raw-http.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { useMailCatcher } from '../helpers/mail.ts';

const MEGABYTE = 1024 * 1024;
const JPEG = Buffer.from([
  0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0, 0xff, 0xc0, 0, 11, 8, 0, 100, 0, 200, 1, 1, 17, 0, 0xff, 0xd9,
]);
const pdfWith = (...parts: (string | Buffer)[]): Buffer =>
  Buffer.concat([PDF, ...parts.map((part) => Buffer.from(part))]);
const objectStream = (content: Buffer): Buffer =>
  pdfWith('2 0 obj\n<< /Type /ObjStm /Filter /FlateDecode >>\nstream\n', content, '\nendstream\nendobj\n');

const mail = useMailCatcher();
const time = useFrozenTime();

eachService(
  'the documents of an application',
  () => ({ clients: [], smtpUrl: mail.smtpUrl }),
  (running) => {
    const start = async (): Promise<{ browser: HttpBrowser; page: Answer }> => {
      time.advance(DAY);
      const { browser } = await signInFamily(running(), 'H4');
      const form = await walkToApplicant(browser, await startOver(browser));
      const email = `evidence.${running().issuer.slice(-5)}@mail.example`;
      return { browser, page: await submitApplicant(browser, form, mail, { ...APPLICANT, email }) };
    };
    const stored = () =>
      running().container.store.read(async (tx) => {
        const application = await findOpenApplication(tx, personId('S4'));
        return application === undefined ? [] : listEvidence(tx, application.id);
      });

    it('are stored sealed with the type of their content, and can be removed', async () => {
      const { browser, page } = await start();
      const files = [
        { name: 'scan.exe', content: pngOf(800, 600), type: 'text/html' },
        { name: 'C:\\Users\\me\\photo.jpg', content: JPEG },
        { name: 'court.pdf', content: PDF },
      ];
      const answer = await upload(browser, page, files, { stay: 'yes' });
      assert.match(noticeOf(answer.body), /檔案已上傳/);
      const rows = await stored();
      assert.deepEqual(rows.map(({ contentType }) => contentType).sort(), [
        'application/pdf',
        'image/jpeg',
        'image/png',
      ]);
      const [first] = rows;
      assert.ok(first);
      const row = await running().container.store.read((tx) => findEvidence(tx, first.applicationId, first.id));
      assert.match(row?.contentSealed ?? '', /^v1\./);
      assert.match(textOf(answer.body), / photo\.jpg /);
      const { hidden } = formOf(answer.body);
      const version = hidden['version'] ?? '';
      const removed = await browser.post('/binding/evidence/remove', new URLSearchParams({ version, file: first.id }));
      assert.match(noticeOf(removed.body), /檔案已移除/);
      assert.equal((await stored()).length, 2);
    });

    it('are rejected with a message at the field when their content is another type or active', async () => {
      const { browser, page } = await start();
      const rejected: [name: string, content: Buffer, message: RegExp][] = [
        ['script.pdf', Buffer.from('<script>alert(1)</script>'), /不是 JPEG、PNG 或 PDF/],
        ['page.png', Buffer.from('GIF89a'), /不是 JPEG、PNG 或 PDF/],
        ['bomb.png', pngOf(65_535, 65_535), /影像尺寸太大/],
        ['zero.png', pngOf(0, 10), /不是 JPEG、PNG 或 PDF/],
        ['action.pdf', pdfWith('<< /S /JavaScript /JS (app.alert) >>'), /含有程式/],
        ['escaped.pdf', pdfWith('<< /S /J#61vaScript >>'), /含有程式/],
        ['launch.pdf', pdfWith('<< /S /Launch /F (cmd.exe) >>'), /含有程式/],
        ['attached.pdf', pdfWith('<< /Names << /EmbeddedFiles 3 0 R >> >>'), /含有程式/],
        ['hidden.pdf', objectStream(deflateSync('<< /S /JavaScript >>')), /含有程式/],
        ['bomb.pdf', objectStream(deflateSync(Buffer.alloc(20 * MEGABYTE))), /含有程式/],
        ['locked.pdf', pdfWith('trailer << /Encrypt 5 0 R >>'), /密碼保護/],
        ['empty.pdf', Buffer.alloc(0), /空的檔案/],
        ['large.png', Buffer.concat([pngOf(10, 10), Buffer.alloc(5 * MEGABYTE)]), /太大/],
      ];
      for (const [name, content, message] of rejected) {
        const answer = await upload(browser, page, [
          { name: 'good.pdf', content: PDF },
          { name, content },
        ]);
        assert.match(answer.url, /\/binding\/evidence$/, name);
        assert.match(errorAt(answer, 'evidence'), message, name);
      }
      assert.deepEqual(await stored(), [], 'nothing half saved');
      const accepted = await upload(browser, page, [
        { name: 'objects.pdf', content: objectStream(deflateSync('<< /Type /Font >>')) },
      ]);
      assert.match(accepted.url, /\/binding\/summary$/);
    });

    it('are limited in number, and a form of 50 MB gets a message', async () => {
      const { browser, page } = await start();
      const six = Array.from({ length: 6 }, (_one, at) => ({ name: `${String(at)}.pdf`, content: PDF }));
      const many = await upload(browser, page, six);
      assert.match(errorAt(many, 'evidence'), /最多 5 個檔案/);
      const huge = await upload(browser, page, [{ name: 'huge.pdf', content: Buffer.alloc(50 * MEGABYTE) }]);
      assert.match(errorAt(huge, 'evidence'), /檔案太大/);
      assert.deepEqual(await stored(), []);
    });

    /** Begins an upload of one file that stays incomplete. @returns the function that completes it */
    const beginUpload = async (browser: HttpBrowser, bytes: number): Promise<() => Promise<IncomingMessage>> => {
      const { issuer } = running();
      const end = '\r\n--x--\r\n';
      const start = '--x\r\ncontent-disposition: form-data; name="evidence"; filename="a.pdf"\r\n\r\n';
      const headers = {
        ...formHeaders(issuer, await browser.jar.getCookieString(`${issuer}/binding/evidence`)),
        'content-type': 'multipart/form-data; boundary=x',
        'content-length': String(start.length + bytes + end.length),
      };
      const sent = request(`${issuer}/binding/evidence`, { method: 'POST', headers, agent: false });
      const answered = new Promise<IncomingMessage>((resolve, reject) => {
        sent.on('response', resolve).on('error', reject);
      });
      await new Promise((resolve) => sent.write(Buffer.concat([Buffer.from(start), Buffer.alloc(bytes)]), resolve));
      return async () => {
        sent.end(end);
        const answer = await answered;
        answer.resume();
        return answer;
      };
    };

    it('of another family end the largest slow upload with 503 when the memory is full', async () => {
      const { browser, page } = await start();
      const [other, quick] = [await signInFamily(running(), 'H1'), await signInFamily(running(), 'H6')];
      // Repeated, because the last bytes of the others may arrive after the largest has ended.
      const refused = await pollUntil('the largest upload is refused', async () => {
        const completeLargest = await beginUpload(browser, 30 * MEGABYTE);
        const completeOther = await beginUpload(other.browser, 29 * MEGABYTE);
        const completeQuick = await beginUpload(quick.browser, 6 * MEGABYTE);
        await browser.open('/binding/evidence');
        const largest = await completeLargest();
        // These families are at an earlier step.
        for (const complete of [completeQuick, completeOther]) assert.equal((await complete()).statusCode, 303);
        return largest.statusCode === 503 ? largest : undefined;
      });
      assert.match(refused.headers['retry-after'] ?? '', /^\d+$/);
      const accepted = await upload(browser, page, [{ name: 'good.pdf', content: PDF }]);
      assert.match(accepted.url, /\/binding\/summary$/);
    });

    it('get 503 while the same account has another upload in progress', async () => {
      const { browser, page } = await start();
      const text = { name: 'text.pdf', content: Buffer.from('x') };
      const completions: (() => Promise<unknown>)[] = [];
      const refused = await pollUntil('the other upload has begun', async () => {
        completions.push(await beginUpload(browser, 1_000));
        await browser.open('/binding/evidence');
        const answer = await upload(browser, page, [text]);
        return answer.status === 503 ? answer : undefined;
      });
      assert.match(errorAt(refused, 'evidence'), /檔案沒有儲存/);
      await Promise.all(completions.map((complete) => complete()));
      assert.equal((await upload(browser, page, [text])).status, 200);
    });

    it('of another family cannot be removed', async () => {
      const { browser, page } = await start();
      await upload(browser, page, [{ name: 'own.pdf', content: PDF }]);
      const [file] = await stored();
      assert.ok(file);
      const { browser: other } = await signInFamily(running(), 'H6');
      const fields = new URLSearchParams({ version: '5', file: file.id, application: file.applicationId });
      const answer = await other.post('/binding/evidence/remove', fields);
      assert.match(answer.url, /\/binding\/student/);
      assert.equal((await stored()).length, 1);
    });

    it('are not accepted in a broken form or without files', async () => {
      const { browser } = await start();
      for (const type of [
        'multipart/form-data',
        'multipart/form-data; boundary=x',
        'application/x-www-form-urlencoded',
      ]) {
        const answer = await browser.postBytes('/binding/evidence', new Uint8Array(Buffer.from('--y\r\n\r\n')), type);
        assert.equal(answer.status, 400, type);
      }
    });
  },
);
