/** The modules of `oidcc-backchannel-rp-initiated-logout-certification-test-plan`, one test each. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { startSuite, type Suite } from '../helpers/conformance.ts';
import { startLogoutReceiver, type LogoutReceiver } from '../helpers/logout-receiver.ts';
import type { TestParty } from '../helpers/relying-party.ts';
import { confirmSignOut, requestSignOut, isSignedIn, LONG_STATE } from '../helpers/sign-out.ts';

const PLAN = 'oidcc-backchannel-rp-initiated-logout-certification-test-plan';
const CLIENT = 'conformance-backchannel';
let suite: Suite;
let client: TestParty;
let receiver: LogoutReceiver;

before(async () => {
  receiver = await startLogoutReceiver(() => suite.issuer, CLIENT);
  suite = await startSuite((clients) =>
    clients.map((one) => (one.client_id === CLIENT ? { ...one, backchannel_logout_uri: receiver.url } : one)),
  );
  client = await suite.party(PLAN, 'client');
  assert.equal(client.id, CLIENT);
});
after(async () => {
  await suite.stop();
  await receiver.close();
});

describe(PLAN, () => {
  it('oidcc-backchannel-logout-discovery-endpoint-verification', () => {
    assert.equal(suite.metadata['backchannel_logout_supported'], true);
    assert.equal(suite.metadata['backchannel_logout_session_supported'], true);
    assert.equal(suite.metadata['end_session_endpoint'], `${suite.issuer}/session/end`);
  });

  it('oidcc-backchannel-rp-initiated-logout', async () => {
    const back = suite.registration(CLIENT).post_logout_redirect_uris[0] ?? '';
    const signOut = await requestSignOut(client, back);
    assert.equal(receiver.requestCount, 0, 'no sign-out was confirmed yet');
    const { leavesTo } = await confirmSignOut(signOut);
    assert.equal(leavesTo?.href, `${back}?state=${LONG_STATE}`);
    // The receiver checks signature, type, audience, events, and the absence of nonce.
    const [token] = await receiver.take(1);
    const { sub, sid } = signOut.completed.claims;
    assert.deepEqual([token?.sub, token?.sid], [sub, sid]);
    assert.ok(typeof sid === 'string' && sid !== '');
    assert.equal(await isSignedIn(client, signOut), false);
  });
});
