import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import {
  codeOf,
  runAuthorization,
  LOGIN,
  redeem,
  refresh,
  interactionOf,
  textIn,
  userinfo,
  type AuthorizationResult,
  type Reply,
} from '../helpers/authorization-flow.ts';
import { createHttpBrowser, textOf, type HttpBrowser } from '../helpers/http-browser.ts';
import { pollUntil } from '../helpers/poll.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';

/*
 * People at work while something breaks. Everything that the service acknowledges is written into a ledger, and `verify` asks
 * the service afterwards whether all of it is true.
 */

const SECRET = newSecret();
const OFFLINE = { scope: 'openid profile offline_access', prompt: 'consent' };
/** Of each kind the newest are asked for again; older ones were there while the newer ones worked. */
const KEPT = 10;
/** After a failure, as a person would; in milliseconds. */
const PAUSE_MS = 20;
const TIMEOUT_MS = 60_000;

export const loadClients = [createRegistration('load', SECRET, { scopes: ['openid', 'profile', 'offline_access'] })];

/** Passwords over all rounds of a database: what was acknowledged last, and what may have happened since. */
export interface Password {
  login: string;
  acknowledged: string;
  uncertain: string | undefined;
  changes: number;
}

interface Ledger {
  signedOut: string[];
  codes: AuthorizationResult[];
  refreshTokens: string[];
  /** Sent, and never answered: may have worked once. */
  uncertain: { code?: AuthorizationResult; refreshToken?: string }[];
  live: { access: string; refresh: string }[];
}

export interface Load {
  /** Answers that were not the right ones, in words. */
  failures: string[];
  /** Pieces of work that were done and answered rightly. */
  done(): number;
  /** Waits until so many more are done. */
  goesOn: (more: number) => Promise<void>;
  /** @throws {AssertionError} when something acknowledged is not there, or a code or token lives twice */
  verify(): Promise<void>;
}

export function newPassword(): Password {
  return { login: LOGIN.T2, acknowledged: DEMO_PASSWORD, uncertain: undefined, changes: 0 };
}

/** Begins to work, lets `meanwhile` happen, and ends the work however that went. */
export async function runUnderLoad(
  issuer: string,
  password: Password,
  meanwhile: (load: Load) => Promise<void>,
): Promise<Load> {
  const load = await startLoad(issuer, password);
  try {
    await meanwhile(load);
  } finally {
    await load.stop();
  }
  return load;
}

async function startLoad(issuer: string, password: Password): Promise<Load & { stop(): Promise<void> }> {
  const party = await createParty(issuer, { id: 'load', scope: 'openid profile', secret: SECRET });
  const ledger: Ledger = { signedOut: [], codes: [], refreshTokens: [], uncertain: [], live: [] };
  const failures: string[] = [];
  let done = 0;
  let stopped = false;
  /** One piece of work again and again; `make` begins from nothing after each failure. */
  const repeat = async (make: () => Promise<() => Promise<void>>): Promise<void> => {
    let work: (() => Promise<void>) | undefined;
    while (!stopped) {
      try {
        work ??= await make();
        await work();
        done += 1;
      } catch (error) {
        work = undefined;
        failures.push(error instanceof Error ? error.message : String(error));
        await sleep(PAUSE_MS);
      }
    }
  };
  const workers = [
    repeat(() => changesPasswords(issuer, password)),
    repeat(() => signsInAndOut(issuer, ledger)),
    repeat(() => redeemsAndRefreshes(party, LOGIN.S1, ledger)),
    repeat(() => redeemsAndRefreshes(party, LOGIN.B1, ledger)),
  ];
  return {
    failures,
    done: () => done,
    goesOn: async (more) => {
      const wanted = done + more;
      await pollUntil('requests continue', () => done >= wanted, TIMEOUT_MS);
    },
    stop: async () => {
      stopped = true;
      await Promise.all(workers);
    },
    verify: async () => {
      await verifyTokens(party, ledger);
      await verifySignedOut(issuer, ledger);
      await settle(issuer, password);
    },
  };
}

async function signIn(issuer: string, login: string, password: string): Promise<HttpBrowser | undefined> {
  const httpBrowser = createHttpBrowser(issuer);
  const answer = await httpBrowser.submit(await httpBrowser.open('/account'), { login, password });
  if (answer.status === 422) return undefined;
  assert.deepEqual(
    [answer.status, interactionOf(answer)],
    [200, undefined],
    `sign-in: ${textOf(answer.body).slice(0, 200)}`,
  );
  return httpBrowser;
}

/** Which of the two passwords is the one? A change without an answer may have happened or not; an acknowledged one has. */
async function settle(issuer: string, password: Password): Promise<HttpBrowser> {
  const { login, acknowledged, uncertain } = password;
  for (const candidate of [acknowledged, uncertain]) {
    const httpBrowser = candidate === undefined ? undefined : await signIn(issuer, login, candidate);
    if (httpBrowser === undefined || candidate === undefined) continue;
    password.acknowledged = candidate;
    password.uncertain = undefined;
    return httpBrowser;
  }
  throw new Error('LOST: an acknowledged password opens nothing');
}

async function changesPasswords(issuer: string, password: Password): Promise<() => Promise<void>> {
  const httpBrowser = await settle(issuer, password);
  return async () => {
    const page = await httpBrowser.open('/account/password');
    assert.equal(page.status, 200);
    password.changes += 1;
    const next = `four small boats at anchor ${String(password.changes)}`;
    password.uncertain = next;
    const fields = { current_password: password.acknowledged, new_password: next, confirm_password: next };
    const done = await httpBrowser.submit(page, fields);
    assert.match(textOf(done.body), /密碼已變更/, `password: ${String(done.status)}`);
    password.acknowledged = next;
    password.uncertain = undefined;
  };
}

async function signsInAndOut(issuer: string, ledger: Ledger): Promise<() => Promise<void>> {
  return Promise.resolve(async () => {
    const httpBrowser = await signIn(issuer, LOGIN.G2, DEMO_PASSWORD);
    assert.ok(httpBrowser, 'the right password was refused');
    const cookie = await httpBrowser.jar.getCookieString(issuer);
    const done = await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
    assert.equal(done.status, 200, 'sign-out');
    ledger.signedOut.push(cookie);
  });
}

async function redeemsAndRefreshes(party: TestParty, login: string, ledger: Ledger): Promise<() => Promise<void>> {
  const httpBrowser = createHttpBrowser(party.config.serverMetadata().issuer);
  await runAuthorization(party, httpBrowser, { login });
  return async () => {
    const code = await runAuthorization(party, httpBrowser, { parameters: OFFLINE });
    codeOf(code.answer);
    const uncertain: Ledger['uncertain'][number] = { code };
    ledger.uncertain.push(uncertain);
    let answer = await redeem(party, code);
    let live = livingOf(answer);
    delete uncertain.code;
    ledger.codes.push(code);
    ledger.live.push(live);
    for (let i = 0; i < 3; i += 1) {
      uncertain.refreshToken = live.refresh;
      ledger.live.splice(ledger.live.indexOf(live), 1);
      answer = await refresh(party, live.refresh);
      const next = livingOf(answer);
      delete uncertain.refreshToken;
      ledger.refreshTokens.push(live.refresh);
      ledger.live.push(next);
      live = next;
    }
  };
}

function livingOf(reply: Reply): Ledger['live'][number] {
  return { access: textIn(reply, 'access_token'), refresh: textIn(reply, 'refresh_token') };
}

async function verifyTokens(party: TestParty, ledger: Ledger): Promise<void> {
  for (const { access, refresh: token } of ledger.live.slice(-KEPT)) {
    assert.equal((await userinfo(party, access)).status, 200, 'LOST: an acknowledged access token');
    assert.equal((await refresh(party, token)).status, 200, 'LOST: an acknowledged refresh token');
  }
  for (const token of ledger.refreshTokens.slice(-KEPT)) {
    assert.equal((await refresh(party, token)).body['error'], 'invalid_grant', 'TWICE: a used refresh token');
  }
  for (const code of ledger.codes.slice(-KEPT)) {
    assert.equal((await redeem(party, code)).body['error'], 'invalid_grant', 'TWICE: a used code');
  }
  for (const { code, refreshToken } of ledger.uncertain) {
    const tries: Reply[] = [];
    for (let i = 0; i < 2; i += 1) {
      if (code !== undefined) tries.push(await redeem(party, code));
      if (refreshToken !== undefined) tries.push(await refresh(party, refreshToken));
    }
    assert.ok(tries.filter(({ status }) => status === 200).length <= 1, 'TWICE: a request in progress');
  }
}

async function verifySignedOut(issuer: string, { signedOut }: Ledger): Promise<void> {
  for (const cookie of signedOut.slice(-KEPT)) {
    const answer = await fetch(`${issuer}/account`, { headers: { cookie, accept: 'text/html' }, redirect: 'manual' });
    assert.equal(answer.status, 303, 'LOST: an acknowledged sign-out');
  }
}
