/** What people may bind with, at two nodes of one database: passwords of the web, and application passwords. */
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { eq } from 'drizzle-orm';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { DEFAULT_POLICY_SETTINGS } from '../../src/domain/access/settings.ts';
import { replaceSetting } from '../../src/store/settings.ts';
import {
  APPLICATION_PASSWORDS,
  createApplicationPassword,
  openCreationForm,
  passwordOn,
} from '../helpers/application-passwords.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { listAuditEvents, personId, setFirstPassword, setPassword, signInToAccount } from '../helpers/city.ts';
import { DAY, freezeTime, MINUTE } from '../helpers/frozen-time.ts';
import {
  BASE,
  directoryClient,
  runTool,
  SERVICE_SECRET,
  serviceName,
  startDirectory,
  valuesOf,
  type TestDirectory,
} from '../helpers/directory.ts';
import { noticeOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { connectLdap, bindMessage, searchMessage } from '../helpers/ldap-client.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { enrollTotp, removeSecondFactors } from '../helpers/second-factors.ts';

/** Result codes. */
const [SUCCESS, INVALID_CREDENTIALS, INSUFFICIENT_ACCESS] = [0, 49, 50];

describe('binds of people', () => {
  let nodes: TestDirectory[] = [];
  let first: TestDirectory;
  const captured = createCapturedLog('info');
  before(async () => {
    const clients = [
      directoryClient('radius'),
      // The sector is the host of the redirect URI.
      directoryClient('printer', { redirect_uris: ['https://radius.example/printer'] }),
      directoryClient('mail'),
      directoryClient('family', { scopes: ['openid', 'children'], permissions: ['portfolio:read'] }),
      directoryClient('nursery', { school_types: ['special'] }),
      directoryClient('clinic', { school_types: ['special'], redirect_uris: ['https://mail.example/clinic'] }),
    ];
    first = await startDirectory({ clients, log: captured.log });
    const folder = dirname(first.service.clientsFile);
    const env = {
      KINPASS_DATABASE_FILE: join(folder, 'kinpass.sqlite'),
      KINPASS_MASTER_KEY_FILE: join(folder, 'key'),
    };
    nodes = [first, await startDirectory({ clients, city: false, env })];
  });
  after(async () => {
    for (const node of nodes.reverse()) await node.stop();
  });

  const nameOf = async (uid: string, service = 'radius', attribute = 'dn'): Promise<string> => {
    const as = ['-x', '-H', first.tlsUrl, '-D', serviceName(service), '-w', SERVICE_SECRET];
    const { stdout } = await runTool(first, 'ldapsearch', [...as, '-LLL', '-b', BASE, `(uid=${uid})`, attribute]);
    return valuesOf(stdout, attribute)[0] ?? '';
  };
  const bind = async (node: TestDirectory, name: string, password: string): Promise<number> =>
    (await runTool(node, 'ldapwhoami', ['-x', '-H', node.tlsUrl, '-D', name, '-w', password])).code;
  /** Returns the results of both nodes. */
  const bindAll = async (name: string, password: string): Promise<number[]> => [
    await bind(nodes[0] ?? first, name, password),
    await bind(nodes[1] ?? first, name, password),
  ];
  const create = (browser: HttpBrowser, service = 'radius'): Promise<Answer> =>
    createApplicationPassword(browser, service, 'tablet');
  const signIn = async (key: 'T1' | 'T2' | 'G2'): Promise<HttpBrowser> =>
    (await signInToAccount(first.service, LOGIN[key])).httpBrowser;

  /** Requires a second factor of all staff. @returns the function that takes it back */
  const requireSecondFactor = async (): Promise<() => Promise<void>> => {
    const { store } = first.service.container;
    const key = 'policy';
    const value = { ...DEFAULT_POLICY_SETTINGS, isSecondFactorRequiredForStaff: true };
    const change = { key, value, version: 0, updatedBy: personId('T1'), now: Date.now() } as const;
    assert.ok(await store.write((tx) => replaceSetting(tx, change)));
    return () => store.write((tx) => tx.db.delete(tx.tables.settings).then(() => undefined));
  };

  it('shows an application password once, which one service accepts until it is revoked', async () => {
    const browser = await signIn('T1');
    assert.match(textOf((await browser.open('/account')).body), /應用程式密碼/);
    const shown = await create(browser);
    const password = passwordOn(shown);
    assert.match(password, /^(?:[0-9a-hjkmnp-tv-z]{4}-){6}[0-9a-hjkmnp-tv-z]{4}$/);
    const list = await browser.open(APPLICATION_PASSWORDS);
    assert.ok(!list.body.includes(password));
    assert.match(textOf(list.body), /尚未使用/);
    const [own, other] = [await nameOf(LOGIN.T1), await nameOf(LOGIN.T1, 'mail')];
    assert.deepEqual(await bindAll(own, password), [SUCCESS, SUCCESS]);
    assert.equal(await bind(first, own, password.toUpperCase().replaceAll('-', '')), SUCCESS);
    assert.equal(await bind(first, own, DEMO_PASSWORD), SUCCESS);
    assert.equal(await bind(first, other, password), INVALID_CREDENTIALS);
    assert.match(captured.text(), /"reason":"application password of another service account"[^\n]*\n$/);
    assert.equal(await bind(first, await nameOf(LOGIN.T2), password), INVALID_CREDENTIALS);
    assert.match((await signInToAccount(first.service, LOGIN.T1, password)).answer.body, /帳號或密碼不正確/);
    const used = await browser.open(APPLICATION_PASSWORDS);
    assert.doesNotMatch(textOf(used.body), /尚未使用/);
    const events = await listAuditEvents(first.service, 'T1');
    assert.equal(events.filter((event) => event === 'application_password.used').length, 1);
    const id = /data-application-password="([^"]*)"/.exec(used.body)?.[1] ?? '';
    assert.match(
      noticeOf((await browser.post(`${APPLICATION_PASSWORDS}/revoke`, new URLSearchParams({ password: id }))).body),
      /tablet/,
    );
    assert.deepEqual(await bindAll(own, password), [INVALID_CREDENTIALS, INVALID_CREDENTIALS]);
  });

  it('offers no service that does not see the person, and refuses it in a form', async () => {
    const browser = await signIn('T1');
    const page = await browser.open(APPLICATION_PASSWORDS);
    assert.deepEqual(
      [...page.body.matchAll(/<option value="([^"]*)"/g)].map(([, id]) => id),
      ['radius', 'printer', 'mail', 'family'],
    );
    for (const service of ['nursery', 'unknown', '']) {
      const refused = await create(browser, service);
      assert.match(noticeOf(refused.body), /沒有建立密碼/, service);
    }
  });

  it('creates one password for a form that is sent twice, and shows the valid one', async () => {
    const browser = await signIn('T1');
    const form = new URLSearchParams({ ...(await openCreationForm(browser)), service: 'radius', name: 'twice' });
    const [before, last] = [
      passwordOn(await browser.post(APPLICATION_PASSWORDS, form)),
      passwordOn(await browser.post(APPLICATION_PASSWORDS, form)),
    ];
    const name = await nameOf(LOGIN.T1);
    assert.equal(await bind(first, name, before), INVALID_CREDENTIALS);
    assert.equal(await bind(first, name, last), SUCCESS);
    assert.equal((await browser.open(APPLICATION_PASSWORDS)).body.split('>twice<').length, 2);
  });

  it('refuses the own password with a second factor, and accepts an application password', async () => {
    const browser = await signIn('T2');
    const password = passwordOn(await create(browser));
    const name = await nameOf(LOGIN.T2);
    assert.equal(await bind(first, name, DEMO_PASSWORD), SUCCESS);
    await enrollTotp(first.service, 'T2');
    try {
      assert.deepEqual(await bindAll(name, DEMO_PASSWORD), [INVALID_CREDENTIALS, INVALID_CREDENTIALS]);
      assert.deepEqual(await bindAll(name, password), [SUCCESS, SUCCESS]);
      // A session without the factor creates no other one.
      assert.doesNotMatch((await create(browser)).body, /id="secret"/);
      const bound = ['-x', '-H', first.tlsUrl, '-D', name, '-w', password];
      const change = [...bound, '-a', DEMO_PASSWORD, '-s', 'six red kites in the wind'];
      const { stderr, stdout } = await runTool(first, 'ldappasswd', change);
      assert.match(stdout + stderr, /\(53\)[\s\S]*an application password cannot change your own password/);
    } finally {
      await removeSecondFactors(first.service, 'T2');
    }
  });

  it('refuses operations of the own password once a second factor is added or required', async (t) => {
    const name = await nameOf(LOGIN.T2);
    const open = await Promise.all(nodes.map(({ port }) => connectLdap(port)));
    t.after(() => {
      open.forEach(({ socket }) => socket.destroy());
    });
    const codesOf = async (message: Buffer): Promise<number[]> => {
      for (const client of open) client.send(message);
      return Promise.all(open.map(async (client) => (await client.next()).code));
    };
    const search = (): Promise<number[]> => codesOf(searchMessage(2, name, undefined, 'base'));
    const [all, none] = [
      [SUCCESS, SUCCESS],
      [INSUFFICIENT_ACCESS, INSUFFICIENT_ACCESS],
    ];
    assert.deepEqual([await codesOf(bindMessage(1, name, DEMO_PASSWORD)), await search()], [all, all]);
    await enrollTotp(first.service, 'T2');
    try {
      assert.deepEqual(await search(), none);
    } finally {
      await removeSecondFactors(first.service, 'T2');
    }
    assert.deepEqual(await search(), all);
    const restore = await requireSecondFactor();
    try {
      assert.deepEqual(await search(), none);
    } finally {
      await restore();
    }
  });

  it('refuses a person whom the service that was bound before on the connection does not see', async (t) => {
    const name = await nameOf(LOGIN.T1, 'mail');
    for (const [service, expected] of [
      ['mail', SUCCESS],
      ['clinic', INVALID_CREDENTIALS],
    ] as const) {
      const client = await connectLdap(first.port);
      t.after(() => client.socket.destroy());
      client.send(bindMessage(1, serviceName(service), SERVICE_SECRET), bindMessage(2, name, DEMO_PASSWORD));
      assert.deepEqual([(await client.next()).code, (await client.next()).code], [SUCCESS, expected], service);
    }
  });

  it('revokes no password of another person, and shows the name of a password as text', async () => {
    const [browser, other] = [await signIn('T1'), await signIn('T2')];
    const password = passwordOn(await createApplicationPassword(browser, 'radius', '<img src=x>'));
    const { body } = await browser.open(APPLICATION_PASSWORDS);
    assert.ok(body.includes('&lt;img src=x&gt;') && !body.includes('<img src=x'));
    const ids = [...body.matchAll(/data-application-password="([^"]*)"/g)].map(([, one = '']) => one);
    assert.ok(ids.length > 0);
    for (const one of ids) {
      const answer = await other.post(`${APPLICATION_PASSWORDS}/revoke`, new URLSearchParams({ password: one }));
      assert.doesNotMatch(answer.body, /img src/);
    }
    assert.equal(await bind(first, await nameOf(LOGIN.T1), password), SUCCESS);
  });

  it('ends application passwords with a changed password, on the next bind at each node', async () => {
    const browser = await signIn('T2');
    const password = passwordOn(await create(browser));
    const name = await nameOf(LOGIN.T2);
    assert.deepEqual(await bindAll(name, password), [SUCCESS, SUCCESS]);
    const next = 'eight green lanterns by the gate';
    const fields = { current_password: DEMO_PASSWORD, new_password: next, confirm_password: next };
    const page = await browser.open('/account/password');
    assert.match(textOf(page.body), /應用程式密碼也會失效/);
    assert.match(noticeOf((await browser.submit(page, fields)).body), /密碼已變更/);
    assert.doesNotMatch(textOf((await browser.open('/account/password')).body), /應用程式密碼/);
    assert.deepEqual(await bindAll(name, password), [INVALID_CREDENTIALS, INVALID_CREDENTIALS]);
    assert.deepEqual(await bindAll(name, DEMO_PASSWORD), [INVALID_CREDENTIALS, INVALID_CREDENTIALS]);
    assert.deepEqual(await bindAll(name, next), [SUCCESS, SUCCESS]);
    await setPassword(first.service, 'T2', DEMO_PASSWORD);
  });

  it('refuses a disabled person at each node, and ends their application passwords', async () => {
    const { people } = first.service.container;
    const password = passwordOn(await create(await signIn('T1')));
    const name = await nameOf(LOGIN.T1);
    assert.deepEqual(await bindAll(name, password), [SUCCESS, SUCCESS]);
    assert.ok(await people.setStatus(personId('T1'), 'disabled', undefined));
    const refused = [INVALID_CREDENTIALS, INVALID_CREDENTIALS];
    assert.deepEqual([await bindAll(name, password), await bindAll(name, DEMO_PASSWORD)], [refused, refused]);
    assert.equal(await nameOf(LOGIN.T1), '');
    assert.ok(await people.setStatus(personId('T1'), 'active', undefined));
    assert.deepEqual(await bindAll(name, DEMO_PASSWORD), [SUCCESS, SUCCESS]);
    assert.deepEqual(await bindAll(name, password), refused);
  });

  it('refuses a first password and a one-time code, and says where to choose an own password', async () => {
    const name = await nameOf(LOGIN.T2);
    for (const [node, kind] of [
      [first, 'first'],
      [nodes[1] ?? first, 'one_time_code'],
    ] as const) {
      await setFirstPassword(first.service, 'T2', 'A1B2C3', DAY, kind);
      const args = ['-x', '-H', node.tlsUrl, '-D', name, '-w', 'A1B2C3', '-e', 'ppolicy'];
      const { code, stdout, stderr } = await runTool(node, 'ldapwhoami', args);
      assert.equal(code, INVALID_CREDENTIALS);
      assert.match(stdout + stderr, /set your own password on the sign-in page first/);
      assert.match(stdout + stderr, /Password must be changed/);
    }
    await setPassword(first.service, 'T2', DEMO_PASSWORD);
  });

  it('hides the child of a suspended guardianship', async () => {
    const { guardianships, store } = first.service.container;
    assert.notEqual(await nameOf(LOGIN.G2, 'family', 'kinpassChild'), '');
    const rows = await store.read((tx) =>
      tx.db
        .select()
        .from(tx.tables.guardianships)
        .where(eq(tx.tables.guardianships.guardianId, personId('G2'))),
    );
    const active = rows.filter(({ state }) => state === 'active');
    for (const { id } of active) {
      const change = { id, action: 'suspend', reason: 'decision of a court', actorId: undefined } as const;
      assert.ok(await guardianships.applyAction(change));
    }
    assert.equal(await nameOf(LOGIN.G2, 'family', 'kinpassChild'), '');
  });

  it('keeps the typed name and service while the person signs in again', async () => {
    const time = freezeTime(Date.now());
    try {
      const browser = await signIn('T1');
      const typed = { service: 'mail', name: '平板 "1"' };
      const form = new URLSearchParams({ ...(await openCreationForm(browser)), ...typed });
      time.advance(6 * MINUTE);
      const late = await browser.post(APPLICATION_PASSWORDS, form);
      const again = await browser.submit(late, { login: LOGIN.T1, password: DEMO_PASSWORD });
      assert.match(noticeOf(again.body), /請再按一次按鈕/);
      assert.match(again.body, /<option value="mail" selected>[^]*value="平板 &#34;1&#34;"/);
      passwordOn(await createApplicationPassword(browser, typed.service, typed.name));
      assert.doesNotMatch((await browser.open(APPLICATION_PASSWORDS)).body, / selected>| value="平板/);
    } finally {
      time.release();
    }
  });
});
