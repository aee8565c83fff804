import createError from 'http-errors';
import type { HttpDeps } from '../deps.ts';
import { findNamedAccount } from '../named-account.ts';
import { loadContacts } from '../school-contacts/describe.ts';
import type { InteractionPage } from './interaction.ts';

/** The page for a person who had the sharing of data stopped: it leads to the page that ends the stop. */
export function createSharingStoppedPage(deps: HttpDeps): InteractionPage {
  const { pages } = deps;
  return {
    show: async (ctx, { uid, clientId, personId }) => {
      pages.show(ctx, 'interaction/sharing-stopped', {
        app: { name: pages.appName(ctx, clientId) },
        account: await findNamedAccount(deps, personId),
        schoolContacts:
          personId === undefined
            ? undefined
            : await loadContacts(deps, ctx, { personId, clientId, problem: 'sign_in' }),
        cancelAction: `/interaction/${uid}/cancel`,
        otherAccountAction: `/interaction/${uid}/other-account`,
      });
    },
    // The page has no form of its own.
    submit: () => Promise.reject(createError(404)),
  };
}
