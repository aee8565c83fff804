/** Changes of the clients file while the service runs. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';

import { MINUTE_MS } from '../../src/domain/duration.ts';
import * as outboxStore from '../../src/store/outbox.ts';
import { LOGIN, refresh, tokensFor, userinfo } from '../helpers/authorization-flow.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { pollUntil } from '../helpers/poll.ts';
import { createParty, createRegistration, newSecret } from '../helpers/relying-party.ts';
import { startService, type TestService } from '../helpers/service.ts';

const POLL_MS = 20;
const [SECRET, NEW_SECRET] = [newSecret(), newSecret()];
const app = (id: string, secret = SECRET, more: object = {}): object =>
  createRegistration(id, secret, { scopes: ['openid', 'profile', 'offline_access'], ...more });
const toText = (...clients: object[]): string => JSON.stringify({ clients, resource_servers: [] });

describe('the clients file of a running service', () => {
  let service: TestService;
  let file: string;
  let offsetMs = 0;
  const kept = createCapturedLog();

  before(async () => {
    service = await startService({
      clients: [app('kept')],
      clock: { now: () => Date.now() + offsetMs },
      log: kept.log,
      intervals: { clientsFile: POLL_MS },
    });
    file = service.clientsFile;
  });
  after(() => service.stop());
  let count = 0;
  beforeEach(async () => {
    count += 1;
    await change(() => {
      writeFileSync(file, toText(app('kept', SECRET, { client_uri: `https://kept.example/${String(count)}` })));
    });
  });

  const reloads = async (result: 'loaded' | 'rejected'): Promise<number> => {
    const { values } = await service.container.metrics.clientsReloads.get();
    return values.find(({ labels }) => labels['result'] === result)?.value ?? 0;
  };
  /** Changes the file and waits until the service has read it. */
  const change = async (write: () => void): Promise<void> => {
    const before = await reloads('loaded');
    write();
    await pollUntil('the file is reloaded', async () => (await reloads('loaded')) > before);
  };
  /** Returns the error of a token request with an invented code: `invalid_grant` if the client is accepted. */
  const errorOf = async (id: string, secret = SECRET): Promise<unknown> => {
    const response = await fetch(`${service.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: 'x',
        redirect_uri: `https://${id}.example/`,
      }),
    });
    return ((await response.json()) as Record<string, unknown>)['error'];
  };

  it('registers an added client, and takes a changed secret into use', async () => {
    assert.equal(await errorOf('added'), 'invalid_client');
    await change(() => {
      writeFileSync(file, toText(app('kept', NEW_SECRET), app('added')));
    });
    const found = [await errorOf('added'), await errorOf('kept'), await errorOf('kept', NEW_SECRET)];
    assert.deepEqual(found, ['invalid_grant', 'invalid_client', 'invalid_grant']);
    assert.match(kept.text(), /"added":\["added"\],"changed":\["kept"\],"removed":\[\],"msg":"clients file reloaded"/);
  });

  it('ends a removed client: its tokens are refused, and /auth does not know it', async () => {
    await change(() => {
      writeFileSync(file, toText(app('kept'), app('leaves')));
    });
    const party = await createParty(service.issuer, {
      id: 'leaves',
      scope: 'openid profile',
      secret: SECRET,
    });
    const parameters = { scope: 'openid profile offline_access', prompt: 'consent' };
    const tokens = await tokensFor(party, createHttpBrowser(service.issuer), { login: LOGIN.T2, parameters });
    assert.equal((await userinfo(party, tokens.access_token)).status, 200);
    await change(() => {
      writeFileSync(file, toText(app('kept')));
    });
    assert.equal((await userinfo(party, tokens.access_token)).status, 401);
    assert.equal((await refresh(party, tokens.refresh_token)).status, 401);
    const { url } = await party.begin();
    assert.equal((await fetch(url, { redirect: 'manual' })).status, 400);
  });

  const broken: Record<string, string> = {
    'an empty file': '',
    'half a file': toText(app('kept'), app('added')).slice(0, -40),
    'an invalid client': toText(app('kept'), app('added', SECRET, { redirect_uris: ['https://*.example/'] })),
    'a duplicate client': toText(app('added'), app('added')),
    'more than 1 MiB': toText(app('kept'), app('added')).padEnd(1024 * 1024 + 1),
  };
  for (const [what, text] of Object.entries(broken)) {
    it(`keeps its clients with ${what}, and logs the reasons`, async () => {
      const start = kept.text().length;
      const before = await reloads('rejected');
      writeFileSync(file, text);
      await pollUntil('the file is rejected', async () => (await reloads('rejected')) > before);
      assert.deepEqual([await errorOf('kept'), await errorOf('added')], ['invalid_grant', 'invalid_client']);
      assert.match(
        kept.text().slice(start),
        /"level":"warn".*"problems":\["[^"]*clients\.json: .*"msg":"failed to reload the clients file/,
      );
      await change(() => {
        writeFileSync(file, toText(app('kept'), app('added')));
      });
      assert.equal(await errorOf('added'), 'invalid_grant');
    });
  }

  it('keeps its clients and answers when a pipe replaces the file', async () => {
    const before = await reloads('rejected');
    rmSync(file);
    execFileSync('mkfifo', [file]);
    await pollUntil('the pipe is rejected', async () => (await reloads('rejected')) > before);
    assert.equal(await errorOf('kept'), 'invalid_grant');
    assert.match(kept.text(), /clients\.json: is not a regular file/);
    rmSync(file);
  });

  it('follows a file that replaces it, and the swap of a link as in a ConfigMap', async () => {
    const folder = dirname(file);
    await change(() => {
      writeFileSync(`${file}.new`, toText(app('kept'), app('renamed')));
      renameSync(`${file}.new`, file);
    });
    assert.equal(await errorOf('renamed'), 'invalid_grant');
    for (const version of ['one', 'two']) {
      mkdirSync(join(folder, version));
      writeFileSync(join(folder, version, 'clients.json'), toText(app('kept'), app(`version-${version}`)));
    }
    symlinkSync('one', join(folder, '..data'));
    await change(() => {
      rmSync(file);
      symlinkSync(join('..data', 'clients.json'), file);
    });
    assert.equal(await errorOf('version-one'), 'invalid_grant');
    await change(() => {
      symlinkSync('two', join(folder, '..data_tmp'));
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    });
    assert.deepEqual([await errorOf('version-one'), await errorOf('version-two')], ['invalid_client', 'invalid_grant']);
  });

  it('drops queued logout notices of a removed client after ten minutes', async () => {
    const unreachable = { backchannel_logout_uri: 'http://127.0.0.1:9/logout' };
    await change(() => {
      writeFileSync(file, toText(app('kept'), app('notified', SECRET, unreachable)));
    });
    const pending = async (): Promise<number> => {
      const counts = await service.container.store.read((tx) => outboxStore.countJobs(tx));
      return counts.find(({ kind }) => kind === 'backchannel_logout')?.pending ?? 0;
    };
    const party = await createParty(service.issuer, { id: 'notified', scope: 'openid profile', secret: SECRET });
    await tokensFor(party, createHttpBrowser(service.issuer), { login: LOGIN.T2 });
    await service.container.globalRevocation.revokeAll('operator');
    assert.equal(await pending(), 1);
    await change(() => {
      writeFileSync(file, toText(app('kept')));
    });
    offsetMs += 9 * MINUTE_MS;
    assert.equal(await pending(), 1);
    offsetMs += 2 * MINUTE_MS;
    await pollUntil('the notice is dropped', async () => (await pending()) === 0);
  });
});
