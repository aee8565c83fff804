import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { createTransport } from 'nodemailer';
import { z } from 'zod';

import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher.ts';

const summaries = z.array(z.object({ id: z.string(), to: z.array(z.string()), subject: z.string(), text: z.string() }));

describe('the mail catcher', () => {
  let catcher: MailCatcher;
  let dir: string;

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'kinpass-mail-'));
    catcher = await startMailCatcher({ smtpPort: 0, webPort: 0, dir });
  });
  after(async () => {
    await catcher.close();
    await rm(dir, { recursive: true, force: true });
  });

  const send = async (to: string, subject: string, html?: string): Promise<void> => {
    const transport = createTransport(catcher.smtpUrl);
    await transport.sendMail({
      from: '示範市 <no-reply@city.example>',
      to,
      subject,
      text: `請開啟 http://localhost:3000/reset?token=abc 設定密碼 <script>alert(1)</script>`,
      ...(html === undefined ? {} : { html }),
    });
    transport.close();
  };
  const get = (path: string): Promise<Response> => fetch(`${catcher.webUrl}${path}`);
  const list = async (query = ''): Promise<z.infer<typeof summaries>> =>
    summaries.parse(await (await get(`/api/messages${query}`)).json());
  const newest = (): string => catcher.messages()[0]?.id ?? '';

  it('accepts mails over SMTP and lists them in the API, newest first', async () => {
    await send('one@parents.example', '第一封');
    await send('two@parents.example', '第二封', '<p>內容</p>');
    assert.deepEqual(
      (await list()).map(({ subject }) => subject),
      ['第二封', '第一封'],
    );
    const [only] = await list('?to=one@parents.example');
    assert.deepEqual(only?.to, ['one@parents.example']);
    assert.match(only.text, /reset\?token=abc/);
    assert.equal((await list('?to=unknown@parents.example')).length, 0);
    const one = await (await get(`/api/messages/${newest()}`)).json();
    assert.deepEqual(one, catcher.messages()[0]);
    assert.equal(catcher.messages()[0]?.from, '"示範市" <no-reply@city.example>');
  });

  it('shows mails as escaped pages with links', async () => {
    await send('one@parents.example', '<b>粗</b>', '<p onclick="x()">內容</p><script>x()</script>');
    const inbox = await (await get('/')).text();
    assert.match(inbox, /&lt;b&gt;粗&lt;\/b&gt;/);
    assert.ok(!inbox.includes('<b>粗'));
    const page = await get(`/messages/${newest()}`);
    const text = await page.text();
    assert.ok(!text.includes('<script'));
    assert.match(text, /<a href="http:\/\/localhost:3000\/reset\?token=abc" target="_blank"/);
    assert.match(text, /sandbox="allow-popups allow-popups-to-escape-sandbox"/);
    assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'; style-src 'self'/);
  });

  it('shows the HTML of a mail in a sandbox only', async () => {
    const answer = await get(`/messages/${newest()}/html`);
    const policy = answer.headers.get('content-security-policy') ?? '';
    assert.match(policy, /^sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'/);
    assert.ok(!policy.includes('allow-scripts') && !policy.includes('allow-same-origin'));
    assert.match(await answer.text(), /^<base target="_blank"><p onclick/);
  });

  it('responds to unknown paths with a page that has a link', async () => {
    for (const path of ['/messages/unknown', '/messages/unknown/html', '/nowhere', '/api/messages/unknown']) {
      const answer = await get(path);
      assert.equal(answer.status, 404, path);
      assert.match(await answer.text(), /href="\/"/);
    }
  });

  it('keeps the mails after a restart', async () => {
    const before = catcher.messages();
    await catcher.close();
    catcher = await startMailCatcher({ smtpPort: 0, webPort: 0, dir });
    assert.deepEqual(catcher.messages(), before);
    await send('three@parents.example', '之後');
    assert.equal(catcher.messages().length, before.length + 1);
    assert.equal(catcher.messages()[0]?.subject, '之後');
  });

  it('rejects a mail that is too large and stores nothing of it', async () => {
    const before = catcher.messages().length;
    await assert.rejects(send('one@parents.example', '很大', 'x'.repeat(6 * 1024 * 1024)));
    assert.equal(catcher.messages().length, before);
  });

  it('fails to start if the port is in use', async () => {
    const webPort = Number(new URL(catcher.webUrl).port);
    await assert.rejects(startMailCatcher({ smtpPort: 0, webPort }), { code: 'EADDRINUSE' });
    const smtpPort = Number(new URL(catcher.smtpUrl).port);
    await assert.rejects(startMailCatcher({ smtpPort, webPort: 0 }), { code: 'EADDRINUSE' });
  });
});
