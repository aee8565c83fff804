import createError from 'http-errors';
import type { HttpDeps } from '../deps.ts';
import type { InteractionPage } from './interaction.ts';

/** The page for a person who had the sharing of data stopped: it leads to the page that ends the stop. */
export function createSharingStoppedPage({ pages }: HttpDeps): InteractionPage {
  return {
    show: (ctx, { uid, clientId }) => {
      pages.show(ctx, 'interaction/sharing-stopped', {
        app: { name: pages.appName(ctx, clientId) },
        cancelAction: `/interaction/${uid}/cancel`,
        otherAccountAction: `/interaction/${uid}/other-account`,
      });
      return Promise.resolve();
    },
    // The page has no form of its own.
    submit: () => Promise.reject(createError(404)),
  };
}
