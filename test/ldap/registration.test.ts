/** Clients that the bureau registers for the directory, in the console. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { z } from 'zod';

import { RESULT } from '../../src/ldap/protocol.ts';
import { clientForm, directorySecretOn, encode, errorAt, secretOn, type Fields } from '../helpers/client-form.ts';
import { openConsole } from '../helpers/console.ts';
import { BASE, serviceName, startDirectory, type TestDirectory } from '../helpers/directory.ts';
import { alertOf, formOf, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { bindMessage, connectLdap } from '../helpers/ldap-client.ts';

const errorCode = z.object({ error: z.string() });
const REASON = '依核准公文介接';

describe('a client of the console for the directory', () => {
  let directory: TestDirectory;
  let bureau: HttpBrowser;
  before(async () => {
    directory = await startDirectory({ clients: [] });
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
  const directoryOnly = (id: string, more: Fields = {}): Fields =>
    clientForm(id, { directory: 'only', redirect_uris: [], ...more });

  it('without sign-in binds with the secret that is shown once, and cannot start a sign-in', async () => {
    const saved = await save(directoryOnly('radius'));
    assert.equal(saved.status, 200, alertOf(saved.body));
    const secret = directorySecretOn(saved);
    assert.match(secret, /^[\w-]{43}$/);
    assert.equal(secretOn(saved), '');
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
    for (const fields of [
      directoryOnly('refused', uris),
      clientForm('refused', { directory: 'also', redirect_uris: [] }),
    ]) {
      const answer = await save(fields);
      assert.equal(answer.status, 422);
      assert.notEqual(errorAt(answer, 'redirect_uris'), '');
    }
    assert.notEqual(errorAt(await save(directoryOnly('refused', { directory: 'all' })), 'directory'), '');
  });

  it('with a rotated secret binds with both, and with an ended or removed one not at the next bind', async () => {
    const first = directorySecretOn(await save(directoryOnly('mail')));
    const second = directorySecretOn(await act('mail', 'rotate-directory-secret'));
    assert.deepEqual([await bind('mail', first), await bind('mail', second)], [RESULT.success, RESULT.success]);
    assert.match(textOf((await bureau.open('/console/clients/mail')).body), /新舊兩個目錄服務密碼都有效/);
    await act('mail', 'end-old-directory-secret');
    const codes = [await bind('mail', first), await bind('mail', second)];
    assert.deepEqual(codes, [RESULT.invalidCredentials, RESULT.success]);
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
});
