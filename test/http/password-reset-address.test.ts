/** Reset links and notices are sent to verified addresses only; disabling the account revokes its link. */
import assert from 'node:assert/strict';
import { beforeEach, it } from 'node:test';

import { and, eq } from 'drizzle-orm';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { hashId } from '../../src/platform/crypto/secrets.ts';
import { upsertResetLink } from '../../src/store/auth/credentials.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { setFirstPassword, setPassword, personId, normalizePage } from '../helpers/city.ts';
import { DAY, useFrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, type Answer } from '../helpers/http-browser.ts';
import { mailsTo, requestResetLink, useMailCatcher } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';
import { eachService } from '../helpers/service-matrix.ts';

const SUBJECT = '設定新密碼';
const NOTICE = '您的密碼已變更';
const EMAIL = LOGIN.G2;

const mail = useMailCatcher();
const time = useFrozenTime();

eachService(
  'a reset link',
  () => ({ clients: [], smtpUrl: mail.smtpUrl }),
  (running) => {
    beforeEach(async () => {
      time.advance(DAY);
      await setVerified(1);
      await setPassword(running(), 'G2', DEMO_PASSWORD);
    });

    const setVerified = (verifiedAt: number | null): Promise<unknown> =>
      running().container.store.write(({ db, tables: { identifiers: i } }) =>
        db
          .update(i)
          .set({ verifiedAt })
          .where(and(eq(i.personId, personId('G2')), eq(i.kind, 'email'))),
      );
    const ask = async (login: string): Promise<Answer> => {
      const httpBrowser = createHttpBrowser(running().issuer);
      return httpBrowser.submit(await httpBrowser.open('/forgot-password'), { login });
    };
    const newLink = (): Promise<string> => requestResetLink(running(), mail, EMAIL);
    const sent = (subject: string): number => mailsTo(mail, EMAIL, subject).length;
    const statusOf = async (link: string): Promise<number> =>
      (await createHttpBrowser(running().issuer).open(link)).status;
    const setStatus = (status: 'active' | 'disabled'): Promise<boolean> =>
      running().container.people.setStatus(personId('G2'), status, undefined);

    it('is not sent to an unverified address, and the response is the same', async () => {
      await setVerified(null);
      const before = sent(SUBJECT);
      const start = performance.now();
      const unverified = await ask(EMAIL);
      assert.ok(performance.now() - start > 250, 'takes as long as for everybody');
      assert.equal(unverified.status, 200);
      assert.equal(
        normalizePage(unverified, EMAIL),
        normalizePage(await ask('unknown@parents.example'), 'unknown@parents.example'),
      );
      await ask('0900-000-102');
      await setVerified(1);
      await newLink();
      assert.equal(sent(SUBJECT), before + 1);
    });

    it('is followed by a notice to verified addresses only', async () => {
      const link = await newLink();
      const before = sent(NOTICE);
      await setVerified(null);
      const httpBrowser = createHttpBrowser(running().issuer);
      const next = 'four small boats at anchor';
      const done = await httpBrowser.submit(await httpBrowser.open(link), {
        new_password: next,
        confirm_password: next,
      });
      assert.equal(done.status, 200);
      await pollUntil('an empty outbox', async () => (await waiting()) === 0);
      assert.equal(sent(NOTICE), before);
    });

    it('is revoked when the account is disabled, even if it is enabled again', async () => {
      const link = await newLink();
      assert.equal(await statusOf(link), 200);
      await setStatus('disabled');
      await setStatus('active');
      assert.equal(await statusOf(link), 410);
    });

    it('that is stored just after the account is disabled is revoked when it is enabled', async () => {
      await setStatus('disabled');
      const token = 'A'.repeat(43);
      const link = {
        personId: personId('G2'),
        tokenHash: hashId(token),
        expiresAt: Date.now() + DAY,
        createdAt: Date.now(),
      };
      await running().container.store.write((tx) => upsertResetLink(tx, link));
      await setStatus('active');
      assert.equal(await statusOf(`${running().issuer}/reset-password?token=${token}`), 410);
    });

    it('is revoked when the IT desk sets a first password', async () => {
      const link = await newLink();
      await setFirstPassword(running(), 'G2', 'first-password-1');
      assert.equal(await statusOf(link), 410);
    });

    const waiting = async (): Promise<number> => {
      const rows = await running().container.store.read(({ db, tables: { outbox } }) =>
        db.select({ doneAt: outbox.doneAt }).from(outbox),
      );
      return rows.filter(({ doneAt }) => doneAt === null).length;
    };
  },
);
