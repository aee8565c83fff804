/** The log line of a failed delivery: it names the receiver and the reason, and contains no personal data. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, describe, it } from 'node:test';

import { z } from 'zod';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { runAuthorization, LOGIN } from '../helpers/authorization-flow.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { startLogoutReceiver, type LogoutReceiver } from '../helpers/logout-receiver.ts';
import { pollUntil } from '../helpers/poll.ts';
import { freePort } from '../helpers/ports.ts';
import { createParty, newSecret, createRegistration } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const secret = newSecret();
const line = z.looseObject({ msg: z.string(), kind: z.string().optional() });

describe('the log line of a failed delivery', () => {
  let service: TestService;
  let receiver: LogoutReceiver;
  let smtpPort: number;
  let deadPort: number;
  const kept = createCapturedLog();
  /** Rejects every recipient and quotes the address, as real mail servers do. */
  const smtp = createServer((socket) => {
    socket.write('220 mail\r\n');
    socket.on('data', (data) => {
      const text = data.toString();
      if (text.startsWith('RCPT')) socket.write(`550 5.1.1 ${LOGIN.G2}: user unknown\r\n`);
      else socket.write('250 ok\r\n');
    });
    socket.on('error', () => undefined);
  });
  before(async () => {
    [smtpPort, deadPort] = [await freePort(), await freePort()];
    smtp.listen(smtpPort, '127.0.0.1');
    receiver = await startLogoutReceiver(() => service.issuer, 'refusing');
    receiver.respondWith(418);
    service = await startService({
      clients: [
        createRegistration('refusing', secret, { scopes: ['openid'], backchannel_logout_uri: receiver.url }),
        createRegistration('closed', secret, {
          scopes: ['openid'],
          backchannel_logout_uri: `http://127.0.0.1:${String(deadPort)}/logout?secret=1`,
        }),
      ],
      smtpUrl: `smtp://user:hunter2@127.0.0.1:${String(smtpPort)}?ignoreTLS=true`,
      log: kept.log,
    });
  });
  after(async () => {
    await service.stop();
    await receiver.close();
    smtp.close();
  });

  const lines = (): z.infer<typeof line>[] =>
    kept
      .text()
      .split('\n')
      .filter((text) => text !== '')
      .map((text) => line.parse(JSON.parse(text)));
  const failure = (of: Record<string, unknown>): Promise<Record<string, unknown>> =>
    pollUntil('the log line', () =>
      lines().find(
        (one) => one.msg === 'delivery failed' && Object.entries(of).every(([key, value]) => one[key] === value),
      ),
    );
  const pick = (found: Record<string, unknown>, ...names: string[]): Record<string, unknown> =>
    Object.fromEntries(names.map((name) => [name, found[name]]));

  it('contains the relying party, its host, and the status or error code', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    for (const id of ['refusing', 'closed']) {
      await runAuthorization(await createParty(service.issuer, { id, secret, scope: 'openid' }), httpBrowser, {
        login: LOGIN.T2,
        password: DEMO_PASSWORD,
      });
    }
    await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
    const kind = 'backchannel_logout';
    const refused = await failure({ kind, clientId: 'refusing' });
    assert.deepEqual(pick(refused, 'host', 'status', 'attempts'), {
      host: new URL(receiver.url).host,
      status: 418,
      attempts: 1,
    });
    const closed = await failure({ kind, clientId: 'closed' });
    const host = `127.0.0.1:${String(deadPort)}`;
    const reason = `connect ECONNREFUSED ${host}`;
    assert.deepEqual(pick(closed, 'host', 'code', 'reason'), { host, code: 'ECONNREFUSED', reason });
    // The id leads from the failed notice to the sign-out.
    const signOut = lines().find(({ msg, route }) => msg === 'request' && route === '/session/end/confirm');
    assert.ok(signOut?.['requestId']);
    assert.equal(closed['requestId'], signOut['requestId']);
  });

  it('contains the mail template, the server and the error code', async () => {
    const httpBrowser = createHttpBrowser(service.issuer);
    await httpBrowser.submit(await httpBrowser.open('/forgot-password'), { login: LOGIN.G2 });
    const found = await failure({ kind: 'mail' });
    assert.deepEqual(pick(found, 'template', 'host', 'code', 'responseCode', 'reason'), {
      template: 'reset-link',
      host: `127.0.0.1:${String(smtpPort)}`,
      code: 'EENVELOPE',
      responseCode: 550,
      reason: '5.1.1',
    });
  });

  it('contains PRIVATE_ADDRESS if the relying party has a forbidden private address', async () => {
    const log = createCapturedLog();
    const strict = await startService({
      clients: [createRegistration('closed', secret, { scopes: ['openid'], backchannel_logout_uri: receiver.url })],
      env: { KINPASS_ALLOW_PRIVATE_LOGOUT_ADDRESSES: 'false' },
      log: log.log,
    });
    try {
      const httpBrowser = createHttpBrowser(strict.issuer);
      await runAuthorization(await createParty(strict.issuer, { id: 'closed', secret, scope: 'openid' }), httpBrowser, {
        login: LOGIN.T2,
        password: DEMO_PASSWORD,
      });
      await httpBrowser.submit(await httpBrowser.open('/session/end'), {});
      await pollUntil('the log line', () => log.text().includes('"code":"PRIVATE_ADDRESS"'));
    } finally {
      await strict.stop();
    }
  });

  it('contains no token, e-mail address, link or password', () => {
    const lines = kept
      .text()
      .split('\n')
      .filter((text) => text.includes('delivery failed'));
    assert.ok(lines.length >= 3);
    for (const text of lines) assert.doesNotMatch(text, /eyJ|@|forgot|token|logout\?|secret|hunter2/);
  });
});
