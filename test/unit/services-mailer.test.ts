import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';

import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer } from 'smtp-server';

import { loadBrand } from '../../src/presentation/brand.ts';
import { createI18n } from '../../src/presentation/i18n.ts';
import { createTemplates, type Templates } from '../../src/presentation/templates.ts';
import { createMailer } from '../../src/services/notifications/mailer.ts';
import type { MailJob } from '../../src/services/notifications/outbox.ts';
import { createTrustedCertificate, type TestCertificate } from '../helpers/certificate.ts';
import { freePort } from '../helpers/ports.ts';

const at = (path: string): string => new URL(`../../${path}`, import.meta.url).pathname;
const i18n = createI18n(at('config/locales'));
const brand = loadBrand(at('config/brand.json'));
const templates = createTemplates({ viewsDir: at('views'), publicDir: at('public'), i18n, brand });
/** The school of the child, with the desk for accounts and another one. */
const school = { code: '993301', name: '示範高中', nameEn: 'Demo High School', type: 'senior_high' as const };
const account = { subject: 'account' as const, desk: '系統師', deskEn: '', phone: '02-0000-3301', extension: '256' };
const contacts = [account, { ...account, subject: 'payment' as const, desk: '出納組', extension: '235' }];
const schoolContacts = {
  listOfAddress: (email: string) => Promise.resolve(email.includes('@') ? [{ school, contacts }] : []),
};
const DESKS_ZH = ['示範高中 系統師 02-0000-3301 轉 256'];
const DESKS_EN = ['Demo High School 系統師 02-0000-3301 ext. 256'];
let certificate: TestCertificate;
/** The last mail that a server took. */
let received = '';
before(() => {
  certificate = createTrustedCertificate();
});
after(() => {
  certificate.remove();
});

interface Sent {
  query?: string;
  from?: string;
  job?: Partial<MailJob>;
}

/** Sends one mail to a server with or without STARTTLS. @returns the transport that the server saw */
async function send(
  offer: { startTls: boolean },
  requireTls: boolean,
  { query = '', from = 'no-reply@city.test', job: changes = {} }: Sent = {},
): Promise<'tls' | 'plain' | 'none'> {
  let transport: 'tls' | 'plain' | 'none' = 'none';
  const server = new SMTPServer({
    cert: readFileSync(certificate.certFile),
    key: readFileSync(certificate.keyFile),
    disabledCommands: offer.startTls ? ['AUTH'] : ['AUTH', 'STARTTLS'],
    onData: (stream, { secure }, done) => {
      transport = secure ? 'tls' : 'plain';
      void text(stream).then((mail) => {
        received = mail;
        done();
      });
    },
  });
  const port = await freePort();
  await once(server.listen(port, '127.0.0.1'), 'listening');
  const smtpUrl = `smtp://localhost:${String(port)}${query}`;
  const mailer = createMailer({ smtpUrl, from, requireTls }, { templates, i18n, schoolContacts });
  const locals = { name: '王大明', changedAt: 0, link: 'https://id.city.test/forgot-password' };
  try {
    const job = { kind: 'mail', to: 'a@city.test', template: 'password-changed', lang: 'zh-TW', locals } as const;
    await mailer.send({ ...job, ...changes }).catch(() => undefined);
    return transport;
  } finally {
    mailer.close();
    await new Promise<void>((resolve) => {
      server.close(resolve);
    });
  }
}

describe('mailer with required TLS', () => {
  it('sends over STARTTLS', async () => {
    assert.equal(await send({ startTls: true }, true), 'tls');
  });

  it('sends the text and the markup from its address, marked as generated', async () => {
    await send({ startTls: true }, true);
    for (const line of [
      /^From: =\?UTF-8\?[^<]* <no-reply@city\.test>\r$/m,
      /^To: a@city\.test\r$/m,
      /^Auto-Submitted: auto-generated\r$/m,
      /^Content-Type: text\/plain; charset=utf-8\r$/m,
      /^Content-Type: text\/html; charset=utf-8\r$/m,
    ]) {
      assert.match(received, line);
    }
  });

  it('does not send to a server without STARTTLS, with any URL parameters', async () => {
    assert.equal(await send({ startTls: false }, true), 'none');
    assert.equal(await send({ startTls: false }, true, { query: '?requireTLS=false' }), 'none');
    assert.equal(await send({ startTls: true }, true, { query: '?ignoreTLS=true' }), 'tls');
    assert.equal(await send({ startTls: false }, false), 'plain');
  });
});

describe('a mail as sent', () => {
  const link = 'https://id.city.test/reset-password?token=a';
  const request = { at: Date.UTC(2026, 10, 27, 12, 15), device: 'LINE · iPhone' };
  const job = { template: 'reset-link', locals: { name: '王大明', link, minutes: 30 }, request } as const;
  const sendIn = async (lang: string, from?: string): Promise<ParsedMail> => {
    await send({ startTls: true }, true, { job: { ...job, lang }, ...(from === undefined ? {} : { from }) });
    return simpleParser(received);
  };

  it('names the sender, time and device of the request in the language of the reader', async () => {
    const chinese = await sendIn('zh-TW', 'Kinpass <no-reply@city.test>');
    assert.deepEqual(chinese.from?.value, [{ name: brand.name['zh-TW'], address: 'no-reply@city.test' }]);
    const english = await sendIn('en');
    assert.deepEqual(english.from?.value, [{ name: brand.name['en'], address: 'no-reply@city.test' }]);
    for (const part of [chinese.text, chinese.html]) {
      assert.match(String(part), /操作時間與裝置：2026年11月27日 20:15，iPhone 上的 LINE/);
      assert.match(String(part), /聯絡學校：示範高中 系統師 02-0000-3301 轉 256/);
    }
    for (const part of [english.text, english.html]) {
      assert.match(String(part), /Time and device: November 27, 2026 at 20:15, LINE on iPhone/);
    }
  });

  it('has one button, with its address below as text', async () => {
    const { text = '', html } = await sendIn('zh-TW');
    assert.ok(text.includes(`\n${link}\n`));
    const links = [...String(html).matchAll(/<a href="([^"]+)"[^>]*>([^<]+)<\/a>/g)].map(([, href, label]) => [
      href,
      label,
    ]);
    assert.deepEqual(links, [[link, '設定新密碼']]);
    assert.match(String(html), /<br \/>https:\/\/id\.city\.test\/reset-password\?token=a<\/p>/);
  });
});

describe('mail rendering', () => {
  const resetMail: MailJob = {
    kind: 'mail',
    to: 'daming@parents.example',
    template: 'reset-link',
    lang: 'zh-TW',
    locals: { name: '王大明', link: 'https://id.example/reset-password?token=secret', minutes: 30 },
  };
  const rendered: unknown[] = [];
  const recordingTemplates = {
    mail: (...args: unknown[]) => {
      rendered.push(args);
      return { subject: 's', text: 't', html: 'h' };
    },
  } as unknown as Templates;
  const mailer = createMailer(
    { smtpUrl: 'smtp://127.0.0.1:9', from: 'no-reply@city.test', requireTls: false },
    { templates: recordingTemplates, i18n, schoolContacts },
  );
  /** Renders a mail: the server is unavailable, so sending fails after rendering. */
  const render = async (job: MailJob): Promise<unknown> => {
    rendered.length = 0;
    await assert.rejects(mailer.send(job));
    return rendered[0];
  };

  it('uses the language of the person and the values of the job', async () => {
    assert.deepEqual(await render(resetMail), [
      'reset-link',
      'zh-TW',
      resetMail.locals,
      { desks: DESKS_ZH, request: undefined },
    ]);
    const changed = { name: '王大明', changedAt: 0, link: 'https://id.example/forgot-password' };
    assert.deepEqual(await render({ ...resetMail, template: 'password-changed', lang: 'en', locals: changed }), [
      'password-changed',
      'en',
      changed,
      { desks: DESKS_EN, request: undefined },
    ]);
    assert.deepEqual(await render({ ...resetMail, lang: 'xx' }), [
      'reset-link',
      'zh-TW',
      resetMail.locals,
      { desks: DESKS_ZH, request: undefined },
    ]);
  });

  it('rejects a job with missing values', async () => {
    assert.equal(await render({ ...resetMail, locals: { name: '王大明' } }), undefined);
    assert.equal(await render({ ...resetMail, template: 'password-changed' }), undefined);
  });
});
