import assert from 'node:assert/strict';

import { errorOf, textIn } from './authorization-flow.ts';
import { authorize, completeFlow, type Changes, type CompletedFlow } from './conformance.ts';
import type { Answer } from './http-browser.ts';
import type { TestParty } from './relying-party.ts';

/** As long as the state of the conformance suite, to prove that the service does not cut it. */
export const LONG_STATE = 's'.repeat(128);

export interface SignOut {
  completed: CompletedFlow;
  /** The first page of the service. */
  page: Answer;
}

/**
 * Signs in and opens the end session endpoint.
 *
 * @param changes of a valid request; `undefined` removes a parameter
 */
export async function requestSignOut(party: TestParty, back: string, changes: Changes = {}): Promise<SignOut> {
  const completed = await completeFlow(party);
  const endpoint = party.config.serverMetadata().end_session_endpoint;
  assert.ok(endpoint, 'end_session_endpoint is not in discovery');
  const url = new URL(endpoint);
  const whole: Changes = {
    id_token_hint: textIn(completed.tokens, 'id_token'),
    post_logout_redirect_uri: back,
    state: LONG_STATE,
    ...changes,
  };
  for (const [name, value] of Object.entries(whole)) if (value !== undefined) url.searchParams.set(name, value);
  return { completed, page: await completed.flow.httpBrowser.open(url.href) };
}

/** Confirms the sign-out page. */
export function confirmSignOut({ completed, page }: SignOut): Promise<Answer> {
  assert.equal(page.status, 200);
  return completed.flow.httpBrowser.submit(page, {});
}

/** Returns true if a request with `prompt=none` succeeds. */
export async function isSignedIn(party: TestParty, { completed }: SignOut): Promise<boolean> {
  const { answer } = await authorize(party, { prompt: 'none' }, completed.flow.httpBrowser);
  const error = errorOf(answer);
  assert.ok(error === undefined || error === 'login_required', error);
  return error === undefined;
}
