/** Learning portfolio: `ISSUER=… CLIENT_ID=… CLIENT_SECRET=… BASE_URL=… PORT=… node examples/portfolio/server.ts` */
import { createRelyingParty, type RelyingParty } from '../shared/app.ts';
import type { RelyingPartyConfig } from '../shared/config.ts';
import { run } from '../shared/main.ts';
import { addPortfolioRoutes } from './routes.ts';
import { portfolioTranslations } from './translations.ts';

/** @param now the present in milliseconds since 1970 */
export function createPortfolio(config: RelyingPartyConfig, now?: () => number): Promise<RelyingParty> {
  return createRelyingParty(
    {
      name: 'portfolio',
      words: portfolioTranslations,
      folder: new URL('./', import.meta.url),
      addRoutes: addPortfolioRoutes,
    },
    config,
    now,
  );
}

if (import.meta.main) await run('portfolio', createPortfolio);
