/** The documents of an application: types, sizes, and contents that run or open something. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
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
import { formOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
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
      assert.match(answer.url, /\/binding\/evidence\?note=added$/);
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
      assert.match(removed.url, /note=removed$/);
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

    /** Begins an upload that announces `bytes` and stays incomplete. @returns the function that ends it */
    const beginUpload = async (browser: HttpBrowser, bytes: number): Promise<() => void> => {
      const { issuer } = running();
      const headers = {
        ...formHeaders(issuer, await browser.jar.getCookieString(`${issuer}/binding/evidence`)),
        'content-type': 'multipart/form-data; boundary=x',
        'content-length': String(bytes),
      };
      const sent = request(`${issuer}/binding/evidence`, { method: 'POST', headers, agent: false });
      sent.on('error', () => undefined);
      sent.write('--x\r\n');
      return () => sent.destroy();
    };

    it('get 503 with Retry-After while other uploads fill the memory of the process', async () => {
      const { browser, page } = await start();
      const others = [await signInFamily(running(), 'H1'), await signInFamily(running(), 'H6')];
      const text = { name: 'text.pdf', content: Buffer.alloc(4.5 * MEGABYTE, 'x') };
      const ends: (() => void)[] = [];
      const uploadText = async (status: number): Promise<Answer | undefined> => {
        const answer = await upload(browser, page, [text]);
        assert.ok(answer.status === 200 || answer.status === 503, String(answer.status));
        return answer.status === status ? answer : undefined;
      };
      const refused = await pollUntil('the memory is full', async () => {
        // Begun again, because the first may have met an upload of this test and been refused.
        for (const other of others) ends.push(await beginUpload(other.browser, 30 * MEGABYTE));
        await browser.open('/binding/evidence');
        return uploadText(503);
      });
      assert.match(refused.headers.get('retry-after') ?? '', /^\d+$/);
      assert.match(errorAt(refused, 'evidence'), /檔案沒有儲存/);
      for (const end of ends) end();
      await pollUntil('the memory is free', () => uploadText(200));
      const accepted = await upload(browser, page, [{ name: 'good.pdf', content: PDF }]);
      assert.match(accepted.url, /\/binding\/summary$/);
    });

    it('get 503 while the same account has another upload in progress', async () => {
      const { browser, page } = await start();
      const text = { name: 'text.pdf', content: Buffer.from('x') };
      const ends: (() => void)[] = [];
      const statusIs = async (status: number): Promise<true | undefined> =>
        (await upload(browser, page, [text])).status === status ? true : undefined;
      await pollUntil('the other upload has begun', async () => {
        ends.push(await beginUpload(browser, 1_000));
        await browser.open('/binding/evidence');
        return statusIs(503);
      });
      for (const end of ends) end();
      await pollUntil('the other upload has ended', () => statusIs(200));
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
