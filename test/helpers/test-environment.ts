import { createPayment } from '../../examples/payment/server.ts';
import { createPortfolio } from '../../examples/portfolio/server.ts';
import type { RelyingParty } from '../../examples/shared/app.ts';
import { startMailCatcher } from '../../demo/mail-catcher.ts';
import { freePort } from './ports.ts';
import { createRegistration, newSecret } from './relying-party.ts';
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

/** Returns the registration of a relying party that runs at `baseUrl`. */
function appRegistration(id: string, name: object, baseUrl: string, secret: string, more: object): object {
  return createRegistration(id, secret, {
    client_name: name,
    client_uri: `${baseUrl}/`,
    redirect_uris: [`${baseUrl}/callback`],
    post_logout_redirect_uris: [`${baseUrl}/`],
    backchannel_logout_uri: `${baseUrl}/backchannel-logout`,
    sector_identifier_uri: `https://${id}.example/redirect-uris.json`,
    scopes: SCOPES,
    ...more,
  });
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
  const secrets = { portfolio: newSecret(), payment: newSecret() };
  const mail = await startMailCatcher({ smtpPort, webPort });
  // Read at each call, so that `freezeTime` also applies to the relying parties.
  const now = (): number => Date.now();
  const service = await startService({
    port,
    smtpUrl: mail.smtpUrl,
    ...options,
    clients: [
      appRegistration(
        'portfolio',
        { 'zh-TW': '學習歷程檔案', en: 'Learning portfolio' },
        portfolio,
        secrets.portfolio,
        {
          school_types: ['senior_high', 'vocational_high'],
          permissions: ['portfolio:read'],
        },
      ),
      appRegistration('payment', { 'zh-TW': '校園繳費系統', en: 'Campus payment' }, payment, secrets.payment, {
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
