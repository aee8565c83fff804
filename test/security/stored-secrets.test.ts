/** After every kind of secret was issued, neither the database, the logs nor the audit entries contain one of them. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { ADULTS } from '../../demo/city/fixtures.ts';
import { generateCity } from '../../demo/city/generator.ts';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { DEFAULT_SEED } from '../../demo/city/seeded-random.ts';
import { startMailCatcher, type MailCatcher } from '../../demo/mail-catcher.ts';
import { DAY_MS } from '../../src/domain/duration.ts';
import { systemRandom } from '../../src/domain/random.ts';
import { createAppend } from '../../src/services/audit/audit.ts';
import { createOutbox } from '../../src/services/notifications/outbox.ts';
import { createAdministrators } from '../../src/services/people/administrators.ts';
import { backup } from '../../src/store/database/backup.ts';
import { runClientTool } from '../../src/store/database/postgres/client-tools.ts';
import { createApplicationPassword, passwordOn } from '../helpers/application-passwords.ts';
import { LOGIN } from '../helpers/authorization-flow.ts';
import { personId, signInToAccount } from '../helpers/city.ts';
import { directoryClient, startDirectory } from '../helpers/directory.ts';
import { createHttpBrowser, formOf, type Answer, type HttpBrowser, noticeOf } from '../helpers/http-browser.ts';
import { solveHumanCheck } from '../helpers/human-check.ts';
import { createCapturedLog } from '../helpers/log.ts';
import { linkIn, mailTo, requestResetLink } from '../helpers/mail.ts';
import { addPasskey, createSoftwareAuthenticator } from '../helpers/passkeys.ts';
import { pollUntil } from '../helpers/poll.ts';
import { testDatabaseUrl } from '../helpers/postgres.ts';
import { completeSetup } from '../helpers/second-factors.ts';
import { type TestService } from '../helpers/service.ts';
import { signInStaff, type StaffBrowser } from '../helpers/staff.ts';

const REASON = 'decision of the family court, file 7';
const SETUP_PAGE = '/account/second-factors/totp';

describe('secrets that were issued', () => {
  const folder = mkdtempSync(join(tmpdir(), 'kinpass-issued-'));
  let mail: MailCatcher;
  before(async () => {
    mail = await startMailCatcher({ smtpPort: 0, webPort: 0 });
  });
  after(async () => {
    await mail.close();
    rmSync(folder, { recursive: true });
  });

  const act = async (staff: HttpBrowser, key: 'G2' | 'S1', action: string, value = ''): Promise<Answer> => {
    const form = await staff.open(`/console/people/${personId(key)}/action?action=${action}`);
    const done = await staff.submit(form, { action, value, reason: REASON });
    assert.equal(done.status, 200, action);
    return done;
  };
  const tokenIn = (link: string): string => {
    const token = [...new URL(link).searchParams.values()][0];
    assert.ok(token, link);
    return token;
  };
  /** Invites an administrator as the command line does, with a mail that is due tomorrow. @returns the token of the setup link */
  const inviteAdministrator = async ({ issuer, container: { store, secrets } }: TestService): Promise<string> => {
    const deps = { store, secrets, random: systemRandom, clock: { now: () => Date.now() + DAY_MS } };
    const services = { ...deps, issuer, outbox: createOutbox(deps), audit: { append: createAppend(deps) } };
    const invited = await createAdministrators(services).invite({ email: 'invited@mail.example', name: '王小玲' });
    assert.ok(invited.kind === 'invited');
    return tokenIn(invited.link);
  };
  const codesOn = ({ body }: Answer): string[] =>
    [...body.matchAll(/data-one-time-code="([^"]+)"/g)].map(([, code = '']) => code);

  /** Registers a client in the console. @returns its secret */
  const registerClient = async (bureau: StaffBrowser): Promise<string> => {
    const page = await bureau.open('/console/clients/new');
    const fields = {
      ...{
        ...formOf(page.body).hidden,
        client_id: 'issued',
        name_zh: '測試',
        name_en: 'Test',
        application_type: 'web',
      },
      ...{ token_endpoint_auth_method: 'client_secret_basic', redirect_uris: 'https://issued.example/callback' },
      ...{ scopes: 'openid', school_types: 'senior_high', id_token_signed_response_alg: 'ES256', require_pkce: 'yes' },
    };
    const saved = await bureau.post(
      '/console/clients/new',
      new URLSearchParams({ ...fields, action: 'save', reason: REASON }),
    );
    const secret = /data-client-secret="([^"]+)"/.exec(saved.body)?.[1];
    assert.ok(secret);
    return secret;
  };
  /** Adds an authenticator app, a passkey and an application password. @returns the secrets that the pages showed */
  const addFactors = async ({ issuer }: TestService): Promise<string[]> => {
    const { httpBrowser } = await signInToAccount({ issuer }, LOGIN.G4);
    const { authenticator } = await completeSetup(httpBrowser, await httpBrowser.open(SETUP_PAGE));
    assert.equal(authenticator.recoveryCodes.length, 10);
    const { httpBrowser: teacher } = await signInToAccount({ issuer }, LOGIN.T1);
    const password = passwordOn(await createApplicationPassword(teacher, 'radius', 'Wi-Fi'));
    await addPasskey(teacher, createSoftwareAuthenticator(issuer));
    const codes = [...authenticator.recoveryCodes, password].flatMap((code) => [code, code.replaceAll('-', '')]);
    return [authenticator.secret, ...codes];
  };
  /** Runs a bulk run for a class without printing its slips, then prints them. @returns the codes */
  const printClass = async (desk: StaffBrowser, beforePrint: () => Promise<void>): Promise<string[]> => {
    const id = /data-class="([^"]+)"/.exec((await desk.open('/console/classes')).body)?.[1] ?? '';
    const page = await desk.open(`/console/classes/${id}`);
    const draft = await desk.submit(page, { action: 'slips', reason: REASON, scope: 'class' });
    await desk.submit(draft, {});
    const report = await pollUntil('the run is finished', async () => {
      const current = await desk.open(draft.url);
      return current.body.includes('data-bulk-state="finished"') ? current : undefined;
    });
    await beforePrint();
    const codes = codesOn(await desk.submit(report, { layout: 'a6' }));
    assert.ok(codes.length > 1);
    return codes;
  };

  for (const dialect of ['sqlite', 'postgres'] as const) {
    it(`are neither in the database nor in the logs (${dialect})`, async (t) => {
      const file = join(folder, 'kinpass.sqlite');
      const databaseUrl = dialect === 'postgres' ? await testDatabaseUrl() : undefined;
      const captured = createCapturedLog();
      const directory = await startDirectory({
        ...{ clients: [directoryClient('radius')], smtpUrl: mail.smtpUrl, log: captured.log },
        ...(databaseUrl === undefined ? { env: { KINPASS_DATABASE_FILE: file } } : { databaseUrl }),
      });
      t.after(() => directory.stop());
      const { service } = directory;
      const dump = async (name: string): Promise<string> => {
        const target = join(folder, `${dialect}-${name}.backup`);
        await backup(databaseUrl === undefined ? { file } : { url: databaseUrl }, target);
        return databaseUrl === undefined
          ? readFileSync(target, 'utf8')
          : runClientTool('pg_restore', ['--file=-', target]);
      };
      const { browser: desk } = await signInStaff(service, 'A1');
      const { browser: registrar } = await signInStaff(service, 'A2');
      const { browser: bureau } = await signInStaff(service, 'B1');
      const contact = `new.${dialect}@mail.example`;
      const { httpBrowser: parent } = await signInToAccount(service, LOGIN.G5);
      await parent.open('/account/contacts');
      const added = await parent.post('/account/contacts/email', new URLSearchParams({ email: contact }));
      assert.match(noticeOf(added.body), /我們已寄出確認信/);
      const secrets = [
        ...(await addFactors(service)),
        await registerClient(bureau),
        await inviteAdministrator(service),
        tokenIn(await requestResetLink(service, mail, LOGIN.G3)),
        tokenIn(linkIn(await mailTo(mail, contact, 'Confirm your email'))),
        ...[desk, registrar, bureau].map(({ authenticator }) => authenticator.secret),
        ...codesOn(await act(desk, 'G2', 'one-time-code')),
      ];
      await act(registrar, 'S1', 'reveal-national-id');
      const visitor = createHttpBrowser(service.issuer);
      const forgotten = await visitor.open('/forgot-account');
      const typed = { national_id: ADULTS.G2.nationalId, contact: LOGIN.G2 };
      await visitor.submit(forgotten, { ...typed, ...(await solveHumanCheck(forgotten)) });
      let unprinted = '';
      const printed = await printClass(desk, async () => {
        unprinted = await dump('unprinted');
      });
      const unsent = await pollUntil('the mails that are due are sent', async () => {
        const jobs = await service.container.store.read((tx) => tx.db.select().from(tx.tables.outbox));
        const open = jobs.filter(({ doneAt, deadAt }) => doneAt === null && deadAt === null);
        return open.every(({ nextAt }) => nextAt > Date.now()) && open;
      });
      assert.equal(unsent.length, 1, 'the setup link');
      const text = await dump('printed');

      const persons = [...generateCity({ seed: DEFAULT_SEED, people: 0 })].flatMap((part) => part.persons);
      const nationalIds = persons.map(({ nationalId }) => nationalId);
      const hidden = [...secrets, ...printed, ...nationalIds, DEMO_PASSWORD].filter((value) => value !== undefined);
      assert.ok(secrets.length > 25 && hidden.every((value) => value.length >= 8));
      assert.ok(unprinted.includes(LOGIN.G2) && text.includes(LOGIN.G2), 'the dumps are readable');
      for (const [place, content] of Object.entries({ unprinted, text, log: captured.text() })) {
        assert.ok(content.length > 1_000, place);
        assert.deepEqual(
          hidden.filter((value) => content.includes(value)),
          [],
          place,
        );
      }
    });
  }
});
