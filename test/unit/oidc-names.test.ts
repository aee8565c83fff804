import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { interactionPolicy } from 'oidc-provider';

import { sectorIdentifierOf } from '../../src/oidc/contexts/sector-identifier.ts';
import { ACR_PASSWORD, ACR_TWO_FACTORS, AMR_PASSWORD, claims } from '../../src/oidc/options/claims.ts';
import { requestedCheck } from '../../src/oidc/prompts/requested-check.ts';
import { normalizePath } from '../../src/oidc/routes.ts';

describe('protocol names', () => {
  it('acr, amr and the claims of openid are fixed', () => {
    assert.equal(ACR_PASSWORD, 'urn:kinpass:aal1');
    assert.equal(ACR_TWO_FACTORS, 'urn:kinpass:aal2');
    assert.deepEqual(AMR_PASSWORD, ['pwd']);
    assert.deepEqual({ ...claims }['openid'], ['sub', 'acr', 'amr', 'auth_time', 'roles', 'acting']);
  });

  it('sectorIdentifierOf returns the host or the private-use scheme', () => {
    const of = (sectorIdentifierUri: string | undefined, ...redirectUris: string[]): string =>
      sectorIdentifierOf({ sectorIdentifierUri, redirectUris });
    assert.equal(of('https://sector.example/uris.json', 'https://app.example/cb'), 'sector.example');
    assert.equal(of(undefined, 'https://app.example:8443/cb', 'https://other.example'), 'app.example');
    assert.equal(of(undefined, 'org.example.app:/cb'), 'org.example.app');
    assert.throws(() => of(undefined), TypeError);
  });

  it('normalizePath matches the router of the provider', () => {
    assert.deepEqual(['/Auth', '/auth/', '/auth', '/', '/auth//'].map(normalizePath), [
      '/auth',
      '/auth',
      '/auth',
      '/',
      '/auth/',
    ]);
  });

  it('requestedCheck finds the check that the provider adds to a prompt', () => {
    const prompt = new interactionPolicy.Prompt({ name: 'consent', requestable: true });
    assert.equal(requestedCheck(prompt).reason, 'consent_prompt');
    assert.throws(
      () => requestedCheck(new interactionPolicy.Prompt({ name: 'other', requestable: false })),
      /other_prompt/,
    );
  });
});
