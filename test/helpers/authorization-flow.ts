import assert from 'node:assert/strict';

import { decodeJwt } from 'jose';
import { z } from 'zod';
import { ADULTS, STUDENTS } from '../../demo/city/fixtures.ts';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { createHttpBrowser, textOf, type Answer, type HttpBrowser } from './http-browser.ts';
import type { Begun, TestParty, Tokens } from './relying-party.ts';

/** The login of each person of the demo city. */
export const LOGIN = {
  S1: STUDENTS.S1.account,
  G1: ADULTS.G1.email,
  G2: ADULTS.G2.email,
  G3: ADULTS.G3.email,
  G4: ADULTS.G4.email,
  G5: ADULTS.G5.email,
  T1: ADULTS.T1.account,
  T2: ADULTS.T2.account,
  A1: ADULTS.A1.account,
  A2: ADULTS.A2.account,
  B1: ADULTS.B1.account,
} as const;

export interface AuthorizationInput {
  login?: string;
  password?: string;
  /** Text of the context to select when the service shows the selection page. */
  choice?: readonly string[];
  /** Additional parameters of the authorization request. */
  parameters?: Record<string, string>;
  remember?: boolean;
}

export interface AuthorizationResult extends Begun {
  answer: Answer;
}

/** Opens a page of the sign-in, and presses its cancel button. */
export async function cancelSignIn(httpBrowser: HttpBrowser, url: string): Promise<Answer> {
  const page = await httpBrowser.open(url);
  return httpBrowser.post(/action="([^"]*\/cancel)"/.exec(page.body)?.[1] ?? '', '');
}

/** Returns the prompt of a page: the last segment of its form action. */
export function interactionOf(page: Answer): string | undefined {
  return /action="\/interaction\/[^"/]+\/([a-z_]+)"/.exec(page.body)?.[1];
}

/** Returns the value of the only choice whose text contains all these words. */
export function choiceOf(page: Answer, words: readonly string[]): string {
  const buttons = [...page.body.matchAll(/<button[^>]*name="choice" value="([^"]*)"[^>]*>([\s\S]*?)<\/button>/g)];
  const found = buttons.filter(([, , text = '']) => words.every((word) => textOf(text).includes(word)));
  assert.equal(found.length, 1, `${String(found.length)} choices with ${words.join(' ')}`);
  return found[0]?.[1] ?? '';
}

/** Lists the texts of the choices, in the order of the page. */
export function choicesOf(page: Answer): string[] {
  return [...page.body.matchAll(/<button[^>]*name="choice"[^>]*>([\s\S]*?)<\/button>/g)].map(([, text = '']) =>
    textOf(text).trim(),
  );
}

/** Starts an authorization request, and completes the sign-in and context selection pages if they appear. */
export async function runAuthorization(
  party: TestParty,
  httpBrowser: HttpBrowser,
  entry: AuthorizationInput = {},
): Promise<AuthorizationResult> {
  const begun = await party.begin(entry.parameters);
  let answer = await httpBrowser.open(begun.url);
  if (interactionOf(answer) === 'login' && entry.login !== undefined) {
    answer = await httpBrowser.submit(answer, {
      login: entry.login,
      password: entry.password ?? DEMO_PASSWORD,
      ...(entry.remember === true ? { remember: 'yes' } : {}),
    });
  }
  if (interactionOf(answer) === 'select_account' && entry.choice !== undefined) {
    answer = await httpBrowser.submit(answer, { choice: choiceOf(answer, entry.choice) });
  }
  return { ...begun, answer };
}

/** Runs an authorization and redeems its code. */
export async function tokensFor(
  party: TestParty,
  httpBrowser: HttpBrowser,
  entry: AuthorizationInput = {},
): Promise<Tokens> {
  const entered = await runAuthorization(party, httpBrowser, entry);
  return entered.finish(entered.answer);
}

/** Signs in with a new browser and redeems the code. */
export async function signInWithNewBrowser(
  party: TestParty,
  entry: AuthorizationInput,
): Promise<{ httpBrowser: HttpBrowser; tokens: Tokens }> {
  const httpBrowser = createHttpBrowser(party.config.serverMetadata().issuer);
  return { httpBrowser, tokens: await tokensFor(party, httpBrowser, entry) };
}

/** Returns the error of an authorization response; undefined if it has none. */
export function errorOf({ leavesTo }: Answer): string | undefined {
  return leavesTo?.searchParams.get('error') ?? undefined;
}

/** A response of an API endpoint. */
export interface Reply {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

const json = z.record(z.string(), z.unknown());

async function ask(url: string | undefined, init: RequestInit): Promise<Reply> {
  assert.ok(url, 'the endpoint is not in discovery');
  const response = await fetch(url, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? {} : json.parse(JSON.parse(text)) };
}

/** Sends a token request without checks of a client library, so that it may be invalid. */
export function requestTokens(
  party: TestParty,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const { id, secret } = party;
  const basic = Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret ?? '')}`).toString('base64');
  return ask(party.config.serverMetadata().token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({ ...(secret === undefined ? { client_id: id } : {}), ...fields }),
    headers: { ...headers, ...(secret === undefined ? {} : { authorization: `Basic ${basic}` }) },
  });
}

/** Redeems the code of an authorization response once. */
export function redeem(party: TestParty, { answer, verifier }: AuthorizationResult): Promise<Reply> {
  return requestTokens(party, {
    grant_type: 'authorization_code',
    code: codeOf(answer),
    redirect_uri: party.redirectUri,
    code_verifier: verifier,
  });
}

export function codeOf(answer: Answer): string {
  const code = answer.leavesTo?.searchParams.get('code');
  assert.ok(code, `no code: ${answer.leavesTo?.href ?? textOf(answer.body).slice(0, 200)}`);
  return code;
}

export function refresh(party: TestParty, refreshToken: string | undefined): Promise<Reply> {
  assert.ok(refreshToken, 'there is no refresh token');
  return requestTokens(party, { grant_type: 'refresh_token', refresh_token: refreshToken });
}

export function userinfo(party: TestParty, accessToken: string): Promise<Reply> {
  return ask(party.config.serverMetadata().userinfo_endpoint, { headers: { authorization: `Bearer ${accessToken}` } });
}

/** Returns the claims of an ID token. The client library has verified its signature. */
export function idClaims({ id_token: idToken }: { id_token?: unknown }): Record<string, unknown> {
  return decodeJwt(z.string().parse(idToken));
}

const acting = z.object({ acting: z.object({ role: z.string(), child: z.string().optional(), ctx: z.string() }) });

/** Returns the `acting` claim with the members that most tests need. */
export function actingOf(claims: Record<string, unknown>): z.infer<typeof acting>['acting'] {
  return acting.parse(claims).acting;
}

/** Returns a required text field of a token response. */
export function textIn({ status, body }: Reply, name: string): string {
  assert.equal(status, 200, JSON.stringify(body));
  return z.string().parse(body[name]);
}
