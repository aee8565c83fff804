import createError from 'http-errors';
import type { HttpDeps } from '../deps.ts';
import type { InteractionPage } from './interaction.ts';

/** The page for a school account at an app that is not registered for school accounts: it explains the binding and starts it. */
export function createBindingRequiredPage({ pages }: HttpDeps): InteractionPage {
  return {
    show: (ctx, { uid, clientId }) => {
      pages.show(ctx, 'interaction/binding-required', {
        app: { name: pages.appName(ctx, clientId) },
        startUrl: `/binding?client=${encodeURIComponent(clientId)}`,
        cancelAction: `/interaction/${uid}/cancel`,
        otherAccountAction: `/interaction/${uid}/other-account`,
      });
      return Promise.resolve();
    },
    // The page has no form of its own.
    submit: () => Promise.reject(createError(404)),
  };
}
