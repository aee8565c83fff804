/** Clients that the bureau registers for the directory, in the console. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { z } from 'zod';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { NETWORK_POLICIES } from '../../src/domain/throttling/request-rates.ts';
import { octets, TAG } from '../../src/ldap/codec/ber.ts';
import { RESULT } from '../../src/ldap/protocol.ts';
import * as auditStore from '../../src/store/audit.ts';
import { clientForm, directorySecretOn, encode, errorAt, secretOn, type Fields } from '../helpers/client-form.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { openConsole } from '../helpers/console.ts';
import {
  BASE,
  directoryClient,
  runTool,
  SERVICE_SECRET,
  serviceName,
  startDirectory,
  type TestDirectory,
} from '../helpers/directory.ts';
import { alertOf, createHttpBrowser, formOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { bindMessage, connectLdap, searchMessage } from '../helpers/ldap-client.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { pollUntil } from '../helpers/poll.ts';

const errorCode = z.object({ error: z.string() });
const refusal = z.object({
  ...{ requestId: z.uuid(), operation: z.string(), result: z.string(), reason: z.string() },
  ...{ clientId: z.string().optional(), filter: z.string().optional() },
});
const REASON = '依核准公文介接';

describe('a client of the console for the directory', () => {
  let directory: TestDirectory;
  let bureau: HttpBrowser;
  const captured = createCapturedLog('info');
  before(async () => {
    directory = await startDirectory({ clients: [directoryClient('sync')], log: captured.log });
    bureau = await openConsole(directory.service, 'B1');
  });
  after(() => directory.stop());

  /** Sends the form with a reason. */
  const save = async (fields: Fields, path = '/console/clients/new'): Promise<Answer> => {
    const { hidden } = formOf((await bureau.open(path)).body);
    return bureau.post(path, encode({ ...hidden, ...fields, action: 'save', reason: REASON }));
  };
  const act = async (id: string, action: string): Promise<Answer> => {
    const page = await bureau.open(`/console/clients/${id}/action?action=${action}`);
    return bureau.submit(page, { action, reason: REASON });
  };
  const bind = async (id: string, secret: string): Promise<number> => {
    const client = await connectLdap(directory.port);
    client.send(bindMessage(1, serviceName(id), secret));
    const { code } = await client.next();
    client.socket.destroy();
    return code;
  };
  const listEntries = () => directory.service.container.store.read((tx) => auditStore.listEntries(tx, 0, 10_000));
  const lastRefusal = (): z.infer<typeof refusal> => {
    const lines = captured
      .text()
      .split('\n')
      .filter((line) => line.includes('directory operation refused'));
    return refusal.parse(JSON.parse(lines.at(-1) ?? ''));
  };
  const directoryOnly = (id: string, more: Fields = {}): Fields =>
    clientForm(id, { directory: 'only', redirect_uris: [], ...more });

  it('without sign-in binds with the secret that is shown once, and cannot start a sign-in', async () => {
    const saved = await save(directoryOnly('radius'));
    assert.equal(saved.status, 200, alertOf(saved.body));
    const secret = directorySecretOn(saved);
    assert.match(secret, /^[\w-]{43}$/);
    assert.equal(secretOn(saved), '');
    assert.match(textOf(saved.body), /複製密碼[^]*這個密碼只顯示這一次/);
    assert.doesNotMatch(textOf(saved.body), /金鑰/);
    assert.ok(textOf(saved.body).includes(serviceName('radius')) && textOf(saved.body).includes(BASE));
    assert.equal(await bind('radius', secret), RESULT.success);
    const page = await bureau.open('/console/clients/radius');
    assert.match(textOf(page.body), /使用目錄服務（LDAP）\s+只使用目錄服務\s+可以列出所有人員\s+否/);
    assert.ok(!page.body.includes(secret) && !textOf(page.body).includes('驗證方式'));
    const query = new URLSearchParams({ client_id: 'radius', response_type: 'code', scope: 'openid' });
    const answer = await fetch(`${directory.service.issuer}/auth?${query.toString()}`, { redirect: 'manual' });
    assert.equal(answer.status, 400);
    const basic = Buffer.from(`radius:${secret}`).toString('base64');
    const token = await fetch(`${directory.service.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${basic}` },
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x' }),
    });
    assert.deepEqual([token.status, errorCode.parse(await token.json()).error], [401, 'invalid_client']);
  });

  it('is refused when its redirect URIs contradict the choice, or the choice is unknown', async () => {
    const uris = { redirect_uris: 'https://refused.example/callback' };
    const refused: readonly (readonly [Fields, RegExp])[] = [
      [directoryOnly('refused', uris), /選擇「只使用目錄服務」時，不需要登入後返回的網址。/],
      [clientForm('refused', { directory: 'also', redirect_uris: [] }), /必須是完整的 https 網址/],
    ];
    for (const [fields, problem] of refused) {
      const answer = await save(fields);
      assert.equal(answer.status, 422);
      assert.match(errorAt(answer, 'redirect_uris'), problem);
      assert.match(alertOf(answer.body), problem);
    }
    assert.notEqual(errorAt(await save(directoryOnly('refused', { directory: 'all' })), 'directory'), '');
  });

  it('binds with both secrets of a rotation, and not with an ended one or while disabled', async () => {
    const first = directorySecretOn(await save(directoryOnly('mail')));
    const second = directorySecretOn(await act('mail', 'rotate-directory-secret'));
    assert.deepEqual([await bind('mail', first), await bind('mail', second)], [RESULT.success, RESULT.success]);
    assert.match(textOf((await bureau.open('/console/clients/mail')).body), /新舊兩個目錄服務密碼都有效/);
    const open = [await connectLdap(directory.port), await connectLdap(directory.port)];
    for (const [at, client] of open.entries()) {
      client.send(bindMessage(1, serviceName('mail'), at === 0 ? first : second));
      assert.equal((await client.next()).code, RESULT.success);
    }
    await act('mail', 'end-old-directory-secret');
    const codes = [await bind('mail', first), await bind('mail', second)];
    assert.deepEqual(codes, [RESULT.invalidCredentials, RESULT.success]);
    const found = [];
    for (const client of open) {
      client.send(searchMessage(2, BASE, undefined, 'base'));
      found.push((await client.next()).code);
      client.socket.destroy();
    }
    assert.deepEqual(found, [RESULT.insufficientAccessRights, RESULT.success]);
    await act('mail', 'disable');
    assert.equal(await bind('mail', second), RESULT.invalidCredentials);
  });

  it('with sign-in has two secrets, and binds no more when its access is removed', async () => {
    const fields = clientForm('portal', { directory: 'also', directory_scan: 'yes' });
    const saved = await save(fields);
    const [secret, directorySecret] = [secretOn(saved), directorySecretOn(saved)];
    assert.notEqual(secret, directorySecret);
    const codes = [await bind('portal', secret), await bind('portal', directorySecret)];
    assert.deepEqual(codes, [RESULT.invalidCredentials, RESULT.success]);
    await save({ ...fields, directory: 'no', directory_scan: [] }, '/console/clients/portal/edit');
    assert.equal(await bind('portal', directorySecret), RESULT.invalidCredentials);
    assert.match(textOf((await bureau.open('/console/clients/portal')).body), /使用目錄服務（LDAP）\s+不使用/);
  });

  it('has pages that say what disabling and enabling mean for sign-in and for the directory', async () => {
    const openText = async (path: string): Promise<string> => textOf((await bureau.open(path)).body);
    const texts = {
      only: {
        ...{
          disable: /立即無法使用目錄服務（LDAP）：使用者無法登入這個系統/,
          disabled: /停用，無法使用目錄服務（LDAP）。/,
        },
        enable: /系統立即可以使用目錄服務（LDAP）/,
      },
      also: {
        ...{
          disable: /無法登入、取得或更新 token，也無法使用目錄服務（LDAP）/,
          disabled: /無法登入，已發出的 token 與目錄服務/,
        },
        enable: /立即可以登入應用程式，應用程式也能再使用目錄服務（LDAP）/,
      },
    };
    for (const [directory, text] of Object.entries(texts)) {
      const id = `closed-${directory}`;
      const fields = directory === 'only' ? directoryOnly(id) : clientForm(id, { directory });
      const secret = directorySecretOn(await save(fields));
      const page = `/console/clients/${id}`;
      assert.match(await openText(`${page}/action?action=disable`), text.disable);
      await act(id, 'disable');
      assert.match(await openText(page), text.disabled);
      assert.equal(await bind(id, secret), RESULT.invalidCredentials);
      await pollUntil('the client can be enabled', async () =>
        (await bureau.open(page)).body.includes('value="enable"'),
      );
      assert.match(await openText(`${page}/action?action=enable`), text.enable);
      await act(id, 'enable');
      assert.equal(await bind(id, secret), RESULT.success);
    }
  });

  it('is named on the account pages of exactly the people that it sees', async () => {
    await save(directoryOnly('seeing'));
    await save(directoryOnly('special', { school_types: 'special' }));
    const parent = createHttpBrowser(directory.service.issuer);
    await parent.submit(await parent.open('/account'), { login: LOGIN.G2, password: DEMO_PASSWORD });
    const shown = textOf((await parent.open('/account')).body);
    assert.match(
      shown,
      /目前沒有您授權的應用程式。\s+使用目錄服務的學校系統可以讀取您的資料，不會徵求您的同意：[^。]*測試 seeing/,
    );
    assert.doesNotMatch(shown, /測試 special/);
    assert.match(textOf((await bureau.open('/account')).body), /使用目錄服務的學校系統[^。]*測試 special/);
  });

  it('is in the log with an operation id and the shape of a refused filter, and in the counters', async () => {
    const operations = async (labels: Readonly<Record<string, string>>): Promise<number> => {
      const { values } = await directory.service.container.metrics.ldapOperations.get();
      return (
        values.find(
          ({ labels: { operation, result } }) => operation === labels['operation'] && result === labels['result'],
        )?.value ?? -1
      );
    };
    assert.equal(await operations({ operation: 'compare', result: 'compareTrue' }), 0);
    const refused = await operations({ operation: 'search', result: 'unwillingToPerform' });
    const client = await connectLdap(directory.port);
    client.send(bindMessage(1, serviceName('sync'), SERVICE_SECRET));
    await client.next();
    const ending = { tag: TAG.sequence, content: [octets('淑芬', 0x82)] };
    const substrings = { tag: 0xa4, content: [octets('cn'), ending] };
    const filter = { tag: 0xa1, content: [substrings, { tag: 0xa3, content: [octets('shufen.chen'), octets('x')] }] };
    client.send(searchMessage(2, BASE, filter));
    assert.equal((await client.next()).code, RESULT.unwillingToPerform);
    const line = lastRefusal();
    client.send(searchMessage(3, 'dc=wrong', filter));
    assert.equal((await client.next()).code, RESULT.noSuchObject);
    assert.match(lastRefusal().reason, /the search base is dc=city,dc=example/);
    client.send(bindMessage(4, 'shufen.chen', 'wrong'));
    assert.equal((await client.next()).code, RESULT.invalidCredentials);
    assert.deepEqual([lastRefusal().clientId, lastRefusal().reason], ['sync', 'unknown name or wrong password']);
    client.send(bindMessage(5, serviceName('sync'), 'wrong'));
    assert.equal((await client.next()).code, RESULT.invalidCredentials);
    assert.equal(lastRefusal().reason, 'wrong secret of the service account sync');
    client.socket.destroy();
    assert.equal(await operations({ operation: 'search', result: 'unwillingToPerform' }), refused + 1);
    assert.deepEqual(
      { operation: line.operation, result: line.result, clientId: line.clientId, filter: line.filter },
      { operation: 'search', result: 'unwillingToPerform', clientId: 'sync', filter: '(|(cn=*…)(?=…))' },
    );
    assert.match(line.reason, /no index/);
    assert.doesNotMatch(captured.text(), /shufen|淑芬/);
  });

  it('is in the audit log once an hour when it lists people', async () => {
    const list = ['-x', '-LLL', '-H', directory.tlsUrl, '-D', serviceName('sync'), '-w', SERVICE_SECRET, '-b', BASE];
    for (const scope of ['one', 'sub']) {
      const found = await runTool(directory, 'ldapsearch', [
        ...list,
        '-s',
        scope,
        '-E',
        'pr=5/noprompt',
        '(sn=*)',
        '1.1',
      ]);
      assert.equal(found.code, 0, found.stderr);
    }
    const listed = (await listEntries()).filter(({ event }) => event === 'directory.people_listed');
    assert.deepEqual(
      listed.map(({ clientId, outcome }) => [clientId, outcome]),
      [['sync', 'ok']],
    );
  });

  it('is refused for a time after many wrong secrets from its network, also with the right one', async () => {
    const client = await connectLdap(directory.port);
    const codes: number[] = [];
    const send = async (secret: string): Promise<void> => {
      client.send(bindMessage(codes.length + 1, serviceName('sync'), secret));
      codes.push((await client.next()).code);
    };
    await send('wrong');
    const failed = (await listEntries()).filter(({ event }) => event === 'directory.bind_failed');
    const { requestId } = lastRefusal();
    assert.ok(failed.some(({ clientId, detail }) => clientId === 'sync' && detail['requestId'] === requestId));
    while (codes.length <= NETWORK_POLICIES.directory_bind.capacity) await send('wrong');
    await send(SERVICE_SECRET);
    assert.deepEqual([...new Set(codes)], [RESULT.invalidCredentials]);
    assert.match(lastRefusal().reason, /too many/);
    client.socket.destroy();
  });
});
