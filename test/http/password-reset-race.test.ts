import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { listAuditEvents } from '../helpers/city.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { linkIn, mailTo } from '../helpers/mail.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';
import { startService, type TestService } from '../helpers/service.ts';

const TRIES = 20;

for (const engine of ['sqlite', 'postgres'] as const) {
  describe(`a reset link (${engine})`, () => {
    let service: TestService;
    let mail: MailCatcher;
    before(async () => {
      mail = await startMailCatcher({ smtpPort: 0, webPort: 0 });
      const databaseUrl = engine === 'postgres' ? { databaseUrl: await testDatabaseUrl() } : {};
      service = await startService({ clients: [], smtpUrl: mail.smtpUrl, ...databaseUrl });
    });
    after(async () => {
      await service.stop();
      await mail.close();
    });

    it('is consumed by exactly one of twenty concurrent submissions, which sets the password', async () => {
      const httpBrowser = createHttpBrowser(service.issuer);
      await httpBrowser.submit(await httpBrowser.open('/forgot-password'), { login: LOGIN.G2 });
      const page = await httpBrowser.open(linkIn(await mailTo(mail, LOGIN.G2, '設定新密碼')));
      const passwords = Array.from({ length: TRIES }, (_, at) => `four small boats, try ${String(at)}`);
      const answers = await Promise.all(
        passwords.map((next) => httpBrowser.submit(page, { new_password: next, confirm_password: next })),
      );
      const winners = answers.flatMap(({ status }, at) => (status === 200 ? [passwords[at] ?? ''] : []));
      assert.equal(winners.length, 1);
      assert.equal(answers.filter(({ status }) => status === 410).length, TRIES - 1);
      const password = winners[0] ?? '';
      const signedIn = await httpBrowser.submit(await httpBrowser.open('/account'), { login: LOGIN.G2, password });
      assert.equal(new URL(signedIn.url).pathname, '/account');
      assert.equal((await listAuditEvents(service, 'G2')).filter((event) => event === 'password.reset').length, 1);
    });
  });
}
