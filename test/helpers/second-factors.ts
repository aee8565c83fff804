import assert from 'node:assert/strict';

import type { NamedKey } from '../../demo/city/fixtures.ts';
import { createRecoveryCodes, normalizeRecoveryCode } from '../../src/domain/credentials/recovery-codes.ts';
import { encodeTotpSecret } from '../../src/domain/credentials/totp.ts';
import { totpCode } from './totp.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { hashId } from '../../src/platform/crypto/secrets.ts';
import * as factors from '../../src/store/auth/second-factors.ts';
import { personId } from './city.ts';
import type { Answer, HttpBrowser } from './http-browser.ts';
import type { ServiceDatabase } from './service.ts';

/** An authenticator app with one secret, and the recovery codes of its person. */
export interface Authenticator {
  id: string;
  secret: string;
  recoveryCodes: readonly string[];
  /** The code of now. */
  code: () => string;
}

export function createAuthenticator(secret: string, id = '', recoveryCodes: readonly string[] = []): Authenticator {
  return { id, secret, recoveryCodes, code: () => totpCode(secret, Date.now()) };
}

/** Stores a TOTP factor and recovery codes of a person, as after an enrollment of long ago. */
export async function enrollTotp(
  { container: { store, secrets } }: ServiceDatabase,
  key: NamedKey,
): Promise<Authenticator> {
  const [id, secret] = [systemRandom.uuid(), encodeTotpSecret(systemRandom.bytes(20))];
  const recoveryCodes = createRecoveryCodes(systemRandom);
  const now = Date.now();
  await store.write(async (tx) => {
    const factor = { kind: 'totp' as const, name: '手機', key: secrets.seal('totp', id, secret), counter: 0 };
    assert.ok(await factors.insertSecondFactor(tx, { ...factor, id, personId: personId(key), createdAt: now }));
    const hashes = recoveryCodes.map((code) => hashId(normalizeRecoveryCode(code)));
    await factors.replaceRecoveryCodes(tx, personId(key), hashes, now);
  });
  return createAuthenticator(secret, id, recoveryCodes);
}

/** Removes all second factors, so that tests do not depend on each other. */
export async function removeSecondFactors({ container: { store } }: ServiceDatabase, key: NamedKey): Promise<void> {
  await store.write(async (tx) => {
    for (const { id } of await factors.listSecondFactors(tx, personId(key))) {
      await factors.deleteSecondFactor(tx, personId(key), id);
    }
    await factors.deleteRecoveryCodes(tx, personId(key));
  });
}

/** The secret that a setup page shows. */
export function secretOn({ body }: Answer): string {
  const secret = /data-totp-secret="([A-Z2-7]+)"/.exec(body)?.[1];
  assert.ok(secret, 'the page shows no TOTP secret');
  return secret;
}

/** The recovery codes that a page shows. */
export function recoveryCodesOn({ body }: Answer): string[] {
  return [...body.matchAll(/data-recovery-code="([^"]+)"/g)].map(([, code = '']) => code);
}

/** Completes the setup page: enters the code of its secret, and confirms the recovery codes. */
export async function completeSetup(
  browser: HttpBrowser,
  page: Answer,
): Promise<{ authenticator: Authenticator; answer: Answer }> {
  const authenticator = createAuthenticator(secretOn(page));
  const shown = await browser.submit(page, { code: authenticator.code() });
  const codes = recoveryCodesOn(shown);
  const answer = codes.length === 0 ? shown : await browser.submit(shown, { saved: 'yes' });
  return { authenticator: createAuthenticator(authenticator.secret, '', codes), answer };
}
