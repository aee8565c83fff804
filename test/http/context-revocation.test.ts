/** Grants are revoked with their guardianship or affiliation: rules 8 and 9 of docs/claims.md. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, it } from 'node:test';

import { eq } from 'drizzle-orm';
import { SCOPES } from '../../src/domain/claims/scopes.ts';
import * as audit from '../../src/store/audit.ts';
import {
  actingOf,
  choicesOf,
  runAuthorization,
  errorOf,
  idClaims,
  LOGIN,
  redeem,
  refresh,
  signInWithNewBrowser,
  interactionOf,
  textIn,
  userinfo,
  type AuthorizationInput,
  type Reply,
} from '../helpers/authorization-flow.ts';
import { freezeTime, SECOND, type FrozenTime } from '../helpers/frozen-time.ts';
import { createHttpBrowser } from '../helpers/http-browser.ts';
import { useLogoutReceiver } from '../helpers/logout-receiver.ts';
import { getGuardianshipId, getPersonFacts } from '../helpers/people.ts';
import { createParty, newSecret, createRegistration, type TestParty } from '../helpers/relying-party.ts';
import { eachService } from '../helpers/service-matrix.ts';

const secret = newSecret();
const OFFLINE = { scope: 'openid roles children offline_access', prompt: 'consent' };
/** The last minute of the term in Taiwan: the guardianship of G4 ends with it. */
const LAST_MINUTE = Date.UTC(2027, 0, 31, 15, 59, 0);

let time: FrozenTime;
let issuer = '';
const receiver = useLogoutReceiver(() => issuer);

before(() => {
  time = freezeTime(LAST_MINUTE);
});
after(() => {
  time.release();
});

const clients = (): { clients: object[] } => ({
  clients: [
    createRegistration('app', secret, {
      scopes: SCOPES,
      permissions: ['fees:read', 'portfolio:read'],
      backchannel_logout_uri: receiver.url,
    }),
    createRegistration('quiet', secret, { scopes: SCOPES, permissions: ['fees:read'] }),
  ],
});

eachService('the end of a guardianship', clients, (running) => {
  let app: TestParty;
  let quiet: TestParty;
  before(async () => {
    issuer = running().issuer;
    app = await createParty(issuer, { id: 'app', scope: 'openid roles children', secret });
    quiet = await createParty(issuer, { id: 'quiet', scope: 'openid children', secret });
  });
  beforeEach(() => {
    receiver.received.length = 0;
    receiver.requestCount = 0;
  });
  const getReply = async (entry: AuthorizationInput, party = app): Promise<Reply> =>
    redeem(party, await runAuthorization(party, createHttpBrowser(issuer), { parameters: OFFLINE, ...entry }));
  const change = async (login: string, child: string, action: 'suspend' | 'resume'): Promise<boolean> => {
    const id = await getGuardianshipId(running(), login, child);
    return running().container.guardianships.applyAction({ id, action, reason: 'court order 7', actorId: undefined });
  };

  const revokeExpired = (): Promise<number> => running().container.affiliationExpiry.revokeExpired();
  const endEnrollment = (id: string, validTo: string | null): Promise<unknown> =>
    running().container.store.write((tx) =>
      tx.db.update(tx.tables.enrollments).set({ validTo }).where(eq(tx.tables.enrollments.id, id)),
    );

  it('revokes its refresh tokens, access tokens and codes at once, and nothing else', async () => {
    const an = await getReply({ login: LOGIN.G2, choice: ['王小安'] });
    const le = await getReply({ login: LOGIN.G2, choice: ['王小樂'] });
    const elsewhere = await getReply({ login: LOGIN.G2, choice: ['王小安'] }, quiet);
    const code = await runAuthorization(app, createHttpBrowser(issuer), { login: LOGIN.G2, choice: ['王小安'] });
    assert.equal(await change(LOGIN.G2, '王小安', 'suspend'), true);
    for (const [party, reply] of [
      [app, an],
      [quiet, elsewhere],
    ] as const) {
      const refreshed = await refresh(party, textIn(reply, 'refresh_token'));
      assert.deepEqual([refreshed.status, refreshed.body['error']], [400, 'invalid_grant']);
      const asked = await userinfo(party, textIn(reply, 'access_token'));
      assert.deepEqual([asked.status, asked.body['error']], [401, 'invalid_token']);
    }
    assert.equal((await redeem(app, code)).body['error'], 'invalid_grant');
    const next = await refresh(app, textIn(le, 'refresh_token'));
    assert.equal(actingOf(idClaims(next.body)).child, actingOf(idClaims(le.body)).child);
    const { body } = await userinfo(app, textIn(next, 'access_token'));
    assert.equal(JSON.stringify(body).includes('993301'), false, 'the other child does not reveal the first');
    assert.equal(JSON.stringify([body, an.body]).includes('court'), false);
    assert.equal((await receiver.take(2)).length, 2);
    await change(LOGIN.G2, '王小安', 'resume');
  });

  it('sends one valid logout token per session to each app with a back-channel', async () => {
    const [phone, tablet] = [
      await signInWithNewBrowser(app, { login: LOGIN.G2, choice: ['王小安'] }),
      await signInWithNewBrowser(app, { login: LOGIN.G2, choice: ['王小安'] }),
    ];
    const other = await signInWithNewBrowser(app, { login: LOGIN.G2, choice: ['王小樂'] });
    await change(LOGIN.G2, '王小安', 'suspend');
    const notices = await receiver.take(2);
    const expected = [phone, tablet].map(({ tokens }) => idClaims(tokens)['sid']);
    assert.deepEqual(notices.map(({ sid }) => sid).sort(), expected.sort());
    for (const token of notices) assert.equal(token.sub, idClaims(phone.tokens)['sub'], 'the pairwise sub of the app');
    assert.equal(receiver.requestCount, 2);
    assert.equal((await userinfo(app, other.tokens.access_token)).status, 200);
    await change(LOGIN.G2, '王小安', 'resume');
  });

  it('writes one audit entry with actor, subject and states, also if repeated', async () => {
    assert.equal(await change(LOGIN.G5, '林可欣', 'suspend'), true);
    assert.equal(await change(LOGIN.G5, '林可欣', 'suspend'), false);
    const guardian = await getPersonFacts(running(), LOGIN.G5);
    const entries = await running().container.store.read((tx) => audit.listEntries(tx, 0, 10_000));
    const rows = entries.filter((row) => row.event === 'guardianship.suspended' && row.subjectId === guardian.id);
    assert.deepEqual(
      rows.map(({ detail }) => [detail['student'], detail['from'], detail['to']]),
      [[guardian.children[0]?.guardianship.studentId, 'active', 'suspended']],
    );
  });

  it('removes the context: requests for the child fail, and the page omits it', async () => {
    const { httpBrowser, tokens } = await signInWithNewBrowser(app, { login: LOGIN.T1, choice: ['家長'] });
    const { child } = actingOf(idClaims(tokens));
    await change(LOGIN.T1, '陳以恩', 'suspend');
    await receiver.take(1);
    const claims = JSON.stringify({ id_token: { acting: { value: { role: 'parent', child } } } });
    const silent = await runAuthorization(app, httpBrowser, { parameters: { claims, prompt: 'none' } });
    assert.equal(errorOf(silent.answer), 'account_selection_required');
    const asked = await runAuthorization(app, httpBrowser, { parameters: { claims } });
    assert.deepEqual(choicesOf(asked.answer).length, 1);
    assert.match(choicesOf(asked.answer)[0] ?? '', /^教師/);
    const plain = await runAuthorization(app, httpBrowser);
    assert.ok(plain.answer.leavesTo?.searchParams.has('code'), 'one context is left: no selection page');
    await change(LOGIN.T1, '陳以恩', 'resume');
    assert.equal(
      interactionOf((await runAuthorization(app, httpBrowser)).answer),
      'select_account',
      'and it is available again',
    );
  });

  it('is not needed for changed permissions: a refresh returns current data (rule 8)', async () => {
    const reply = await getReply({ login: LOGIN.G2, choice: ['王小安'] });
    const allowed = (claims: Record<string, unknown>): unknown => JSON.stringify(claims['acting']);
    assert.match(String(allowed(idClaims(reply.body))), /"permissions":\["portfolio:read","fees:read"\]/);
    const id = await getGuardianshipId(running(), LOGIN.G2, '王小安');
    await running().container.store.write(async (tx) => {
      const guardianships = tx.tables.guardianships;
      await tx.db
        .update(guardianships)
        .set({ permissions: ['fees:read'] })
        .where(eq(guardianships.id, id));
    });
    const next = await refresh(app, textIn(reply, 'refresh_token'));
    assert.match(String(allowed(idClaims(next.body))), /"permissions":\["fees:read"\]/);
    const { body } = await userinfo(app, textIn(reply, 'access_token'));
    assert.match(String(allowed(body)), /"permissions":\["fees:read"\]/, 'UserInfo with an older token too');
  });

  it('by date needs no job: tokens are invalid after the last day', async () => {
    const reply = await getReply({ login: LOGIN.G4 });
    time.advance(59 * SECOND);
    const last = await refresh(app, textIn(reply, 'refresh_token'));
    assert.equal((await userinfo(app, textIn(last, 'access_token'))).status, 200);
    time.advance(SECOND);
    assert.equal((await userinfo(app, textIn(last, 'access_token'))).status, 401);
    assert.equal((await refresh(app, textIn(last, 'refresh_token'))).body['error'], 'invalid_grant');
    assert.equal(receiver.received.length, 0);
    assert.equal(await running().container.guardianships.expirePastEndDate(100), 1);
    const [notice] = await receiver.take(1);
    assert.equal(notice?.sub, idClaims(reply.body)['sub']);
    assert.equal(await running().container.guardianships.expirePastEndDate(100), 0);
    time.advance(LAST_MINUTE - Date.now());
  });

  it('of an affiliation by date revokes its grants too', async () => {
    const reply = await getReply({ login: LOGIN.T2 });
    const { memberships } = await getPersonFacts(running(), LOGIN.T2);
    await running().container.store.write(async (tx) => {
      const membershipsTable = tx.tables.memberships;
      await tx.db
        .update(membershipsTable)
        .set({ validTo: '2027-01-31' })
        .where(eq(membershipsTable.id, memberships[0]?.id ?? ''));
    });
    const last = await refresh(app, textIn(reply, 'refresh_token'));
    assert.deepEqual(idClaims(last.body)['roles'], ['teacher']);
    assert.equal(await revokeExpired(), 0, 'the last day is not over');
    time.advance(60 * SECOND);
    assert.equal((await userinfo(app, textIn(last, 'access_token'))).status, 401);
    assert.equal((await refresh(app, textIn(last, 'refresh_token'))).body['error'], 'invalid_grant');
    assert.equal(await revokeExpired(), 1);
    const notices = await receiver.take(1);
    assert.deepEqual([notices[0]?.sub, notices[0]?.sid], [idClaims(reply.body)['sub'], idClaims(reply.body)['sid']]);
    const { id } = await getPersonFacts(running(), LOGIN.T2);
    const entries = await running().container.store.read((tx) => audit.listEntries(tx, 0, 10_000));
    const rows = entries.filter(({ event, subjectId }) => event === 'affiliation.ended' && subjectId === id);
    assert.deepEqual(
      rows.map(({ detail }) => detail),
      [{ grants: 1 }],
    );
    assert.equal(await revokeExpired(), 0, 'notified once');
    time.advance(LAST_MINUTE - Date.now());
  });

  it('keeps the grant of a student whose next term has begun, until that term ends', async () => {
    await running().container.store.write((tx) => tx.db.delete(tx.tables.grants));
    const reply = await getReply({ login: LOGIN.S1 });
    const { enrollments } = await getPersonFacts(running(), LOGIN.S1);
    const [old] = enrollments;
    assert.ok(old);
    await endEnrollment(old.id, '2027-01-31');
    await running().container.store.write(async (tx) => {
      const { id, school, classno, classtitle, grade, year } = { ...old, id: 'second-term' };
      const term = { schoolCode: school.code, year, semester: 2, grade, classno, classtitle };
      await tx.db.insert(tx.tables.classes).values({ id, ...term });
      const place = { studentId: old.studentId, classId: id, schoolCode: school.code, studentNumber: '11330001' };
      await tx.db
        .insert(tx.tables.enrollments)
        .values({ id, ...place, seat: 5, validFrom: '2027-02-01', validTo: null });
    });
    time.advance(60 * SECOND);
    assert.equal(await revokeExpired(), 0);
    const grants = await running().container.store.read((tx) => tx.db.select().from(tx.tables.grants));
    assert.deepEqual(
      grants.map(({ role, basisId }) => [role, basisId]),
      [['student', 'second-term']],
    );
    const next = await refresh(app, textIn(reply, 'refresh_token'));
    assert.equal(actingOf(idClaims(next.body)).role, 'student');
    await endEnrollment('second-term', '2027-01-31');
    assert.equal(await revokeExpired(), 1);
    await receiver.take(1);
    assert.equal((await refresh(app, textIn(next, 'refresh_token'))).body['error'], 'invalid_grant');
    await running().container.store.write((tx) =>
      tx.db.delete(tx.tables.enrollments).where(eq(tx.tables.enrollments.id, 'second-term')),
    );
    await endEnrollment(old.id, null);
    time.advance(LAST_MINUTE - Date.now());
  });

  it('revokes the grant of a parent whose child has left the schools of the city', async () => {
    const reply = await getReply({ login: LOGIN.G2, choice: ['王小樂'] });
    const sibling = await getReply({ login: LOGIN.G2, choice: ['王小安'] });
    const { children } = await getPersonFacts(running(), LOGIN.G2);
    const id = children.find(({ name }) => name === '王小樂')?.enrollments[0]?.id ?? '';
    await endEnrollment(id, '2027-01-31');
    time.advance(60 * SECOND);
    assert.equal(await revokeExpired(), 1);
    assert.equal((await receiver.take(1))[0]?.sub, idClaims(reply.body)['sub']);
    assert.equal((await refresh(app, textIn(reply, 'refresh_token'))).body['error'], 'invalid_grant');
    assert.equal((await refresh(app, textIn(sibling, 'refresh_token'))).status, 200);
    await endEnrollment(id, null);
    time.advance(LAST_MINUTE - Date.now());
  });
});
