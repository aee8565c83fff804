import { z } from 'zod';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { call, runWorkers, type Measured } from './load-driver.ts';
import { CLIENT, REDIRECT, SECRET } from './service.ts';

export const BASIC = `Basic ${Buffer.from(`${CLIENT}:${SECRET}`).toString('base64')}`;
const tokenBody = z.object({ access_token: z.string(), refresh_token: z.string() });
export type Tokens = z.infer<typeof tokenBody>;

/** Cookies of one browser, by name. */
type Jar = Map<string, string>;

function keep(jar: Jar, cookies: readonly string[] | undefined): void {
  for (const cookie of cookies ?? []) {
    const equals = cookie.indexOf('=');
    const end = cookie.indexOf(';', equals);
    jar.set(cookie.slice(0, equals), cookie.slice(equals + 1, end === -1 ? undefined : end));
  }
}

const REQUEST = `/auth?${new URLSearchParams({
  client_id: CLIENT,
  response_type: 'code',
  redirect_uri: REDIRECT,
  scope: 'openid roles children children.profile offline_access',
  prompt: 'consent',
  nonce: 'bench',
}).toString()}`;
const PASSWORD = encodeURIComponent(DEMO_PASSWORD);
const TO_APP = encodeURIComponent(REDIRECT);

/**
 * Runs a complete sign-in of a browser and an app: authorization request, sign-in page, password, redirects, code, tokens. The
 * account has one context, so the service asks for no choice.
 *
 * @param address the node to send the requests to
 * @returns `undefined` when the service responds 503
 */
export async function signIn(issuer: string, login: string, address = issuer): Promise<Tokens | undefined> {
  const jar: Jar = new Map();
  const headers = (): Record<string, string> => {
    let cookie = '';
    for (const [name, value] of jar) cookie += `${cookie === '' ? '' : '; '}${name}=${value}`;
    return { cookie, accept: 'text/html' };
  };
  /** @returns the redirect target on the same node, undefined for 503 */
  const follow = async (url: string): Promise<string | undefined> => {
    const { headers: answer, status } = await call(url, { headers: headers() });
    keep(jar, answer['set-cookie']);
    if (status === 503) return undefined;
    if (answer.location === undefined) throw new Error(`no redirect from ${new URL(url).pathname}: ${status}`);
    return atNode(answer.location, issuer, address);
  };
  const step = await follow(address + REQUEST);
  if (step === undefined) return undefined;
  await call(step, { headers: headers() });
  const answer = await call(`${step}/login`, {
    method: 'POST',
    headers: { ...headers(), origin: issuer },
    form: `login=${encodeURIComponent(login)}&password=${PASSWORD}`,
  });
  if (answer.status === 503) return undefined;
  if (answer.headers.location === undefined) throw new Error(`sign-in failed with status ${answer.status}`);
  const back = await follow(atNode(answer.headers.location, issuer, address));
  if (back === undefined) return undefined;
  const [, code = ''] = /[?&]code=([^&]+)/.exec(back) ?? [];
  return redeem(address, `grant_type=authorization_code&code=${code}&redirect_uri=${TO_APP}`);
}

function atNode(location: string, issuer: string, address: string): string {
  return location.startsWith('/') ? address + location : location.replace(issuer, address);
}

function refresh(issuer: string, refreshToken: string): Promise<Tokens> {
  return redeem(issuer, `grant_type=refresh_token&refresh_token=${refreshToken}`);
}

/**
 * Lets `workers` workers refresh the tokens in turn for some seconds. Each worker has tokens of its own. There are
 * more tokens than workers, because the refreshes of a grant are limited (src/domain/throttling/request-rates.ts).
 */
export function runRefreshes(issuer: string, tokens: string[], workers: number, seconds: number): Promise<Measured> {
  const next = Array.from({ length: workers }, (_, worker) => worker);
  return runWorkers(workers, seconds, async (worker) => {
    const at = next[worker] ?? worker;
    next[worker] = at + workers < tokens.length ? at + workers : worker;
    const refreshed = await refresh(issuer, tokens[at] ?? '').catch(() => undefined);
    if (refreshed !== undefined) tokens[at] = refreshed.refresh_token;
    return refreshed !== undefined;
  });
}

async function redeem(issuer: string, form: string): Promise<Tokens> {
  const { status, body } = await call(`${issuer}/token`, { method: 'POST', headers: { authorization: BASIC }, form });
  if (status !== 200) throw new Error(`token request failed with status ${status}: ${body.slice(0, 200)}`);
  return tokenBody.parse(JSON.parse(body));
}
