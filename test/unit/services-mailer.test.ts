import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';

import { SMTPServer } from 'smtp-server';

import { loadBrand } from '../../src/presentation/brand.ts';
import { createI18n } from '../../src/presentation/i18n.ts';
import { createTemplates } from '../../src/presentation/templates.ts';
import { createMailer } from '../../src/services/notifications/mailer.ts';
import { createTrustedCertificate, type TestCertificate } from '../helpers/certificate.ts';
import { freePort } from '../helpers/ports.ts';

const at = (path: string): string => new URL(`../../${path}`, import.meta.url).pathname;
const i18n = createI18n(at('config/locales'));
const brand = loadBrand(at('config/brand.json'));
const templates = createTemplates({ viewsDir: at('views'), publicDir: at('public'), i18n, brand });
let certificate: TestCertificate;
before(() => {
  certificate = createTrustedCertificate();
});
after(() => {
  certificate.remove();
});

/** Sends one mail to a server with or without STARTTLS. @returns the transport that the server saw */
async function send(
  offer: { startTls: boolean },
  requireTls: boolean,
  query = '',
): Promise<'sealed' | 'plain' | 'not'> {
  let came: 'sealed' | 'plain' | 'not' = 'not';
  const server = new SMTPServer({
    cert: readFileSync(certificate.certFile),
    key: readFileSync(certificate.keyFile),
    disabledCommands: offer.startTls ? ['AUTH'] : ['AUTH', 'STARTTLS'],
    onData: (stream, { secure }, done) => {
      came = secure ? 'sealed' : 'plain';
      stream.resume().on('end', () => {
        done();
      });
    },
  });
  const port = await freePort();
  await once(server.listen(port, '127.0.0.1'), 'listening');
  const smtpUrl = `smtp://localhost:${String(port)}${query}`;
  const mailer = createMailer({ smtpUrl, from: 'no-reply@city.test', requireTls }, templates, i18n);
  const locals = { name: '王大明', changedAt: 0, link: 'https://id.city.test/forgot-password' };
  try {
    const job = { kind: 'mail', to: 'a@city.test', template: 'password-changed', lang: 'zh-TW', locals } as const;
    await mailer.send(job).catch(() => undefined);
    return came;
  } finally {
    mailer.close();
    await new Promise<void>((resolve) => {
      server.close(resolve);
    });
  }
}

describe('mailer with required TLS', () => {
  it('sends over STARTTLS', async () => {
    assert.equal(await send({ startTls: true }, true), 'sealed');
  });

  it('does not send to a server without STARTTLS, whatever the URL parameters', async () => {
    assert.equal(await send({ startTls: false }, true), 'not');
    assert.equal(await send({ startTls: false }, true, '?requireTLS=false'), 'not');
    assert.equal(await send({ startTls: true }, true, '?ignoreTLS=true'), 'sealed');
    assert.equal(await send({ startTls: false }, false), 'plain');
  });
});
