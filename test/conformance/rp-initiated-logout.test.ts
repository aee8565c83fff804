/** The modules of `oidcc-rp-initiated-logout-certification-test-plan`, one test each. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { userinfo, textIn } from '../helpers/authorization-flow.ts';
import { startSuite, type Changes, type Suite } from '../helpers/conformance.ts';
import { textOf } from '../helpers/http-browser.ts';
import type { TestParty } from '../helpers/relying-party.ts';
import { confirmSignOut, requestSignOut, isSignedIn, LONG_STATE } from '../helpers/sign-out.ts';

const PLAN = 'oidcc-rp-initiated-logout-certification-test-plan';
let suite: Suite;
let client: TestParty;
let back: string;

before(async () => {
  suite = await startSuite();
  client = await suite.party(PLAN, 'client');
  back = suite.registration(client.id).post_logout_redirect_uris[0] ?? '';
  assert.match(back, /\/post_logout_redirect$/);
});
after(() => suite.stop());

/** Asserts a sign-out and a redirect with exactly these parameters. */
async function assertSentBack(changes: Changes, parameters: Record<string, string>): Promise<void> {
  const signOut = await requestSignOut(client, back, changes);
  const { leavesTo } = await confirmSignOut(signOut);
  assert.ok(leavesTo);
  assert.equal(leavesTo.origin + leavesTo.pathname, back);
  assert.deepEqual(Object.fromEntries(leavesTo.searchParams), parameters);
  assert.equal(await isSignedIn(client, signOut), false);
  assert.equal((await userinfo(client, textIn(signOut.completed.tokens, 'access_token'))).status, 401);
}

/** Asserts a sign-out without a redirect. */
async function assertStays(changes: Changes): Promise<void> {
  const signOut = await requestSignOut(client, back, changes);
  const done = await confirmSignOut(signOut);
  assert.deepEqual([done.status, done.leavesTo], [200, undefined]);
  assert.match(textOf(done.body), /Signed out/);
  assert.equal(await isSignedIn(client, signOut), false);
}

/** Asserts a sign-out and a refused redirect (RP-Initiated Logout 1.0, sections 2 to 4). */
async function assertRefused(change: (hint: string) => Changes): Promise<void> {
  const before = await requestSignOut(client, back);
  const hint = textIn(before.completed.tokens, 'id_token');
  const signOut = await requestSignOut(client, back, change(hint));
  assert.deepEqual([signOut.page.status, signOut.page.leavesTo], [200, undefined]);
  assert.match(textOf(signOut.page.body), /Do you want to sign out\?/);
  assert.equal(await isSignedIn(client, signOut), true);
  const done = await confirmSignOut(signOut);
  assert.deepEqual([done.status, done.leavesTo], [200, undefined]);
  assert.match(textOf(done.body), /Signed out/);
  assert.equal(await isSignedIn(client, signOut), false);
}

describe(PLAN, () => {
  it('oidcc-rp-initiated-logout-discovery-endpoint-verification', () => {
    assert.equal(suite.metadata['end_session_endpoint'], `${suite.issuer}/session/end`);
  });

  it('oidcc-rp-initiated-logout', () => assertSentBack({}, { state: LONG_STATE }));

  it('oidcc-rp-initiated-logout-no-state', () => assertSentBack({ state: undefined }, {}));

  it('oidcc-rp-initiated-logout-no-id-token-hint', () => assertStays({ id_token_hint: undefined }));

  it('oidcc-rp-initiated-logout-no-params', () =>
    assertStays({ id_token_hint: undefined, post_logout_redirect_uri: undefined, state: undefined }));

  it('oidcc-rp-initiated-logout-no-post-logout-redirect-uri', () =>
    assertStays({ post_logout_redirect_uri: undefined, state: undefined }));

  it('oidcc-rp-initiated-logout-only-state', () =>
    assertStays({ id_token_hint: undefined, post_logout_redirect_uri: undefined }));

  it('oidcc-rp-initiated-logout-bad-post-logout-redirect-uri', () =>
    assertRefused(() => ({ post_logout_redirect_uri: `${back}/not-registered` })));

  it('oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri', () =>
    assertRefused(() => ({ post_logout_redirect_uri: `${back}?foo=bar` })));

  it('oidcc-rp-initiated-logout-modified-id-token-hint', () =>
    assertRefused((hint) => {
      const [header = '', payload = '', signature = ''] = hint.split('.');
      const other = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`;
      return { id_token_hint: [header, payload, other].join('.') };
    }));

  it('oidcc-rp-initiated-logout-bad-id-token-hint', () => assertRefused(() => ({ id_token_hint: 'not.a.token' })));
});

describe('the end session endpoint', () => {
  it('accepts POST (RP-Initiated Logout 1.0, section 2)', async () => {
    const { completed } = await requestSignOut(client, back);
    const fields = { id_token_hint: textIn(completed.tokens, 'id_token'), post_logout_redirect_uri: back, state: 'x' };
    const elsewhere = { origin: 'https://suite.example', 'sec-fetch-site': 'cross-site' };
    const page = await completed.flow.httpBrowser.post('/session/end', new URLSearchParams(fields), elsewhere);
    const { leavesTo } = await confirmSignOut({ completed, page });
    assert.equal(leavesTo?.href, `${back}?state=x`);
    assert.equal(await isSignedIn(client, { completed, page }), false);
  });

  it('clears cache and storage but no cookies of the domain (Clear-Site-Data)', async () => {
    const signOut = await requestSignOut(client, back);
    assert.equal(signOut.page.headers.get('clear-site-data'), null, 'not before the confirmation');
    const { headers } = await confirmSignOut(signOut);
    assert.equal(headers.get('clear-site-data'), '"cache", "storage"');
    const cleared = headers.getSetCookie().filter((cookie) => cookie.startsWith('__Host-kinpass_session'));
    assert.equal(cleared.length, 2, 'the cookie and its signature');
    for (const cookie of cleared) assert.match(cookie, /^[^;]*; path=\/; expires=Thu, 01 Jan 1970.*; secure/);
  });
});
