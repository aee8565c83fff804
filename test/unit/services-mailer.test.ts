import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';

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

/** Sends one mail to a server with or without STARTTLS. @returns the transport that the server saw */
async function send(offer: { startTls: boolean }, requireTls: boolean, query = ''): Promise<'tls' | 'plain' | 'none'> {
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
  const mailer = createMailer({ smtpUrl, from: 'no-reply@city.test', requireTls }, { templates, i18n, schoolContacts });
  const locals = { name: '王大明', changedAt: 0, link: 'https://id.city.test/forgot-password' };
  try {
    const job = { kind: 'mail', to: 'a@city.test', template: 'password-changed', lang: 'zh-TW', locals } as const;
    await mailer.send(job).catch(() => undefined);
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
      /^From: no-reply@city\.test\r$/m,
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
    assert.equal(await send({ startTls: false }, true, '?requireTLS=false'), 'none');
    assert.equal(await send({ startTls: true }, true, '?ignoreTLS=true'), 'tls');
    assert.equal(await send({ startTls: false }, false), 'plain');
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
    assert.deepEqual(await render(resetMail), ['reset-link', 'zh-TW', resetMail.locals, DESKS_ZH]);
    const changed = { name: '王大明', changedAt: 0, link: 'https://id.example/forgot-password' };
    assert.deepEqual(await render({ ...resetMail, template: 'password-changed', lang: 'en', locals: changed }), [
      'password-changed',
      'en',
      changed,
      DESKS_EN,
    ]);
    assert.deepEqual(await render({ ...resetMail, lang: 'xx' }), ['reset-link', 'zh-TW', resetMail.locals, DESKS_ZH]);
  });

  it('rejects a job with missing values', async () => {
    assert.equal(await render({ ...resetMail, locals: { name: '王大明' } }), undefined);
    assert.equal(await render({ ...resetMail, template: 'password-changed' }), undefined);
  });
});
