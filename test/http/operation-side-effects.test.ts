import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { SMTPServer } from 'smtp-server';

import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { listAuditEvents, readCredential, countFailures, setPassword, signInToAccount } from '../helpers/city.ts';
import { freezeTime, HOUR, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser, type Answer, type HttpBrowser, noticeOf } from '../helpers/http-browser.ts';
import { createCapturedLog, type CapturedLog } from '../helpers/log.ts';
import { mailsTo, mailTo } from '../helpers/mail.ts';
import { pollUntil } from '../helpers/poll.ts';
import { freePort } from '../helpers/ports.ts';
import { startCluster } from '../helpers/postgres.ts';
import { startService, type TestService } from '../helpers/service.ts';

const NEXT = 'four small boats at anchor';

const changePassword = async (httpBrowser: HttpBrowser, current: string, next: string): Promise<Answer> =>
  httpBrowser.submit(await httpBrowser.open('/account/password'), {
    current_password: current,
    new_password: next,
    confirm_password: next,
  });
const figure = async ({ container }: TestService, name: string): Promise<number> => {
  const found = (await container.metrics.registry.metrics()).split('\n').find((one) => one.startsWith(`${name} `));
  return Number(found?.slice(name.length) ?? 0);
};

describe('mail', () => {
  let service: TestService;
  let time: FrozenTime;
  let kept: CapturedLog;
  let smtpPort: number;
  before(async () => {
    time = freezeTime();
    kept = createCapturedLog();
    smtpPort = await freePort();
    service = await startService({ clients: [], smtpUrl: `smtp://127.0.0.1:${String(smtpPort)}`, log: kept.log });
  });
  after(async () => {
    await service.stop();
    time.release();
  });
  const withCatcher = async (work: (mail: MailCatcher) => Promise<void>): Promise<void> => {
    const mail = await startMailCatcher({ smtpPort, webPort: 0 });
    try {
      await work(mail);
    } finally {
      await mail.close();
    }
  };

  it('that cannot be delivered blocks no request, is counted, and arrives after recovery', async () => {
    const { httpBrowser } = await signInToAccount(service, LOGIN.G2);
    const changed = await changePassword(httpBrowser, DEMO_PASSWORD, NEXT);
    assert.match(noticeOf(changed.body), /密碼已變更/);
    assert.equal(new URL((await signInToAccount(service, LOGIN.G2, NEXT)).answer.url).pathname, '/account');
    const retried = 'kinpass_outbox_deliveries_total{kind="mail",outcome="retry"}';
    await pollUntil('a retry', async () => (await figure(service, retried)) >= 1);
    await pollUntil('a mail that waits', async () => (await figure(service, 'kinpass_outbox_pending')) === 1);
    await withCatcher(async (mail) => {
      time.advance(HOUR);
      const notice = await mailTo(mail, LOGIN.G2, '您的密碼已變更');
      assert.match(notice.text, /李美玲，您好/);
      assert.match(notice.text, /2026年11月23日 09:00/);
      assert.match(notice.from, /no-reply@kinpass\.example/);
      await pollUntil('nothing waits', async () => (await figure(service, 'kinpass_outbox_pending')) === 0);
      time.advance(HOUR);
      assert.equal(mailsTo(mail, LOGIN.G2, '您的密碼已變更').length, 1, 'once');
    });
    assert.equal(await figure(service, 'kinpass_outbox_deliveries_total{kind="mail",outcome="sent"}'), 1);
    const rows = await service.container.store.read((tx) => tx.db.select().from(tx.tables.outbox));
    assert.deepEqual(
      rows.map(({ payload, lastError }) => ({ payload, lastError })),
      [{ payload: '', lastError: null }],
    );
  });

  it('about a changed password is in the language of the person', async () => {
    await withCatcher(async (mail) => {
      const { httpBrowser } = await signInToAccount(service, LOGIN.G5);
      await changePassword(httpBrowser, DEMO_PASSWORD, NEXT);
      const notice = await mailTo(mail, LOGIN.G5, 'password');
      assert.match(notice.text, /Nguyen Thi Lan/);
      assert.match(notice.text, /23 November 2026|November 23, 2026/);
      assert.doesNotMatch(notice.text, /密碼/);
    });
  });

  it('that is rejected is logged without the address that the mail server quotes', async () => {
    const refusing = new SMTPServer({
      disabledCommands: ['AUTH', 'STARTTLS'],
      onRcptTo: ({ address }, _session, done) => {
        done(Object.assign(new Error(`<${address}>: no such user here`), { responseCode: 550 }));
      },
    });
    await new Promise<void>((resolve) => refusing.listen(smtpPort, '127.0.0.1', resolve));
    try {
      const { httpBrowser } = await signInToAccount(service, LOGIN.G4);
      await changePassword(httpBrowser, DEMO_PASSWORD, NEXT);
      await pollUntil('the refusal is logged', () => kept.text().includes('"responseCode":550'));
    } finally {
      await new Promise<void>((resolve) => {
        refusing.close(resolve);
      });
    }
    assert.match(kept.text(), /"code":"EENVELOPE"/);
    assert.ok(!kept.text().includes('xiu.lin'));
    const rows = await service.container.store.read((tx) => tx.db.select().from(tx.tables.outbox));
    assert.ok(rows.every(({ lastError }) => lastError === null || lastError === 'EENVELOPE'));
    time.advance(2 * SECOND);
  });
});

describe('side effects of a sign-in', () => {
  let service: TestService;
  let kept: CapturedLog;
  before(async () => {
    kept = createCapturedLog();
    service = await startService({ clients: [], log: kept.log });
  });
  after(() => service.stop());

  it('may fail: sign-in succeeds without the audit log, and each lost entry is counted', async () => {
    const { store } = service.container;
    const lost = 'kinpass_best_effort_failures_total{kind="audit"}';
    await store.runExclusively((run) => run('alter table audit rename to audit_away'));
    const { httpBrowser, answer } = await signInToAccount(service, LOGIN.G2);
    assert.equal(new URL(answer.url).pathname, '/account');
    assert.equal((await signInToAccount(service, LOGIN.G2, 'wrong')).answer.status, 422);
    // The success resets the failures, and the failure counts, although no audit entry was written.
    assert.equal(await countFailures(service, 'G2'), 1);
    // One entry for each attempt, and one for the authorization of the account page.
    await pollUntil('three rows lost', async () => (await figure(service, lost)) === 3);
    assert.match(kept.text(), /failed to write audit entry/);
    // A change and its audit entry are in one transaction.
    const hash = (await readCredential(service, 'G2')).hash;
    assert.equal((await changePassword(httpBrowser, DEMO_PASSWORD, NEXT)).status, 500);
    assert.equal((await readCredential(service, 'G2')).hash, hash);
    await store.runExclusively((run) => run('alter table audit_away rename to audit'));
    assert.equal((await changePassword(httpBrowser, DEMO_PASSWORD, NEXT)).status, 200);
    assert.ok((await listAuditEvents(service, 'G2')).includes('password.changed'));
    await setPassword(service, 'G2', DEMO_PASSWORD);
  });

  it('may fail: sign-in succeeds with broken metrics, and the failure is counted', async () => {
    const { signIns, requestSeconds } = service.container.metrics;
    const fail = (): never => {
      throw new Error('the metrics are broken');
    };
    const whole = { inc: signIns.inc.bind(signIns), observe: requestSeconds.observe.bind(requestSeconds) };
    Object.assign(signIns, { inc: fail });
    Object.assign(requestSeconds, { observe: fail });
    try {
      const { answer } = await signInToAccount(service, LOGIN.G3);
      assert.equal(answer.status, 200);
      assert.equal(new URL(answer.url).pathname, '/account');
    } finally {
      Object.assign(signIns, { inc: whole.inc });
      Object.assign(requestSeconds, { observe: whole.observe });
    }
    assert.ok((await figure(service, 'kinpass_best_effort_failures_total{kind="metrics"}')) >= 2);
    assert.match(kept.text(), /the metrics are broken/);
  });

  it('show a reference instead of a stack trace if the database fails', async () => {
    const { store } = service.container;
    const { httpBrowser } = await signInToAccount(service, LOGIN.G4);
    await store.runExclusively((run) => run('alter table persons rename to persons_away'));
    const broken = await httpBrowser.open('/account');
    await store.runExclusively((run) => run('alter table persons_away rename to persons'));
    assert.equal(broken.status, 500);
    const [, reference] = /<code>([^<]*)<\/code>/.exec(broken.body) ?? [];
    const requestId = broken.headers.get('x-request-id') ?? '';
    assert.match(reference ?? '', /^[2-9AFHKMRWXY]{6}$/);
    assert.match(
      kept.text(),
      new RegExp(`"requestId":"${requestId}"[^\\n]*"reference":"${reference ?? ''}"[^\\n]*"msg":"request"`),
    );
    assert.doesNotMatch(broken.body, /SQLITE|no such table|persons|\.ts|select /i);
    assert.match(kept.text(), new RegExp(`"requestId":"${requestId}"[^\\n]*"msg":"request failed"`));
    assert.equal((await httpBrowser.open('/account')).status, 200);
  });
});

describe('an unavailable database', () => {
  it('leaves the service live, not ready, and shows a page with a reference', async () => {
    const cluster = await startCluster();
    const kept = createCapturedLog();
    const service = await startService({ clients: [], databaseUrl: await cluster.createDatabase(), log: kept.log });
    const statusOf = async (path: string): Promise<number> => (await fetch(service.issuer + path)).status;
    try {
      assert.equal(await statusOf('/health/ready'), 200);
      await cluster.stop();
      assert.equal(await statusOf('/health/ready'), 503);
      assert.equal(await statusOf('/health/live'), 200);
      const page = await createHttpBrowser(service.issuer).open('/account');
      assert.equal(page.status, 503);
      assert.match(page.body, /<code>[2-9AFHKMRWXY]{6}<\/code>/);
      assert.doesNotMatch(page.body, /ECONNREFUSED|postgres/);
    } finally {
      await service.stop();
    }
  });
});
