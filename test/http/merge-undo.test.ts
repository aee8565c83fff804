/** The merge of two accounts of one person and its undo, and what relying parties see. */
import assert from 'node:assert/strict';
import { before, it } from 'node:test';
import { eq } from 'drizzle-orm';
import { getCredential } from '../../src/store/auth/credentials.ts';
import { updateNationalId } from '../../src/store/console/account-changes.ts';
import { insertGuardianship } from '../../src/store/people/guardianships.ts';
import { findPerson, insertIdentifier, insertPerson } from '../../src/store/people/people.ts';
import { holdApiToken, RECORDS_API, recordsApiRegistration } from '../helpers/api-tokens.ts';
import {
  LOGIN,
  redeem,
  refresh,
  runAuthorization,
  textIn,
  tokensFor,
  userinfo,
} from '../helpers/authorization-flow.ts';
import { listAuditEvents, personId } from '../helpers/city.ts';
import { alertOf, createHttpBrowser, textOf, type Answer, type HttpBrowser } from '../helpers/http-browser.ts';
import { useLogoutReceiver } from '../helpers/logout-receiver.ts';
import { requestResetLink, useMailCatcher } from '../helpers/mail.ts';
import { getGuardianshipId } from '../helpers/people.ts';
import { createParty, createRegistration, newSecret, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';
import { signInStaff } from '../helpers/staff.ts';

const secret = newSecret();
const SCOPES = ['openid', 'roles', 'children', 'offline_access'];
const OFFLINE = { scope: SCOPES.join(' '), prompt: 'consent' };
/** The younger account of the mother, with another child. */
const TWIN = '6f1f0c9e-7d8e-4a53-9d11-2f6d1c0a7b01';
const TWIN_PUPIL = '6f1f0c9e-7d8e-4a53-9d11-2f6d1c0a7b03';
const GUARDIANSHIP = '6f1f0c9e-7d8e-4a53-9d11-2f6d1c0a7b02';
const MOBILE = '+886900999888';
const TWIN_EMAIL = 'meiling.lee@parents.example';
const AT = 4_000_000_000_000;

const mail = useMailCatcher();
let issuer = '';
const receiver = useLogoutReceiver(() => issuer);

eachService(
  'the undo of a merge',
  () => ({
    smtpUrl: mail.smtpUrl,
    clients: [
      createRegistration('app', secret, {
        ...{ scopes: SCOPES, permissions: ['fees:read'], backchannel_logout_uri: receiver.url },
        resources: [RECORDS_API.identifier],
      }),
      recordsApiRegistration(secret),
    ],
    resourceServers: [RECORDS_API],
  }),
  (running) => {
    let app: TestParty;
    let registrar: HttpBrowser;
    before(async () => {
      issuer = running().issuer;
      app = await createParty(issuer, { id: 'app', scope: 'openid roles children', secret });
      ({ browser: registrar } = await signInStaff(running(), 'A2'));
      await running().container.store.write(async (tx) => {
        const times = { createdAt: AT, updatedAt: AT };
        await insertPerson(tx, { id: TWIN, kind: 'person', name: '李美玲', status: 'active', ...times });
        await insertIdentifier(tx, { id: 'twin-mobile', personId: TWIN, kind: 'mobile', value: MOBILE, createdAt: AT });
        const login = { id: 'twin-email', kind: 'email', value: TWIN_EMAIL, verifiedAt: AT } as const;
        // The oldest address of the merged account, so that its mails go there.
        await insertIdentifier(tx, { ...login, personId: TWIN, createdAt: 1 });
        await insertGuardianship(tx, {
          ...{ id: GUARDIANSHIP, guardianId: TWIN, studentId: personId('S4'), relation: 'guardian', state: 'active' },
          ...{ relationLabel: '姑姑', authority: 'court', permissions: ['fees:read'], ...times },
        });
      });
    });
    const openAction = (action: string, value = '', id = personId('G2')): Promise<Answer> =>
      registrar.open(`/console/people/${id}/action?action=${action}&value=${value}`);
    const merge = async (): Promise<Answer> => {
      const form = await openAction('merge', TWIN);
      const preview = await registrar.submit(form, { action: 'merge', value: TWIN, reason: 'one person' });
      return registrar.submit(preview, { action: 'merge' });
    };
    const undo = async (): Promise<Answer> =>
      registrar.submit(await openAction('undo-merge'), { action: 'undo-merge', reason: 'two people' });
    const childrenOf = async (): Promise<number> => {
      const tokens = await tokensFor(app, createHttpBrowser(issuer), { login: LOGIN.G2, choice: ['王小安'] });
      const { body } = await userinfo(app, tokens.access_token);
      const children: unknown = body['children'];
      return Array.isArray(children) ? children.length : 0;
    };
    const readTwin = () =>
      running().container.store.read(async (tx) => {
        const { persons, guardianships, identifiers } = tx.tables;
        const [person] = await tx.db.select().from(persons).where(eq(persons.id, TWIN));
        const [family] = await tx.db.select().from(guardianships).where(eq(guardianships.id, GUARDIANSHIP));
        const [mobile] = await tx.db.select().from(identifiers).where(eq(identifiers.value, MOBILE));
        return [person?.status, family?.guardianId, family?.state, mobile?.personId];
      });

    it('is offered only after a merge, and a merge keeps the older account', async () => {
      const page = await registrar.open(`/console/people/${personId('G2')}`);
      assert.equal(page.body.includes('value="undo-merge"'), false);
      const form = await openAction('merge', personId('G2'), TWIN);
      const value = personId('G2');
      const preview = await registrar.submit(form, { action: 'merge', value, reason: 'one person' });
      assert.match(alertOf((await registrar.submit(preview, { action: 'merge' })).body), /較早建立的帳號/);
    });

    it('gives both accounts back what they had, ends all tokens and tells relying parties', async () => {
      assert.equal(await childrenOf(), 2);
      assert.match(textOf((await merge()).body), /帳號已合併/);
      assert.equal(await childrenOf(), 3);
      assert.deepEqual(await readTwin(), ['disabled', personId('G2'), 'active', personId('G2')]);
      const entry = { login: LOGIN.G2, choice: ['吳小華'], parameters: OFFLINE };
      const tokens = await redeem(app, await runAuthorization(app, createHttpBrowser(issuer), entry));
      const isActive = await holdApiToken(app, secret, { ...entry, scope: OFFLINE.scope });
      assert.equal(await isActive(), true);
      receiver.received.length = 0;
      assert.doesNotMatch(textOf((await openAction('undo-merge')).body), /另一位有權限的同仁確認/);
      assert.match(textOf((await undo()).body), /合併已復原/);
      assert.equal(await isActive(), false);
      assert.equal((await userinfo(app, textIn(tokens, 'access_token'))).status, 401);
      assert.equal((await refresh(app, textIn(tokens, 'refresh_token'))).body['error'], 'invalid_grant');
      assert.ok((await receiver.take(1)).length > 0);
      assert.deepEqual(await readTwin(), ['active', TWIN, 'active', TWIN]);
      assert.equal(await childrenOf(), 2);
      assert.ok((await listAuditEvents(running(), 'G2')).includes('staff.undo_merge'));
      assert.match(textOf((await openAction('undo-merge')).body), /無權執行/, 'it was undone before');
    });

    it('is refused with the reason after a change that depends on the merge', async () => {
      await merge();
      const form = await openAction('suspend-guardianship', GUARDIANSHIP);
      await registrar.submit(form, { action: 'suspend-guardianship', reason: 'court order' });
      const refused = await undo();
      assert.equal(refused.status, 422);
      assert.match(alertOf(refused.body), /已有變更，無法復原/);
      assert.deepEqual(await readTwin(), ['disabled', personId('G2'), 'suspended', personId('G2')]);
      const resumed = await openAction('resume-guardianship', GUARDIANSHIP);
      await registrar.submit(resumed, { action: 'resume-guardianship', reason: 'revoked order' });
      assert.match(textOf((await undo()).body), /合併已復原/);
    });

    it('of a pupil ends the tokens of the guardians, who then see the kept account', async () => {
      const { store } = running().container;
      const readStudent = () =>
        store.read(async ({ db, tables: { guardianships } }) => {
          const [row] = await db.select().from(guardianships).where(eq(guardianships.id, 'of-pupil'));
          return row?.studentId;
        });
      await store.write(async (tx) => {
        const times = { createdAt: AT, updatedAt: AT };
        const { enrollments } = tx.tables;
        await insertPerson(tx, { id: TWIN_PUPIL, kind: 'person', name: '吳曉華', status: 'active', ...times });
        const [row] = await tx.db
          .select()
          .from(enrollments)
          .where(eq(enrollments.studentId, personId('S4')));
        assert.ok(row);
        await tx.db.insert(enrollments).values({ ...row, id: 'of-pupil', studentId: TWIN_PUPIL });
        await insertGuardianship(tx, {
          ...{
            id: 'of-pupil',
            guardianId: personId('G2'),
            studentId: TWIN_PUPIL,
            relation: 'guardian',
            state: 'active',
          },
          ...{ relationLabel: '姑姑', authority: 'court', permissions: ['fees:read'], ...times },
        });
      });
      const entry = { login: LOGIN.G2, choice: ['吳曉華'] };
      const isActive = await holdApiToken(app, secret, { ...entry, scope: OFFLINE.scope });
      assert.equal(await isActive(), true);
      receiver.received.length = 0;
      const form = await openAction('merge', TWIN_PUPIL, personId('S4'));
      const preview = await registrar.submit(form, { action: 'merge', value: TWIN_PUPIL, reason: 'one pupil' });
      assert.match(textOf((await registrar.submit(preview, { action: 'merge' })).body), /帳號已合併/);
      assert.equal(await isActive(), false);
      assert.ok((await receiver.take(1)).length > 0);
      assert.equal(await readStudent(), personId('S4'));
      const isKeptActive = await holdApiToken(app, secret, { ...entry, choice: ['吳小華'], scope: OFFLINE.scope });
      const undoing = await openAction('undo-merge', '', personId('S4'));
      const undone = await registrar.submit(undoing, { action: 'undo-merge', reason: 'two pupils' });
      assert.match(textOf(undone.body), /合併已復原/);
      assert.equal(await isKeptActive(), false);
      assert.equal(await readStudent(), TWIN_PUPIL);
    });

    it('of two national IDs takes two members of staff, as the merge does', async () => {
      const { store, secrets } = running().container;
      const readId = () => store.read(async (tx) => (await findPerson(tx, TWIN_PUPIL))?.nationalIdLookup);
      await store.write((tx) => {
        const id = { lookup: 'lookup', sealed: secrets.seal('national-id', TWIN_PUPIL, 'Y100200199') };
        return updateNationalId(tx, TWIN_PUPIL, id, AT);
      });
      const { browser: bureau } = await signInStaff(running(), 'B1');
      const confirm = async (sent: Answer): Promise<string> => {
        assert.match(sent.body, /data-request-state="pending"/);
        const page = await bureau.open(new URL(sent.url).pathname);
        return textOf((await bureau.submit(page, { answer: 'confirm', reason: 'checked' })).body);
      };
      const form = await openAction('merge', TWIN_PUPIL, personId('S4'));
      const preview = await registrar.submit(form, { action: 'merge', value: TWIN_PUPIL, reason: 'one pupil' });
      const merged = await confirm(await registrar.submit(preview, { action: 'merge' }));
      assert.match(merged, /帳號已合併/);
      assert.equal(await readId(), null);
      const undoing = await openAction('undo-merge', '', personId('S4'));
      assert.match(textOf(undoing.body), /另一位有權限的同仁確認/);
      const sent = await registrar.submit(undoing, { action: 'undo-merge', reason: 'two pupils' });
      assert.equal(await readId(), null, 'before the confirmation');
      assert.match(await confirm(sent), /合併已復原/);
      assert.equal(await readId(), 'lookup');
    });

    it('ends reset links and passwords that the owner of the other account got after the merge', async () => {
      await merge();
      const password = 'four small boats at anchor';
      const link = await requestResetLink(running(), mail, TWIN_EMAIL);
      const other = createHttpBrowser(issuer);
      const set = await other.submit(await other.open(link), { new_password: password, confirm_password: password });
      assert.equal(set.status, 200);
      const second = await requestResetLink(running(), mail, TWIN_EMAIL);
      assert.match(textOf((await undo()).body), /合併已復原/);
      assert.equal((await createHttpBrowser(issuer).open(second)).status, 410);
      const credential = await running().container.store.read((tx) => getCredential(tx, personId('G2')));
      assert.equal(credential.hash, undefined);
    });

    it('is refused while the school suspends one account and the other waits for the consent', async () => {
      const { store, secrets } = running().container;
      const id = await getGuardianshipId(running(), LOGIN.G2, '王小安');
      await store.write(async (tx) => {
        const { guardianships: table } = tx.tables;
        const suspended = { state: 'suspended' as const, isConsentAwaited: true };
        const [own] = await tx.db.update(table).set(suspended).where(eq(table.id, id)).returning();
        assert.ok(own);
        const stateReasonSealed = secrets.seal('state-reason', 'twin-s1', 'court order');
        await insertGuardianship(tx, { ...own, id: 'twin-s1', guardianId: TWIN, stateReasonSealed });
      });
      const refused = await merge();
      assert.equal(refused.status, 422);
      assert.match(alertOf(refused.body), /親子關係狀態不同/);
      assert.equal((await readTwin())[0], 'active');
    });
  },
);
