/** Campus payment: `ISSUER=… CLIENT_ID=… CLIENT_SECRET=… BASE_URL=… PORT=… node examples/payment/server.ts` */
import { createRelyingParty, type RelyingParty } from '../shared/app.ts';
import type { RelyingPartyConfig } from '../shared/config.ts';
import { run } from '../shared/main.ts';
import { addPaymentRoutes } from './routes.ts';
import { paymentTranslations } from './translations.ts';

/** @param now the present in milliseconds since 1970 */
export function createPayment(config: RelyingPartyConfig, now?: () => number): Promise<RelyingParty> {
  return createRelyingParty(
    {
      name: 'payment',
      words: paymentTranslations,
      folder: new URL('./', import.meta.url),
      addRoutes: addPaymentRoutes,
    },
    config,
    now,
  );
}

if (import.meta.main) await run('payment', createPayment);
