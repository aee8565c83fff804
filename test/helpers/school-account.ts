/** Sign-in with a school account in tests over HTTP. */
import { setPassword } from './city.ts';
import { createHttpBrowser, type HttpBrowser } from './http-browser.ts';
import { solveHumanCheck } from './human-check.ts';
import type { TestService } from './service.ts';

const OWN_PASSWORD = 'four boats left the harbor early';

/** Gives the school account an own password, and signs in to the account pages with it. */
export async function signInToSchool(
  service: TestService,
  key: Parameters<typeof setPassword>[1],
  fields: { school: string; account: string },
): Promise<HttpBrowser> {
  await setPassword(service, key, OWN_PASSWORD);
  const httpBrowser = createHttpBrowser(service.issuer);
  const login = await httpBrowser.open('/account');
  const page = await httpBrowser.open(/id="school-sign-in" href="([^"]+)"/.exec(login.body)?.[1] ?? '');
  await httpBrowser.submit(page, { ...fields, password: OWN_PASSWORD, ...(await solveHumanCheck(page)) });
  return httpBrowser;
}
