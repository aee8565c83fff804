import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { generateCity } from '../../demo/city/generator.ts';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { DEFAULT_SEED } from '../../demo/city/seeded-random.ts';
import {
  codeOf,
  runAuthorization,
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
 * Load during failures. A ledger contains all acknowledged work, and `verify` checks it against the service afterwards. The sign-ins rotate
 * over the teachers of the demo city, because the service limits the completed sign-ins of one person.
 */

const OFFLINE = { scope: 'openid profile offline_access', prompt: 'consent' };
/** Number of newest entries of each kind that are verified, because verifying all takes too long. */
const MAX_VERIFIED = 10;
/** Pause after a failure. */
const RETRY_DELAY_MS = 20;
const TIMEOUT_MS = 60_000;

/** A public client, because its refresh tokens rotate. */
export const loadClients = [
  createRegistration('load', newSecret(), {
    ...{ scopes: ['openid', 'profile', 'offline_access'], token_endpoint_auth_method: 'none' },
    client_secret_sha256: [],
  }),
];

/** Size of the demo city of the load. It has about 70 teachers without children. */
export const LOAD_PEOPLE = 3_000;
/** Share of the teachers who change their passwords: one in this number. */
const PASSWORD_SHARE = 4;
/** A person can change the password 30 times in a row (credential-change-limit.ts). */
const CHANGES_PER_PERSON = 20;

/** The last acknowledged password of a person, and the one whose change has no response. */
interface Password {
  login: string;
  acknowledged: string;
  uncertain: string | undefined;
  changes: number;
}

interface Ledger {
  signedOut: string[];
  codes: AuthorizationResult[];
  refreshTokens: string[];
  /** Requests without a response: each may have succeeded once. */
  uncertain: { code?: AuthorizationResult; refreshToken?: string }[];
  active: { access: string; refresh: string }[];
}

export interface Load {
  /** Messages of unexpected responses. */
  failures: string[];
  /** Returns the number of completed pieces of work. */
  done(): number;
  /** Waits until this number of further pieces of work is completed. */
  waitForProgress: (more: number) => Promise<void>;
  /** @throws {AssertionError} if acknowledged work is lost, or a code or token can be used twice */
  verify(): Promise<void>;
}

/** The people who sign in, over all rounds of a database. */
export interface LoadPeople {
  /** Returns the login of the next person with the demo password. */
  nextLogin(): string;
  /** Returns the password of the next person who changes it. */
  nextPassword(): Password;
}

export function createLoadPeople(): LoadPeople {
  const logins = listTeachers();
  const passwords = logins
    .filter((_, at) => at % PASSWORD_SHARE === 0)
    .map((login): Password => ({ login, acknowledged: DEMO_PASSWORD, uncertain: undefined, changes: 0 }));
  return {
    nextLogin: rotate(logins.filter((_, at) => at % PASSWORD_SHARE !== 0)),
    nextPassword: rotate(passwords),
  };
}

/** Lists the generated teachers without children, who have the demo password and one context. */
function listTeachers(): string[] {
  const [, ...generated] = generateCity({ seed: DEFAULT_SEED, people: LOAD_PEOPLE });
  const guardians = new Set(
    generated.flatMap(({ guardianships }) => guardianships.map(({ guardianId }) => guardianId)),
  );
  const teachers = new Set(
    generated
      .flatMap(({ memberships }) => memberships.filter(({ role }) => role === 'teacher'))
      .map(({ personId }) => personId),
  );
  return generated
    .flatMap(({ persons }) => persons)
    .filter(({ id }) => teachers.has(id) && !guardians.has(id))
    .flatMap(({ logins: [login] }) => login?.value ?? []);
}

function rotate<T>(items: readonly T[]): () => T {
  let next = 0;
  return () => {
    const item = items[next % items.length];
    assert.ok(item !== undefined, 'the demo city has too few people');
    next += 1;
    return item;
  };
}

/** Runs `meanwhile` under load and stops the load afterwards, even if `meanwhile` throws. */
export async function runUnderLoad(
  issuer: string,
  people: LoadPeople,
  meanwhile: (load: Load) => Promise<void>,
): Promise<Load> {
  const load = await startLoad(issuer, people);
  try {
    await meanwhile(load);
  } finally {
    await load.stop();
  }
  return load;
}

async function startLoad(issuer: string, people: LoadPeople): Promise<Load & { stop(): Promise<void> }> {
  const passwords = [people.nextPassword()];
  const party = await createParty(issuer, { id: 'load', scope: 'openid profile' });
  const ledger: Ledger = { signedOut: [], codes: [], refreshTokens: [], uncertain: [], active: [] };
  const failures: string[] = [];
  let done = 0;
  let stopped = false;
  /** Repeats a piece of work. `make` prepares it again after each failure. */
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
        await sleep(RETRY_DELAY_MS);
      }
    }
  };
  const workers = [
    repeat(() => changePasswords(issuer, people, passwords)),
    repeat(() => signInAndOut(issuer, people, ledger)),
    repeat(() => redeemAndRefresh(party, people, ledger)),
    repeat(() => redeemAndRefresh(party, people, ledger)),
  ];
  return {
    failures,
    done: () => done,
    waitForProgress: async (more) => {
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
      for (const password of passwords) await signInWithCurrentPassword(issuer, password);
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

/** Signs in with the acknowledged or the uncertain password. A change without a response may or may not be applied. */
async function signInWithCurrentPassword(issuer: string, password: Password): Promise<HttpBrowser> {
  const { login, acknowledged, uncertain } = password;
  for (const candidate of [acknowledged, uncertain]) {
    const httpBrowser = candidate === undefined ? undefined : await signIn(issuer, login, candidate);
    if (httpBrowser === undefined || candidate === undefined) continue;
    password.acknowledged = candidate;
    password.uncertain = undefined;
    return httpBrowser;
  }
  throw new Error('LOST: an acknowledged password is rejected');
}

/** Changes the password of the last person of the list, and adds the next person after some changes. */
async function changePasswords(
  issuer: string,
  people: LoadPeople,
  passwords: Password[],
): Promise<() => Promise<void>> {
  let password = passwords.at(-1) ?? people.nextPassword();
  let httpBrowser = await signInWithCurrentPassword(issuer, password);
  return async () => {
    if (password.changes > 0 && password.changes % CHANGES_PER_PERSON === 0) {
      password = people.nextPassword();
      passwords.push(password);
      httpBrowser = await signInWithCurrentPassword(issuer, password);
    }
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

async function signInAndOut(issuer: string, people: LoadPeople, ledger: Ledger): Promise<() => Promise<void>> {
  return Promise.resolve(async () => {
    const httpBrowser = await signIn(issuer, people.nextLogin(), DEMO_PASSWORD);
    assert.ok(httpBrowser, 'the correct password was rejected');
    const cookie = await httpBrowser.jar.getCookieString(issuer);
    const done = await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
    assert.equal(done.status, 200, 'sign-out');
    ledger.signedOut.push(cookie);
  });
}

async function redeemAndRefresh(party: TestParty, people: LoadPeople, ledger: Ledger): Promise<() => Promise<void>> {
  const httpBrowser = createHttpBrowser(party.config.serverMetadata().issuer);
  await runAuthorization(party, httpBrowser, { login: people.nextLogin() });
  return async () => {
    const code = await runAuthorization(party, httpBrowser, { parameters: OFFLINE });
    codeOf(code.answer);
    const uncertain: Ledger['uncertain'][number] = { code };
    ledger.uncertain.push(uncertain);
    let answer = await redeem(party, code);
    let active = tokensOf(answer);
    delete uncertain.code;
    ledger.codes.push(code);
    ledger.active.push(active);
    for (let i = 0; i < 3; i += 1) {
      uncertain.refreshToken = active.refresh;
      ledger.active.splice(ledger.active.indexOf(active), 1);
      answer = await refresh(party, active.refresh);
      const next = tokensOf(answer);
      delete uncertain.refreshToken;
      ledger.refreshTokens.push(active.refresh);
      ledger.active.push(next);
      active = next;
    }
  };
}

function tokensOf(reply: Reply): Ledger['active'][number] {
  return { access: textIn(reply, 'access_token'), refresh: textIn(reply, 'refresh_token') };
}

async function verifyTokens(party: TestParty, ledger: Ledger): Promise<void> {
  for (const { access, refresh: token } of ledger.active.slice(-MAX_VERIFIED)) {
    assert.equal((await userinfo(party, access)).status, 200, 'LOST: an acknowledged access token');
    assert.equal((await refresh(party, token)).status, 200, 'LOST: an acknowledged refresh token');
  }
  for (const token of ledger.refreshTokens.slice(-MAX_VERIFIED)) {
    assert.equal((await refresh(party, token)).body['error'], 'invalid_grant', 'TWICE: a used refresh token');
  }
  for (const code of ledger.codes.slice(-MAX_VERIFIED)) {
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
  for (const cookie of signedOut.slice(-MAX_VERIFIED)) {
    const answer = await fetch(`${issuer}/account`, { headers: { cookie, accept: 'text/html' }, redirect: 'manual' });
    assert.equal(answer.status, 303, 'LOST: an acknowledged sign-out');
  }
}
