import { createHash, randomBytes } from 'node:crypto';

import { createPayment } from '../../examples/payment/server.ts';
import { createPortfolio } from '../../examples/portfolio/server.ts';
import type { RelyingParty } from '../../examples/shared/app.ts';
import { startMailCatcher } from '../../demo/mail-catcher.ts';
import { freePort } from './ports.ts';
import { startService, type TestService, type TestServiceOptions } from './service.ts';

/** The service, both relying parties and a mail server, each on its own port. */
export interface TestEnvironment {
  service: TestService;
  issuer: string;
  portfolio: string;
  payment: string;
  mail: Awaited<ReturnType<typeof startMailCatcher>>;
  stop(): Promise<void>;
}

const SCOPES = ['openid', 'profile', 'roles', 'children', 'children.profile'];

/** Returns a registration as in KINPASS_CLIENTS_FILE with all settings that the two relying parties need. */
export function relyingPartyClient(id: string, name: object, baseUrl: string, secret: string, more: object): object {
  return {
    client_id: id,
    client_name: name,
    client_uri: `${baseUrl}/`,
    client_secret_sha256: [createHash('sha256').update(secret).digest('hex')],
    redirect_uris: [`${baseUrl}/callback`],
    post_logout_redirect_uris: [`${baseUrl}/`],
    backchannel_logout_uri: `${baseUrl}/backchannel-logout`,
    sector_identifier_uri: `https://${id}.example/redirect-uris.json`,
    scopes: SCOPES,
    first_party: true,
    ...more,
  };
}

export async function startTestEnvironment(options: Partial<TestServiceOptions> = {}): Promise<TestEnvironment> {
  const [port, portfolioPort, paymentPort, smtpPort, webPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const portfolio = `http://localhost:${String(portfolioPort)}`;
  const payment = `http://localhost:${String(paymentPort)}`;
  const secrets = { portfolio: randomBytes(24).toString('hex'), payment: randomBytes(24).toString('hex') };
  const mail = await startMailCatcher({ smtpPort, webPort });
  // Read at each call, so that `freezeTime` also applies to the relying parties.
  const now = (): number => Date.now();
  const service = await startService({
    port,
    smtpUrl: mail.smtpUrl,
    ...options,
    clients: [
      relyingPartyClient(
        'portfolio',
        { 'zh-TW': '學習歷程檔案', en: 'Learning portfolio' },
        portfolio,
        secrets.portfolio,
        {
          school_types: ['senior_high', 'vocational_high'],
          permissions: ['portfolio:read'],
        },
      ),
      relyingPartyClient('payment', { 'zh-TW': '校園繳費系統', en: 'Campus payment' }, payment, secrets.payment, {
        permissions: ['fees:read', 'fees:pay'],
      }),
      ...(options.clients ?? []),
    ],
  });
  const { issuer } = service;
  const parties: RelyingParty[] = [
    await createPortfolio(
      { issuer, clientId: 'portfolio', clientSecret: secrets.portfolio, baseUrl: portfolio, port: portfolioPort },
      now,
    ),
    await createPayment(
      { issuer, clientId: 'payment', clientSecret: secrets.payment, baseUrl: payment, port: paymentPort },
      now,
    ),
  ];
  await Promise.all(parties.map((party) => party.listen()));
  return {
    service,
    issuer,
    portfolio,
    payment,
    mail,
    stop: async () => {
      await Promise.all(parties.map((party) => party.close()));
      await service.stop();
      await mail.close();
    },
  };
}
