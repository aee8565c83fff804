import { z } from 'zod';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { call } from './load-driver.ts';
import { CLIENT, REDIRECT, SECRET } from './service.ts';

export const BASIC = `Basic ${Buffer.from(`${CLIENT}:${SECRET}`).toString('base64')}`;
const tokenBody = z.object({ access_token: z.string(), refresh_token: z.string() });
export type Tokens = z.infer<typeof tokenBody>;

/** Cookies of one browser: name → value. */
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
}).toString()}`;
const PASSWORD = encodeURIComponent(DEMO_PASSWORD);
const TO_APP = encodeURIComponent(REDIRECT);

/**
 * A whole sign-in as a browser and an app do it: authorize, sign-in page, password, redirects, code, tokens. The person has one
 * identity, so there is no question.
 *
 * @param address of the node that is asked
 * @returns `undefined` when the service was busy
 */
export async function signIn(issuer: string, login: string, address = issuer): Promise<Tokens | undefined> {
  const jar: Jar = new Map();
  const headers = (): Record<string, string> => {
    let cookie = '';
    for (const [name, value] of jar) cookie += `${cookie === '' ? '' : '; '}${name}=${value}`;
    return { cookie, accept: 'text/html' };
  };
  /** @returns where it leads, on the node that is asked; undefined when the service was busy */
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
  if (answer.headers.location === undefined) throw new Error(`sign-in refused: ${answer.status}`);
  const back = await follow(atNode(answer.headers.location, issuer, address));
  if (back === undefined) return undefined;
  const [, code = ''] = /[?&]code=([^&]+)/.exec(back) ?? [];
  return redeem(address, `grant_type=authorization_code&code=${code}&redirect_uri=${TO_APP}`);
}

function atNode(location: string, issuer: string, address: string): string {
  return location.startsWith('/') ? address + location : location.replace(issuer, address);
}

export function refresh(issuer: string, refreshToken: string): Promise<Tokens> {
  return redeem(issuer, `grant_type=refresh_token&refresh_token=${refreshToken}`);
}

async function redeem(issuer: string, form: string): Promise<Tokens> {
  const { status, body } = await call(`${issuer}/token`, { method: 'POST', headers: { authorization: BASIC }, form });
  if (status !== 200) throw new Error(`token endpoint: ${status} ${body.slice(0, 200)}`);
  return tokenBody.parse(JSON.parse(body));
}
