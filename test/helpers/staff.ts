import assert from 'node:assert/strict';
import type { NamedKey } from '../../demo/city/fixtures.ts';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { interactionOf } from './authorization-flow.ts';
import { createHttpBrowser, type Answer, type HttpBrowser } from './http-browser.ts';
import { createAuthenticator, enrollTotp, type Authenticator } from './second-factors.ts';
import type { ServiceDatabase } from './service.ts';

/** The demo accounts of staff. */
export const STAFF_LOGIN = {
  A1: 'it.993301',
  A2: 'reg.993301',
  T2: 'zhihao.lin',
  B1: 'bureau',
} as const satisfies Partial<Record<NamedKey, string>>;
export type StaffKey = keyof typeof STAFF_LOGIN;

/** A member of staff in a browser, signed in with a second factor. */
export interface StaffBrowser extends HttpBrowser {
  authenticator: Authenticator;
}

/** Signs a member of staff in at a page of the console, with a second factor that is enrolled before. */
export async function signInStaff(
  service: ServiceDatabase,
  key: StaffKey,
  path = '/console',
): Promise<{ browser: StaffBrowser; answer: Answer }> {
  const authenticator = await enrollTotp(service, key);
  const browser = createHttpBrowser(service.issuer);
  const login = await browser.open(path);
  const factor = await browser.submit(login, { login: STAFF_LOGIN[key], password: DEMO_PASSWORD });
  assert.equal(interactionOf(factor), 'second_factor');
  const answer = await browser.submit(factor, { code: authenticator.code() });
  return { browser: { ...browser, authenticator: createAuthenticator(authenticator.secret) }, answer };
}
