/** Errors of an authorization or token request. */
import { z } from 'zod';

import type { Reply } from './authorization-flow.ts';
import type { Answer } from './http-browser.ts';
import type { TestParty } from './relying-party.ts';

/** The code and the text of an error. */
export type Failure = [error: unknown, description: unknown];

export const failureOf = ({ body }: Reply): Failure => [body['error'], body['error_description']];
export const failureIn = ({ leavesTo }: Answer): Failure => [
  leavesTo?.searchParams.get('error'),
  leavesTo?.searchParams.get('error_description'),
];

export type Changes = Record<string, string | undefined>;

/** Returns a changed authorization request; `undefined` omits a parameter. */
export async function buildRequest(party: TestParty, changes: Changes): Promise<URL> {
  const url = new URL((await party.begin()).url);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  return url;
}

/** Sends a form, and returns the error of the JSON response. */
export async function postForFailure(
  url: string,
  fields: URLSearchParams,
  headers: Record<string, string> = {},
): Promise<Failure> {
  const response = await fetch(url, { method: 'POST', body: fields, headers });
  const { error, error_description: text } = z.record(z.string(), z.unknown()).parse(await response.json());
  return [error, text];
}
