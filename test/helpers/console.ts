import assert from 'node:assert/strict';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { LOGIN } from './authorization-flow.ts';
import { createHttpBrowser, textOf, type HttpBrowser } from './http-browser.ts';
import { enrollTotp } from './second-factors.ts';
import type { TestService } from './service.ts';

/** Signs a member of staff in to the console, with a new second factor. */
export async function openConsole(service: TestService, key: 'A1' | 'B1'): Promise<HttpBrowser> {
  const authenticator = await enrollTotp(service, key);
  const browser = createHttpBrowser(service.issuer);
  const login = await browser.open('/console');
  const second = await browser.submit(login, { login: LOGIN[key], password: DEMO_PASSWORD });
  const home = await browser.submit(second, { code: authenticator.code() });
  assert.match(textOf(home.body), /管理後台/);
  return browser;
}
