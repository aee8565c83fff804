import createError from 'http-errors';
import { APPLIED_STATES } from '../../presentation/page-locals/interaction.ts';
import type { HttpDeps } from '../deps.ts';
import { findNamedAccount } from '../named-account.ts';
import { loadContacts } from '../school-contacts/describe.ts';
import type { InteractionPage } from './interaction.ts';

/**
 * The page for a school account at an app that is not registered for school accounts. It explains the binding and starts it, or says what
 * follows after the family has applied.
 */
export function createBindingRequiredPage(deps: HttpDeps): InteractionPage {
  const { pages, binding } = deps;
  return {
    show: async (ctx, { uid, clientId, personId }) => {
      const state = personId === undefined ? undefined : await binding.findState(personId);
      pages.show(ctx, 'interaction/binding-required', {
        app: { name: pages.appName(ctx, clientId) },
        account: await findNamedAccount(deps, personId),
        applied: APPLIED_STATES.find((one) => one === state),
        startUrl: `/binding?client=${encodeURIComponent(clientId)}`,
        cancelAction: `/interaction/${uid}/cancel`,
        otherAccountAction: `/interaction/${uid}/other-account`,
        schoolContacts:
          personId === undefined
            ? undefined
            : await loadContacts(deps, ctx, { personId, clientId, problem: 'sign_in' }),
      });
    },
    // The page has no form of its own.
    submit: () => Promise.reject(createError(404)),
  };
}
