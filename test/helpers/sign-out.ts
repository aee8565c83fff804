import assert from 'node:assert/strict';

import { errorOf, textIn } from './authorization-flow.ts';
import { authorize, pass, type Changes, type Passed } from './conformance.ts';
import type { Answer } from './http-browser.ts';
import type { TestParty } from './relying-party.ts';

/** As long as the suite makes it, to see that nobody cuts it. */
export const LONG_STATE = 's'.repeat(128);

export interface SignOut {
  passed: Passed;
  /** What the service showed first. */
  page: Answer;
}

/**
 * Signs in, and goes to the end session endpoint.
 *
 * @param changes of a whole request; `undefined` leaves a parameter out
 */
export async function askToSignOut(party: TestParty, back: string, changes: Changes = {}): Promise<SignOut> {
  const passed = await pass(party);
  const endpoint = party.config.serverMetadata().end_session_endpoint;
  assert.ok(endpoint, 'end_session_endpoint is not in discovery');
  const url = new URL(endpoint);
  const whole: Changes = {
    id_token_hint: textIn(passed.tokens, 'id_token'),
    post_logout_redirect_uri: back,
    state: LONG_STATE,
    ...changes,
  };
  for (const [name, value] of Object.entries(whole)) if (value !== undefined) url.searchParams.set(name, value);
  return { passed, page: await passed.flow.visitor.open(url.href) };
}

/** Says yes on the page that asks. */
export function agree({ passed, page }: SignOut): Promise<Answer> {
  assert.equal(page.status, 200);
  return passed.flow.visitor.submit(page, {});
}

/** `prompt=none` tells whether somebody is signed in. */
export async function isSignedIn(party: TestParty, { passed }: SignOut): Promise<boolean> {
  const { answer } = await authorize(party, { prompt: 'none' }, passed.flow.visitor);
  const error = errorOf(answer);
  assert.ok(error === undefined || error === 'login_required', error);
  return error === undefined;
}
