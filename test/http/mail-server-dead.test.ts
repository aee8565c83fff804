import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { startMailCatcher } from '../../demo/mail-catcher.ts';
import { LOGIN, interactionOf } from '../helpers/authorization-flow.ts';
import { HOUR, freezeTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf, type HttpBrowser } from '../helpers/http-browser.ts';
import { mailsTo, mailTo } from '../helpers/mail.ts';
import { freePort } from '../helpers/ports.ts';
import { startService } from '../helpers/service.ts';

const NEXT = 'a quiet harbour before sunrise';
const SUBJECT = '您的密碼已變更';

describe('a mail server that is unavailable for an hour', () => {
  it('blocks no request and loses no mail; each mail is sent once when it is back', async () => {
    const time = freezeTime();
    const [smtpPort, webPort] = [await freePort(), await freePort()];
    const service = await startService({ clients: [], smtpUrl: `smtp://127.0.0.1:${String(smtpPort)}` });
    const { store } = service.container;
    const signIn = async (password: string): Promise<HttpBrowser> => {
      const httpBrowser = createHttpBrowser(service.issuer);
      const page = await httpBrowser.submit(await httpBrowser.open('/account'), { login: LOGIN.G4, password });
      assert.deepEqual([page.status, interactionOf(page)], [200, undefined]);
      return httpBrowser;
    };
    const job = async (): Promise<{ attempts: number; nextAt: number; open: boolean }> => {
      const [row] = await store.read((tx) => tx.db.select().from(tx.tables.outbox));
      assert.ok(row);
      return { attempts: row.attempts, nextAt: row.nextAt, open: row.doneAt === null && row.deadAt === null };
    };
    /** Moves the clock to the next attempt and runs the jobs once. */
    const tryAgain = async (): Promise<void> => {
      time.advance(Math.max(0, (await job()).nextAt - Date.now()));
      await Promise.all(service.container.startJobs().map((one) => one.stop()));
    };
    try {
      const httpBrowser = await signIn(DEMO_PASSWORD);
      const fields = { current_password: DEMO_PASSWORD, new_password: NEXT, confirm_password: NEXT };
      const done = await httpBrowser.submit(await httpBrowser.open('/account/password'), fields);
      assert.match(textOf(done.body), /密碼已變更/);
      const begin = Date.now();
      while (Date.now() < begin + HOUR) await tryAgain();
      const { attempts, open } = await job();
      assert.ok(open && attempts >= 8, `${String(attempts)} tries`);
      await signIn(NEXT);
      const mail = await startMailCatcher({ smtpPort, webPort });
      try {
        await tryAgain();
        await mailTo(mail, LOGIN.G4, SUBJECT);
        await tryAgain();
        assert.equal(mailsTo(mail, LOGIN.G4, SUBJECT).length, 1);
        assert.equal((await job()).open, false);
      } finally {
        await mail.close();
      }
    } finally {
      await service.stop();
      time.release();
    }
  });
});
