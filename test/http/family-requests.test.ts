/** Requests of families to the registrar: to end a guardianship, and reports of wrong data of the student. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { inArray } from 'drizzle-orm';
import { ADULTS } from '../../demo/city/fixtures.ts';
import { DEMO_PASSWORD } from '../../demo/city/named-people.ts';
import { insertPerson } from '../../src/store/people/people.ts';
import { holdApiToken, RECORDS_API, recordsApiRegistration } from '../helpers/api-tokens.ts';
import {
  interactionOf,
  LOGIN,
  redeem,
  refresh,
  runAuthorization,
  textIn,
  userinfo,
} from '../helpers/authorization-flow.ts';
import { signInFamily, startOver } from '../helpers/binding.ts';
import { listAuditEvents, personId, signInToAccount } from '../helpers/city.ts';
import { freezeTime, MINUTE } from '../helpers/frozen-time.ts';
import { createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { useLogoutReceiver } from '../helpers/logout-receiver.ts';
import { mailsTo, useMailCatcher } from '../helpers/mail.ts';
import { getGuardianshipId, repeatChanges } from '../helpers/people.ts';
import { pollUntil } from '../helpers/poll.ts';
import { createParty, createRegistration, newSecret } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff } from '../helpers/staff.ts';

const secret = newSecret();
const SCOPES = ['openid', 'roles', 'children', 'offline_access'];
const LIST = '/console/family-requests';

const mail = useMailCatcher();
let issuer = '';
const receiver = useLogoutReceiver(() => issuer);

eachService(
  'a request of a family',
  () => ({
    clients: [
      createRegistration('app', secret, {
        ...{ scopes: SCOPES, permissions: ['fees:read'], backchannel_logout_uri: receiver.url },
        resources: [RECORDS_API.identifier],
      }),
      recordsApiRegistration(secret),
    ],
    resourceServers: [RECORDS_API],
    smtpUrl: mail.smtpUrl,
  }),
  (running) => {
    let guardian: HttpBrowser;
    let registrar: HttpBrowser;
    let guardianshipId: string;
    before(async () => {
      issuer = running().issuer;
      guardianshipId = await getGuardianshipId(running(), LOGIN.G2, '王小安');
      ({ httpBrowser: guardian } = await signInToAccount(running(), LOGIN.G2, DEMO_PASSWORD));
      ({ browser: registrar } = await signInStaff(running(), 'A2'));
    });
    const mailed = (address: string, subject: string): Promise<{ text: string }> =>
      pollUntil(`mail to ${address}`, () => mailsTo(mail, address, subject).find(({ text }) => text.includes(issuer)));
    const ask = async (decision: 'request' | 'withdraw', reason = '') =>
      guardian.submit(await guardian.open(`/account/children/${guardianshipId}`), { decision, reason });
    const isListed = async (id: string): Promise<boolean> =>
      (await registrar.open(LIST)).body.includes(`data-family-request="${id}"`);

    it('asks for the password before the reason, and again after a late submission', async () => {
      const time = freezeTime(Date.now());
      try {
        const { httpBrowser } = await signInToAccount(running(), LOGIN.G2, DEMO_PASSWORD);
        const form = await httpBrowser.open(`/account/children/${guardianshipId}`);
        time.advance(6 * MINUTE);
        const asked = await httpBrowser.open(`/account/children/${guardianshipId}`);
        assert.equal(interactionOf(asked), 'login');
        const late = await httpBrowser.submit(form, { decision: 'request', reason: '搬家' });
        assert.equal(interactionOf(late), 'login');
        const again = await httpBrowser.submit(late, { login: LOGIN.G2, password: DEMO_PASSWORD });
        assert.match(textOf(again.body), /請再按一次按鈕/);
        assert.match(again.body, />搬家<\/textarea>/);
      } finally {
        time.release();
      }
    });

    it('asks to end a guardianship, which stays until the school decides', async () => {
      assert.match((await guardian.open('/account')).body, new RegExp(`/account/children/${guardianshipId}`));
      const asked = await ask('request', '<b>搬家</b>');
      assert.match(textOf(asked.body), /申請已送出.*等待學校審核/);
      assert.equal((await ask('request')).status, 200, 'a second submit');
      const page = await registrar.open(LIST);
      assert.match(textOf(page.body), /家長申請解除親子綁定.*王小安.*搬家/);
      assert.equal(page.body.includes('<b>搬家'), false);
      assert.match(textOf((await guardian.open('/account')).body), /王小安/);
      const sent = await mailed(LOGIN.G2, '已收到您的解除綁定申請');
      assert.equal(sent.text.includes('搬家'), false);
      const events = await listAuditEvents(running(), 'G2');
      assert.equal(events.filter((event) => event === 'guardianship.end_requested').length, 1);
    });

    it('is withdrawn by the guardian', async () => {
      assert.match(textOf((await ask('withdraw')).body), /已撤回申請/);
      assert.equal(await isListed(guardianshipId), false);
    });

    it('is declined with a reason that the guardian reads', async () => {
      await ask('request');
      const form = await registrar.open(`${LIST}/end/${guardianshipId}`);
      assert.equal((await registrar.submit(form, { reason: '', confirmed: 'yes' })).status, 422);
      const done = await registrar.submit(form, { reason: '請先提出法院裁定', confirmed: 'yes' });
      assert.match(textOf(done.body), /已從清單移除/);
      assert.equal((await registrar.submit(form, { reason: 'again', confirmed: 'yes' })).status, 404);
      const sent = await mailed(LOGIN.G2, '學校未同意解除綁定');
      assert.match(sent.text, /請先提出法院裁定/);
      assert.ok((await listAuditEvents(running(), 'G2')).includes('staff.decline_guardianship_end'));
    });

    it('is not found by staff of other classes, schools and duties', async () => {
      await ask('request');
      for (const key of ['T2', 'A1'] as const) {
        const { browser } = await signInStaff(running(), key);
        assert.equal((await browser.open(LIST)).status, 404);
        assert.equal((await browser.open(`${LIST}/end/${guardianshipId}`)).status, 404);
      }
      const { httpBrowser: other } = await signInToAccount(running(), LOGIN.G3, DEMO_PASSWORD);
      assert.equal((await other.open(`/account/children/${guardianshipId}`)).status, 404);
      assert.equal((await guardian.open('/account/children/%00')).status, 404);
    });

    it('is granted by the registrar, and ends every token at once', async () => {
      const app = await createParty(issuer, { id: 'app', scope: 'openid roles children', secret });
      const entry = { login: LOGIN.G2, choice: ['王小安'], parameters: { scope: SCOPES.join(' '), prompt: 'consent' } };
      const tokens = await redeem(app, await runAuthorization(app, createHttpBrowser(issuer), entry));
      const isActive = await holdApiToken(app, secret, { ...entry, scope: SCOPES.join(' ') });
      assert.equal(await isActive(), true);
      const list = await registrar.open(LIST);
      const [, link = ''] = /href="([^"]+revoke-guardianship[^"]+)"/.exec(list.body) ?? [];
      const form = await registrar.open(link.replace('&amp;', '&'));
      assert.match(textOf(form.body), /王小安/);
      const ended = await registrar.submit(form, { action: 'revoke-guardianship', reason: 'asked by the guardian' });
      assert.match(textOf(ended.body), /親子關係已撤銷/);
      assert.equal(await isListed(guardianshipId), false);
      assert.equal((await userinfo(app, textIn(tokens, 'access_token'))).status, 401);
      assert.equal((await refresh(app, textIn(tokens, 'refresh_token'))).body['error'], 'invalid_grant');
      assert.equal(await isActive(), false);
      assert.ok((await receiver.take(1)).length > 0);
      assert.equal((await guardian.open(`/account/children/${guardianshipId}`)).status, 404);
    });

    it('is on the next page of the list after 50 others, and opens from there', async () => {
      const count = 51;
      const ids = Array.from({ length: count }, (_, at) => `end-${String(at).padStart(2, '0')}`);
      await running().container.store.write(async (tx) => {
        for (const [at, id] of ids.entries()) {
          // Two have the same time, on both sides of the end of the page.
          const endRequestedAt = Math.min(at, 49) + 1;
          const times = { createdAt: at, updatedAt: at };
          await insertPerson(tx, { id, kind: 'person', name: `家長${String(at)}`, status: 'active', ...times });
          await tx.db.insert(tx.tables.guardianships).values({
            ...{
              id,
              guardianId: id,
              studentId: personId('S3'),
              relation: 'parent',
              relationLabel: '父親',
              state: 'active',
            },
            ...{ authority: 'statutory', permissions: [], endRequestedAt, ...times },
          });
        }
      });
      const listed = ({ body }: Answer): string[] =>
        [...body.matchAll(/data-family-request="(end-\d+)"/g)].map(([, id = '']) => id);
      const first = await registrar.open(LIST);
      const [, next = ''] = /rel="next" href="([^"]+)"/.exec(first.body) ?? [];
      const second = await registrar.open(next.replaceAll('&amp;', '&'));
      assert.equal(listed(first).length, 50);
      assert.deepEqual([...listed(first), ...listed(second)], ids);
      assert.equal(second.body.includes('rel="next"'), false);
      assert.match(textOf((await registrar.open(`${LIST}/end/end-50`)).body), /家長50/);
      assert.equal((await registrar.open(`${LIST}?at=x&id=y`)).status, 200, 'a damaged position is ignored');
      await running().container.store.write((tx) =>
        tx.db.delete(tx.tables.persons).where(inArray(tx.tables.persons.id, ids)),
      );
    });

    it('reports wrong data to the registrar without naming anyone in the mail', async () => {
      const { browser: family } = await signInFamily(running(), 'H4');
      const page = await startOver(family);
      await family.submit(page, { report: '座號有誤，應為 7 號' });
      const list = await registrar.open(LIST);
      assert.match(textOf(list.body), /家長回報學生資料有誤.*吳小華.*應為 7 號/);
      const address = ADULTS.A2.email;
      const sent = await mailed(address, '家長回報學生資料有誤');
      assert.equal(/吳小華|7 號/.test(sent.text), false);
      assert.match(sent.text, /console\/family-requests/);
      const [, link = ''] = /href="([^"]+\/report\/[^"]+)"/.exec(list.body) ?? [];
      await registrar.submit(await registrar.open(link), { reason: '已更正座號', confirmed: 'yes' });
      assert.equal((await registrar.open(LIST)).body.includes('7 號'), false);
      assert.ok((await listAuditEvents(running(), 'S4')).includes('staff.close_report'));
    });

    it('limits what a family can repeat without end: reports, answers and new applications', async () => {
      const { browser: family } = await signInFamily(running(), 'H4');
      const page = await startOver(family);
      await repeatChanges(running(), 'report', personId('H4'));
      assert.equal((await family.submit(page, { report: 'one too many' })).status, 429);
      await family.submit(page, { confirm_student: 'yes' });
      await repeatChanges(running(), 'notice-answer', personId('H4'));
      const notice = await family.open('/binding/notice');
      assert.equal((await family.submit(notice, { notice: 'decline' })).status, 429);
      await family.submit(await family.open('/binding/withdraw'), {});
      await repeatChanges(running(), 'application', personId('H4'));
      assert.equal((await family.submit(await family.open('/binding'), {})).status, 429);
    });
  },
);
