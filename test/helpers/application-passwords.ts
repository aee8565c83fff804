import assert from 'node:assert/strict';

import { formOf, textOf, type Answer, type HttpBrowser } from './http-browser.ts';

export const APPLICATION_PASSWORDS = '/account/application-passwords';

/** Returns the hidden fields of the form that creates a password. */
export async function openCreationForm(browser: HttpBrowser): Promise<Record<string, string>> {
  const { body } = await browser.open(APPLICATION_PASSWORDS);
  // The forms before it revoke passwords.
  return formOf(body.slice(body.indexOf('aria-labelledby="create"'))).hidden;
}

/** Creates an application password on the account page. */
export async function createApplicationPassword(browser: HttpBrowser, service: string, name: string): Promise<Answer> {
  const fields = new URLSearchParams({ ...(await openCreationForm(browser)), service, name });
  return browser.post(APPLICATION_PASSWORDS, fields);
}

/** Returns the password that a page shows once. */
export function passwordOn({ body }: Answer): string {
  const password = /<code id="secret">([^<]*)<\/code>/.exec(body)?.[1];
  assert.ok(password, textOf(body).slice(0, 300));
  return password;
}
