import { interactionPolicy } from 'oidc-provider';

/** Requires a sign-in if the signed-in person is disabled or deleted. */
export function personUnavailable(): interactionPolicy.Check {
  return new interactionPolicy.Check(
    'person_unavailable',
    'the signed-in person is disabled or deleted',
    'login_required',
    ({ oidc }) => oidc.session?.accountId !== undefined && oidc.account === undefined,
  );
}
